/* SPDX-License-Identifier: MIT */
/* One static program with several names: what it is called decides what it does. */
#include "config.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/core/cleanup.h"
#include "payload/login/authorize.h"
#include "payload/login/certhandler.h"
#include "payload/login/command.h"

/* clang-format off */
static const struct {
	const char *name;
	int (*run)(struct sys *sys, int argc, char **argv);
	bool asks_as_root; /* otherwise what asks a service has given up its privileges before */
} programs[] = {
	{"aad_certhandler", certhandler_main, false},
	{"aad_authorize", authorize_main, false},
	{"aaduseradd", useradd_main, false},
	{"aaduserdel", userdel_main, false},
	{"aadsshlogin", aadsshlogin_main, true},
};
/* clang-format on */

/* Nothing that a caller set reaches a decision, a library or a child. */
static bool forget_caller(void)
{
	int fd;

	/* A file that we open must never become a standard stream. */
	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= 2);
	if (fd < 0 || close(fd) < 0 || clearenv() != 0 || chdir("/") < 0)
		return false;
	(void)umask(077);
	(void)signal(SIGPIPE, SIG_IGN);
	/* Who starts us may ignore it, and then no child's end would be seen. */
	(void)signal(SIGCHLD, SIG_DFL);
	return true;
}

int main(int argc, char **argv)
{
	const char *slash = argc > 0 ? strrchr(argv[0], '/') : NULL;
	const char *name = slash ? slash + 1 : argc > 0 ? argv[0] : "";
	struct sys sys = SYS_INIT;
	struct err err = {0};
	int status;

	if (!forget_caller() || sys_open(&sys, &err) < 0)
		return EXIT_FAILURE;
	for (size_t i = 0; i < ARRAY_LEN(programs); i++) {
		if (strcmp(name, programs[i].name) != 0)
			continue;
		if (programs[i].asks_as_root)
			sys.ops = &sys_ops_apart;
		status = programs[i].run(&sys, argc, argv);
		sys_done(&sys);
		return status;
	}
	(void)fprintf(stderr, "aadsshlogin: there is no program %.64s here\n", name);
	sys_done(&sys);
	return EXIT_FAILURE;
}
