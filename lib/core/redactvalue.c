/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <string.h>

#include "lib/core/cleanup.h"
#include "lib/core/redactvalue.h"

#define TOKEN_MIN 16 /* as SECRET_MIN, behind "token: " */
#define NUMBER_MIN 4 /* digits of a password that is a number */
#define TITLE_MAX 64 /* bytes of an option, a header or a tag */

enum value_rule {
	WORD, /* the word behind `=` or `:`, or what is in quotes */
	PROSE, /* so, but behind `: ` only what is no word of a sentence */
	ASSIGNED, /* behind `=`, and in quotes */
	NO_PATH, /* so, but for a path */
	LINE, /* all of the line, or of the quotes around it */
};

/* The end of a name; what is before it does not matter.  A hyphen may be missing, or be a `_`; an
 * `s` behind it makes it PROSE. */
static const struct {
	const char *name;
	enum value_rule rule;
	enum redact_kind kind;
} names[] = {
	{"authorization", LINE, REDACT_TOKEN},
	{"cookie", LINE, REDACT_TOKEN},
	{"password", WORD, REDACT_PASSWORD},
	{"pass-phrase", WORD, REDACT_PASSWORD},
	{"passwd", ASSIGNED, REDACT_PASSWORD}, /* `passwd: files` and `NOPASSWD: ALL` stay */
	{"pass", ASSIGNED, REDACT_PASSWORD},
	{"pwd", NO_PATH, REDACT_PASSWORD}, /* sudo and shells have PWD=/root */
	{"pw", ASSIGNED, REDACT_PASSWORD},
	{"token", PROSE, REDACT_TOKEN},
	{"assertion", PROSE, REDACT_TOKEN},
	{"bearer", PROSE, REDACT_TOKEN},
	{"device-code", ASSIGNED, REDACT_TOKEN},
	{"secret", PROSE, REDACT_SECRET},
	{"credential", PROSE, REDACT_SECRET},
	{"protectedSettings", WORD, REDACT_SECRET},
	{"access-key", WORD, REDACT_SECRET},
	{"account-key", WORD, REDACT_SECRET},
	{"api-key", WORD, REDACT_SECRET},
	{"functions-key", WORD, REDACT_SECRET},
	{"private-key", WORD, REDACT_SECRET},
	{"shared-key", WORD, REDACT_SECRET},
	{"subscription-key", WORD, REDACT_SECRET},
	{"workspace-key", WORD, REDACT_SECRET},
	{"sig", ASSIGNED, REDACT_SECRET},
};

bool redact_is_word(const struct scan *scan, size_t from, size_t to, size_t min)
{
	bool random = false;

	for (size_t i = from; i < to; i++) {
		unsigned char c = scan->text.p[i];

		random |= scan_class(c) == LETTER_DIGIT || scan_is_in(c, "_=+/$%") ||
			  (scan_class(c) == LETTER_UPPER && i > from);
	}
	return !random || to - from < min;
}

/* ---- arguments of a command line */

/*
 * Where the one behind this begins: behind blanks, or in the next quotes of a list.  `at` itself
 * when there is none.
 */
static size_t next_argument(const struct scan *scan, size_t at)
{
	size_t quote = scan_quote(scan, at), from = scan_skip(scan, at + quote, SCAN_BLANKS);

	if (from > at + quote)
		return from;
	if (!quote || scan_byte(scan, from) != ',')
		return at;
	from = scan_skip(scan, from + 1, SCAN_ENDS);
	return scan_quote(scan, from) ? from : at;
}

/*
 * No other option, no key of JSON, no uid:gid, and what is wanted is in it, which may be NULL:
 * anything.
 */
static bool find_argument(const struct scan *scan, size_t from, const char *wanted,
			  enum redact_kind kind, struct hit *ret)
{
	size_t len = scan_quote(scan, from), end;

	from += len;
	if (scan_byte(scan, from) == '-')
		return false;
	end = len ? scan_quoted(scan, from, from - len, len)
		  : scan_until(scan, from, SCAN_ENDS "\"", SIZE_MAX);
	if (len && scan_byte(scan, scan_skip(scan, end + len, SCAN_BLANKS)) == ':')
		return false;
	if (wanted && (scan_skip(scan, from, SCAN_DIGITS ":") >= end ||
		       !memmem(scan->text.p + from, end - from, wanted, strlen(wanted))))
		return false;
	return scan_hit(ret, from, end, kind);
}

