/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "payload/module/users.h"
#include "payload/nss/caller.h"
#include "payload/nss/copy.h"
#include "payload/nss/entry.h"

/* The entry of a name that has no line, see invariant 3. */
static int provisional(struct entry *entry)
{
	struct settings *settings = &entry->settings;
	struct uid_choice choice;
	uint32_t id;
	int r;

	if (!settings->name_ours || !caller_privileged())
		return -ENOENT;
	r = users_is_local(entry->name, &entry->storage);
	if (r != -ENOENT)
		return r ? r : -ENOENT;
	uid_choice_start(&choice, entry->name, settings->range);
	r = users_tell_ids(&entry->storage, &choice);
	if (r < 0)
		return r;
	if (!uid_choice_pick(&choice, &id) ||
	    !aadpasswd_new(entry->name, id, span_of(settings->home_template),
			   span_of(settings->shell), entry->home, &entry->user))
		return -ENOENT;
	return 0;
}

static int unless_reserved(int r, const struct entry *entry)
{
	return r == 0 && uid_is_reserved(entry->settings.range, entry->user.id) ? -ENOENT : r;
}

int entry_by_name(const char *typed, struct entry *ret)
{
	int r;

	if (!name_lower(typed, ret->name, sizeof(ret->name)) || !name_shaped(ret->name))
		return -ENOENT;
	r = copy_by_name(ret->name, &ret->storage, &ret->settings, &ret->user);
	/* A provisional entry is made from the files alone, see invariant 2. */
	if (r == 0 || (r == -ENOENT && !(ret->settings.name_ours && caller_privileged())))
		return unless_reserved(r, ret);
	settings_read(ret->name, &ret->storage, &ret->settings);
	r = users_by_name(ret->name, &ret->storage, &ret->user);
	return r == -ENOENT ? provisional(ret) : unless_reserved(r, ret);
}

int entry_by_id(uint32_t id, struct entry *ret)
{
	int r;

	if (!uid_possible(id))
		return -ENOENT;
	r = copy_by_id(id, &ret->storage, &ret->settings, &ret->user);
	if (r == -EAGAIN) {
		settings_read("", &ret->storage, &ret->settings);
		r = uid_is_reserved(ret->settings.range, id)
			    ? -ENOENT
			    : users_by_id(id, &ret->storage, &ret->user);
	}
	return unless_reserved(r, ret);
}

void entry_settings(struct entry *ret)
{
	if (!copy_settings(&ret->storage, &ret->settings))
		settings_read("", &ret->storage, &ret->settings);
}

int entry_next(uint64_t *offset, struct entry *ret)
{
	int r;

	entry_settings(ret);
	do
		r = users_next(offset, &ret->storage, &ret->user);
	while (r == 0 && uid_is_reserved(ret->settings.range, ret->user.id));
	return r;
}

enum nss_status nss_result(int r, int saved, int *errnop)
{
	errno = saved;
	if (r == 0)
		return NSS_STATUS_SUCCESS;
	if (r == -ENOENT)
		return NSS_STATUS_NOTFOUND;
	*errnop = -r;
	return r == -ERANGE ? NSS_STATUS_TRYAGAIN : NSS_STATUS_UNAVAIL;
}

char *room_string(struct room *room, struct span text)
{
	char *to = room->p;

	if (!span_copy(text, to, room->left))
		return NULL;
	room->p += text.len + 1;
	room->left -= text.len + 1;
	return to;
}
