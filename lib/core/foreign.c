/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "lib/core/cleanup.h"
#include "lib/core/foreign.h"
#include "lib/core/pamstack.h"
#include "lib/core/sshdconf.h"

#define MARK "# Added by aadsshlogin installer"
#define NEW_MATCH                                                                                  \
	"Match User *@*,????????"                                                                  \
	"-????"                                                                                    \
	"-????"                                                                                    \
	"-????"                                                                                    \
	"-????????????    " MARK "\n"
#define KEY_PROGRAM "/aad_certhandler"
#define CLOSE_LINE "# Closed by aadsshlogin, so that lines below count for everybody."
#define MATCH_ALL "Match all"
#define JUMP_MAX 9999

bool foreign_version(const char *version)
{
	return version[0] != '\0' && strncmp(version, OUR_EPOCH, strlen(OUR_EPOCH)) != 0;
}

/* ---- sshd_config */

static bool is_key_command(const struct sshd_directive *directive)
{
	struct span args = directive->args, program;

	return sshdconf_is(directive, "AuthorizedKeysCommand") && sshdconf_arg(&args, &program) &&
	       span_ends(program, KEY_PROGRAM);
}

/* What they write, and what foreign_sshd_shut does; but for their key command. */
static const struct {
	const char *keyword, *value;
	bool shuts;
} theirs[] = {
	{"AuthenticationMethods", "publickey", true}, {"PubkeyAuthentication", "yes", false},
	{"AuthorizedKeysCommandUser", "root", false}, {"AuthorizedKeysCommand", "none", true},
	{"AuthorizedKeysFile", "none", true},
};

static bool is_theirs(const struct sshd_directive *directive)
{
	struct span args = directive->args, value, more;

	if (is_key_command(directive))
		return true;
	for (size_t i = 0; i < ARRAY_LEN(theirs); i++)
		if (sshdconf_is(directive, theirs[i].keyword))
			return sshdconf_arg(&args, &value) &&
			       span_is_nocase(value, theirs[i].value) &&
			       !sshdconf_arg(&args, &more);
	return false;
}

/* The next line with its newline, and the directive on it, whose keyword is empty when there is
 * none. */
struct line {
	struct span bytes, words; /* words: without the blanks around them */
	struct sshd_directive directive;
};

static bool next_line(struct span *text, struct line *ret)
{
	struct span start = *text, content;
	unsigned ignored = 0;

	if (!span_line(text, &content))
		return false;
	*ret = (struct line){
		.bytes = {.p = start.p, .len = (size_t)(text->p - start.p)},
		.words = span_trim(content),
	};
	if (!sshdconf_next(&content, &ignored, &ret->directive))
		ret->directive = (struct sshd_directive){.line = 0};
	return true;
}

static bool is_line(const struct line *line, const char *text)
{
	return span_is(line->words, text);
}

/* What there is of a Match block, whose own line was read, in the lines behind it. */
struct block {
	bool theirs;
	unsigned owners; /* the first line of the owner's in it, counted from the Match, which is 0
			  */
	bool to_the_end;
};

static struct block look_ahead(const struct line *match, struct span text)
{
	struct block block = {.to_the_end = true};
	bool asks = false;
	struct line line;

	for (unsigned number = 1; next_line(&text, &line); number++) {
		if (is_line(&line, SSHDCONF_BEGIN) || sshdconf_is(&line.directive, "Match")) {
			block.to_the_end = false;
			break;
		}
		asks = asks || is_key_command(&line.directive);
		if (line.directive.keyword.len && !is_theirs(&line.directive) && !block.owners)
			block.owners = number;
	}
	block.theirs = span_has(match->bytes, MARK) || (asks && span_has(match->words, "*@*"));
	return block;
}

/*
 * The lines of a text, each with what it is part of.  Ours are part of nothing: what stands
 * between our markers is sshdconf.c's.
 */
struct reader {
	struct span rest;
	unsigned number; /* of the line that was read last, from 1 */
	bool in_ours, in_theirs;
	struct block block; /* of the last Match outside of ours */
};

static bool read_line(struct reader *in, struct line *ret)
{
	if (!next_line(&in->rest, ret))
		return false;
	in->number++;
	if (is_line(ret, SSHDCONF_BEGIN))
		in->in_ours = true;
	if (in->in_ours)
		in->in_theirs = false;
	if (is_line(ret, SSHDCONF_END))
		in->in_ours = false;
	if (!in->in_ours && sshdconf_is(&ret->directive, "Match")) {
		in->block = look_ahead(ret, in->rest);
		in->in_theirs = in->block.theirs;
	}
	return true;
}

