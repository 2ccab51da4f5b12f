/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/core/aadpasswd.h"
#include "lib/core/cleanup.h"
#include "lib/core/num.h"
#include "lib/core/reason.h"
#include "lib/sys/fs.h"
#include "lib/sys/lookup.h"
#include "payload/login/places.h"
#include "payload/login/record.h"
#include "payload/login/uidpick.h"

#define LOCAL_MAX ((size_t)16 << 20)
#define CLOCK_SLACK_NS 20000000 /* a file's time is of the last tick */

/* Both have the name first and the id third; the fourth is a gid in /etc/passwd. */
static const char *const local_files[] = {"/etc/passwd", "/etc/group"};

/* The same two as databases of name services. */
static const char *const databases[] = {"passwd", "group"};

static struct span take_field(struct span *line)
{
	const unsigned char *colon = line->len ? memchr(line->p, ':', line->len) : NULL;
	struct span field = *line;

	if (!colon) {
		*line = (struct span){0};
		return field;
	}
	(void)span_take(line, (size_t)(colon - line->p), &field);
	(void)span_take(line, 1, &(struct span){0});
	return field;
}

static void tell_field(struct span field, struct uid_choice *choice)
{
	uint64_t id;

	if (num_parse(field, UINT32_MAX, &id))
		uid_choice_taken(choice, (uint32_t)id);
}

/* The next line of one of local_files.  False at the end. */
static bool next_local(struct span *lines, struct span *ret_name, struct span *ret_id,
		       struct span *ret_gid)
{
	struct span line;

	if (!span_line(lines, &line))
		return false;
	*ret_name = take_field(&line);
	(void)take_field(&line);
	*ret_id = take_field(&line);
	*ret_gid = take_field(&line);
	return true;
}

/* Tell choice the ids of a local file, which must not have the name itself. */
static int tell_local(struct sys *sys, const char *path, const char *name,
		      struct uid_choice *choice, struct err *err)
{
	struct span lines, other, id, gid;
	AUTO_BUF text = {0};
	int r = fs_read(sys, path, FS_TRUSTED, LOCAL_MAX, &text, NULL, err);

	if (r < 0)
		return r;
	lines = buf_bytes(&text);
	while (next_local(&lines, &other, &id, &gid)) {
		if (span_is(other, name))
			return err_set(err, EEXIST, "%s is in %s already", name, path);
		tell_field(id, choice);
		tell_field(gid, choice);
	}
	return 0;
}

static void tell_ours(const struct buf *text, const char *name, struct uid_choice *choice)
{
	struct span lines = buf_bytes(text);
	struct aad_user user;

	while (aadpasswd_next(&lines, &user))
		if (!span_is(user.name, name))
			uid_choice_taken(choice, user.id);
}

static int tell_locals(struct sys *sys, const char *name, struct uid_choice *choice,
		       struct err *err)
{
	for (size_t i = 0; i < ARRAY_LEN(local_files); i++)
		if (tell_local(sys, local_files[i], name, choice, err) < 0)
			return -err->code;
	return 0;
}

static int check_alone_in(struct sys *sys, const char *path, const char *name, uint32_t id,
			  struct err *err)
{
	struct span lines, other, number, gid;
	AUTO_BUF text = {0};
	uint64_t taken;

	if (fs_read(sys, path, FS_TRUSTED, LOCAL_MAX, &text, NULL, err) < 0)
		return reason_add(err, REASON_INTERNAL);
	lines = buf_bytes(&text);
	while (next_local(&lines, &other, &number, &gid)) {
		if (num_parse(number, UINT32_MAX, &taken) && taken == id && !span_is(other, name))
			return reason_refuse(err, REASON_UID_SHARED, "%.*s has %u too, in %s",
					     (int)(other.len < 64 ? other.len : 64),
					     (const char *)other.p, id, path);
	}
	return 0;
}

int uidpick_check_alone(struct sys *sys, const char *name, uint32_t id, struct err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_LEN(local_files); i++)
		r = check_alone_in(sys, local_files[i], name, id, err);
	return r;
}

int uidpick_not_local(struct sys *sys, const char *name, struct err *err)
{
	struct uid_choice nobodys = {.range = {UID_LOWEST, UID_HIGHEST}, .wanted = UID_LOWEST};

	return tell_locals(sys, name, &nobodys, err) < 0 ? reason_add(err, REASON_PROVISION_FAILED)
							 : 0;
}

static int tell_all(struct sys *sys, const struct ledger *ledger, const char *name,
		    struct uid_choice *choice, struct err *err)
{
	tell_ours(&ledger->users, name, choice);
	tell_ours(&ledger->remembered, name, choice);
	return tell_locals(sys, name, choice, err);
}

/* nscd remembers by id too what our own module said of the name before there was a line. */
static bool is_of(struct span line, const char *name)
{
	return span_is(take_field(&line), name);
}

/* Does any name service give the id to somebody else? */
static int ask_others(struct sys *sys, uint32_t id, const char *name, bool *ret_taken,
		      struct err *err)
{
	char key[16];

