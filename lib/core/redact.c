/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <string.h>
#include <strings.h>

#include "lib/core/cleanup.h"
#include "lib/core/guid.h"
#include "lib/core/redactname.h"
#include "lib/core/redactvalue.h"

#define WORD_MAX 1024 /* bytes of a URL that are searched for user information */
#define CRYPT_MIN 16 /* bytes of a hash of crypt(3) with its method */
#define PEM_MAX 65536 /* bytes between BEGIN and END */
#define PEM_LABEL_MAX 128 /* bytes of the line that ends it */
#define FINGERPRINT "SHA256:"
#define FINGERPRINT_LEN 43

typedef bool find_fn(struct scan *scan, size_t at, struct hit *ret);

static size_t find_text(const struct scan *scan, size_t at, const char *what)
{
	struct span rest = scan->text, before;
	const unsigned char *found = NULL;

	if (span_take(&rest, at, &before) && rest.len)
		found = memmem(rest.p, rest.len, what, strlen(what));
	return found ? (size_t)(found - scan->text.p) : scan->text.len;
}

static size_t last_at_sign(const struct scan *scan, size_t from, size_t to)
{
	while (to > from && scan->text.p[to - 1] != '@')
		to--;
	return to > from ? to - 1 : scan->text.len;
}

static bool has_at_sign(const struct scan *scan, size_t at)
{
	struct span rest = scan->text, before;

	return span_take(&rest, at, &before) && rest.len &&
	       memchr(rest.p, '@', rest.len < WORD_MAX ? rest.len : WORD_MAX);
}

/* ---- PEM */

#define PEM_SIGNS "+/=\r\\" /* JSON writes the end of a line as \n */

/* Whole lines of nothing but its letters, and of what its headers have besides. */
static size_t skip_pem_lines(const struct scan *scan, size_t at)
{
	size_t end = at;

	while (at < scan->text.len) {
		at = scan_skip_letters(scan, at, PEM_SIGNS SCAN_BLANKS ":,-");
		if (at < scan->text.len && scan->text.p[at] != '\n')
			return end;
		end = at < scan->text.len ? ++at : at;
	}
	return end;
}

static size_t pem_lines_before(const struct scan *scan, size_t at)
{
	size_t begin = at;

	while (at > scan->done && scan_is_letter(scan->text.p[at - 1], PEM_SIGNS "\n")) {
		at--;
		if (at == scan->done || scan->text.p[at - 1] == '\n')
			begin = at;
	}
	return begin;
}

static bool find_pem(struct scan *scan, size_t at, struct hit *ret)
{
	bool begins = scan_starts(scan, at, "-----BEGIN ");
	size_t end, line;

	if (!begins && !scan_starts(scan, at, "-----END "))
		return false;
	if (scan->pem_end <= at)
		scan->pem_end = find_text(scan, at, "-----END ");
	if (begins && (scan->pem_end == scan->text.len || scan->pem_end - at > PEM_MAX))
		return scan_hit(ret, at, skip_pem_lines(scan, scan_until(scan, at, "\n", PEM_MAX)),
				REDACT_KEY);
	end = find_text(scan, scan->pem_end + strlen("-----END "), "-----");
	line = scan_until(scan, scan->pem_end, "\r\n", PEM_LABEL_MAX);
	end = end < line ? end + strlen("-----") : line;
	return scan_hit(ret, begins ? at : pem_lines_before(scan, at), end, REDACT_KEY);
}

/* ---- user information */

#define WORD_ENDS SCAN_ENDS "\"<>"

/*
 * A password may hold what should have been escaped.  So the last sign counts, where there is one
 * in the place for it, or what is before the slash is no port.
 */
static bool find_userinfo(struct scan *scan, size_t at, struct hit *ret)
{
	size_t from = at + strlen("://"), end, authority, sign, port;

	if (!scan_starts(scan, at, "://") || !has_at_sign(scan, from))
		return false;
	end = scan_until(scan, from, WORD_ENDS, WORD_MAX);
	sign = last_at_sign(scan, from, end);
	authority = scan_until(scan, from, WORD_ENDS "/?#", WORD_MAX);
	port = scan_until(scan, from, ":", authority - from);
	if (sign >= end ||
	    (last_at_sign(scan, from, authority) >= authority &&
	     (port == authority || scan_skip(scan, port + 1, SCAN_DIGITS) == authority)))
		return false;
	return scan_hit(ret, from, sign, REDACT_PASSWORD);
}

/* What stands between the colon and the `@` may be a name all the same. */
static bool is_named(const struct scan *scan, size_t from, size_t sign)
{
	size_t host = scan_skip_letters(scan, sign + 1, ".-");
	bool replaced = scan_starts(scan, from, "person-") && scan_starts(scan, sign, "@domain-");

	for (size_t i = from; i < sign; i++)
		if (!redact_is_name_byte(scan->text.p[i]))
			return false;
	return (replaced || memchr(scan->text.p + sign, '.', host - sign)) &&
	       !(scan_byte(scan, host) == ':' &&
		 scan_is_in(scan_byte(scan, host + 1), SCAN_DIGITS));
}

