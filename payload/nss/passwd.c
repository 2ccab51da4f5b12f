/* SPDX-License-Identifier: MIT */
/* passwd of libnss_aad.so.2. */
#include "config.h"

#include <errno.h>

#include "payload/nss/entry.h"
#include "payload/nss/libnss_aad.h"

/* Where the enumeration stands.  glibc holds a lock around the three functions that use it. */
static uint64_t position;

/*
 * 0 or -ERANGE.  `!` says that there is no password here or in shadow: pam_unix passes it.  An sshd
 * with UsePAM no, which would ask nobody for the role, takes it for a locked account and refuses.
 */
static int fill(const struct aad_user *user, char *buffer, size_t size, struct passwd *ret)
{
	struct room room = {.p = buffer, .left = size};
	struct passwd pw = {
		.pw_name = room_string(&room, user->name),
		.pw_passwd = room_string(&room, SPAN_LIT("!")),
		.pw_uid = user->id,
		.pw_gid = user->id,
		.pw_gecos = room_string(&room, user->gecos),
		.pw_dir = room_string(&room, user->home),
		.pw_shell = room_string(&room, user->shell),
	};

	if (!pw.pw_name || !pw.pw_passwd || !pw.pw_gecos || !pw.pw_dir || !pw.pw_shell)
		return -ERANGE;
	*ret = pw;
	return 0;
}

enum nss_status _nss_aad_getpwnam_r(const char *name, struct passwd *ret, char *buffer, size_t size,
				    int *errnop)
{
	struct entry entry;
	int saved = errno;
	int r = entry_by_name(name, &entry);

	return nss_result(r ? r : fill(&entry.user, buffer, size, ret), saved, errnop);
}

enum nss_status _nss_aad_getpwuid_r(uid_t uid, struct passwd *ret, char *buffer, size_t size,
				    int *errnop)
{
	struct entry entry;
	int saved = errno;
	int r = entry_by_id(uid, &entry);

	return nss_result(r ? r : fill(&entry.user, buffer, size, ret), saved, errnop);
}

enum nss_status _nss_aad_setpwent(int stay_open)
{
	(void)stay_open; /* nothing is ever open between two calls */
	position = 0;
	return NSS_STATUS_SUCCESS;
}

enum nss_status _nss_aad_endpwent(void)
{
	position = 0;
	return NSS_STATUS_SUCCESS;
}

enum nss_status _nss_aad_getpwent_r(struct passwd *ret, char *buffer, size_t size, int *errnop)
{
	struct entry entry;
	uint64_t after = position;
	int saved = errno;
	int r = entry_next(&after, &entry);

	if (r == 0)
		r = fill(&entry.user, buffer, size, ret);
	if (r == 0)
		position = after; /* after a short buffer the same user comes again */
	return nss_result(r, saved, errnop);
}