/* Those that are secret without being called so.  programs: how their names begin. */
static const struct option {
	const char *program; /* NULL: any */
	const char *option; /* "-pX": only what is attached to it */
	const char *wanted; /* in its argument, NULL: anything */
	enum redact_kind kind;
} options[] = {
	{NULL, "--user", ":", REDACT_PASSWORD},      {NULL, "--proxy-user", ":", REDACT_PASSWORD},
	{NULL, "--auth", ":", REDACT_PASSWORD},      {NULL, "-pass", "pass:", REDACT_PASSWORD},
	{NULL, "-passin", "pass:", REDACT_PASSWORD}, {NULL, "-passout", "pass:", REDACT_PASSWORD},
	{"curl", "-u", ":", REDACT_PASSWORD},        {"curl", "-U", ":", REDACT_PASSWORD},
	{"curl", "-b", "=", REDACT_TOKEN},           {"curl", "-E", ":", REDACT_PASSWORD},
	{"curl", "--cert", ":", REDACT_PASSWORD},    {"sshpass", "-p", NULL, REDACT_PASSWORD},
	{"ssh-keygen", "-N", NULL, REDACT_PASSWORD}, {"ssh-keygen", "-P", NULL, REDACT_PASSWORD},
	{"login", "-p", NULL, REDACT_PASSWORD}, /* of az, docker, podman */
	{"useradd", "-p", NULL, REDACT_PASSWORD},    {"usermod", "-p", NULL, REDACT_PASSWORD},
	{"ldap", "-w", NULL, REDACT_PASSWORD},       {"smbclient", "-U", "%", REDACT_PASSWORD},
	{"net", "-U", "%", REDACT_PASSWORD},         {"sqlcmd", "-P", NULL, REDACT_PASSWORD},
	{"mysql", "-pX", NULL, REDACT_PASSWORD},     {"mariadb", "-pX", NULL, REDACT_PASSWORD},
};

void redact_follow(struct scan *scan, size_t at)
{
	unsigned char c = scan->text.p[at];

	if (c == '\n' && (at == 0 || scan->text.p[at - 1] != '\\'))
		scan->program = NULL;
	if (scan_class(c) == LETTER_SIGN || scan_is_letter(scan_letter_before(scan, at), ""))
		return;
	for (size_t i = 0; i < ARRAY_LEN(options); i++)
		if (options[i].program && scan_starts(scan, at, options[i].program))
			scan->program = options[i].program;
}

/* Behind the name of an option; 0: no argument follows. */
static size_t argument_of(const struct scan *scan, size_t end)
{
	size_t from = scan_byte(scan, end) == '=' ? end + 1 : next_argument(scan, end);

	return from > end ? from : 0;
}

#define ARGUMENT_SIGNS "$!#%&*+/=?@^_~" /* that no sentence has behind an option */

/* "-uARGUMENT", "-u'ARGUMENT'"; 0: none is attached. */
static size_t attached_argument(const struct scan *scan, size_t at, unsigned char letter)
{
	bool quoted = at > scan->done && scan_is_in(scan->text.p[at - 1], "\"'");
	size_t from = at + 2;

	return scan_byte(scan, at + 1) == letter &&
			       (scan_is_letter(scan_byte(scan, from), ARGUMENT_SIGNS) ||
				(!quoted && scan_quote(scan, from)))
		       ? from
		       : 0;
}

/* "-u ARGUMENT", "-sSu ARGUMENT" */
static size_t next_of_short(const struct scan *scan, size_t at, unsigned char letter)
{
	size_t end = scan_skip_letters(scan, at + 1, "");
	size_t from = scan_byte(scan, end - 1) == letter ? next_argument(scan, end) : end;

	return from > end ? from : 0;
}

static size_t short_argument(const struct scan *scan, size_t at, const struct option *option)
{
	unsigned char letter = (unsigned char)option->option[1];
	size_t from = attached_argument(scan, at, letter);

	return from || option->option[2] ? from : next_of_short(scan, at, letter);
}

bool redact_find_option(struct scan *scan, size_t at, struct hit *ret)
{
	if (scan_is_letter(scan_letter_before(scan, at), "-"))
		return false;
	for (size_t i = 0; i < ARRAY_LEN(options); i++) {
		const struct option *o = &options[i];
		size_t from = 0;

		if (o->program && (!scan->program || strcmp(o->program, scan->program) != 0))
			continue;
		if (!o->option[2] || o->option[2] == 'X')
			from = short_argument(scan, at, o);
		else if (scan_starts(scan, at, o->option))
			from = argument_of(scan, at + strlen(o->option));
		if (!from || !find_argument(scan, from, o->wanted, o->kind, ret))
			continue;
		if (from == at + 2 && at > scan->done && scan->text.p[at - 1] == '\'')
			ret->to = scan_until(scan, from + 1, "'", ret->to - from - 1);
		return true;
	}
	return false;
}

