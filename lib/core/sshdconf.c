/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <errno.h>
#include <fnmatch.h>
#include <string.h>

#include "lib/core/cleanup.h"
#include "lib/core/matchuser.h"
#include "lib/core/sshdconf.h"

#define NO_NEWLINE_LINE "# The line above had no newline."
#define BLANKS " \t\r\f"
#define MARK "    # Added by aadsshlogin installer" /* other programs look for it */

/* AuthorizedKeysFile is the last, so that it can be left out. */
static const struct sshd_setting settings[] = {
	{"AuthenticationMethods", "publickey"},
	{"PubkeyAuthentication", "yes"},
	{"AuthorizedKeysCommand", KEY_COMMAND " %u %k"},
	{"AuthorizedKeysCommandUser", KEY_COMMAND_USER},
	{"AuthorizedKeysFile", "none"},
};

size_t sshdconf_settings(const struct conf *conf, const struct sshd_setting **ret)
{
	*ret = settings;
	return ARRAY_LEN(settings) - (conf->authorized_keys == AUTHORIZED_KEYS_KEEP ? 1 : 0);
}

static void add_match(struct buf *out, const struct conf *conf, struct span spared)
{
	const struct sshd_setting *setting;
	size_t count = sshdconf_settings(conf, &setting);

	buf_str(out, "Match User ");
	buf_span(out, spared);
	matchuser_patterns(span_of(conf->user_domains), out);
	buf_str(out, MARK "\n");
	for (; count; count--, setting++)
		buf_printf(out, "    %s %s\n", setting->keyword, setting->value);
}

int sshdconf_dropin(const struct conf *conf, struct span spared, struct buf *ret, struct err *err)
{
	AUTO_BUF out = {0};

	buf_str(&out, "# Written by aadsshlogin: sign-in of Entra users.\n");
	add_match(&out, conf, spared);
	if (buf_ok(&out, err) < 0)
		return -err->code;
	buf_move(ret, &out);
	return 0;
}

static void add_block(struct buf *out, const struct conf *conf, struct span spared, bool no_newline)
{
	buf_str(out, SSHDCONF_BEGIN "\n");
	if (no_newline)
		buf_str(out, NO_NEWLINE_LINE "\n");
	add_match(out, conf, spared);
	buf_str(out, "Match all\n" SSHDCONF_END "\n");
}

struct block {
	struct span before, bytes, after;
	bool no_newline; /* the newline at the end of before is ours */
};

static bool is_setting(struct span line)
{
	for (size_t i = 0; i < ARRAY_LEN(settings); i++) {
		struct span rest = line, keyword;

		if (span_word(&rest, &keyword) && span_is(keyword, settings[i].keyword) &&
		    span_is(span_trim(rest), settings[i].value))
			return true;
	}
	return false;
}

/* text: of which at least the line of the end follows */
static bool starts_with(const unsigned char *text, const char *line)
{
	return strncmp((const char *)text, line, strlen(line)) == 0;
}

/*
 * Where a block would begin whose first lines somebody took away, when it turns out to have an end;
 * NULL: not before the end itself.
 */
static const unsigned char *follow_torn(const unsigned char *torn, const unsigned char *start,
					struct span line)
{
	if (span_ends(line, MARK) && torn && starts_with(torn, NO_NEWLINE_LINE "\n"))
		return torn;
	if (span_is(line, NO_NEWLINE_LINE) || span_ends(line, MARK))
		return start;
	if (span_is(line, "Match all"))
		return torn ? torn : start;
	return is_setting(line) ? torn : NULL;
}

/* 1 when there is a block, 0 when there is none. */
static int find_block(struct span text, struct block *ret, struct err *err)
{
	struct span all = text, line;
	const unsigned char *torn = NULL;
	unsigned number = 0, begun = 0;
	struct block block = {.no_newline = false};

	while (span_line(&text, &line)) {
		const unsigned char *start = line.p;

		number++;
		line = span_trim(line);
		if (!begun && (span_is(line, SSHDCONF_BEGIN) || span_is(line, SSHDCONF_END))) {
			if (span_is(line, SSHDCONF_END) && torn) {
				start = torn;
				block.no_newline = starts_with(torn, NO_NEWLINE_LINE "\n");
			}
			begun = number;
			block.before = (struct span){.p = all.p, .len = (size_t)(start - all.p)};
			block.bytes.p = start;
		} else if (!begun) {
			torn = follow_torn(torn, start, line);
		}
		if (begun && number == begun + 1 && span_is(line, NO_NEWLINE_LINE)) {
			block.no_newline = true;
		} else if (begun && span_is(line, SSHDCONF_END)) {
			block.bytes.len = (size_t)(text.p - block.bytes.p);
			block.after = text;
			*ret = block;
			return 1;
		}
	}
	if (!begun)
		return 0;
	(void)err_set(err, EINVAL, SSHD_MAIN_PATH ":%u: our block begins here and has no end",
		      begun);
	return err_remedy(err, 0,
			  "write \"" SSHDCONF_END
			  "\" behind the last line that aadsshlogin added, or delete these lines");
}

unsigned sshdconf_block_line(struct span main)
{
	struct span line;

	for (unsigned number = 1; span_line(&main, &line); number++)
		if (span_is(span_trim(line), SSHDCONF_BEGIN))
			return number;
	return 0;
}