/* USER:PASSWORD@HOST without a scheme. */
static bool find_password(struct scan *scan, size_t at, struct hit *ret)
{
	size_t end, sign;

	if (scan->text.p[at] != ':' || at == 0 || !redact_is_name_byte(scan->text.p[at - 1]) ||
	    scan_is_in(scan_byte(scan, at + 1), "/:") || !has_at_sign(scan, at))
		return false;
	end = scan_until(scan, at + 1, WORD_ENDS "/", WORD_MAX);
	sign = last_at_sign(scan, at + 1, end);
	return sign < end && !is_named(scan, at + 1, sign) &&
	       scan_hit(ret, at + 1, sign, REDACT_PASSWORD);
}

/* ---- tokens and hashes */

static bool begins_word(const struct scan *scan, size_t at)
{
	return !scan_is_letter(scan_letter_before(scan, at), "");
}

/* What a server asks for: realm="x", authorization_uri="x" */
static bool is_challenge(const struct scan *scan, size_t from, size_t end)
{
	size_t sign = from;

	while (sign < end &&
	       (scan_class(scan->text.p[sign]) == LETTER_LOWER || scan->text.p[sign] == '_'))
		sign++;
	return sign > from && scan_byte(scan, sign) == '=';
}

static bool find_scheme(struct scan *scan, size_t at, struct hit *ret)
{
	size_t len = scan_starts(scan, at, "bearer") ? 6 : scan_starts(scan, at, "basic") ? 5 : 0;
	size_t from = scan_skip(scan, at + len, SCAN_BLANKS), end;

	if (len == 0 || from == at + len || !begins_word(scan, at))
		return false;
	end = scan_until(scan, from, SCAN_ENDS "\"'", SIZE_MAX);
	return !redact_is_word(scan, from, end, SECRET_MIN) && !is_challenge(scan, from, end) &&
	       scan_hit(ret, from, end, REDACT_TOKEN);
}

static bool find_jwt(struct scan *scan, size_t at, struct hit *ret)
{
	size_t end;

	if (scan_byte(scan, at + 1) != 'y' || scan_byte(scan, at + 2) != 'J' ||
	    !begins_word(scan, at))
		return false;
	end = scan_skip_letters(scan, at, "-_.=");
	return end - at > strlen("eyJ") && scan_hit(ret, at, end, REDACT_TOKEN);
}

static bool find_crypt(struct scan *scan, size_t at, struct hit *ret)
{
	size_t method = scan_skip_letters(scan, at + 1, ""), end;

	if (scan->text.p[at] != '$' || method == at + 1 || scan_byte(scan, method) != '$')
		return false;
	end = scan_skip_letters(scan, at, "./$=,");
	return end - at >= CRYPT_MIN && scan_hit(ret, at, end, REDACT_PASSWORD);
}

#define CLIENT_SIGNS "~._-"
#define CLIENT_MIN 30 /* bytes from the Q of a client secret on */

/* A client secret of Entra: three letters, a digit, `Q~`, and 31 or more. */
static bool find_client_secret(struct scan *scan, size_t at, struct hit *ret)
{
	size_t from = scan_back(scan, at, CLIENT_SIGNS, strlen("abc8")), end;

	if (scan_byte(scan, at + 1) != '~' || from + strlen("abc8") != at ||
	    scan_class(scan->text.p[at - 1]) != LETTER_DIGIT)
		return false;
	end = scan_skip_letters(scan, at, CLIENT_SIGNS);
	return end - at >= CLIENT_MIN && scan_hit(ret, from, end, REDACT_SECRET);
}

/* ---- what is random */

#define BLOB_SIGNS "+/_-"

static bool is_guid(const struct scan *scan, size_t at)
{
	char text[GUID_LEN];

	if (scan->text.len - at < GUID_LEN || scan_byte(scan, at + 8) != '-')
		return false;
	for (size_t i = 0; i < GUID_LEN; i++)
		text[i] = scan_lower(scan->text.p[at + i]);
	return guid_valid((struct span){.p = (const unsigned char *)text, .len = GUID_LEN});
}

/*
 * Of two letters of base64 that follow each other 64 in 100 are of different kinds, in words and
 * paths 10, in UUIDs 50; hashes have no capitals.  Of 32 random ones a run under 35 in 100, where
 * it is passed over, is one in ten thousand.
 */
static bool is_random(const struct scan *scan, size_t from, size_t to)
{
	size_t seen[4] = {0}, changes = 0, len = 0;

	for (size_t i = from; i < to; i++, len++) {
		enum letter_class class = scan_class(scan->text.p[i]);

		if (is_guid(scan, i)) {
			i += GUID_LEN - 1;
			continue;
		}
		seen[class]++;
		changes += i > from && class != scan_class(scan->text.p[i - 1]);
	}
	return len >= REDACT_BLOB_MIN && seen[LETTER_LOWER] && seen[LETTER_UPPER] &&
	       changes * 100 >= len * 35;
}

static bool is_fingerprint(const struct scan *scan, size_t from, size_t to)
{
	size_t len = strlen(FINGERPRINT);

	return to - from == FINGERPRINT_LEN && from >= len &&
	       memcmp(scan->text.p + from - len, FINGERPRINT, len) == 0;
}