	(void)snprintf(key, sizeof(key), "%u", id);
	*ret_taken = false;
	for (size_t i = 0; i < ARRAY_LEN(databases) && !*ret_taken; i++) {
		AUTO_BUF output = {0};
		int r = lookup_getent(sys, databases[i], key, &output, err);

		if (r < 0 && r != -ENOENT)
			return r;
		*ret_taken = r == 0 && !is_of(buf_bytes(&output), name);
	}
	*err = (struct err){0};
	return 0;
}

static int pick(struct sys *sys, const struct ledger *ledger, const char *name,
		struct uid_range range, uint32_t asked_already, uint32_t *ret, struct err *err)
{
	struct uid_choice choice;
	bool taken = true;
	uint32_t id;
	int r;

	uid_choice_start(&choice, name, range);
	r = tell_all(sys, ledger, name, &choice, err);
	while (r == 0 && taken) {
		if (!uid_choice_pick(&choice, &id))
			return err_set(err, ENOSPC, "no uid is free for %s", name);
		if (id == asked_already)
			break;
		r = ask_others(sys, id, name, &taken, err);
		if (taken)
			uid_choice_taken(&choice, id);
	}
	if (r < 0)
		return r;
	*ret = id;
	return 0;
}

int uidpick(struct sys *sys, const struct ledger *ledger, const char *name, struct uid_range range,
	    uint32_t asked_already, uint32_t *ret, struct err *err)
{
	return pick(sys, ledger, name, range, asked_already, ret, err) < 0
		       ? reason_add(err, REASON_PROVISION_FAILED)
		       : 0;
}

/* A choice whose first candidate is the id itself. */
static int still_free(struct sys *sys, const struct ledger *ledger, const char *name, uint32_t id,
		      uint32_t asked_already, struct err *err)
{
	struct uid_choice choice = {.range = {UID_LOWEST, UID_HIGHEST}, .wanted = id};
	bool taken;
	uint32_t got;
	int r = tell_all(sys, ledger, name, &choice, err);

	if (r < 0)
		return r;
	taken = !uid_choice_pick(&choice, &got) || got != id;
	if (!taken && id != asked_already)
		r = ask_others(sys, id, name, &taken, err);
	if (r == 0 && taken)
		r = err_set(err, EEXIST, "uid %u, which was the one of %s, is somebody else's now",
			    id, name);
	return r;
}

int uidpick_still_free(struct sys *sys, const struct ledger *ledger, const char *name, uint32_t id,
		       uint32_t asked_already, struct err *err)
{
	return still_free(sys, ledger, name, id, asked_already, err) < 0
		       ? reason_add(err, REASON_PROVISION_FAILED)
		       : 0;
}

/*
 * A file that is not there was not written.  A time in the future is of a clock that was set back,
 * and must not shut people out until it has come.
 */
static int written_since(struct sys *sys, const char *path, int64_t since_ns, bool *ret,
			 struct err *err)
{
	struct stat st = {.st_mtime = 0};
	int r = fs_lstat(sys, path, &st, err);
	int64_t when_ns = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;

	*ret = r == 0 && when_ns + CLOCK_SLACK_NS >= since_ns &&
	       when_ns <= sys->ops->realtime_ns(sys);
	return r == -ENOENT ? 0 : r;
}

static int check_unchanged(struct sys *sys, const char *path, int64_t since_ns, struct err *err)
{
	bool written;

	if (written_since(sys, path, since_ns, &written, err) < 0)
		return reason_add(err, REASON_INTERNAL);
	return written ? reason_refuse(err, REASON_UID_MISMATCH,
				       "%s was written while this login was starting", path)
		       : 0;
}

/* When a process started, by the clock that files have. */
static int find_start(struct sys *sys, pid_t process, int64_t *ret_ns, struct err *err)
{
	int64_t start_ns;

	if (record_process_start(sys, process, &start_ns, err) < 0)
		return reason_add(err, REASON_INTERNAL);
	/* In this order: a pause between the two makes the login begin earlier, and never later. */
	*ret_ns = sys->ops->realtime_ns(sys);
	*ret_ns -= sys->ops->boottime_ns(sys) - start_ns;
	return 0;
}

int uidpick_check_held(struct sys *sys, const char *name, struct uid_range range, uint32_t id,
		       pid_t process, struct err *err)
{
	int64_t since_ns = 0;
	int r;

	if (id == uid_of_name(name, range))
		return 0;
	r = find_start(sys, process, &since_ns, err);
	if (r == 0)
		r = check_unchanged(sys, AADPASSWD_PATH, since_ns, err);
	for (size_t i = 0; r == 0 && i < ARRAY_LEN(local_files); i++)
		r = check_unchanged(sys, local_files[i], since_ns, err);
	return r;
}

int uidpick_check_freed(struct sys *sys, pid_t process, struct err *err)
{
	int64_t since_ns = 0;
	int r = find_start(sys, process, &since_ns, err);

	return r < 0 ? r : check_unchanged(sys, NAMES_FREED_PATH, since_ns, err);
}
