/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <string.h>
#include <strings.h>

#include "lib/core/cleanup.h"
#include "lib/core/guid.h"
#include "lib/core/redact.h"

#define WORD_MAX 1024 /* bytes of a URL that are searched for user information */
#define CRYPT_MIN 16 /* bytes of a hash of crypt(3) with its method */
/* Bytes that are no word of a sentence behind "Bearer " and "secret: ", and behind "token: ". */
#define SECRET_MIN 8
#define TOKEN_MIN 16
#define OPTION_MAX 64 /* bytes of an option's name */
#define PEM_MAX 65536 /* bytes between BEGIN and END */
#define PEM_LABEL_MAX 128 /* bytes of the line that ends it */
#define FINGERPRINT "SHA256:"
#define FINGERPRINT_LEN 43

#define DIGITS "0123456789"
#define BLANKS " \t"
#define ENDS " \t\r\n\f\v" /* of a word */

/* Of the text that is searched: from..to are replaced. */
struct hit {
	size_t from, to;
	enum redact_kind kind;
	size_t sign, sign_len; /* of a name: where its `@` is */
};

struct search {
	struct span text;
	size_t done; /* what is before it was copied or replaced already */
	size_t pem_end; /* the first -----END at or behind where it was looked for, or the length */
};

typedef bool find_fn(struct search *search, size_t at, struct hit *ret);

/* ---- reading at a place; beyond the end there is a NUL */

static unsigned char byte(const struct search *search, size_t at)
{
	return at < search->text.len ? search->text.p[at] : '\0';
}

static bool is_in(unsigned char c, const char *set)
{
	return c != '\0' && strchr(set, c);
}

static bool is_between(unsigned char c, unsigned char first, unsigned char last)
{
	return (unsigned)c - first <= (unsigned)last - first;
}

enum letter_class { LETTER_SIGN, LETTER_LOWER, LETTER_UPPER, LETTER_DIGIT };

static enum letter_class letter_class(unsigned char c)
{
	return is_between(c, 'a', 'z')   ? LETTER_LOWER
	       : is_between(c, 'A', 'Z') ? LETTER_UPPER
	       : is_between(c, '0', '9') ? LETTER_DIGIT
					 : LETTER_SIGN;
}

static char lower(unsigned char c)
{
	return (char)(letter_class(c) == LETTER_UPPER ? c | 0x20 : c);
}

/* A letter, a digit or one of the signs. */
static bool is_letter(unsigned char c, const char *signs)
{
	return letter_class(c) != LETTER_SIGN || is_in(c, signs);
}

static size_t skip_letters(const struct search *search, size_t at, const char *signs)
{
	while (at < search->text.len && is_letter(search->text.p[at], signs))
		at++;
	return at;
}

static size_t skip(const struct search *search, size_t at, const char *set)
{
	while (is_in(byte(search, at), set))
		at++;
	return at;
}

/* The end of what holds none of the set. */
static size_t until(const struct search *search, size_t at, const char *set, size_t max)
{
	size_t end = max < search->text.len - at ? at + max : search->text.len;

	while (at < end && !is_in(search->text.p[at], set))
		at++;
	return at;
}

static bool starts(const struct search *search, size_t at, const char *word)
{
	size_t len = strlen(word);

	return len <= search->text.len - at &&
	       strncasecmp((const char *)search->text.p + at, word, len) == 0;
}

static size_t find_text(const struct search *search, size_t at, const char *what)
{
	struct span rest = search->text, before;
	const unsigned char *found = NULL;

	if (span_take(&rest, at, &before) && rest.len)
		found = memmem(rest.p, rest.len, what, strlen(what));
	return found ? (size_t)(found - search->text.p) : search->text.len;
}

static size_t last_at_sign(const struct search *search, size_t from, size_t to)
{
	while (to > from && search->text.p[to - 1] != '@')
		to--;
	return to > from ? to - 1 : search->text.len;
}

static bool has_at_sign(const struct search *search, size_t at)
{
	struct span rest = search->text, before;

	return span_take(&rest, at, &before) && rest.len &&
	       memchr(rest.p, '@', rest.len < WORD_MAX ? rest.len : WORD_MAX);
}

static bool hit(struct hit *ret, size_t from, size_t to, enum redact_kind kind)
{
	*ret = (struct hit){.from = from, .to = to, .kind = kind};
	return from < to;
}

/* ---- PEM */

#define PEM_SIGNS "+/=\r\\" /* JSON writes the end of a line as \n */

