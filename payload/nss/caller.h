/* SPDX-License-Identifier: MIT */
#ifndef PAYLOAD_CALLER_H
#define PAYLOAD_CALLER_H

#include <stdbool.h>

/*
 * May this process learn what a user whom nobody has seen yet would be?  Effective uid 0, or
 * nscd, which asks for others under a uid of its own; nscd is known by its executable, judged
 * once per process.  This keeps nothing secret (the answer follows from the name): it keeps
 * names that nobody has seen out of everybody's sight.
 */
bool caller_privileged(void);

/*
 * Does this process keep our answers itself, so that what it asks must not be older than the files?
 * After `nscd -i` nscd keeps whatever it is told next for minutes.
 */
bool caller_caches(void);

#endif
