/* SPDX-License-Identifier: MIT */
/*
 * `aadssh-handler collect`: what somebody who helps must see of a machine, in one tar.gz.
 *
 * MUST:
 *  1. No secret is in it: what holds one is not read, and all text passes redact.h.
 *  2. Nothing on the machine changes but the archive, which root alone can read, and which never
 *     replaces anything.
 *  3. It ends within COLLECT_DEADLINE_S, and is bounded in size, whatever the machine holds.
 *  4. INDEX.txt in it tells of each file why it is there, and of what is not, why not.
 */
#ifndef HANDLER_COLLECT_H
#define HANDLER_COLLECT_H

#include "handler/inspect.h"

#define COLLECT_DEADLINE_S 180
#define COLLECT_FILE_MAX ((size_t)256 << 10) /* bytes of each file; of a log, its end */
#define COLLECT_FOLDER_MAX 24 /* files of one folder */

/*
 * 0; EXIT_DEPENDENCY for who is not root, when the archive's name is taken, and when it cannot be
 * written.
 */
int inspect_collect(struct sys *sys, const struct command *command, const struct query *query);

#endif
