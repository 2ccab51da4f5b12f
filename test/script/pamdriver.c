/* SPDX-License-Identifier: MIT */
/*
 * A host of PAM, as small as can be: pamdriver SERVICE USER [RUSER] asks the account phase and
 * prints each message and then the result.
 */
#include "config.h"

#include <security/pam_appl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int converse(int count, const struct pam_message **messages, struct pam_response **ret,
		    void *arg)
{
	(void)arg;
	for (int i = 0; i < count; i++)
		(void)printf("message %d: %s\n", messages[i]->msg_style, messages[i]->msg);
	*ret = calloc((size_t)count, sizeof(**ret));
	return *ret ? PAM_SUCCESS : PAM_BUF_ERR;
}

int main(int argc, char **argv)
{
	const struct pam_conv conv = {.conv = converse};
	pam_handle_t *pamh = NULL;
	int r;

	if (argc < 3)
		return 2;
	r = pam_start(argv[1], argv[2], &conv, &pamh);
	if (r == PAM_SUCCESS && argc > 3)
		r = pam_set_item(pamh, PAM_RUSER, argv[3]);
	if (r == PAM_SUCCESS)
		r = pam_acct_mgmt(pamh, PAM_SILENT);
	(void)printf("result %d: %s\n", r, pam_strerror(pamh, r));
	if (pamh)
		(void)pam_end(pamh, r);
	return r != PAM_SUCCESS;
}
