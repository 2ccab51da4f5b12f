/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as an index: nothing is read beside them, and what is found is the user asked for. Then
 * as a text, whose index answers as the text does.
 */
#include "config.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#include "lib/core/aadindexmake.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const names[] = {"alice@contoso.com", "bob@contoso.com",
				    "1c0163c0-47e6-4577-8991-ea5c82e286e4", ""};
static const uint32_t ids[] = {96865231, 50320355, 0, UINT32_MAX};

/* Some users are sought whoever is in it. */
static void ask(const void *bytes, size_t size)
{
	struct aadindex_source source = aadindex_from_memory(bytes, size);
	struct aadindex_head head;
	struct span line;

	if (aadindex_open(&source, &head) < 0)
		return;
	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		struct span name = span_of(names[i]);

		if (aadindex_by_name(&source, &head, name, &line) == 0 &&
		    !aadpasswd_line_has(line, name))
			abort();
		(void)aadindex_by_id(&source, &head, ids[i], &line);
	}
}

static bool find_id(struct span text, uint32_t id, struct aad_user *ret)
{
	while (aadpasswd_next(&text, ret))
		if (ret->id == id)
			return true;
	return false;
}

static void compare(struct aadindex_source *source, const struct aadindex_head *head,
		    struct span text, const struct aad_user *user)
{
	struct aad_user expected, found;
	struct span line;

	if (aadindex_by_name(source, head, user->name, &line) < 0 ||
	    !aadpasswd_parse(line, &found) || !aadpasswd_find_name(text, user->name, &expected) ||
	    !span_eq(found.name, user->name) || !span_eq(found.oid, expected.oid) ||
	    found.id != expected.id)
		abort();
	if (aadindex_by_id(source, head, user->id, &line) < 0 || !aadpasswd_parse(line, &found) ||
	    !find_id(text, user->id, &expected) || found.id != user->id ||
	    !span_eq(found.name, expected.name) || !span_eq(found.oid, expected.oid))
		abort();
}

static void index_it(struct span text)
{
	const struct aadindex_mark mark = {.inode = 7, .size = text.len};
	struct aadindex_source source;
	struct aadindex_head head;
	struct err err = {0};
	AUTO_BUF index = {0};
	struct aad_user user;
	struct span line, rest = text;

	if (aadindex_make(text, &mark, &index, &err) < 0)
		abort();
	source = aadindex_from_memory(index.data, index.len);
	if (aadindex_open(&source, &head) < 0 ||
	    aadindex_by_name(&source, &head, SPAN_LIT("nobody"), &line) != -ENOENT)
		abort();
	while (aadpasswd_next(&rest, &user))
		compare(&source, &head, text, &user);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	ask(data, size);
	index_it((struct span){data, size});
	return 0;
}