/* ---- netrc(5), which curl, wget, ftp, git and apt read */

#define NETRC_PAIRS 3 /* machine, login, account */
#define NETRC_WORD_MAX 256

/* The word that ends before there, across lines; what was replaced already counts, too. */
static struct span word_before(const struct scan *scan, size_t *at)
{
	size_t end = *at;

	while (end > 0 && *at - end < NETRC_WORD_MAX &&
	       scan_is_in(scan->text.p[end - 1], SCAN_ENDS))
		end--;
	*at = end;
	while (*at > 0 && end - *at < NETRC_WORD_MAX &&
	       !scan_is_in(scan->text.p[*at - 1], SCAN_ENDS))
		(*at)--;
	return (struct span){scan->text.p + *at, end - *at};
}

static bool is_of_netrc(const struct scan *scan, size_t at)
{
	for (int i = 0; i < NETRC_PAIRS; i++) {
		struct span value = word_before(scan, &at);
		struct span key = word_before(scan, &at);

		if (span_is(key, "machine") || span_is(value, "default"))
			return true;
		if (!span_is(key, "login") && !span_is(key, "account"))
			return false;
	}
	return false;
}

bool redact_find_netrc(struct scan *scan, size_t at, struct hit *ret)
{
	size_t len = strlen(scan_starts(scan, at, "password") ? "password" : "passwd");
	size_t from = scan_skip(scan, at + len, SCAN_ENDS), quote = scan_quote(scan, from);

	if (!scan_starts(scan, at, "passw") || from == at + len || at == 0 ||
	    !scan_is_in(scan->text.p[at - 1], SCAN_ENDS) || !is_of_netrc(scan, at))
		return false;
	return scan_hit(ret, from + quote,
			quote ? scan_quoted(scan, from + quote, from, quote)
			      : scan_until(scan, from, SCAN_ENDS, SIZE_MAX),
			REDACT_PASSWORD);
}

/* ---- values */

struct value {
	enum value_rule rule;
	enum redact_kind kind;
	bool plural;
	size_t word; /* where the name of the table begins, */
	size_t name, end; /* and all of it */
	size_t key; /* bytes of the quote that ends the name, 0: none */
	bool colon; /* and no `=` */
	bool apart; /* from the sign */
	size_t from; /* the value's first byte */
};

/* 0 when it is another name. */
static size_t name_end(const struct scan *scan, size_t at, const char *name)
{
	for (; *name; name++) {
		if (*name == '-')
			at += scan_is_in(scan_byte(scan, at), "-_");
		else if (scan_lower(scan_byte(scan, at)) == scan_lower((unsigned char)*name))
			at++;
		else
			return 0;
	}
	return at;
}

/* "--name ARGUMENT" */
static bool find_named_argument(const struct scan *scan, const struct value *value, struct hit *ret)
{
	size_t from = next_argument(scan, value->end);

	return from > value->end && scan_starts(scan, value->name, "--") &&
	       find_argument(scan, from, NULL, value->kind, ret);
}

/* <UserPassword>VALUE</UserPassword> */
static bool find_tagged(const struct scan *scan, const struct value *value, struct hit *ret)
{
	size_t tag = scan_back(scan, value->name, "-_:", TITLE_MAX), len = value->end - tag;
	size_t from = value->end + 1, end;

	if (scan_byte(scan, value->end) != '>' || tag == scan->done ||
	    scan_byte(scan, tag - 1) != '<')
		return false;
	end = scan_until(scan, from, "<\n", SIZE_MAX);
	return scan_starts(scan, end, "</") && len <= scan->text.len - end - 2 &&
	       memcmp(scan->text.p + end + 2, scan->text.p + tag, len) == 0 &&
	       scan_hit(ret, from, end, value->kind);
}

/* Find where the value begins: behind `:`, `=`, `=>`, `:=`.  URLs escape the sign. */
static bool find_sign(const struct scan *scan, struct value *value)
{
	size_t at = scan_skip(scan, value->end + value->key, SCAN_BLANKS), len;
	unsigned char c;

	len = scan_letter(scan, at, &c);
	value->colon = c == ':';
	at = scan_skip(scan, at + len, "=>");
	value->from = scan_skip(scan, at, SCAN_BLANKS);
	value->apart = value->from > at;
	return len && scan_is_in(c, ":=") && !(value->colon && scan_byte(scan, at) == ':');
}

