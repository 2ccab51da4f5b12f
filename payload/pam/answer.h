/* SPDX-License-Identifier: MIT */
/*
 * What aad_authorize answers to the PAM module, through a pipe that is its standard output.  libc
 * alone.
 *
 *   grant NEWLINE
 *   deny REASON NEWLINE [text for the user: lines, at most ANSWER_TEXT_MAX bytes, the last
 *                        with its newline too]
 *
 * and nothing after that.  The whole answer goes out in one write when everything else is done:
 * once the pipe is closed the module kills what is left of the program and of what it started.  Its
 * exit status is not looked at, since the host may have SIGCHLD ignored.  Anything that is not
 * exactly such an answer, also nothing and half a line, counts as `deny internal`.
 *
 * The program is started as
 *   aad_authorize login|admin NAME UID SERVICE RHOST
 * NAME is lower-case and has our shape, UID is decimal and what the host's passwd entry says,
 * SERVICE and RHOST are PAM's, "-" when absent or odd.  Its parent is the process that runs the
 * account phase.
 */
#ifndef PAYLOAD_ANSWER_H
#define PAYLOAD_ANSWER_H

#include "lib/core/span.h"

#define ANSWER_TEXT_MAX 2048
#define ANSWER_MAX (ANSWER_TEXT_MAX + 64)
#define ANSWER_DEADLINE_MS 15000 /* from fork to the end of the pipe */

enum answer_code {
	ANSWER_INTERNAL, /* "internal": our mistake, or no proper answer.  The zero value. */
	ANSWER_GRANT, /* "grant" */
	ANSWER_ROLE, /* "role": the backend answered, and the answer is no */
	ANSWER_IDENTITY, /* "identity": no proof of this sign-in, a wrong one, or another oid */
	ANSWER_UNAVAILABLE, /* "unavailable": the role backend or the keys could not be asked */
	ANSWER_RETRY, /* "retry": the host holds another uid than the recorded one; again works */
	ANSWER_ACCOUNT, /* "account": a local or foreign account, or a home, is in the way */
	ANSWER_CONFIG, /* "config": not configured, or wrongly: closed */
	ANSWER_CODES,
};

struct answer {
	enum answer_code code;
	struct span text; /* for the user, may be empty; borrowed */
};

/* What the bytes of a closed pipe say; see above for everything else.  Cannot fail. */
struct answer answer_parse(struct span bytes);

/*
 * Write the bytes to send, without a NUL, and return their number.  Text of a denial is cut at
 * ANSWER_TEXT_MAX, with a newline added when its last line lacks one; a grant carries none.
 */
size_t answer_format(enum answer_code code, const char *text, char ret[ANSWER_MAX]);

#endif
