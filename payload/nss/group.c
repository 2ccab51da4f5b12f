/* SPDX-License-Identifier: MIT */
/*
 * group and initgroups of libnss_aad.so.2.
 *
 * There are a group of all users, which has no members listed (initgroups says who is in it), the
 * administrators' group, whose members are /etc/aadadmins, and a private group for each user,
 * with the user's name and id.
 */
#include "config.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "payload/module/users.h"
#include "payload/nss/entry.h"
#include "payload/nss/libnss_aad.h"

/* Where the enumeration stands.  glibc holds a lock around the three functions that use it. */
static struct {
	unsigned shared; /* groups of several users that were answered */
	uint64_t offset; /* then the private ones, see users_next */
} position;

/* A group whose list of members grows from the aligned end of the buffer down to its strings. */
struct draft {
	struct room room;
	char **members;
	struct group gr;
};

static int draft_start(struct draft *draft, struct span name, uint32_t gid, char *buffer,
		       size_t size)
{
	size_t odd = (uintptr_t)(buffer + size) % _Alignof(char *);

	if (size < odd + sizeof(char *))
		return -ERANGE;
	draft->members = (char **)(void *)(buffer + size - odd);
	*--draft->members = NULL;
	draft->room.p = buffer;
	draft->room.left = (size_t)((char *)draft->members - buffer);
	draft->gr = (struct group){
		.gr_name = room_string(&draft->room, name),
		.gr_passwd = room_string(&draft->room, SPAN_LIT("*")),
		.gr_gid = gid,
	};
	return draft->gr.gr_name && draft->gr.gr_passwd ? 0 : -ERANGE;
}

static int draft_add(struct draft *draft, struct span name)
{
	char *copy;

	if (draft->room.left < sizeof(char *))
		return -ERANGE;
	draft->room.left -= sizeof(char *);
	copy = room_string(&draft->room, name);
	if (!copy)
		return -ERANGE;
	*--draft->members = copy;
	return 0;
}

static int draft_add_admins(struct draft *draft, struct lines *storage)
{
	struct span name;
	int r = admins_open(storage);

	while (r == 0 && (r = admins_next(storage, &name)) == 0)
		r = draft_add(draft, name);
	lines_close(storage);
	return r == -ENOENT ? 0 : r;
}

static void draft_finish(struct draft *draft, struct group *ret)
{
	draft->gr.gr_mem = draft->members;
	*ret = draft->gr;
}

static int fill_private(const struct aad_user *user, char *buffer, size_t size, struct group *ret)
{
	struct draft draft;
	int r = draft_start(&draft, user->name, user->id, buffer, size);

	if (r == 0)
		draft_finish(&draft, ret);
	return r;
}

/* The groups of several users, while the machine is configured. */
enum shared { USERS, ADMINS, SHARED };

static int fill_shared(enum shared which, struct entry *entry, char *buffer, size_t size,
		       struct group *ret)
{
	const struct settings *settings = &entry->settings;
	struct draft draft;
	int r;

	if (!settings->configured)
		return -ENOENT;
	if (which == USERS)
		r = draft_start(&draft, SPAN_LIT(USERS_GROUP), uid_users_group(settings->range),
				buffer, size);
	else
		r = draft_start(&draft, span_of(settings->admin_group),
				uid_admin_group(settings->range), buffer, size);
	if (r == 0 && which == ADMINS)
		r = draft_add_admins(&draft, &entry->storage);
	if (r == 0)
		draft_finish(&draft, ret);
	return r;
}

static int by_name(const char *name, char *buffer, size_t size, struct group *ret)
{
	struct entry entry;
	int r;

	if (strcmp(name, USERS_GROUP) == 0) {
		entry_settings(&entry);
		return fill_shared(USERS, &entry, buffer, size, ret);
	}
	if (name_admin_group_valid(span_of(name))) {
		entry_settings(&entry);
		if (strcmp(name, entry.settings.admin_group) != 0)
			return -ENOENT;
		return fill_shared(ADMINS, &entry, buffer, size, ret);
	}
	r = entry_by_name(name, &entry);
	return r ? r : fill_private(&entry.user, buffer, size, ret);
}

