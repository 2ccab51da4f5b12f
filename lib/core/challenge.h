/* SPDX-License-Identifier: MIT */
/*
 * What the metadata service of an Arc machine asks back: whoever wants a token must show that it
 * can read a file, by sending what stands in it.  Source: the Connected Machine agent's
 * documentation and the identity libraries for Azure.
 */
#ifndef CORE_CHALLENGE_H
#define CORE_CHALLENGE_H

#include "lib/core/err.h"
#include "lib/core/span.h"

#define CHALLENGE_DIR "/var/opt/azcmagent/tokens"
#define CHALLENGE_NAME_SIZE 256

/*
 * Take the name of the key file from the value of WWW-Authenticate, `Basic realm=PATH`.  PATH is a
 * file of CHALLENGE_DIR itself: its name ends in ".key", does not begin with a dot, and consists of
 * letters, digits and ._-; quotes and further parameters are not part of the form.
 * ret  written only on success
 * -EBADMSG: anything else.
 */
int challenge_parse(struct span header, char ret[CHALLENGE_NAME_SIZE], struct err *err);

#endif