unsigned foreign_sshd_line(struct span main)
{
	struct reader in = {.rest = main};
	struct line line;

	while (read_line(&in, &line))
		if (in.in_theirs)
			return in.number;
	return 0;
}

/* Their Match with lines of the owner's in it: without the mark, by which it was theirs. */
static void add_unmarked(const struct line *match, struct buf *out)
{
	const unsigned char *mark = memmem(match->bytes.p, match->bytes.len, MARK, strlen(MARK));
	struct span bytes = match->bytes;

	if (!mark) {
		buf_span(out, bytes);
		return;
	}
	bytes.len = (size_t)(mark - bytes.p);
	while (bytes.len && isblank(bytes.p[bytes.len - 1]))
		bytes.len--;
	buf_span(out, bytes);
	buf_str(out, "\n");
}

/* The Match that closes a block: 2 lines, when nothing that counts follows them. */
static bool is_close(const struct line *line, struct span rest)
{
	struct line next;

	if (!is_line(line, CLOSE_LINE) || !next_line(&rest, &next) || !is_line(&next, MATCH_ALL))
		return false;
	while (next_line(&rest, &next) && !next.directive.keyword.len)
		continue;
	return !next.directive.keyword.len || sshdconf_is(&next.directive, "Match");
}

int foreign_sshd_remove(struct span main, struct buf *ret, unsigned *ret_swallowed, struct err *err)
{
	struct reader in = {.rest = main};
	unsigned swallowed = 0;
	AUTO_BUF out = {0};
	struct line line;

	while (read_line(&in, &line)) {
		const bool match = sshdconf_is(&line.directive, "Match");

		if (in.in_theirs && match && in.block.owners) {
			add_unmarked(&line, &out);
			swallowed = swallowed ? swallowed : in.number + in.block.owners;
		} else if (in.in_theirs && !in.block.owners && is_close(&line, in.rest)) {
			(void)next_line(&in.rest, &line);
			in.number++;
		} else if (!in.in_theirs || (!match && !is_theirs(&line.directive))) {
			buf_span(&out, line.bytes);
		}
	}
	if (buf_ok(&out, err) < 0)
		return -err->code;
	buf_move(ret, &out);
	*ret_swallowed = swallowed;
	return 0;
}

static void add_shut(struct buf *out)
{
	for (size_t i = 0; i < ARRAY_LEN(theirs); i++)
		if (theirs[i].shuts)
			buf_printf(out, "    %s %s\n", theirs[i].keyword, theirs[i].value);
}

/* Their Match, by their mark, so that it is theirs without their key command too. */
static void add_marked(const struct line *match, struct buf *out)
{
	struct span bytes = match->bytes;

	if (bytes.p[bytes.len - 1] == '\n')
		bytes.len--;
	buf_span(out, bytes);
	buf_str(out, span_has(bytes, MARK) ? "\n" : "    " MARK "\n");
}

int foreign_sshd_shut(struct span main, struct buf *ret, struct err *err)
{
	struct reader in = {.rest = main};
	AUTO_BUF out = {0};
	struct line line;
	bool any = false;

	while (read_line(&in, &line)) {
		if (in.in_theirs && sshdconf_is(&line.directive, "Match")) {
			add_marked(&line, &out);
			add_shut(&out);
			any = true;
		} else if (!in.in_theirs || !is_theirs(&line.directive)) {
			buf_span(&out, line.bytes);
		}
	}
	if (!any) {
		if (out.len && out.data[out.len - 1] != '\n')
			buf_str(&out, "\n");
		buf_str(&out, NEW_MATCH);
		add_shut(&out);
	}
	if (buf_ok(&out, err) < 0)
		return -err->code;
	buf_move(ret, &out);
	return 0;
}

int foreign_sshd_close(struct span main, struct buf *ret, struct err *err)
{
	struct reader in = {.rest = main};
	AUTO_BUF out = {0};
	struct line line;

	while (read_line(&in, &line))
		continue;
	buf_span(&out, main);
	if (in.in_theirs && in.block.to_the_end) {
		if (main.p[main.len - 1] != '\n')
			buf_str(&out, "\n");
		buf_str(&out, CLOSE_LINE "\n" MATCH_ALL "\n");
	}
	if (buf_ok(&out, err) < 0)
		return -err->code;
	buf_move(ret, &out);
	return 0;
}

int foreign_sshd_unclose(struct span main, struct buf *ret, struct err *err)
{
	struct reader in = {.rest = main};
	AUTO_BUF out = {0};
	struct line line;

	while (read_line(&in, &line)) {
		if (in.in_theirs && is_close(&line, in.rest))
			(void)next_line(&in.rest, &line);
		else
			buf_span(&out, line.bytes);
	}
	if (buf_ok(&out, err) < 0)
		return -err->code;
	buf_move(ret, &out);
	return 0;
}