/* URLs escape its signs. */
static size_t skip_blob(const struct scan *scan, size_t at)
{
	unsigned char c;
	size_t len;

	while ((len = scan_letter(scan, at, &c)) && scan_is_letter(c, BLOB_SIGNS))
		at += len;
	return at;
}

static bool find_blob(struct scan *scan, size_t at, struct hit *ret)
{
	size_t end;

	if (scan_is_letter(scan_letter_before(scan, at), BLOB_SIGNS))
		return false;
	end = skip_blob(scan, at);
	if (end - at < REDACT_BLOB_MIN || is_fingerprint(scan, at, end) ||
	    !is_random(scan, at, end))
		return false;
	return scan_hit(ret, at, scan_skip(scan, end, "="), REDACT_ENCODED);
}

/* ---- replacing */

/* The number of a line, which is added when it is not there. */
static size_t number_of(struct buf *lines, struct span word)
{
	struct span rest = buf_bytes(lines), line;
	size_t n = 1;

	for (; span_line(&rest, &line); n++)
		if (span_eq(line, word))
			return n;
	buf_span(lines, word);
	buf_str(lines, "\n");
	return n;
}

/* What escapes and a new line in it mean, in lower case. */
static void add_plain(const struct scan *scan, size_t from, size_t to, struct buf *ret)
{
	unsigned char c;

	for (; from < to; from += scan_letter(scan, from, &c)) {
		(void)scan_letter(scan, from, &c);
		c = (unsigned char)scan_lower(c);
		if (!scan_is_in(c, SCAN_ENDS))
			buf_add(ret, &c, 1);
	}
}

static void add_pseudonym(struct redact *redact, const struct scan *scan, const struct hit *hit,
			  struct buf *ret)
{
	size_t behind = hit->sign + hit->sign_len;
	AUTO_BUF name = {0}, domain = {0};

	if (hit->domain_first) {
		add_plain(scan, hit->from, hit->sign, &domain);
		buf_printf(&name, "%s\\", buf_text(&domain));
		add_plain(scan, behind, hit->to, &name);
	} else {
		add_plain(scan, hit->from, hit->to, &name);
		add_plain(scan, behind, hit->to, &domain);
	}
	buf_printf(ret, "person-%zu@domain-%zu", number_of(&redact->people, buf_bytes(&name)),
		   number_of(&redact->domains, buf_bytes(&domain)));
	ret->failed |=
		name.failed || domain.failed || redact->people.failed || redact->domains.failed;
}

static void add_mark(const struct scan *scan, const struct hit *hit, struct buf *ret)
{
	buf_add(ret, scan->text.p + hit->quote, hit->quote_len);
	buf_printf(ret, "[%s-removed]", redact_kind_name(hit->kind));
	buf_add(ret, scan->text.p + hit->quote, hit->quote_len);
}

/* By its first byte; the first in the table that finds something counts. */
static const struct {
	const char *first; /* NULL: any */
	find_fn *find;
} rules[] = {
	{"-", find_pem},           {"-", redact_find_option},
	{":", find_userinfo},      {":", find_password},
	{"Bb", find_scheme},       {"Pp", redact_find_netrc},
	{"e", find_jwt},           {"$", find_crypt},
	{"Q", find_client_secret}, {"AaBbCcDdFfPpSsTtWw", redact_find_named},
	{NULL, find_blob},
};

static bool find(const struct redact *redact, struct scan *scan, size_t at, struct hit *ret)
{
	redact_follow(scan, at);
	for (size_t i = 0; i < ARRAY_LEN(rules); i++)
		if ((!rules[i].first || scan_is_in(scan->text.p[at], rules[i].first)) &&
		    rules[i].find(scan, at, ret))
			return true;
	return !redact->keep_names && redact_find_name(scan, at, ret);
}

void redact_text(struct redact *redact, struct span text, struct buf *ret)
{
	struct scan scan = {.text = text};

	for (size_t at = 0; at < text.len;) {
		struct hit hit;

		if (!find(redact, &scan, at, &hit)) {
			at++;
			continue;
		}
		buf_add(ret, text.p + scan.done, hit.from - scan.done);
		redact->counts[hit.kind]++;
		if (hit.kind == REDACT_NAME)
			add_pseudonym(redact, &scan, &hit, ret);
		else
			add_mark(&scan, &hit, ret);
		at = scan.done = hit.to;
	}
	buf_add(ret, text.p + scan.done, text.len - scan.done);
}

const char *redact_kind_name(enum redact_kind kind)
{
	static const char *const kinds[REDACT_KINDS] = {
		[REDACT_KEY] = "key",           [REDACT_TOKEN] = "token",
		[REDACT_PASSWORD] = "password", [REDACT_SECRET] = "secret",
		[REDACT_ENCODED] = "encoded",   [REDACT_NAME] = "name",
	};

	return kinds[kind];
}

void redact_done(struct redact *redact)
{
	buf_done(&redact->people);
	buf_done(&redact->domains);
	*redact = (struct redact){.keep_names = redact->keep_names};
}
