/* SPDX-License-Identifier: MIT */
/*
 * MUST:
 *  1. a key is read only below CHALLENGE_DIR, through directories that root and the agent alone can
 *     change, and judged by fstat of the descriptor that is then read;
 *  2. it is in no message, and no copy of it stays behind.
 */
#include "config.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/core/challenge.h"
#include "lib/core/cleanup.h"
#include "lib/core/num.h"
#include "lib/core/url.h"
#include "lib/sys/fs.h"
#include "lib/sys/himds.h"
#include "lib/sys/lookup.h"

#define LISTEN "0A" /* TCP_LISTEN in /proc/net/tcp */
#define SYN_RECV "03" /* before Linux 4.4 among those that listen, each behind its listener */
#define LINE_SIZE 512

bool himds_installed(struct sys *sys)
{
	return fs_exists(sys, "/opt/azcmagent/bin/himds") ||
	       fs_exists(sys, "/var/opt/azcmagent/bin/himds");
}

/* Without such a user only root is trusted. */
static int find_agent(struct sys *sys, struct local_user *ret, struct err *err)
{
	int r = lookup_local_user(sys, HIMDS_USER, ret, err);

	if (r == -ENOENT) {
		*err = (struct err){0};
		*ret = (struct local_user){.name = HIMDS_USER};
	}
	return r == -ENOENT ? 0 : r;
}

static bool is_trusted(struct sys *sys, const struct local_user *agent, uid_t uid)
{
	return uid == 0 || uid == agent->uid || uid == sys->owner;
}

/* ---- who listens? */

/* Where a socket can listen that a connection to the address reaches, as /proc/net writes it. */
struct place {
	char address[16]; /* with the port */
	char any[16];
	char mapped[48], any6[48]; /* the same of tcp6 */
};

static void fill_place(uint32_t address, uint16_t port, struct place *ret)
{
	(void)snprintf(ret->address, sizeof(ret->address), "%08X:%04X", address, port);
	(void)snprintf(ret->any, sizeof(ret->any), "%08X:%04X", 0, port);
	(void)snprintf(ret->mapped, sizeof(ret->mapped), "%08X%08X%08X%08X:%04X", 0, 0,
		       htonl(0xffff), address, port);
	(void)snprintf(ret->any6, sizeof(ret->any6), "%08X%08X%08X%08X:%04X", 0, 0, 0, 0, port);
}

/* "0: 0100007F:9D96 00000000:0000 0A 00000000:00000000 00:00000000 00000000 UID ..." */
static bool parse_socket(struct span line, struct span *ret_local, struct span *ret_state,
			 uint64_t *ret_uid)
{
	struct span word[8];

	for (size_t i = 0; i < ARRAY_LEN(word); i++)
		if (!span_word(&line, &word[i]))
			return false;
	*ret_local = word[1];
	*ret_state = word[3];
	return num_parse(word[7], UINT32_MAX, ret_uid);
}

static int check_sockets(struct sys *sys, const struct local_user *agent, const struct place *place,
			 FILE *file, bool *ret_found, struct err *err)
{
	struct span local, state;
	char line[LINE_SIZE];
	uint64_t uid;

	/* The heading; then those that listen come before all others. */
	if (!fgets(line, sizeof(line), file))
		return err_set(err, EACCES, "the list of sockets is empty");
	while (fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\n")] = '\0';
		if (!parse_socket(span_of(line), &local, &state, &uid))
			return err_set(err, EACCES, "the list of sockets is not in its form");
		if (span_is(state, SYN_RECV))
			continue;
		if (!span_is(state, LISTEN))
			break;
		if (!span_is(local, place->address) && !span_is(local, place->any) &&
		    !span_is(local, place->mapped) && !span_is(local, place->any6))
			continue;
		*ret_found = true;
		if (!is_trusted(sys, agent, (uid_t)uid))
			return err_set(err, EACCES, "uid %u listens, not the agent", (unsigned)uid);
	}
	return 0;
}

static int check_list(struct sys *sys, const struct local_user *agent, const struct place *place,
		      const char *path, bool *ret_found, struct err *err)
{
	int fd = fs_open(sys, path, O_RDONLY, 0, err), r;
	FILE *file;

	if (fd < 0)
		return fd;
	file = fdopen(fd, "r");
	if (!file) {
		(void)close(fd);
		return err_oom(err);
	}
	r = check_sockets(sys, agent, place, file, ret_found, err);
	(void)fclose(file);
	return r;
}

static int check_lists(struct sys *sys, const struct place *place, bool *ret_found, struct err *err)
{
	static const struct {
		const char *path;
		bool optional; /* a kernel can be without IPv6 */
	} lists[] = {{"/proc/self/net/tcp", false}, {"/proc/self/net/tcp6", true}};
	struct local_user agent;
	int r = find_agent(sys, &agent, err);

	for (size_t i = 0; r == 0 && i < ARRAY_LEN(lists); i++) {
		r = check_list(sys, &agent, place, lists[i].path, ret_found, err);
		if (r == -ENOENT && lists[i].optional) {
			*err = (struct err){0};
			r = 0;
		}
	}
	return r;
}

