/* SPDX-License-Identifier: MIT */
/*
 * What dpkg-query, dpkg and rpm print of a package: the first byte chooses the package manager and
 * whether it failed, the rest is its output.  A version is one short line; what is modified is one
 * path.
 */
#include "config.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/core/cleanup.h"
#include "lib/sys/fs.h"
#include "lib/sys/pkg.h"
#include "lib/sys/proc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct span output;
static int status;

static int run(struct sys *sys, const struct proc_spec *spec, struct proc_result *ret,
	       struct err *err)
{
	(void)sys;
	(void)spec;
	ret->status = status;
	buf_span(&ret->output, output);
	return buf_ok(&ret->output, err);
}

static int64_t no_time(struct sys *sys)
{
	(void)sys;
	return 0;
}

static char dirs[2][32];

static void forget(void)
{
	static const char *const entries[] = {"usr/bin/rpm",
					      "usr/bin/dpkg",
					      "var/lib/rpm/Packages",
					      "var/lib/dpkg/status",
					      "usr/bin",
					      "usr",
					      "var/lib/dpkg",
					      "var/lib/rpm",
					      "var/lib",
					      "var",
					      ""};
	char path[128];

	for (size_t i = 0; i < ARRAY_LEN(dirs); i++)
		for (size_t k = 0; dirs[i][0] && k < ARRAY_LEN(entries); k++) {
			(void)snprintf(path, sizeof(path), "%s/%s", dirs[i], entries[k]);
			(void)remove(path);
		}
}

/* The root of a machine that has this package manager, until the program ends. */
static int open_root(const char *program, const char *database, char dir[32])
{
	static const char *const folders[] = {"usr",     "usr/bin",      "var",
					      "var/lib", "var/lib/dpkg", "var/lib/rpm"};
	int fd;

	memcpy(dir, "/tmp/fuzz_pkg-XXXXXX", sizeof("/tmp/fuzz_pkg-XXXXXX"));
	if (!mkdtemp(dir))
		return -1;
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (size_t i = 0; i < ARRAY_LEN(folders); i++)
		(void)mkdirat(fd, folders[i], 0755);
	(void)close(openat(fd, program, O_WRONLY | O_CREAT | O_CLOEXEC, 0755));
	{
		AUTO_CLOSE int file = openat(fd, database, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

		(void)!write(file, "x", 1);
	}
	return fd;
}

static struct sys *machine(bool rpm)
{
	static const struct sys_ops ops = {.run = run, .boottime_ns = no_time};
	static struct sys machines[2] = {{.rootfd = -1, .ops = &ops}, {.rootfd = -1, .ops = &ops}};
	struct sys *sys = &machines[rpm];
	char *dir = dirs[rpm];

	if (sys->rootfd < 0 && dirs[!rpm][0] == '\0')
		(void)atexit(forget);
	if (sys->rootfd < 0)
		sys->rootfd = rpm ? open_root("usr/bin/rpm", "var/lib/rpm/Packages", dir)
				  : open_root("usr/bin/dpkg", "var/lib/dpkg/status", dir);
	return sys;
}

static void query(struct sys *sys, const struct pkg_manager *manager)
{
	struct pkg_status known = {.state = PKG_ABSENT, .version = "?"};
	struct err err = {0};

	if (pkg_query(sys, manager, "aadsshlogin", &known, &err) < 0) {
		if (strcmp(known.version, "?") != 0 || !err.msg[0])
			abort();
		return;
	}
	if (!memchr(known.version, '\0', sizeof(known.version)) || strchr(known.version, '\n') ||
	    (known.state == PKG_ABSENT && known.version[0]))
		abort();
}

static void verify(struct sys *sys, const struct pkg_manager *manager)
{
	AUTO_BUF modified = {0};
	struct err err = {0};

	if (pkg_verify(sys, manager, "aadsshlogin", &modified, &err) < 0 || modified.len == 0)
		return;
	if (modified.data[0] != '/' || memchr(modified.data, '\n', modified.len))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct pkg_manager *manager;
	struct sys *sys;

	if (size == 0)
		return 0;
	sys = machine(data[0] & 1);
	manager = pkg_detect(sys);
	if (!manager)
		return 0;
	status = data[0] & 2 ? 1 : 0;
	output = (struct span){data + 1, size - 1};
	query(sys, manager);
	verify(sys, manager);
	return 0;
}
