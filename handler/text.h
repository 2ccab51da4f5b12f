/* SPDX-License-Identifier: MIT */
/* Text for the documents that the handler writes. */
#ifndef HANDLER_TEXT_H
#define HANDLER_TEXT_H

#include <stddef.h>
#include <stdint.h>

#include "lib/core/buf.h"

#define TIME_TEXT_SIZE 32

/* "2024-02-29T12:00:00Z" */
void time_text(int64_t time_s, char ret[TIME_TEXT_SIZE]);

/*
 * Copy a message, cut to size with its NUL, with `?` for what is neither visible ASCII nor a blank
 * or newline.  Messages quote other programs; bytes that are not ASCII have broken the way from the
 * agent to the portal before, and cut in the middle they would not even be JSON.
 */
void ascii_text(const char *text, char *ret, size_t size);

/*
 * Add a word of a command that people paste: in quotes, unless a shell takes it as it is.  Others
 * named what it names.  Memory: see buf_ok.
 */
void shell_text(struct span word, struct buf *ret);

#endif