int himds_check(struct sys *sys, const char *url, struct err *err)
{
	struct place place;
	bool found = false;
	uint32_t address;
	uint16_t port;

	if (!url_loopback(span_of(url), &address, &port))
		return err_set(err, EINVAL, "%s is not on this machine alone", url);
	fill_place(address, port, &place);
	if (check_lists(sys, &place, &found, err) < 0) {
		err->code = EACCES;
		return err_wrap(err, "%s", url);
	}
	return found ? 0 : err_set(err, ECONNREFUSED, "nobody listens at %s", url);
}

/* ---- the key */

static int check_entry(struct sys *sys, const struct local_user *agent, int fd, const char *path,
		       struct stat *ret, struct err *err)
{
	mode_t others = S_IWOTH;

	if (fstat(fd, ret) < 0)
		return err_sys(err, "%s", path);
	if (ret->st_gid != 0 && ret->st_gid != agent->gid)
		others |= S_IWGRP;
	if (!is_trusted(sys, agent, ret->st_uid) || ret->st_mode & others)
		return err_set(err, EACCES, "%s can be changed by others than root and " HIMDS_USER,
			       path);
	return 0;
}

/* The group may search the agent's directories, not read them: so by O_PATH. */
static int open_below(int dir, const char *name, int flags, const char *path, struct err *err)
{
	int fd = openat(dir, name, flags | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

	return fd < 0 ? err_sys(err, "%s", path) : fd;
}

static int open_tokens(struct sys *sys, const struct local_user *agent, struct err *err)
{
	AUTO_CLOSE int dir = open_below(sys->rootfd, ".", O_PATH | O_DIRECTORY, "/", err);
	char path[] = CHALLENGE_DIR;
	char *name = path + 1, *slash;
	struct stat st;
	int r = dir < 0 ? dir : check_entry(sys, agent, dir, "/", &st, err);

	for (; r == 0 && name; name = slash ? slash + 1 : NULL) {
		int next;

		slash = strchr(name, '/');
		if (slash)
			*slash = '\0';
		next = open_below(dir, name, O_PATH | O_DIRECTORY, path, err);
		(void)close(dir);
		dir = next;
		r = dir < 0 ? dir : check_entry(sys, agent, dir, path, &st, err);
		if (slash)
			*slash = '/';
	}
	return r < 0 ? r : steal_fd(&dir);
}

static int open_key(struct sys *sys, const char *name, const char *path, struct err *err)
{
	AUTO_CLOSE int dir = -1, fd = -1;
	struct local_user agent;
	struct stat st;
	int r = find_agent(sys, &agent, err);

	if (r < 0)
		return r;
	dir = open_tokens(sys, &agent, err);
	if (dir < 0)
		return dir;
	fd = open_below(dir, name, O_RDONLY, path, err);
	if (fd < 0)
		return fd;
	r = check_entry(sys, &agent, fd, path, &st, err);
	if (r < 0)
		return r;
	if (!S_ISREG(st.st_mode) || st.st_nlink != 1)
		return err_set(err, EACCES, "%s is not a regular file with one link", path);
	return steal_fd(&fd);
}

/* At most HIMDS_KEY_MAX bytes, and visible but for blanks and newlines at the end. */
static int read_key(int fd, const char *path, char ret[HIMDS_KEY_MAX + 1], struct err *err)
{
	size_t len = 0;
	ssize_t n;

	while ((n = read(fd, ret + len, HIMDS_KEY_MAX + 1 - len)) != 0) {
		if (n < 0 && errno != EINTR)
			return err_sys(err, "%s", path);
		len += n > 0 ? (size_t)n : 0;
		if (len > HIMDS_KEY_MAX)
			return err_set(err, EACCES, "%s is over %d bytes long", path,
				       HIMDS_KEY_MAX);
	}
	while (len && isspace((unsigned char)ret[len - 1]))
		len--;
	for (size_t i = 0; i < len; i++)
		if (!isgraph((unsigned char)ret[i]))
			len = 0;
	if (len == 0)
		return err_set(err, EACCES, "%s is not one line of visible characters", path);
	ret[len] = '\0';
	return 0;
}

int himds_authorize(struct sys *sys, const char *challenge, char ret[HIMDS_AUTHORIZATION_SIZE],
		    struct err *err)
{
	char path[sizeof(CHALLENGE_DIR) + CHALLENGE_NAME_SIZE];
	char name[CHALLENGE_NAME_SIZE], key[HIMDS_KEY_MAX + 1];
	AUTO_CLOSE int fd = -1;
	int r;

	if (challenge_parse(span_of(challenge), name, err) < 0)
		return -err->code;
	(void)snprintf(path, sizeof(path), CHALLENGE_DIR "/%s", name);
	fd = open_key(sys, name, path, err);
	r = fd < 0 ? fd : read_key(fd, path, key, err);
	if (r == 0)
		(void)snprintf(ret, HIMDS_AUTHORIZATION_SIZE, HIMDS_AUTHORIZATION "%s", key);
	explicit_bzero(key, sizeof(key));
	if (r < 0)
		err->code = EACCES; /* a key that is gone is no missing identity */
	return r < 0 ? -EACCES : 0;
}
