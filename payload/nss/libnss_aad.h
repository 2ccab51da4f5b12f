/* SPDX-License-Identifier: MIT */
/*
 * The entry points of libnss_aad.so.2, as glibc calls them: its manual, "Internals of the NSS
 * Function".  SUCCESS; NOTFOUND, with errno as it was; TRYAGAIN with ERANGE for a buffer that is
 * too small; UNAVAIL with an errno value when a file of ours cannot be read or must not be
 * trusted.  No network, no locks, nothing left open, no memory but the caller's.
 */
#ifndef PAYLOAD_LIBNSS_AAD_H
#define PAYLOAD_LIBNSS_AAD_H

#include <grp.h>
#include <nss.h>
#include <pwd.h>

#pragma GCC visibility push(default)

enum nss_status _nss_aad_getpwnam_r(const char *name, struct passwd *ret, char *buffer, size_t size,
				    int *errnop);
enum nss_status _nss_aad_getpwuid_r(uid_t uid, struct passwd *ret, char *buffer, size_t size,
				    int *errnop);
enum nss_status _nss_aad_setpwent(int stay_open);
enum nss_status _nss_aad_endpwent(void);
enum nss_status _nss_aad_getpwent_r(struct passwd *ret, char *buffer, size_t size, int *errnop);

enum nss_status _nss_aad_getgrnam_r(const char *name, struct group *ret, char *buffer, size_t size,
				    int *errnop);
enum nss_status _nss_aad_getgrgid_r(gid_t gid, struct group *ret, char *buffer, size_t size,
				    int *errnop);
enum nss_status _nss_aad_setgrent(int stay_open);
enum nss_status _nss_aad_endgrent(void);
enum nss_status _nss_aad_getgrent_r(struct group *ret, char *buffer, size_t size, int *errnop);

/*
 * *groups comes from malloc and is enlarged with realloc, as glibc demands.  What does not fit the
 * limit (0 or less: none) is left out.
 */
enum nss_status _nss_aad_initgroups_dyn(const char *user, gid_t primary, long *start, long *size,
					gid_t **groups, long limit, int *errnop);

#pragma GCC visibility pop

#endif