/* Whole lines of nothing but its letters, and of what its headers have besides. */
static size_t skip_pem_lines(const struct search *search, size_t at)
{
	size_t end = at;

	while (at < search->text.len) {
		at = skip_letters(search, at, PEM_SIGNS BLANKS ":,-");
		if (at < search->text.len && search->text.p[at] != '\n')
			return end;
		end = at < search->text.len ? ++at : at;
	}
	return end;
}

static size_t pem_lines_before(const struct search *search, size_t at)
{
	size_t begin = at;

	while (at > search->done && is_letter(search->text.p[at - 1], PEM_SIGNS "\n")) {
		at--;
		if (at == search->done || search->text.p[at - 1] == '\n')
			begin = at;
	}
	return begin;
}

static bool find_pem(struct search *search, size_t at, struct hit *ret)
{
	bool begins = starts(search, at, "-----BEGIN ");
	size_t end, line;

	if (!begins && !starts(search, at, "-----END "))
		return false;
	if (search->pem_end <= at)
		search->pem_end = find_text(search, at, "-----END ");
	if (begins && (search->pem_end == search->text.len || search->pem_end - at > PEM_MAX))
		return hit(ret, at, skip_pem_lines(search, until(search, at, "\n", PEM_MAX)),
			   REDACT_KEY);
	end = find_text(search, search->pem_end + strlen("-----END "), "-----");
	line = until(search, search->pem_end, "\r\n", PEM_LABEL_MAX);
	end = end < line ? end + strlen("-----") : line;
	return hit(ret, begins ? at : pem_lines_before(search, at), end, REDACT_KEY);
}

/* ---- user information */

#define WORD_ENDS ENDS "\"<>"

/*
 * A password may hold what should have been escaped.  So the last sign counts, where there is one
 * in the place for it, or what is before the slash is no port.
 */
static bool find_userinfo(struct search *search, size_t at, struct hit *ret)
{
	size_t from = at + strlen("://"), end, authority, sign, port;

	if (!starts(search, at, "://") || !has_at_sign(search, from))
		return false;
	end = until(search, from, WORD_ENDS, WORD_MAX);
	sign = last_at_sign(search, from, end);
	authority = until(search, from, WORD_ENDS "/?#", WORD_MAX);
	port = until(search, from, ":", authority - from);
	if (sign >= end || (last_at_sign(search, from, authority) >= authority &&
			    (port == authority || skip(search, port + 1, DIGITS) == authority)))
		return false;
	return hit(ret, from, sign, REDACT_PASSWORD);
}

#define NAME_SIGNS "._-+'!#^~"

static bool is_name_byte(unsigned char c)
{
	return c >= 0x80 || is_letter(c, NAME_SIGNS);
}

/* What stands between the colon and the `@` may be a name all the same. */
static bool is_named(const struct search *search, size_t from, size_t sign)
{
	size_t host = skip_letters(search, sign + 1, ".-");
	bool replaced = starts(search, from, "person-") && starts(search, sign, "@domain-");

	for (size_t i = from; i < sign; i++)
		if (!is_name_byte(search->text.p[i]))
			return false;
	return (replaced || memchr(search->text.p + sign, '.', host - sign)) &&
	       !(byte(search, host) == ':' && is_in(byte(search, host + 1), DIGITS));
}

/* USER:PASSWORD@HOST without a scheme. */
static bool find_password(struct search *search, size_t at, struct hit *ret)
{
	size_t end, sign;

	if (search->text.p[at] != ':' || at == 0 || !is_name_byte(search->text.p[at - 1]) ||
	    is_in(byte(search, at + 1), "/:") || !has_at_sign(search, at))
		return false;
	end = until(search, at + 1, WORD_ENDS "/", WORD_MAX);
	sign = last_at_sign(search, at + 1, end);
	return sign < end && !is_named(search, at + 1, sign) &&
	       hit(ret, at + 1, sign, REDACT_PASSWORD);
}

/* ---- what has a name */

enum value_rule {
	WORD, /* the word behind `=` or `:`, or what is in quotes */
	PROSE, /* so, but behind `: ` only what is no word of a sentence */
	ASSIGNED, /* behind `=`, and in quotes */
	LINE, /* all of the line */
};