/* Whether directives at the start of text would be swallowed by a Match at the end of before. */
static bool needs_match_all(struct span before, struct span after)
{
	struct sshd_directive directive;
	unsigned line = 0;
	bool open = false;

	while (sshdconf_next(&before, &line, &directive))
		open = open || sshdconf_is(&directive, "Match");
	return open && sshdconf_next(&after, &line, &directive) &&
	       !sshdconf_is(&directive, "Match");
}

/* Take all blocks out of text.  -EINVAL. */
static int add_without_blocks(struct span text, struct buf *out, struct err *err)
{
	struct block block;
	int r;

	while ((r = find_block(text, &block, err)) > 0) {
		if (block.no_newline && block.after.len == 0 && block.before.len)
			block.before.len--;
		buf_span(out, block.before);
		if (needs_match_all(block.before, block.after))
			buf_str(out, "Match all\n");
		text = block.after;
	}
	buf_span(out, text);
	return r;
}

int sshdconf_remove(struct span main, struct buf *ret, struct err *err)
{
	AUTO_BUF out = {0};
	int r = add_without_blocks(main, &out, err);

	if (r == 0)
		r = buf_ok(&out, err);
	if (r < 0)
		return r;
	buf_move(ret, &out);
	return 0;
}

int sshdconf_insert(struct span main, const struct conf *conf, struct span spared, struct buf *ret,
		    struct err *err)
{
	AUTO_BUF out = {0};
	struct block block;
	int r = find_block(main, &block, err);

	if (r < 0)
		return r;
	if (r == 0) {
		block = (struct block){.before = main};
		block.no_newline = main.len && main.p[main.len - 1] != '\n';
	}
	buf_span(&out, block.before);
	if (r == 0 && block.no_newline)
		buf_str(&out, "\n");
	add_block(&out, conf, spared, block.no_newline);
	if (r > 0)
		r = add_without_blocks(block.after, &out, err);
	if (r == 0)
		r = buf_ok(&out, err);
	if (r < 0)
		return r;
	buf_move(ret, &out);
	return 0;
}

static bool is_in(unsigned char c, const char *set)
{
	return c && strchr(set, c);
}

static void advance(struct span *in, size_t n)
{
	in->p += n;
	in->len -= n;
}

static void skip_blanks(struct span *in)
{
	while (in->len && is_in(in->p[0], BLANKS))
		advance(in, 1);
}

bool sshdconf_next(struct span *text, unsigned *line, struct sshd_directive *ret)
{
	struct span rest;

	while (span_line(text, &rest)) {
		size_t len = 0;

		++*line;
		skip_blanks(&rest);
		if (rest.len == 0 || rest.p[0] == '#')
			continue;
		while (len < rest.len && !is_in(rest.p[len], BLANKS "=\""))
			len++;
		(void)span_take(&rest, len, &ret->keyword);
		skip_blanks(&rest);
		if (rest.len && rest.p[0] == '=')
			advance(&rest, 1);
		ret->args = rest;
		ret->line = *line;
		return true;
	}
	return false;
}

bool sshdconf_is(const struct sshd_directive *directive, const char *keyword)
{
	return span_is_nocase(directive->keyword, keyword);
}

bool sshdconf_arg(struct span *args, struct span *ret)
{
	bool quoted;
	size_t len = 0;

	skip_blanks(args);
	if (args->len == 0 || args->p[0] == '#')
		return false;
	quoted = args->p[0] == '"';
	if (quoted)
		advance(args, 1);
	while (len < args->len && !is_in(args->p[len], quoted ? "\"" : BLANKS))
		len++;
	(void)span_take(args, len, ret);
	if (quoted && args->len)
		advance(args, 1);
	return true;
}

bool sshdconf_probe(struct span domain, char *ret, size_t size)
{
	AUTO_BUF name = {0};

	buf_str(&name, "aadsshlogin-probe@");
	if (span_is(domain, "*"))
		buf_str(&name, "aadsshlogin.invalid");
	else if (domain.len && domain.p[0] == '*')
		buf_str(&name, "probe");
	if (domain.len && domain.p[0] == '*')
		advance(&domain, 1);
	buf_span(&name, domain);
	return !name.failed && span_copy(buf_bytes(&name), ret, size);
}

bool sshdconf_pattern_covers(struct span pattern, const char *path)
{
	AUTO_BUF whole = {0};

	if (pattern.len == 0 || span_has_nul(pattern))
		return false;
	if (pattern.p[0] != '/')
		buf_str(&whole, SSHD_DIR "/");
	buf_span(&whole, pattern);
	return !whole.failed && fnmatch(buf_text(&whole), path, FNM_PATHNAME | FNM_PERIOD) == 0;
}

bool sshdconf_includes_dropin(struct span main)
{
	struct sshd_directive directive;
	struct span pattern;
	unsigned line = 0;

	while (sshdconf_next(&main, &line, &directive) && !sshdconf_is(&directive, "Match"))
		while (sshdconf_is(&directive, "Include") &&
		       sshdconf_arg(&directive.args, &pattern))
			if (sshdconf_pattern_covers(pattern, SSHD_DROPIN_PATH))
				return true;
	return false;
}

bool sshdconf_shown(struct span output, const char *keyword, struct span *ret)
{
	struct span line, word;

	while (span_line(&output, &line)) {
		if (!span_word(&line, &word) || !span_is_nocase(word, keyword))
			continue;
		*ret = span_trim(line);
		return true;
	}
	return false;
}
