/* SPDX-License-Identifier: MIT */
/*
 * The last sign-in that the runtime decided, as it leaves it for who asks how the machine is: one
 * file for who was let in, one for who was refused, of this boot.  It holds no certificate and no
 * token.  Parsed strictly:
 *
 *	aadsshlogin-last-login 1
 *	time <seconds since 1970>
 *	outcome accepted|refused
 *	KEY VALUE, a line for each text of the struct, in its order
 *	end
 */
#ifndef CORE_LASTLOGIN_H
#define CORE_LASTLOGIN_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/core/buf.h"

#define LASTLOGIN_ACCEPTED "/run/aadsshlogin/decisions/last-accepted" /* root 0600 */
#define LASTLOGIN_REFUSED "/run/aadsshlogin/decisions/last-refused" /* root 0600 */
#define LASTLOGIN_MAX ((size_t)8 << 10) /* bytes of a file that are still read */
#define LASTLOGIN_SIZE 321 /* of a value, with its NUL */

/* Values are visible ASCII and blanks; "" for what is not known. */
struct lastlogin {
	int64_t time_s; /* since 1970, UTC */
	bool accepted;
	char user[LASTLOGIN_SIZE];
	char rhost[LASTLOGIN_SIZE]; /* where from, as PAM tells it */
	char assignment[LASTLOGIN_SIZE]; /* of the role that decided, its id */
	char scope[LASTLOGIN_SIZE]; /* of that */
	char reason[LASTLOGIN_SIZE]; /* of a refusal, see reason.h */
	char message[LASTLOGIN_SIZE]; /* what this one showed */
};

/* Fill a value: cut, and with `?` for what is neither visible ASCII nor a blank.  text may be NULL.
 */
void lastlogin_set(char ret[LASTLOGIN_SIZE], const char *text);

/* -EINVAL: a value or time that the reader would refuse; -ENOMEM. */
int lastlogin_format(const struct lastlogin *last, struct buf *ret, struct err *err);

/* -EBADMSG: any other form.  *ret is written only on success. */
int lastlogin_parse(struct span text, struct lastlogin *ret, struct err *err);

#endif