/* Of a header in quotes what is in them: -H "Cookie: a; b" */
static size_t line_end(const struct scan *scan, const struct value *value)
{
	size_t quote = value->name;

	if (quote > scan->done && scan_is_in(scan->text.p[quote - 1], "\"'"))
		quote--;
	while (quote > scan->done && quote < value->name && scan->text.p[quote - 1] == '\\')
		quote--;
	return quote < value->name ? scan_quoted(scan, value->from, quote, value->name - quote)
				   : scan_until(scan, value->from, "\r\n", SIZE_MAX);
}

/* Nothing, what has two values, a number of tokens, and one that tells of a state are no secrets.
 */
static bool is_harmless(const struct scan *scan, const struct value *value)
{
	static const char *const constants[] = {"true", "false", "null", "none"};
	size_t from = value->from, end = scan_until(scan, from, SCAN_ENDS ",]}", TITLE_MAX);
	struct span word = {scan->text.p + from, end - from};

	if (value->key && scan_is_in(scan_byte(scan, from), "[{") &&
	    scan_is_in(scan_byte(scan, scan_skip(scan, from + 1, SCAN_ENDS)), "]}"))
		return true;
	if ((value->plural || (value->key && end - from < NUMBER_MIN)) &&
	    scan_skip(scan, from, SCAN_DIGITS) >= end)
		return true;
	for (size_t i = 0; value->key && i < ARRAY_LEN(constants); i++)
		if (span_is_nocase(word, constants[i]))
			return true;
	return false;
}

/* Brackets and numbers of JSON become a string, in quotes as its key has them. */
static bool find_json(const struct scan *scan, const struct value *value, struct hit *ret)
{
	size_t from = value->from, end = scan_skip(scan, from, SCAN_DIGITS "-+.eE");

	if (scan_is_in(scan_byte(scan, from), "[{"))
		end = scan_brackets(scan, from, value->key);
	else if (!scan_is_in(scan_byte(scan, end), SCAN_ENDS ",]}"))
		return false;
	if (!scan_hit(ret, from, end, value->kind))
		return false;
	ret->quote = value->end;
	ret->quote_len = value->key;
	return true;
}

/*
 * A word, and where brackets begin with it, all of them: what is in quotes there is no sentence.
 */
static bool find_word(const struct scan *scan, const struct value *value, struct hit *ret)
{
	bool header = value->word > value->name && scan->text.p[value->word - 1] == '-';
	bool quoted = value->name > scan->done && scan->text.p[value->name - 1] == '\'';
	size_t min = value->kind == REDACT_TOKEN && !header ? TOKEN_MIN : SECRET_MIN;
	size_t from = value->from, end, all = 0;
	bool brackets = scan_is_in(scan_byte(scan, from), "[{");

	if (value->colon && (value->rule == ASSIGNED || value->rule == NO_PATH))
		return false;
	end = scan_until(scan, from, quoted ? SCAN_ENDS "\"'" : SCAN_ENDS "\"", SIZE_MAX);
	if (value->colon && value->apart && value->rule == PROSE &&
	    !(brackets && scan_quote(scan, scan_skip(scan, from, SCAN_BLANKS "[{"))) &&
	    redact_is_word(scan, from, end, min))
		return false;
	if (brackets)
		all = scan_brackets(scan, from, 0);
	return scan_hit(ret, from, all > end ? all : end, value->kind);
}

static bool find_value(const struct scan *scan, struct value *value, struct hit *ret)
{
	size_t len, from;

	if (find_named_argument(scan, value, ret) || find_tagged(scan, value, ret))
		return true;
	if (!find_sign(scan, value))
		return false;
	len = scan_quote(scan, value->from);
	from = value->from + len;
	if (value->rule == NO_PATH && scan_byte(scan, from) == '/')
		return false;
	if (len)
		return scan_hit(ret, from, scan_quoted(scan, from, value->from, len), value->kind);
	if (is_harmless(scan, value))
		return false;
	if (value->key && find_json(scan, value, ret))
		return true;
	if (value->rule == LINE)
		return scan_hit(ret, from, line_end(scan, value), value->kind);
	return find_word(scan, value, ret);
}

bool redact_find_named(struct scan *scan, size_t at, struct hit *ret)
{
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		struct value value = {.rule = names[i].rule, .kind = names[i].kind, .word = at};

		value.end = name_end(scan, at, names[i].name);
		if (!value.end)
			continue;
		value.plural = value.rule != ASSIGNED && value.rule != NO_PATH &&
			       scan_lower(scan_byte(scan, value.end)) == 's';
		if (value.plural) {
			value.end++;
			value.rule = PROSE;
		}
		value.name = scan_back(scan, at, "-_", TITLE_MAX);
		value.key = scan_quote(scan, value.end);
		if (find_value(scan, &value, ret))
			return true;
	}
	return false;
}
