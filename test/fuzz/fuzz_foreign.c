/* SPDX-License-Identifier: MIT */
/* What other products leave: what is taken out is gone, and nothing is left to take out. */
#include "config.h"

#include <stdlib.h>

#include "lib/core/diff.h"
#include "lib/core/foreign.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What was taken out comes back, also where more is before it and behind it. */
static void try_back(struct span text, struct span left)
{
	AUTO_BUF now = {0}, wanted = {0}, back = {0};
	struct err err = {0};

	buf_str(&now, "# more\n");
	buf_span(&now, left);
	buf_str(&wanted, "# more\n");
	buf_span(&wanted, text);
	if (text.len && text.p[text.len - 1] == '\n' && left.len && left.p[left.len - 1] == '\n') {
		buf_str(&now, "# more\n");
		buf_str(&wanted, "# more\n");
	}
	if (diff_apply(left, text, buf_bytes(&now), &back, &err) == 0 && !span_eq(text, left) &&
	    !span_eq(buf_bytes(&wanted), buf_bytes(&back)))
		abort();
}

static void try_sshd(struct span text)
{
	AUTO_BUF removed = {0}, again = {0}, closed = {0}, closed_again = {0};
	AUTO_BUF shut = {0}, shut_again = {0}, opened = {0};
	struct err err = {0};
	unsigned line;

	if (foreign_sshd_remove(text, &removed, &line, &err) < 0 ||
	    foreign_sshd_line(buf_bytes(&removed)) != 0)
		abort();
	if (foreign_sshd_remove(buf_bytes(&removed), &again, &line, &err) < 0 || line != 0 ||
	    !span_eq(buf_bytes(&removed), buf_bytes(&again)))
		abort();
	if (foreign_sshd_shut(text, &shut, &err) < 0 || foreign_sshd_line(buf_bytes(&shut)) == 0 ||
	    foreign_sshd_shut(buf_bytes(&shut), &shut_again, &err) < 0 ||
	    !span_eq(buf_bytes(&shut), buf_bytes(&shut_again)))
		abort();
	try_back(text, buf_bytes(&shut));
	if (foreign_sshd_close(text, &closed, &err) < 0 ||
	    foreign_sshd_line(buf_bytes(&closed)) != foreign_sshd_line(text))
		abort();
	if (foreign_sshd_close(buf_bytes(&closed), &closed_again, &err) < 0 ||
	    !span_eq(buf_bytes(&closed), buf_bytes(&closed_again)))
		abort();
	if (foreign_sshd_unclose(buf_bytes(&closed), &opened, &err) < 0 ||
	    foreign_sshd_line(buf_bytes(&opened)) != foreign_sshd_line(text))
		abort();
}

static void try_pam(struct span text)
{
	AUTO_BUF removed = {0}, again = {0};
	struct err err = {0};

	if (foreign_pam_remove(text, &removed, &err) < 0)
		return;
	if (foreign_pam_has(buf_bytes(&removed)))
		abort();
	try_back(text, buf_bytes(&removed));
	if (foreign_pam_remove(buf_bytes(&removed), &again, &err) < 0 ||
	    !span_eq(buf_bytes(&removed), buf_bytes(&again)))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct span text = {.p = data, .len = size};
	struct span line;

	try_sshd(text);
	try_pam(text);
	(void)foreign_sudoers_owners(text, "aad_admins");
	(void)foreign_group_line(text, "aad_admins", &line);
	return 0;
}
