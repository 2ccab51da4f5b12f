/* SPDX-License-Identifier: MIT */
/*
 * The text that redact.c searches, by position: beyond its end there is a NUL.  Nothing here is
 * slower than the bytes that it passes.
 */
#ifndef CORE_REDACTSCAN_H
#define CORE_REDACTSCAN_H

#include "lib/core/redact.h"

#define SCAN_DIGITS "0123456789"
#define SCAN_BLANKS " \t"
#define SCAN_ENDS " \t\r\n\f\v" /* of a word */

struct scan {
	struct span text;
	size_t done; /* what is before it was copied or replaced already */
	size_t pem_end; /* the first -----END at or behind where it was looked for, or the length */
	const char *program; /* the last one of this line whose options are known, or NULL */
};

/* from..to are replaced. */
struct hit {
	size_t from, to;
	enum redact_kind kind;
	size_t quote, quote_len; /* what the replacement stands between: a copy of these bytes */
	size_t sign, sign_len; /* of a name: where its `@` is, or its backslashes, */
	bool domain_first; /* which stand behind the domain */
};

/* Fill a hit; false when it is empty. */
bool scan_hit(struct hit *ret, size_t from, size_t to, enum redact_kind kind);

unsigned char scan_byte(const struct scan *scan, size_t at);
bool scan_starts(const struct scan *scan, size_t at, const char *word); /* in any letter case */
bool scan_is_in(unsigned char c, const char *set);

enum letter_class { LETTER_SIGN, LETTER_LOWER, LETTER_UPPER, LETTER_DIGIT };
enum letter_class scan_class(unsigned char c);
char scan_lower(unsigned char c);

/* A letter, a digit or one of the signs. */
bool scan_is_letter(unsigned char c, const char *signs);

/* The end of what holds only such, and of what holds none of the set and has max bytes at most. */
size_t scan_skip(const struct scan *scan, size_t at, const char *set);
size_t scan_skip_letters(const struct scan *scan, size_t at, const char *signs);
size_t scan_until(const struct scan *scan, size_t at, const char *set, size_t max);

/* Where the letters begin that end there, at most max. */
size_t scan_back(const struct scan *scan, size_t end, const char *signs, size_t max);

/*
 * The letter there, as it is, or as an escape of URLs (%40, %2540), JSON (\u0040, \n), systemd
 * (\x40), sshd (\100), rsyslog (#100) or HTML (&#64;) writes it: its length, 0 at the end.  What is
 * above a byte is 0xff.
 */
size_t scan_letter(const struct scan *scan, size_t at, unsigned char *ret);

/* The letter that ends there; where an escape's own letters are, 'a'; a blank at scan->done. */
unsigned char scan_letter_before(const struct scan *scan, size_t at);

/* A quote, which JSON within JSON, URLs and HTML escape: its length, 0 for none. */
size_t scan_quote(const struct scan *scan, size_t at);

/* The first quote like that of len bytes at `quote`, at or behind `at`; the end of the line when
 * there is none. */
size_t scan_quoted(const struct scan *scan, size_t at, size_t quote, size_t len);

/*
 * Behind what the bracket there opens.  key is how long the quotes are that its key has: what is in
 * shorter ones is around it; 0: no JSON, so it ends on its line.  Where it was cut off, its last
 * line that may be of it.
 */
size_t scan_brackets(const struct scan *scan, size_t at, size_t key);

#endif
