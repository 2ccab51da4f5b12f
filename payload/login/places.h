/* SPDX-License-Identifier: MIT */
/*
 * Where the login runtime keeps things.  The package makes the directories; who may write
 * which is what the whole division of labour rests on.
 */
#ifndef LOGIN_PLACES_H
#define LOGIN_PLACES_H

#include "lib/core/handoff.h" /* HANDOFF_DIR */
#include "lib/core/sshdconf.h"

/* The unprivileged user that talks to the network and parses what it says. */
#define SERVICE_USER KEY_COMMAND_USER

#define RUN_DIR "/run/aadsshlogin" /* root 0755, empty after a boot */
#define PRIVATE_DIR RUN_DIR "/private" /* SERVICE_USER 0700, tokens */
#define DECISIONS_DIR RUN_DIR "/decisions" /* root 0700 */
#define ACCOUNTS_LOCK RUN_DIR "/accounts.lock" /* root 0600 */
#define NAMES_FREED_PATH RUN_DIR "/names-freed" /* root 0600, empty: its time is all */
#define CACHE_DIR "/var/cache/aadsshlogin" /* SERVICE_USER 0700 */
#define LEDGER_PATH "/var/lib/aadsshlogin/users" /* root 0600 */

#endif
