/* SPDX-License-Identifier: MIT */
/*
 * Package managers and repositories from the command line, for the lab: the functions of
 * lib/sys/pkg.h and lib/sys/repo.h, one after the other.
 *
 * usage: pkgdriver [KEYWORD=VALUE...] VERB [ARGUMENT...] [, VERB [ARGUMENT...]]...
 *
 * keywords: manager, url, suite, component, key (a file), proxy, noproxy, token (a file that holds
 * it), deadline (seconds), log (a file).  Verbs: see the table.  Ends at the first that fails, with
 * the errno value's name, the exit code that it asks for and the cause on standard error, and
 * status 1.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "lib/core/cleanup.h"
#include "lib/core/num.h"
#include "lib/core/pgpkey.h"
#include "lib/sys/fs.h"
#include "lib/sys/pkg.h"
#include "lib/sys/repo.h"

#define WORDS_MAX 16

struct driver {
	struct sys sys;
	const struct pkg_manager *pkg;
	const struct repo_manager *manager;
	const char *manager_name;
	struct repo repo;
	struct buf key, token;
	int log_fd;
	const char *words[WORDS_MAX + 1]; /* of the verb, up to the first NULL */
	size_t count;
};

static int do_add(struct driver *d, struct err *err)
{
	return repo_add(&d->sys, d->manager, &d->repo, err);
}

static int do_refresh(struct driver *d, struct err *err)
{
	return repo_refresh(&d->sys, d->manager, d->log_fd, err);
}

static int do_versions(struct driver *d, struct err *err)
{
	AUTO_BUF versions = {0};
	int r = repo_versions(&d->sys, d->manager, d->words[0], &versions, err);

	if (r == 0)
		(void)printf("%s", buf_text(&versions));
	return r;
}

static int do_install(struct driver *d, struct err *err)
{
	struct repo_package packages[WORDS_MAX];

	for (size_t i = 0; i < d->count; i++) {
		char *equals = strchr(d->words[i], '=');

		packages[i] = (struct repo_package){d->words[i], equals ? equals + 1 : NULL};
		if (equals)
			*equals = '\0';
	}
	return repo_install(&d->sys, d->manager, packages, d->count, d->log_fd, err);
}

static int do_off(struct driver *d, struct err *err)
{
	return repo_take_off(&d->sys, err);
}

static int do_put(struct driver *d, struct err *err)
{
	return pkg_install(&d->sys, d->pkg, d->words, d->log_fd, err);
}

static int do_remove(struct driver *d, struct err *err)
{
	return pkg_remove(&d->sys, d->pkg, d->words, d->log_fd, err);
}

static int do_query(struct driver *d, struct err *err)
{
	static const char *const states[] = {"absent", "left-over", "broken", "installed"};
	struct pkg_status status;
	int r = pkg_query(&d->sys, d->pkg, d->words[0], &status, err);

	if (r == 0)
		(void)printf("%s %s\n", states[status.state], status.version);
	return r;
}

static int do_verify(struct driver *d, struct err *err)
{
	AUTO_BUF modified = {0};
	int r = pkg_verify(&d->sys, d->pkg, d->words[0], &modified, err);

	if (r == 0)
		(void)printf("%s\n", modified.len ? buf_text(&modified) : "as packed");
	return r;
}

static const struct verb {
	const char *name;
	int (*call)(struct driver *d, struct err *err);
	bool repository;
} verbs[] = {
	{"add", do_add, true}, /* the repository of the keywords */
	{"refresh", do_refresh, true}, {"versions", do_versions, true}, /* NAME */
	{"install", do_install, true}, /* NAME[=VERSION]... */
	{"off", do_off, false},        {"put", do_put, false}, /* FILE... */
	{"remove", do_remove, false}, /* NAME... */
	{"query", do_query, false}, /* NAME */
	{"verify", do_verify, false}, /* NAME */
};

/* Names of what repo.h and pkg.h list; libc's own are too new. */
static const char *error_name(int code)
{
	static const struct {
		int code;
		const char *name;
	} names[] = {
		{EINVAL, "EINVAL"},
		{EHOSTUNREACH, "EHOSTUNREACH"},
		{ECONNREFUSED, "ECONNREFUSED"},
		{EPROTO, "EPROTO"},
		{EACCES, "EACCES"},
		{EREMOTEIO, "EREMOTEIO"},
		{EKEYREJECTED, "EKEYREJECTED"},
		{ENODATA, "ENODATA"},
		{ENOPKG, "ENOPKG"},
		{ENOSYS, "ENOSYS"},
		{EBUSY, "EBUSY"},
		{EIO, "EIO"},
		{ETIMEDOUT, "ETIMEDOUT"},
	};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (names[i].code == code)
			return names[i].name;
	return strerror(code);
}