/* The end of a name; what is before it does not matter. */
static const struct {
	const char *name;
	enum value_rule rule;
	enum redact_kind kind;
} names[] = {
	{"authorization", LINE, REDACT_TOKEN},
	{"cookie", LINE, REDACT_TOKEN},
	{"password", WORD, REDACT_PASSWORD},
	{"passphrase", WORD, REDACT_PASSWORD},
	{"passwd", ASSIGNED, REDACT_PASSWORD}, /* `passwd: files` and `NOPASSWD: ALL` stay */
	{"pass", ASSIGNED, REDACT_PASSWORD},
	{"pwd", ASSIGNED, REDACT_PASSWORD},
	{"pw", ASSIGNED, REDACT_PASSWORD},
	{"token", PROSE, REDACT_TOKEN},
	{"assertion", PROSE, REDACT_TOKEN},
	{"secret", PROSE, REDACT_SECRET},
	{"credential", PROSE, REDACT_SECRET},
	{"credentials", PROSE, REDACT_SECRET},
	{"protectedSettings", WORD, REDACT_SECRET},
	{"accesskey", WORD, REDACT_SECRET},
	{"access_key", WORD, REDACT_SECRET},
	{"accountkey", WORD, REDACT_SECRET},
	{"apikey", WORD, REDACT_SECRET},
	{"api_key", WORD, REDACT_SECRET},
	{"api-key", WORD, REDACT_SECRET},
	{"private_key", WORD, REDACT_SECRET},
	{"privatekey", WORD, REDACT_SECRET},
	{"sharedkey", WORD, REDACT_SECRET},
	{"sig", ASSIGNED, REDACT_SECRET},
};

/* A quote, which JSON within JSON escapes: its length, 0 for none. */
static size_t quote_at(const struct search *search, size_t at)
{
	size_t slashes = skip(search, at, "\\") - at;

	return is_in(byte(search, at + slashes), "\"'") ? slashes + 1 : 0;
}

/* Behind `"` is what ends before the next one that as many backslashes escape. */
static size_t quoted_end(const struct search *search, size_t at, size_t len)
{
	const unsigned char *quote = search->text.p + at - len;

	while (at < search->text.len && search->text.p[at] != '\n') {
		size_t slashes = skip(search, at, "\\") - at;

		if (slashes + 1 == len && byte(search, at + slashes) == quote[len - 1])
			return at;
		at += slashes;
		at += at < search->text.len && search->text.p[at] != '\n';
	}
	return at;
}

/* Is it a word of a sentence, that may begin with a capital? */
static bool is_word(const struct search *search, size_t from, size_t to, size_t min)
{
	bool random = false;

	for (size_t i = from; i < to; i++) {
		unsigned char c = search->text.p[i];

		random |= letter_class(c) == LETTER_DIGIT || is_in(c, "_=+/$%") ||
			  (letter_class(c) == LETTER_UPPER && i > from);
	}
	return !random || to - from < min;
}

/* Is what ends there the name of an option, "--name"? */
static bool is_option(const struct search *search, size_t end)
{
	size_t from = end;

	while (from > search->done && end - from < OPTION_MAX &&
	       is_letter(search->text.p[from - 1], "-_"))
		from--;
	return starts(search, from, "--");
}

/* "--password hunter2" of a command line, where no other option follows. */
static bool find_argument(const struct search *search, size_t at, enum redact_kind kind,
			  struct hit *ret)
{
	size_t from = skip(search, at, BLANKS), len = quote_at(search, from), end;

	if (from == at || byte(search, from) == '-' || !is_option(search, at))
		return false;
	end = len ? quoted_end(search, from + len, len) : until(search, from, ENDS "\"", SIZE_MAX);
	return hit(ret, from + len, end, kind);
}

static bool find_value(const struct search *search, size_t at, size_t row, struct hit *ret)
{
	enum value_rule rule = names[row].rule;
	enum redact_kind kind = names[row].kind;
	size_t from, len = quote_at(search, at);
	bool colon, apart;

	if (find_argument(search, at, kind, ret))
		return true;
	at = skip(search, at + len, BLANKS);
	colon = byte(search, at) == ':';
	if (!colon && byte(search, at) != '=')
		return false;
	from = skip(search, at + 1, BLANKS);
	apart = from > at + 1;
	len = quote_at(search, from);
	if (len)
		return hit(ret, from + len, quoted_end(search, from + len, len), kind);
	if (rule == LINE)
		return hit(ret, from, until(search, from, "\r\n", SIZE_MAX), kind);
	if (colon && rule == ASSIGNED)
		return false;
	at = until(search, from, ENDS "\"", SIZE_MAX);
	if (colon && apart && rule == PROSE &&
	    is_word(search, from, at, kind == REDACT_TOKEN ? TOKEN_MIN : SECRET_MIN))
		return false;
	return hit(ret, from, at, kind);
}