static int by_gid(gid_t gid, char *buffer, size_t size, struct group *ret)
{
	struct entry entry;
	int r;

	if (!uid_possible(gid))
		return -ENOENT;
	r = entry_by_id(gid, &entry);
	if (r == 0)
		return fill_private(&entry.user, buffer, size, ret);
	if (r == -ENOENT && gid == uid_users_group(entry.settings.range))
		return fill_shared(USERS, &entry, buffer, size, ret);
	if (r == -ENOENT && gid == uid_admin_group(entry.settings.range))
		return fill_shared(ADMINS, &entry, buffer, size, ret);
	return r;
}

enum nss_status _nss_aad_getgrnam_r(const char *name, struct group *ret, char *buffer, size_t size,
				    int *errnop)
{
	int saved = errno;

	return nss_result(by_name(name, buffer, size, ret), saved, errnop);
}

enum nss_status _nss_aad_getgrgid_r(gid_t gid, struct group *ret, char *buffer, size_t size,
				    int *errnop)
{
	int saved = errno;

	return nss_result(by_gid(gid, buffer, size, ret), saved, errnop);
}

enum nss_status _nss_aad_setgrent(int stay_open)
{
	(void)stay_open; /* nothing is ever open between two calls */
	position.shared = 0;
	position.offset = 0;
	return NSS_STATUS_SUCCESS;
}

enum nss_status _nss_aad_endgrent(void)
{
	return _nss_aad_setgrent(0);
}

static int next_group(char *buffer, size_t size, struct group *ret)
{
	struct entry entry;
	uint64_t after = position.offset;
	int r;

	entry_settings(&entry);
	if (entry.settings.configured && position.shared < SHARED) {
		r = fill_shared(position.shared, &entry, buffer, size, ret);
		if (r == 0)
			position.shared++; /* after a short buffer the same group comes again */
		return r;
	}
	r = entry_next(&after, &entry);
	if (r == 0)
		r = fill_private(&entry.user, buffer, size, ret);
	if (r == 0)
		position.offset = after;
	return r;
}

enum nss_status _nss_aad_getgrent_r(struct group *ret, char *buffer, size_t size, int *errnop)
{
	int saved = errno;

	return nss_result(next_group(buffer, size, ret), saved, errnop);
}

/* glibc's own list, which its modules enlarge with realloc.  At the limit the rest is left out. */
struct gid_list {
	long *start, *size;
	gid_t **gids;
	long limit; /* 0 or less: none */
};

static int gid_list_add(struct gid_list *list, gid_t gid)
{
	long size = *list->size;

	if (*list->start == size) {
		gid_t *larger;

		if (list->limit > 0 && size >= list->limit)
			return 0;
		size += 8;
		if (list->limit > 0 && size > list->limit)
			size = list->limit;
		larger = realloc(*list->gids, (size_t)size * sizeof(gid_t));
		if (!larger)
			return -ENOMEM;
		*list->gids = larger;
		*list->size = size;
	}
	(*list->gids)[(*list->start)++] = gid;
	return 0;
}

/*
 * The groups of a user who is ours.  initgroups asks every source for every user: an account of
 * another source that has the name of one of ours, in whatever case, gets none of our groups.  A
 * local one is told by its name, any other by its primary group, which nscd does not say.
 */
static int add_groups(const char *user, gid_t primary, struct gid_list *list)
{
	struct entry entry;
	int r = entry_by_name(user, &entry);

	if (r == 0 &&
	    (!entry.settings.name_ours || (primary != entry.user.id && primary != (gid_t)-1)))
		r = -ENOENT;
	if (r < 0)
		return r;
	r = users_is_local(entry.name, &entry.storage);
	if (r == -ENOENT)
		r = users_is_local(user, &entry.storage);
	if (r != -ENOENT)
		return r ? r : -ENOENT;
	r = gid_list_add(list, uid_users_group(entry.settings.range));
	if (r < 0)
		return r;
	r = users_is_admin(entry.name, &entry.storage);
	if (r == 0)
		return gid_list_add(list, uid_admin_group(entry.settings.range));
	return r == -ENOENT ? 0 : r;
}

enum nss_status _nss_aad_initgroups_dyn(const char *user, gid_t primary, long *start, long *size,
					gid_t **groups, long limit, int *errnop)
{
	struct gid_list list = {.start = start, .size = size, .gids = groups, .limit = limit};
	int saved = errno;

	return nss_result(add_groups(user, primary, &list), saved, errnop);
}