static const char *value_of(const char *word, const char *keyword)
{
	size_t len = strlen(keyword);

	return strncmp(word, keyword, len) == 0 && word[len] == '=' ? word + len + 1 : NULL;
}

static int take_deadline(struct driver *d, const char *value, struct err *err)
{
	uint64_t seconds;

	if (!num_parse(span_of(value), 86400, &seconds))
		return err_set(err, EINVAL, "deadline=%s", value);
	d->sys.deadline_ns = d->sys.ops->boottime_ns(&d->sys) + (int64_t)seconds * 1000000000;
	return 0;
}

/* 1: word is a keyword with its value. */
static int take_keyword(struct driver *d, const char *word, struct err *err)
{
	const struct {
		const char *keyword;
		const char **text;
		struct buf *file;
	} keywords[] = {
		{"manager", &d->manager_name, NULL},
		{"url", &d->repo.url, NULL},
		{"suite", &d->repo.suite, NULL},
		{"component", &d->repo.component, NULL},
		{"proxy", &d->repo.proxy, NULL},
		{"noproxy", &d->repo.no_proxy, NULL},
		{"key", NULL, &d->key},
		{"token", NULL, &d->token},
	};
	const char *value = value_of(word, "deadline");

	if (value)
		return take_deadline(d, value, err) < 0 ? -err->code : 1;
	value = value_of(word, "log");
	if (value) {
		d->log_fd = open(value, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
		return d->log_fd < 0 ? err_sys(err, "%s", value) : 1;
	}
	for (size_t i = 0; i < ARRAY_LEN(keywords); i++) {
		AUTO_CLOSE int fd = -1;

		value = value_of(word, keywords[i].keyword);
		if (!value)
			continue;
		if (keywords[i].text) {
			*keywords[i].text = value;
			return 1;
		}
		/* A key may have NULs: fs_read would refuse it. */
		fd = open(value, O_RDONLY | O_CLOEXEC);
		for (;;) {
			char *room = buf_room(keywords[i].file, 4096);
			ssize_t got = room ? read(fd, room, 4096) : -1;

			if (got <= 0)
				return got == 0 ? 1 : err_sys(err, "%s", value);
			keywords[i].file->len += (size_t)got;
		}
	}
	return 0;
}

static int call(struct driver *d, const char *name, struct err *err)
{
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
		if (strcmp(verbs[i].name, name) != 0)
			continue;
		if (verbs[i].repository && !d->manager)
			return err_set(err, ENOENT, "nothing here reads repositories");
		if (!verbs[i].repository && verbs[i].call != do_off && !d->pkg)
			return err_set(err, ENOENT, "neither dpkg nor rpm");
		return verbs[i].call(d, err);
	}
	return err_set(err, EINVAL, "no verb %s", name);
}

static int start(struct driver *d, struct err *err)
{
	d->pkg = pkg_detect(&d->sys);
	d->manager = repo_detect(&d->sys, d->manager_name);
	d->repo.key = buf_bytes(&d->key);
	while (d->token.len && d->token.data[d->token.len - 1] == '\n')
		d->token.data[--d->token.len] = '\0';
	d->repo.token = d->token.len ? d->token.data : NULL;
	return buf_ok(&d->key, err);
}

static void tell(void *arg, const char *what)
{
	(void)arg;
	(void)printf("waiting: %s\n", what);
	(void)fflush(stdout);
}

int main(int argc, char *argv[])
{
	struct driver d = {.sys = SYS_INIT, .log_fd = -1};
	struct err err = {0};
	int i = 1, r = sys_open(&d.sys, &err);

	while (r == 0 && i < argc && (r = take_keyword(&d, argv[i], &err)) == 1) {
		i++;
		r = 0;
	}
	d.sys.waiting = tell;
	if (r == 0)
		r = start(&d, &err);
	while (r == 0 && i < argc) {
		const char *name = argv[i++];

		d.count = 0;
		for (; i < argc && strcmp(argv[i], ",") != 0 && d.count < WORDS_MAX; i++)
			d.words[d.count++] = argv[i];
		d.words[d.count] = NULL;
		i++;
		r = call(&d, name, &err);
		(void)fflush(stdout);
	}
	if (r < 0)
		(void)fprintf(stderr, "%s %d: %s%s%s\n", error_name(err.code), err.outcome, err.msg,
			      err.remedy[0] ? "; " : "", err.remedy);
	buf_done(&d.key);
	buf_done(&d.token);
	sys_done(&d.sys);
	return r < 0;
}