static bool find_named(struct search *search, size_t at, struct hit *ret)
{
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (starts(search, at, names[i].name) &&
		    find_value(search, at + strlen(names[i].name), i, ret))
			return true;
	return false;
}

/* ---- tokens and hashes */

static bool begins_word(const struct search *search, size_t at)
{
	return at == search->done || !is_letter(search->text.p[at - 1], "");
}

static bool find_scheme(struct search *search, size_t at, struct hit *ret)
{
	size_t len = starts(search, at, "bearer") ? 6 : starts(search, at, "basic") ? 5 : 0;
	size_t from = skip(search, at + len, BLANKS);
	size_t end = until(search, from, ENDS "\"'", SIZE_MAX);

	if (len == 0 || from == at + len || is_word(search, from, end, SECRET_MIN))
		return false;
	return begins_word(search, at) && hit(ret, from, end, REDACT_TOKEN);
}

static bool find_jwt(struct search *search, size_t at, struct hit *ret)
{
	size_t end;

	if (byte(search, at + 1) != 'y' || byte(search, at + 2) != 'J' || !begins_word(search, at))
		return false;
	end = skip_letters(search, at, "-_.=");
	return end - at > strlen("eyJ") && hit(ret, at, end, REDACT_TOKEN);
}

static bool find_crypt(struct search *search, size_t at, struct hit *ret)
{
	size_t method = skip_letters(search, at + 1, ""), end;

	if (search->text.p[at] != '$' || method == at + 1 || byte(search, method) != '$')
		return false;
	end = skip_letters(search, at, "./$=,");
	return end - at >= CRYPT_MIN && hit(ret, at, end, REDACT_PASSWORD);
}

/* ---- what is random */

#define BLOB_SIGNS "+/_-%"

static bool is_guid(const struct search *search, size_t at)
{
	char text[GUID_LEN];

	if (search->text.len - at < GUID_LEN || byte(search, at + 8) != '-')
		return false;
	for (size_t i = 0; i < GUID_LEN; i++)
		text[i] = lower(search->text.p[at + i]);
	return guid_valid((struct span){.p = (const unsigned char *)text, .len = GUID_LEN});
}

/*
 * Of two letters of base64 that follow each other 64 in 100 are of different kinds, in words and
 * paths 10, in UUIDs 50; hashes have no capitals.  Of 32 random ones a run under 35 in 100, where
 * it is passed over, is one in ten thousand.
 */
static bool is_random(const struct search *search, size_t from, size_t to)
{
	size_t seen[4] = {0}, changes = 0, len = 0;

	for (size_t i = from; i < to; i++, len++) {
		enum letter_class class = letter_class(search->text.p[i]);

		if (is_guid(search, i)) {
			i += GUID_LEN - 1;
			continue;
		}
		seen[class]++;
		changes += i > from && class != letter_class(search->text.p[i - 1]);
	}
	return len >= REDACT_BLOB_MIN && seen[LETTER_LOWER] && seen[LETTER_UPPER] &&
	       changes * 100 >= len * 35;
}

static bool is_fingerprint(const struct search *search, size_t from, size_t to)
{
	size_t len = strlen(FINGERPRINT);

	return to - from == FINGERPRINT_LEN && from >= len &&
	       memcmp(search->text.p + from - len, FINGERPRINT, len) == 0;
}

static bool find_blob(struct search *search, size_t at, struct hit *ret)
{
	size_t end;

	if (at > search->done && is_letter(search->text.p[at - 1], BLOB_SIGNS))
		return false;
	end = skip_letters(search, at, BLOB_SIGNS);
	if (end - at < REDACT_BLOB_MIN || is_fingerprint(search, at, end) ||
	    !is_random(search, at, end))
		return false;
	return hit(ret, at, skip(search, end, "="), REDACT_ENCODED);
}

/* ---- names */

/* What has the form of a name and is none: algorithms of SSH, and units of systemd. */
static const char *const no_domains[] = {
	"openssh.com", "libssh.org", "tinyssh.org", ".service", ".socket",
	".slice",      ".scope",     ".target",     ".timer",   ".mount",
};

static bool is_no_domain(struct span domain)
{
	for (size_t i = 0; i < ARRAY_LEN(no_domains); i++) {
		size_t len = strlen(no_domains[i]);

		if (len <= domain.len &&
		    strncasecmp((const char *)domain.p + domain.len - len, no_domains[i], len) ==
			    0 &&
		    (no_domains[i][0] == '.' || len == domain.len))
			return true;
	}
	return false;
}

