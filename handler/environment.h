/* SPDX-License-Identifier: MIT */
/*
 * HandlerEnvironment.json: where the guest agent wants things.  Source: WALinuxAgent,
 * ga/exthandlers.py, create_handler_env.
 */
#ifndef HANDLER_ENVIRONMENT_H
#define HANDLER_ENVIRONMENT_H

#include "lib/core/span.h"
#include "lib/sys/sys.h"

#define ENVIRONMENT_MAX ((size_t)64 << 10) /* bytes that are still read */

/* Absolute paths, owned. */
struct environment {
	char *log_folder;
	char *config_folder;
	char *status_folder;
	char *events_folder; /* NULL with agents that take no events */
};

/*
 * Parse the file's text.  -EBADMSG not JSON (half-written or empty, too); -EINVAL a folder is
 * missing or is not an absolute path.
 */
int environment_parse(struct span text, struct environment *ret, struct err *err);

/*
 * Read <extension folder>/HandlerEnvironment.json.  The agent rewrites it in place at each of its
 * starts, so a text that does not parse is read again for up to two seconds, and so is one that
 * cannot be read for want of memory or descriptors, or with -EIO.  -ENOENT, -EPERM when others can
 * write it, and the errors of environment_parse.
 */
int environment_read(struct sys *sys, const char *extension, struct environment *ret,
		     struct err *err);

void environment_done(struct environment *environment);

#endif
