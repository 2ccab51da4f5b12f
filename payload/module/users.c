/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <errno.h>

#include "lib/core/num.h"
#include "payload/module/index.h"
#include "payload/module/users.h"

#define PASSWD MODULE_ROOT "/etc/passwd"
#define GROUP MODULE_ROOT "/etc/group"
#define SYSTEM_FILE_MAX ((size_t)64 << 20)

/* The next good line of the open file, an error, or -ENOENT at the end. */
static int next(struct lines *lines, struct aad_user *ret)
{
	struct span line;

	while (lines_next(lines, &line))
		if (aadpasswd_parse(line, ret))
			return 0;
	return lines->error ? -lines->error : -ENOENT;
}

static int find_name(struct span wanted, struct lines *storage, struct aad_user *ret)
{
	struct span line;
	int r = lines_open(storage, MODULE_ROOT AADPASSWD_PATH, LINES_OURS, AADPASSWD_MAX);
	bool found = false;

	while (r == 0 && !found && lines_next(storage, &line))
		found = aadpasswd_line_has(line, wanted) && aadpasswd_parse(line, ret);
	if (r == 0 && !found)
		r = storage->error ? -storage->error : -ENOENT;
	lines_close(storage);
	return r;
}

static int find_id(uint32_t id, struct lines *storage, struct aad_user *ret)
{
	struct aad_user user;
	int r = lines_open(storage, MODULE_ROOT AADPASSWD_PATH, LINES_OURS, AADPASSWD_MAX);

	while (r == 0 && (r = next(storage, &user)) == 0 && user.id != id)
		continue;
	lines_close(storage);
	if (r == 0)
		*ret = user;
	return r;
}

int users_by_name(const char *lower, struct lines *storage, struct aad_user *ret)
{
	struct span wanted = span_of(lower);
	struct index index;
	int r = index_open(&index, storage);

	if (r == 0)
		r = index_by_name(&index.source, &index.head, wanted, storage, ret);
	lines_close(storage);
	return r == 0 || r == -ENOENT ? r : find_name(wanted, storage, ret);
}

int users_by_id(uint32_t id, struct lines *storage, struct aad_user *ret)
{
	struct index index;
	int r = index_open(&index, storage);

	if (r == 0)
		r = index_by_id(&index.source, &index.head, id, storage, ret);
	lines_close(storage);
	return r == 0 || r == -ENOENT ? r : find_id(id, storage, ret);
}

int users_next(uint64_t *offset, struct lines *storage, struct aad_user *ret)
{
	int r = lines_open(storage, MODULE_ROOT AADPASSWD_PATH, LINES_OURS, AADPASSWD_MAX);

	if (r == 0) {
		lines_seek(storage, *offset);
		r = next(storage, ret);
	}
	if (r == 0)
		*offset = storage->offset;
	lines_close(storage);
	return r;
}

int admins_open(struct lines *ret)
{
	return lines_open(ret, MODULE_ROOT AADADMINS_PATH, LINES_OURS, AADADMINS_MAX);
}

int admins_next(struct lines *admins, struct span *ret_name)
{
	struct span line;
	char name[NAME_SIZE];

	while (lines_next(admins, &line)) {
		if (line.p[line.len - 1] != '\n')
			break; /* the file was cut off, and the name with it */
		line.len--;
		if (!span_copy(line, name, sizeof(name)) || !name_shaped(name))
			continue;
		*ret_name = line;
		return 0;
	}
	return admins->error ? -admins->error : -ENOENT;
}

int users_is_admin(const char *lower, struct lines *storage)
{
	struct span name, wanted = span_of(lower);
	int r = admins_open(storage);

	while (r == 0 && (r = admins_next(storage, &name)) == 0 && !span_eq(name, wanted))
		continue;
	lines_close(storage);
	return r;
}

/* Take the next field of a line of /etc/passwd or /etc/group away from the front. */
static struct span take_field(struct span *line)
{
	struct span field = {.p = line->p}, rest;

	while (field.len < line->len && field.p[field.len] != ':')
		field.len++;
	(void)span_take(line, field.len + (field.len < line->len), &rest);
	return field;
}

int users_is_local(const char *name, struct lines *storage)
{
	struct span line, wanted = span_of(name);
	int r = lines_open(storage, PASSWD, LINES_SYSTEM, SYSTEM_FILE_MAX);

	if (r < 0)
		return r;
	r = -ENOENT;
	while (r < 0 && lines_next(storage, &line))
		r = span_eq(take_field(&line), wanted) ? 0 : -ENOENT;
	if (storage->error)
		r = -storage->error;
	lines_close(storage);
	return r;
}

static void tell_field(struct span field, struct uid_choice *choice)
{
	uint64_t id;

	if (num_parse(field, UINT32_MAX, &id))
		uid_choice_taken(choice, (uint32_t)id);
}

/* Both files have the line's own id in the third field; the fourth is a gid in /etc/passwd. */
static int tell_file(const char *path, struct lines *storage, struct uid_choice *choice)
{
	struct span line;
	int r = lines_open(storage, path, LINES_SYSTEM, SYSTEM_FILE_MAX);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	while (lines_next(storage, &line)) {
		(void)take_field(&line);
		(void)take_field(&line);
		tell_field(take_field(&line), choice);
		tell_field(take_field(&line), choice);
	}
	r = -storage->error;
	lines_close(storage);
	return r;
}

int users_tell_ids(struct lines *storage, struct uid_choice *choice)
{
	struct aad_user user;
	int r = lines_open(storage, MODULE_ROOT AADPASSWD_PATH, LINES_OURS, AADPASSWD_MAX);

	while (r == 0 && (r = next(storage, &user)) == 0)
		uid_choice_taken(choice, user.id);
	lines_close(storage);
	if (r == -ENOENT)
		r = tell_file(PASSWD, storage, choice);
	return r ? r : tell_file(GROUP, storage, choice);
}
