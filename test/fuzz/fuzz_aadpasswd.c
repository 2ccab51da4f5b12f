/* SPDX-License-Identifier: MIT */
/*
 * Any bytes: every user that is found is formatted to a line that gives the same user; a text in
 * our form is imported as it is.
 */
#include "config.h"

#include <stdint.h>
#include <stdlib.h>

#include "lib/core/aadimport.h"
#include "lib/core/aadpasswd.h"
#include "lib/core/uid.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct aad_user *user)
{
	char line[AADPASSWD_LINE_MAX + 1];
	struct aad_user again;

	if (!uid_possible(user->id) || !aadpasswd_format(user, line, sizeof(line)) ||
	    !aadpasswd_parse(span_of(line), &again))
		abort();
	if (again.id != user->id || !span_eq(again.name, user->name) ||
	    !span_eq(again.oid, user->oid) || !span_eq(again.gecos, user->gecos) ||
	    !span_eq(again.home, user->home) || !span_eq(again.shell, user->shell))
		abort();
}

static void check_import(struct span text)
{
	AUTO_BUF once = {0}, twice = {0};
	struct aadimport_odd odd, again;
	struct err err = {0};

	if (aadimport(text, &once, &odd, &err) < 0 ||
	    aadimport(buf_bytes(&once), &twice, &again, &err) < 0 ||
	    !span_eq(buf_bytes(&once), buf_bytes(&twice)) || odd.count != again.count)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct span text = {data, size};
	struct span rest = text;
	struct aad_user user, found;

	while (aadpasswd_next(&rest, &user)) {
		check(&user);
		if (!aadpasswd_find_name(text, user.name, &found) ||
		    !aadpasswd_find_oid(text, user.oid, &found))
			abort();
	}
	check_import(text);
	(void)aadadmins_has(text, SPAN_LIT("alice@contoso.com"));
	return 0;
}
