/* SPDX-License-Identifier: MIT */
/*
 * The programs for people that share the binary.  Each is called like main, with the machine open,
 * and returns an exit status: 0; 1 failed, with one line on standard error and one of remedy; 2
 * wrong usage.  For explain 1 is a login that would be refused, and 2 that nothing could be told.
 */
#ifndef LOGIN_COMMAND_H
#define LOGIN_COMMAND_H

#include <stdbool.h>

#include "lib/core/err.h"
#include "lib/sys/sys.h"

enum { COMMAND_OK, COMMAND_FAILED, COMMAND_USAGE };

int useradd_main(struct sys *sys, int argc, char **argv);
int userdel_main(struct sys *sys, int argc, char **argv);
int aadsshlogin_main(struct sys *sys, int argc, char **argv);

/* The verbs of aadsshlogin; argv[0] is the verb. */
int configure_command(struct sys *sys, int argc, char **argv);
int unconfigure_command(struct sys *sys, int argc, char **argv);
int status_command(struct sys *sys, int argc, char **argv);
int explain_command(struct sys *sys, int argc, char **argv);
int users_command(struct sys *sys, int argc, char **argv);

/* Tell a failure of this program and return COMMAND_FAILED. */
int command_failed(const char *program, const struct err *err);

/* "usage: ..." and COMMAND_USAGE; on standard output and COMMAND_OK when --help asks for it. */
int command_usage(int argc, char **argv, const char *usage);

/* -EPERM unless root runs it. */
int command_needs_root(struct err *err);

/* The only argument that `users` and `status` take: false for another one. */
bool command_json(int argc, char **argv, bool *ret_json);

#endif
