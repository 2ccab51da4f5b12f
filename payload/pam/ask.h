/* SPDX-License-Identifier: MIT */
/*
 * Asking aad_authorize from inside sshd or sudo; libc alone.
 *
 * Security invariants (MUST):
 *  1. The program is one fixed file, and nothing of the host reaches it but five arguments: not the
 *     environment, the working directory, a descriptor, a signal's disposition, a group or a
 * terminal.
 *  2. The host is left as it was: its signals, descriptors and other children.
 *  3. Whatever happens, the wait has an end.
 */
#ifndef PAYLOAD_ASK_H
#define PAYLOAD_ASK_H

#include <stddef.h>

#include "lib/core/name.h"

struct question { /* the arguments, see answer.h */
	char action[8];
	char name[NAME_SIZE];
	char uid[16];
	char service[64];
	char rhost[256];
};

/*
 * Run the program and read what it answers until the pipe is closed.  Only for effective uid 0.
 * Returns 0 with all bytes of the answer, -EMSGSIZE (more than size), -ETIMEDOUT after
 * deadline_ms, or another -errno.  A program that could not be started has answered nothing.
 */
int ask_authorize(struct question *question, int deadline_ms, char *ret, size_t size,
		  size_t *ret_len);

#endif