/* ---- PAM */

static bool is_foreign(const struct pam_entry *entry)
{
	return entry->aad && !entry->ours;
}

bool foreign_pam_has(struct span text)
{
	struct pam_entry entry;

	while (pamstack_next(&text, &entry))
		if (is_foreign(&entry))
			return true;
	return false;
}

/* Does a line of theirs of that type follow? */
static bool foreign_follows(struct span text, enum pam_type type)
{
	struct pam_entry entry;

	while (pamstack_next(&text, &entry))
		if (is_foreign(&entry) && entry.type == type)
			return true;
	return false;
}

/* How many of the next `jump` lines of a type go?  -ENOTSUP when these cannot be counted. */
static int count_foreign(struct span text, enum pam_type type, unsigned jump, struct err *err)
{
	struct pam_entry entry;
	int count = 0;

	while (jump > 0 && pamstack_next(&text, &entry)) {
		if (entry.type != type && entry.type != PAM_TYPE_ANY)
			continue;
		if (entry.includes && foreign_follows(text, type))
			return err_set(err, ENOTSUP,
				       "a line jumps over those of another file before one of "
				       "pam_aad.so, and it cannot be told how far");
		if (entry.includes)
			break;
		jump--;
		count += is_foreign(&entry) ? 1 : 0;
	}
	return count;
}

/* The number of a jump: "2" of "success=2".  False behind the last of the control. */
static bool next_jump(struct span *control, struct span *ret, unsigned *ret_jump)
{
	while (control->len) {
		size_t len = 0;
		bool value = control->p[0] == '=';

		control->p++;
		control->len--;
		while (value && control->len && isspace(control->p[0])) {
			control->p++;
			control->len--;
		}
		*ret_jump = 0;
		while (value && len < control->len && isdigit(control->p[len]) &&
		       *ret_jump <= JUMP_MAX)
			*ret_jump = *ret_jump * 10 + (unsigned)(control->p[len++] - '0');
		if (len)
			return span_take(control, len, ret);
	}
	return false;
}

/* A line that stays, its jumps brought up to date. */
static int add_entry(const struct pam_entry *entry, struct span rest, struct buf *out,
		     struct err *err)
{
	const unsigned char *done = entry->bytes.p, *end = done + entry->bytes.len;
	struct span control = entry->control, number;
	unsigned jump;

	/* A joined line does not say where its control is. */
	if (!control.len && span_has(entry->bytes, "[") && span_has(entry->bytes, "=") &&
	    entry->type != PAM_TYPE_NONE && foreign_follows(rest, entry->type))
		return err_set(err, ENOTSUP,
			       "a line in several parts comes before one of pam_aad.so");
	while (next_jump(&control, &number, &jump)) {
		int count = count_foreign(rest, entry->type, jump, err);

		if (count < 0)
			return count;
		if (count == 0)
			continue;
		buf_add(out, done, (size_t)(number.p - done));
		done = number.p + number.len;
		/* A jump over nothing goes on, which is what `ignore` does. */
		if (jump == (unsigned)count)
			buf_str(out, "ignore");
		else
			buf_printf(out, "%u", jump - (unsigned)count);
	}
	buf_add(out, done, (size_t)(end - done));
	return 0;
}

int foreign_pam_remove(struct span text, struct buf *ret, struct err *err)
{
	struct pam_entry entry;
	AUTO_BUF out = {0};
	int r = 0;

	while (r == 0 && pamstack_next(&text, &entry))
		if (!is_foreign(&entry))
			r = add_entry(&entry, text, &out, err);
	if (r == 0)
		r = buf_ok(&out, err);
	if (r < 0)
		return r;
	buf_move(ret, &out);
	return 0;
}

/* ---- the rule for administrators */

unsigned foreign_sudoers_owners(struct span text, const char *group)
{
	const size_t len = strlen(group);
	struct span line;

	for (unsigned number = 1; span_line(&text, &line); number++) {
		line = span_trim(line);
		if (line.len == 0 || line.p[0] == '#')
			continue;
		if (line.p[0] != '%' || line.len < len + 2 || memcmp(line.p + 1, group, len) != 0 ||
		    !isblank(line.p[len + 1]))
			return number;
	}
	return 0;
}

/* ---- /etc/group */

bool foreign_group_line(struct span text, const char *group, struct span *ret)
{
	const size_t len = strlen(group);
	struct span line;

	while (span_line(&text, &line)) {
		line = span_trim(line);
		if (line.len <= len || line.p[len] != ':' || memcmp(line.p, group, len) != 0)
			continue;
		*ret = line;
		return true;
	}
	return false;
}
