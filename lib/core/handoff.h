/* SPDX-License-Identifier: MIT */
/*
 * The record that the key command leaves for the account phase of the same login:
 *
 *	aadsshlogin-handoff 1
 *	boottime <CLOCK_BOOTTIME of writing, nanoseconds>
 *	name <login name as sshd passed it>
 *	certificate <base64>
 *
 * These four lines in this order, each ended by a newline, and nothing else.  The reader takes it
 * for hostile bytes and repeats every check.  Failures carry the reason record-malformed.
 */
#ifndef CORE_HANDOFF_H
#define CORE_HANDOFF_H

#include <stdint.h>

#include "lib/core/buf.h"
#include "lib/core/err.h"
#include "lib/core/name.h"
#include "lib/core/span.h"

#define HANDOFF_DIR "/run/aadsshlogin/handoff" /* SERVICE_USER 0700; named by sshd's process */
#define HANDOFF_MAX 65536 /* bytes of a record */

struct handoff {
	int64_t boottime_ns;
	char name[NAME_SIZE]; /* lower-cased it has our shape, see name.h */
	struct buf cert; /* the certificate's wire bytes, owned, not empty */
};

#define AUTO_HANDOFF __attribute__((cleanup(handoff_done))) struct handoff

/*
 * Append the record's text.  -EMSGSIZE (it would be over HANDOFF_MAX), -EINVAL (name or time
 * that the reader would refuse), -ENOMEM.
 */
int handoff_format(const struct handoff *record, struct buf *ret, struct err *err);

/* The opposite.  -EMSGSIZE (over HANDOFF_MAX), -EBADMSG (any other form), -ENOMEM. */
int handoff_parse(struct span text, struct handoff *ret, struct err *err);

void handoff_done(struct handoff *record);

#endif
