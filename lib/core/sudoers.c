/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/core/name.h"
#include "lib/core/sudoers.h"

int sudoers_format(const char *admin_group, bool edit, struct buf *ret, struct err *err)
{
	AUTO_BUF out = {0};

	if (!name_admin_group_valid(span_of(admin_group)))
		return err_set(err, EINVAL, "%.64s cannot be the administrators' group",
			       admin_group);
	buf_printf(&out,
		   "# Written by aadsshlogin.  PAM asks Entra each time, whoever is in the group.\n"
		   "%%%s ALL=(ALL) NOPASSWD:ALL%s\n",
		   admin_group, edit ? "" : ", !sudoedit");
	if (buf_ok(&out, err) < 0)
		return -err->code;
	buf_move(ret, &out);
	return 0;
}

/* Bytes of the blank that the text begins with; a continued line's end is one.  0: it is none. */
static size_t blank_len(struct span in)
{
	size_t len = 1;

	if (in.len && (in.p[0] == ' ' || in.p[0] == '\t' || in.p[0] == '\r'))
		return 1;
	if (in.len == 0 || in.p[0] != '\\')
		return 0;
	while (len < in.len && (in.p[len] == ' ' || in.p[len] == '\t' || in.p[len] == '\r'))
		len++;
	return len < in.len && in.p[len] == '\n' ? len + 1 : 0;
}

static struct span from(struct span in, size_t at)
{
	return (struct span){.p = in.p + at, .len = in.len - at};
}

/* Bytes of the string in quotes, 0: none.  Sudo looks one byte back for a backslash, no further. */
static size_t quoted_len(struct span in)
{
	if (in.len == 0 || in.p[0] != '"')
		return 0;
	for (size_t i = 1; i < in.len && in.p[i] != '\n'; i++) {
		size_t blank = blank_len(from(in, i));

		if (in.p[i] == '"' && in.p[i - 1] != '\\')
			return i + 1;
		i += blank ? blank - 1 : 0;
	}
	return 0;
}

/* Bytes before one of stops; what follows a backslash is none. */
static size_t word_len(struct span in, const char *stops)
{
	size_t len = 0;

	while (len < in.len && !strchr(stops, in.p[len])) {
		bool escapes = in.p[len] == '\\' && len + 1 < in.len;

		if (escapes && (in.p[len + 1] == '\r' || in.p[len + 1] == '\n'))
			break;
		len += escapes ? 2 : 1;
	}
	return len;
}

static bool is_name(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || c == '_';
}

/* A number sign before a digit is a uid. */
static bool is_comment(struct span in)
{
	return in.p[0] == '#' &&
	       (in.len == 1 || (in.p[1] != '-' && (in.p[1] < '0' || in.p[1] > '9')));
}

#define STOPS_SETTING " \t\r\n,=#"
#define STOPS_PATH " \t\r\n\v\f"

/* Bytes of what stands next in a line of settings, at least 1. */
static size_t token_len(struct span in)
{
	struct span line;
	size_t len = blank_len(in);

	if (len == 0)
		len = quoted_len(in);
	if (len)
		return len;
	if (is_comment(in)) /* not continued, whatever it ends with */
		return span_line(&in, &line) ? line.len : 1;
	while (len < in.len && is_name(in.p[len]))
		len++;
	if (len == 0 && !strchr("!:@>\"", in.p[0]))
		len = word_len(in, STOPS_SETTING);
	return len ? len : 1;
}

static struct span skip(struct sudoers_reader *in, size_t len)
{
	struct span skipped = {.p = in->rest.p, .len = len};

	for (size_t i = 0; i < len; i++)
		in->line += skipped.p[i] == '\n';
	in->rest = from(in->rest, len);
	return skipped;
}

static void skip_blanks(struct sudoers_reader *in)
{
	while (blank_len(in->rest))
		(void)skip(in, blank_len(in->rest));
}

static bool begins(struct span in, const char *word)
{
	return in.len >= strlen(word) && memcmp(in.p, word, strlen(word)) == 0;
}

static struct span take_word(struct sudoers_reader *in, const char *stops)
{
	size_t len;

	skip_blanks(in);
	len = quoted_len(in->rest);
	if (len == 0)
		return skip(in, word_len(in->rest, stops));
	(void)skip(in, 1);
	return (struct span){.p = skip(in, len - 1).p, .len = len - 2};
}

/* Releases of old take `+=` for `=`. */
static bool take_equals(struct sudoers_reader *in)
{
	skip_blanks(in);
	if (begins(in->rest, "+") || begins(in->rest, "-"))
		(void)skip(in, 1);
	if (!begins(in->rest, "="))
		return false;
	(void)skip(in, 1);
	return true;
}

static bool take_setting(struct sudoers_reader *in, struct span name, bool off,
			 struct sudoers_item *ret)
{
	struct sudoers_item item = {.line = in->line + 1, .name = name};
	bool service = span_is(name, "pam_service") || span_is(name, "pam_login_service") ||
		       span_is(name, "pam_askpass_service");
	bool flag = span_is(name, "pam_acct_mgmt") || span_is(name, "pam_ruser");

	if (flag ? !off : !service || !take_equals(in))
		return false;
	item.kind = flag ? SUDOERS_OFF : SUDOERS_SERVICE;
	if (service)
		item.value = take_word(in, STOPS_SETTING);
	*ret = item;
	return true;
}

/*
 * The scope is not told from the settings: no user, host or command has the name of one.  False,
 * before the newline, when the line has no more.
 */