/* `@`, or what URLs write for it: its length, 0 for none. */
static size_t sign_at(const struct search *search, size_t at)
{
	return byte(search, at) == '@' ? 1 : starts(search, at, "%40") ? 3 : 0;
}

/* The last label may be followed by the full stop of a sentence. */
static size_t domain_end(const struct search *search, size_t at)
{
	while (byte(search, at) >= 0x80 || is_letter(byte(search, at), ".-"))
		at++;
	while (is_in(byte(search, at - 1), ".-"))
		at--;
	return at;
}

static bool is_domain(const struct search *search, size_t from, size_t to)
{
	struct span domain = {.p = search->text.p + from, .len = to - from};

	return from < to && memchr(domain.p, '.', domain.len) && !is_no_domain(domain);
}

/* All signs up to the last before a domain belong to it: a@b@c.d is one name. */
static bool find_name(struct search *search, size_t at, struct hit *ret)
{
	size_t from = skip(search, at, "._-+'!#^~@"), len;
	bool found = false;

	if (at > search->done &&
	    (is_name_byte(search->text.p[at - 1]) || search->text.p[at - 1] == '@'))
		return false;
	for (at = from; (len = sign_at(search, at)) || is_name_byte(byte(search, at));
	     at += len ? len : 1) {
		size_t end = len ? domain_end(search, at + len) : 0;

		if (len == 0 || at == from || !is_domain(search, at + len, end))
			continue;
		*ret = (struct hit){from, end, REDACT_NAME, .sign = at, .sign_len = len};
		found = true;
	}
	return found;
}

/* ---- replacing */

/* The number of a line, which is added when it is not there. */
static size_t number_of(struct buf *lines, struct span word)
{
	struct span rest = buf_bytes(lines), line;
	AUTO_BUF key = {0};
	size_t n = 1;

	for (size_t i = 0; i < word.len; i++) {
		char c = lower(word.p[i]);

		buf_add(&key, &c, 1);
	}
	for (; span_line(&rest, &line); n++)
		if (span_eq(line, buf_bytes(&key)))
			return n;
	buf_span(lines, buf_bytes(&key));
	buf_str(lines, "\n");
	lines->failed |= key.failed;
	return n;
}

static void add_pseudonym(struct redact *redact, const struct search *search, const struct hit *hit,
			  struct buf *ret)
{
	struct span name = {.p = search->text.p + hit->from, .len = hit->sign - hit->from};
	size_t domain = hit->sign + hit->sign_len;
	AUTO_BUF whole = {0};

	buf_span(&whole, name);
	buf_str(&whole, "@");
	name = (struct span){.p = search->text.p + domain, .len = hit->to - domain};
	buf_span(&whole, name);
	buf_printf(ret, "person-%zu@domain-%zu", number_of(&redact->people, buf_bytes(&whole)),
		   number_of(&redact->domains, name));
	ret->failed |= whole.failed || redact->people.failed || redact->domains.failed;
}

/* By its first byte; the first in the table that finds something counts. */
static const struct {
	const char *first; /* NULL: any */
	find_fn *find;
} rules[] = {
	{"-", find_pem},     {":", find_userinfo}, {":", find_password}, {"AaCcPpSsTt", find_named},
	{"Bb", find_scheme}, {"e", find_jwt},      {"$", find_crypt},    {NULL, find_blob},
	{NULL, find_name},
};

static bool find(const struct redact *redact, struct search *search, size_t at, struct hit *ret)
{
	for (size_t i = 0; i < ARRAY_LEN(rules); i++)
		if ((!rules[i].first || is_in(search->text.p[at], rules[i].first)) &&
		    !(redact->keep_names && rules[i].find == find_name) &&
		    rules[i].find(search, at, ret))
			return true;
	return false;
}

void redact_text(struct redact *redact, struct span text, struct buf *ret)
{
	struct search search = {.text = text};

	for (size_t at = 0; at < text.len;) {
		struct hit hit;

		if (!find(redact, &search, at, &hit)) {
			at++;
			continue;
		}
		buf_add(ret, text.p + search.done, hit.from - search.done);
		redact->counts[hit.kind]++;
		if (hit.kind == REDACT_NAME)
			add_pseudonym(redact, &search, &hit, ret);
		else
			buf_printf(ret, "[%s-removed]", redact_kind_name(hit.kind));
		at = search.done = hit.to;
	}
	buf_add(ret, text.p + search.done, text.len - search.done);
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
