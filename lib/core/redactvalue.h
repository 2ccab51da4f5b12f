/* SPDX-License-Identifier: MIT */
/* What is secret because of the name before it: of a variable, a key, a header, an option. */
#ifndef CORE_REDACTVALUE_H
#define CORE_REDACTVALUE_H

#include "lib/core/redactscan.h"

/* Bytes that are no word of a sentence behind "Bearer " and "secret: ". */
#define SECRET_MIN 8

/* Is it a word of a sentence, that may begin with a capital, or shorter than min bytes? */
bool redact_is_word(const struct scan *scan, size_t from, size_t to, size_t min);

/* A name there, and its value: behind `=` or `:`, in brackets, in a tag, or the next argument. */
bool redact_find_named(struct scan *scan, size_t at, struct hit *ret);

/* An option there of a program that was called on the same line: `curl -u`. */
bool redact_find_option(struct scan *scan, size_t at, struct hit *ret);

/* The word behind `password` there, where `machine` and `login` of netrc(5) stand before it. */
bool redact_find_netrc(struct scan *scan, size_t at, struct hit *ret);

/* To be called at each place that is not replaced: which program's options follow? */
void redact_follow(struct scan *scan, size_t at);

#endif
