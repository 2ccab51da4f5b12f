/* SPDX-License-Identifier: MIT */
/*
 * pamtime RUNS SERVICE USER RUSER SCRIPT: ask the account phase of PAM, one time after the other.
 * Before each the shell runs SCRIPT as a child of this process, as sshd's key command would be; it
 * is not measured, nor is what PAM does to begin and to end.
 * Prints "NANOSECONDS RESULT" a run, then "peak KB" of this process and of its children.
 */
#include "config.h"

#include <security/pam_appl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "test/bench/child.h"

static int converse(int count, const struct pam_message **messages, struct pam_response **ret,
		    void *arg)
{
	(void)arg;
	for (int i = 0; i < count; i++)
		(void)fprintf(stderr, "%s\n", messages[i]->msg);
	*ret = calloc((size_t)count, sizeof(**ret));
	return *ret ? PAM_SUCCESS : PAM_BUF_ERR;
}

static int measure(char **argv, int64_t *ret_ns)
{
	const struct pam_conv conv = {.conv = converse};
	pam_handle_t *pamh = NULL;
	int r = pam_start(argv[2], argv[3], &conv, &pamh);

	if (r == PAM_SUCCESS)
		r = pam_set_item(pamh, PAM_RUSER, argv[4]);
	if (r == PAM_SUCCESS) {
		int64_t start_ns = clock_ns();

		r = pam_acct_mgmt(pamh, PAM_SILENT);
		*ret_ns = clock_ns() - start_ns;
	}
	if (pamh)
		(void)pam_end(pamh, r);
	return r;
}

int main(int argc, char **argv)
{
	static char program[] = "/bin/sh", options[] = "-euc";
	static struct child child;
	struct rusage self, children;

	if (argc != 6)
		return 2;
	for (long left = atol(argv[1]); left > 0; left--) {
		char *shell[] = {program, options, argv[5], NULL};
		int64_t ns = 0;
		int r;

		if (argv[5][0] && (child_run(0, 0, shell, &child) < 0 || child.status != 0))
			return EXIT_FAILURE;
		r = measure(argv, &ns);
		(void)printf("%lld %d\n", (long long)ns, r);
	}
	if (getrusage(RUSAGE_SELF, &self) < 0 || getrusage(RUSAGE_CHILDREN, &children) < 0)
		return EXIT_FAILURE;
	(void)printf("peak %ld %ld\n", self.ru_maxrss, argv[5][0] ? 0 : children.ru_maxrss);
	return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