static bool next_setting(struct sudoers_reader *in, struct sudoers_item *ret)
{
	bool off = false;

	while (in->rest.len && in->rest.p[0] != '\n') {
		bool blank = blank_len(in->rest) > 0;
		struct span token = skip(in, token_len(in->rest));

		if (!blank && take_setting(in, token, off, ret))
			return true;
		off = token.p[0] == '!' || (off && blank);
	}
	return false;
}

/* The form with the number sign is a comment unless it begins the line. */
static bool take_include(struct sudoers_reader *in, struct sudoers_item *ret)
{
	struct sudoers_item item = {.kind = SUDOERS_FILE};
	bool old = begins(in->rest, "#include");
	size_t len = strlen("#include");

	if (!old)
		skip_blanks(in);
	if (!old && !begins(in->rest, "@include"))
		return false;
	if (begins(from(in->rest, len), "dir")) {
		item.kind = SUDOERS_DIRECTORY;
		len += strlen("dir");
	}
	if (!blank_len(from(in->rest, len)) && !begins(from(in->rest, len), "\""))
		return false;
	(void)skip(in, len);
	item.name = take_word(in, STOPS_PATH);
	item.line = in->line + 1;
	*ret = item;
	return item.name.len > 0;
}

bool sudoers_next(struct sudoers_reader *in, struct sudoers_item *ret)
{
	struct span line;

	while (in->rest.len) {
		if (in->in_defaults && next_setting(in, ret))
			return true;
		in->in_defaults = false;
		if (take_include(in, ret))
			return true;
		in->in_defaults = begins(in->rest, "Defaults");
		if (in->in_defaults) {
			(void)skip(in, strlen("Defaults"));
		} else {
			(void)span_line(&in->rest, &line);
			in->line++;
		}
	}
	return false;
}

bool sudoers_skips(const char *name)
{
	size_t len = strlen(name);

	return len == 0 || name[len - 1] == '~' || strchr(name, '.');
}

bool sudoers_includes_dir(struct span text)
{
	struct sudoers_reader in = {.rest = text};
	struct sudoers_item item;

	while (sudoers_next(&in, &item)) {
		if (item.kind != SUDOERS_DIRECTORY)
			continue;
		if (item.name.len && item.name.p[item.name.len - 1] == '/')
			item.name.len--;
		if (span_is(item.name, SUDOERS_DIR))
			return true;
	}
	return false;
}

/* Is the line "PREFIX value"?  *ret is the value then. */
static bool take_prefix(struct span line, const char *prefix, struct span *ret)
{
	struct span start;

	if (!span_take(&line, strlen(prefix), &start) || !span_is(start, prefix))
		return false;
	*ret = span_trim(line);
	return true;
}

struct release {
	unsigned number[3];
};

static bool read_release(struct span version, struct release *ret)
{
	struct release has = {{0}};
	char text[32];

	if (!span_copy(version, text, sizeof(text)) ||
	    sscanf(text, "%u.%u.%u", &has.number[0], &has.number[1], &has.number[2]) < 2)
		return false;
	*ret = has;
	return true;
}

static bool is_before(struct release a, struct release b)
{
	for (size_t i = 0; i < 3; i++)
		if (a.number[i] != b.number[i])
			return a.number[i] < b.number[i];
	return false;
}

static bool is_since(struct span version, struct release first)
{
	struct release has;

	return read_release(version, &has) && !is_before(has, first);
}

static bool edits_unasked(struct span version)
{
	static const struct release first = {{0, 2, 8}}, mended = {{0, 2, 14}};
	struct release has;

	return !read_release(version, &has) || (!is_before(has, first) && is_before(has, mended));
}

struct sudo_facts sudoers_facts(struct span output)
{
	struct sudo_facts facts = {.main_path = SPAN_LIT("/etc/sudoers"),
				   .service = SPAN_LIT("sudo")};
	static const struct release can_skip = {{1, 8, 28}}, can_hide = {{1, 9, 0}};
	bool tells_defaults = false;
	struct span line, version = {0};

	while (span_line(&output, &line)) {
		if (take_prefix(line, "sudo-rs ", &version)) {
			facts.is_rs = true;
			facts.edits_unasked = edits_unasked(version);
		}
		(void)take_prefix(line, "Sudoers policy plugin version ", &version);
		(void)take_prefix(line, "Sudoers path: ", &facts.main_path);
		(void)take_prefix(
			line, "PAM service name to use for login shells: ", &facts.login_service);
		(void)take_prefix(line,
				  "PAM service name to use when sudo is run with the -A option: ",
				  &facts.askpass_service);
		if (take_prefix(line, "PAM service name to use: ", &facts.service))
			tells_defaults = true;
		if (span_is(span_trim(line), "Perform PAM account validation management"))
			facts.asks_account = true;
		if (span_is(span_trim(line), "Set the pam remote user to the user running sudo"))
			facts.names_user = true;
	}
	if (facts.login_service.len == 0)
		facts.login_service = tells_defaults ? facts.service : SPAN_LIT("sudo-i");
	if (facts.askpass_service.len == 0)
		facts.askpass_service = facts.service;
	facts.asks_account = facts.asks_account || !tells_defaults || !is_since(version, can_skip);
	facts.names_user = facts.names_user || !tells_defaults || !is_since(version, can_hide);
	return facts;
}

bool sudoers_covers(const struct sudo_facts *facts, struct span service)
{
	return span_eq(service, facts->service) || span_eq(service, facts->login_service) ||
	       span_eq(service, facts->askpass_service);
}
