/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/core/cleanup.h"
#include "lib/core/guid.h"
#include "lib/core/name.h"
#include "lib/core/sshdtree.h"

#define SAMPLE_GUID "00000000-0000-4000-8000-000000000000" /* a service principal's name */
#define PLAIN_MAX 1000 /* bytes of a Match line that is sure to be read as here */
#define FILES_MAX 1024 /* files that one walk reads: Includes may name each other */

void sshdtree_done(struct sshdtree *tree)
{
	for (size_t i = 0; i < tree->count; i++) {
		free(tree->files[i].path);
		buf_done(&tree->files[i].text);
	}
	free(tree->files);
	*tree = (struct sshdtree){0};
}

int sshdtree_add(struct sshdtree *tree, const char *path, struct buf *text, struct err *err)
{
	AUTO_FREE char *copy = strdup(path);
	struct sshd_file *files;

	files = copy ? reallocarray(tree->files, tree->count + 1, sizeof(*files)) : NULL;
	if (!files)
		return err_oom(err);
	tree->files = files;
	files += tree->count++;
	*files = (struct sshd_file){.path = steal_ptr(copy)};
	buf_move(&files->text, text);
	return 0;
}

static bool match_one(struct span pattern, struct span name)
{
	struct span star = {0}, retry = {0};

	while (name.len) {
		if (pattern.len && pattern.p[0] == '*') {
			pattern = star = (struct span){pattern.p + 1, pattern.len - 1};
			retry = name;
		} else if (pattern.len && (pattern.p[0] == '?' || pattern.p[0] == name.p[0])) {
			pattern = (struct span){pattern.p + 1, pattern.len - 1};
			name = (struct span){name.p + 1, name.len - 1};
		} else if (star.p) {
			retry = (struct span){retry.p + 1, retry.len - 1};
			pattern = star;
			name = retry;
		} else {
			return false;
		}
	}
	while (pattern.len && pattern.p[0] == '*')
		pattern = (struct span){pattern.p + 1, pattern.len - 1};
	return pattern.len == 0;
}

/* The next pattern of a list; *ret_not tells of a `!` before it. */
static bool next_pattern(struct span *list, struct span *ret, bool *ret_not)
{
	const unsigned char *comma = list->len ? memchr(list->p, ',', list->len) : NULL;
	struct span pattern = *list;

	if (list->len == 0)
		return false;
	if (comma)
		pattern.len = (size_t)(comma - list->p);
	list->p += pattern.len + (comma ? 1 : 0);
	list->len -= pattern.len + (comma ? 1 : 0);
	*ret_not = pattern.len && pattern.p[0] == '!';
	*ret = *ret_not ? (struct span){pattern.p + 1, pattern.len - 1} : pattern;
	return true;
}

int sshdtree_match(struct span list, struct span name)
{
	struct span pattern;
	int found = 0;
	bool not ;

	while (next_pattern(&list, &pattern, &not )) {
		if (!match_one(pattern, name))
			continue;
		if (not )
			return -1;
		found = 1;
	}
	return found;
}

/* Has the list a pattern for users of some domain? */
static bool names_domains(struct span list)
{
	struct span pattern;
	bool not ;

	while (next_pattern(&list, &pattern, &not ))
		if (!not &&pattern.len && memchr(pattern.p, '@', pattern.len))
			return true;
	return false;
}

static bool users_may_match(struct span list, const struct conf *conf)
{
	struct span domains = span_of(conf->user_domains), domain;
	char sample[NAME_SIZE];

	if (sshdtree_match(list, SPAN_LIT(SAMPLE_GUID)) > 0)
		return true;
	while (span_word(&domains, &domain)) {
		int found;

		if (!sshdconf_probe(domain, sample, sizeof(sample)))
			continue;
		found = sshdtree_match(list, span_of(sample));
		if (found > 0 || (found == 0 && domain.p[0] == '*' && names_domains(list)))
			return true;
	}
	return false;
}

static bool groups_may_match(struct span list, const struct conf *conf)
{
	return sshdtree_match(list, SPAN_LIT(USERS_GROUP)) > 0 ||
	       sshdtree_match(list, span_of(conf->admin_group)) > 0;
}

/* Can a Match with these arguments apply to our users? */
static bool match_may_apply(struct span args, const struct conf *conf)
{
	struct span word, value;

	while (sshdconf_arg(&args, &word)) {
		const unsigned char *equals = word.len ? memchr(word.p, '=', word.len) : NULL;

		if (span_is_nocase(word, "all"))
			continue;
		if (span_is_nocase(word, "invalid-user"))
			return false; /* our names always resolve */
		if (equals) {
			value = (struct span){equals + 1, (size_t)(word.p + word.len - equals - 1)};
			word.len = (size_t)(equals - word.p);
		} else if (!sshdconf_arg(&args, &value)) {
			return true;
		}
		if (span_is_nocase(word, "user") && !users_may_match(value, conf))
			return false;
		if (span_is_nocase(word, "group") && !groups_may_match(value, conf))
			return false;
	}
	return true;
}

enum scope {
	SCOPE_GLOBAL,
	SCOPE_MAY, /* in a Match that can apply to our users */
	SCOPE_NEVER, /* in one that cannot */
};

struct walk {
	const struct sshdtree *tree;
	const struct conf *conf;
	/* Called for each directive but Match and Include; true ends the walk. */
	bool (*visit)(struct walk *walk, const struct sshd_place *place, enum scope scope);
	void *arg;
	unsigned depth, files;
};

/* The file after the one of that path among those that the pattern covers, in sshd's order. */
static const struct sshd_file *next_file(const struct sshdtree *tree, struct span pattern,
					 const char *after)
{
	const struct sshd_file *best = NULL;

	for (size_t i = 1; i < tree->count; i++) {
		const struct sshd_file *file = &tree->files[i];

		if (strcmp(file->path, after) > 0 &&
		    (!best || strcmp(file->path, best->path) < 0) &&
		    sshdconf_pattern_covers(pattern, file->path))
			best = file;
	}
	return best;
}

static bool walk_file(struct walk *walk, const struct sshd_file *file, enum scope outer)
{
	struct span text = buf_bytes(&file->text), pattern;
	struct sshd_place place = {.path = file->path};
	struct sshd_directive *directive = &place.directive;
	enum scope scope = outer;
	unsigned line = 0;
	bool ended = false;

	if (walk->depth == SSHD_DEPTH_MAX)
		return false;
	if (walk->files++ == FILES_MAX)
		return true;
	walk->depth++;
	while (!ended && sshdconf_next(&text, &line, directive)) {
		if (sshdconf_is(directive, "Match")) {
			scope = outer != SCOPE_NEVER && match_may_apply(directive->args, walk->conf)
					? SCOPE_MAY
					: SCOPE_NEVER;
		} else if (sshdconf_is(directive, "Include")) {
			while (!ended && sshdconf_arg(&directive->args, &pattern)) {
				const struct sshd_file *next = next_file(walk->tree, pattern, "");

				for (; next && !ended;
				     next = next_file(walk->tree, pattern, next->path))
					ended = walk_file(walk, next, scope);
			}
		} else {
			ended = walk->visit(walk, &place, scope);
		}
	}
	walk->depth--;
	return ended;
}

static bool says(struct span args, const char *value)
{
	struct span wanted = span_of(value), word, wanted_word;

	while (span_word(&wanted, &wanted_word))
		if (!sshdconf_arg(&args, &word) || word.len != wanted_word.len ||
		    strncasecmp((const char *)word.p, (const char *)wanted_word.p, word.len) != 0)
			return false;
	return !sshdconf_arg(&args, &word);
}

struct rival {
	unsigned block_line; /* where ours begins in the main file, 0: it is the drop-in */
	struct sshd_place *found;
	bool is_found;
};

static bool visit_rival(struct walk *walk, const struct sshd_place *place, enum scope scope)
{
	const struct sshd_setting *setting;
	size_t count = sshdconf_settings(walk->conf, &setting);
	struct rival *rival = walk->arg;

	if (strcmp(place->path, SSHD_DROPIN_PATH) == 0)
		return true;
	if (rival->block_line && place->path == walk->tree->files[0].path &&
	    place->directive.line > rival->block_line)
		return true;
	for (; scope == SCOPE_MAY && count; count--, setting++) {
		if (!sshdconf_is(&place->directive, setting->keyword) ||
		    says(place->directive.args, setting->value))
			continue;
		*rival->found = *place;
		rival->is_found = true;
		return true;
	}
	return false;
}

bool sshdtree_rival(const struct sshdtree *tree, const struct conf *conf, struct sshd_place *ret)
{
	struct rival rival = {.found = ret};
	struct walk walk = {.tree = tree, .conf = conf, .visit = visit_rival, .arg = &rival};

	if (tree->count == 0)
		return false;
	rival.block_line = sshdconf_block_line(buf_bytes(&tree->files[0].text));
	(void)walk_file(&walk, &tree->files[0], SCOPE_GLOBAL);
	return rival.is_found;
}

struct setter {
	const char *keyword, *other;
	struct sshd_place place[2]; /* global, and in a Match */
	bool is_found[2];
};

static bool visit_setter(struct walk *walk, const struct sshd_place *place, enum scope scope)
{
	struct setter *setter = walk->arg;
	const bool in_match = scope == SCOPE_MAY;

	if (scope == SCOPE_NEVER || setter->is_found[in_match] ||
	    !(sshdconf_is(&place->directive, setter->keyword) ||
	      (setter->other && sshdconf_is(&place->directive, setter->other))))
		return false;
	setter->place[in_match] = *place;
	setter->is_found[in_match] = true;
	return in_match;
}

bool sshdtree_setter(const struct sshdtree *tree, const struct conf *conf, const char *keyword,
		     const char *other, struct sshd_place *ret, bool *ret_in_match)
{
	struct setter setter = {.keyword = keyword, .other = other};
	struct walk walk = {.tree = tree, .conf = conf, .visit = visit_setter, .arg = &setter};

	if (tree->count)
		(void)walk_file(&walk, &tree->files[0], SCOPE_GLOBAL);
	if (!setter.is_found[0] && !setter.is_found[1])
		return false;
	*ret_in_match = setter.is_found[1];
	*ret = setter.place[*ret_in_match];
	return true;
}

enum list { ALLOW_USERS, DENY_USERS, ALLOW_GROUPS, DENY_GROUPS };

static const char *const lists[] = {
	[ALLOW_USERS] = "AllowUsers",
	[DENY_USERS] = "DenyUsers",
	[ALLOW_GROUPS] = "AllowGroups",
	[DENY_GROUPS] = "DenyGroups",
};

/* What is known of one of these lists, whose lines add up. */
struct access {
	struct sshd_place place; /* the last line, or the first that names our users */
	struct span pattern; /* the one that names our users */
	bool given, named;
	bool some; /* who is kept out depends on the user or the client */
};

struct access_walk {
	struct access lists[ARRAY_LEN(lists)];
	struct span groups;
};

static bool is_denial(enum list list)
{
	return list == DENY_USERS || list == DENY_GROUPS;
}

/* Does the pattern match a user of each domain? */
static bool names_every_domain(struct span pattern, const struct conf *conf)
{
	struct span domains = span_of(conf->user_domains), domain;
	char sample[NAME_SIZE];

	while (span_word(&domains, &domain))
		if (!sshdconf_probe(domain, sample, sizeof(sample)) ||
		    !match_one(pattern, span_of(sample)))
			return false;
	return true;
}

/* What stands behind `@` is a pattern for hosts, even if a domain of users was meant. */
static bool is_for_hosts(struct span pattern, const unsigned char *at)
{
	return at + 1 < pattern.p + pattern.len && (at[1] == '*' || isdigit(at[1]));
}

static bool names_our_users(struct span pattern, enum list list, const struct conf *conf)
{
	const unsigned char *at = pattern.len ? memchr(pattern.p, '@', pattern.len) : NULL;
	struct span domains = span_of(conf->user_domains), domain;
	char sample[NAME_SIZE];

	if (list == ALLOW_GROUPS || list == DENY_GROUPS)
		return match_one(pattern, SPAN_LIT(USERS_GROUP)) ||
		       (list == ALLOW_GROUPS && match_one(pattern, span_of(conf->admin_group)));
	if (at) {
		if (list == DENY_USERS || !is_for_hosts(pattern, at))
			return false;
		pattern.len = (size_t)(at - pattern.p);
	}
	return span_word(&domains, &domain) && sshdconf_probe(domain, sample, sizeof(sample)) &&
	       match_one(pattern, span_of(sample));
}

/* Has a group of /etc/group that the pattern matches a member whose name can be one of ours? */
static bool has_member_of_ours(struct span pattern, struct span groups)
{
	struct span line;

	while (span_line(&groups, &line)) {
		const unsigned char *colon = line.len ? memchr(line.p, ':', line.len) : NULL;
		const struct span name = {line.p, colon ? (size_t)(colon - line.p) : 0};

		if (colon && match_one(pattern, name) && memchr(line.p, '@', line.len))
			return true;
	}
	return false;
}

/* Can a pattern that does not name all of our users let one of them in? */
static bool lets_some_in(struct span pattern, enum list list, struct span groups)
{
	const unsigned char *at = pattern.len ? memchr(pattern.p, '@', pattern.len) : NULL;

	if (list == ALLOW_GROUPS) /* a group of the user's own has the user's name */
		return at || guid_valid(pattern) || has_member_of_ours(pattern, groups);
	if (at && !is_for_hosts(pattern, at))
		return false;
	if (at)
		pattern.len = (size_t)(at - pattern.p);
	return memchr(pattern.p, '*', pattern.len) || memchr(pattern.p, '?', pattern.len) ||
	       guid_valid(pattern);
}

static void look_at_pattern(struct access *access, struct span pattern, enum list list,
			    const struct access_walk *all, const struct conf *conf)
{
	access->named = names_our_users(pattern, list, conf);
	access->pattern = pattern;
	if (list == DENY_USERS && access->named)
		access->some |= !names_every_domain(pattern, conf);
	else if (!is_denial(list) && !access->named)
		access->some |= lets_some_in(pattern, list, all->groups);
}

static bool visit_access(struct walk *walk, const struct sshd_place *place, enum scope scope)
{
	struct access_walk *all = walk->arg;
	struct span args, pattern;

	for (size_t i = 0; scope != SCOPE_NEVER && i < ARRAY_LEN(lists); i++) {
		struct access *access = &all->lists[i];

		if (!sshdconf_is(&place->directive, lists[i]) || access->named)
			continue;
		access->given = true;
		access->some |= scope == SCOPE_MAY;
		access->place = *place;
		args = place->directive.args;
		while (!access->named && sshdconf_arg(&args, &pattern))
			look_at_pattern(access, pattern, (enum list)i, all, walk->conf);
	}
	return false;
}

/* "AllowUsers *?contoso.com": `?` stands for the `@` that sshd would take for the start of a host.
 */
static void add_allow_users(const struct conf *conf, struct buf *out)
{
	struct span domains = span_of(conf->user_domains), domain;

	buf_str(out, "AllowUsers");
	while (span_word(&domains, &domain)) {
		buf_str(out, " *?");
		buf_span(out, domain);
	}
}

static bool is_alone(const struct sshd_directive *directive)
{
	struct span args = directive->args, pattern;

	return sshdconf_arg(&args, &pattern) && !sshdconf_arg(&args, &pattern);
}

static void help_denial(const struct access *access, struct buf *help, struct buf *edit)
{
	buf_printf(help, "take %.*s out of the line", (int)access->pattern.len,
		   (const char *)access->pattern.p);
	if (is_alone(&access->place.directive))
		buf_printf(edit, "%ud", access->place.directive.line);
}

static void help_permission(const struct sshdtree *tree, const struct conf *conf, enum list list,
			    const struct access *access, struct buf *help, struct buf *edit)
{
	AUTO_BUF line = {0};

	if (list == ALLOW_USERS && strcmp(conf->user_domains, "*") == 0) {
		buf_printf(help,
			   "write at the end of %s the two lines: Match User *@* / AllowUsers *",
			   tree->files[0].path);
		if (strcmp(access->place.path, tree->files[0].path) == 0)
			buf_str(edit, "$a\\Match User *@*\\n    AllowUsers *");
		return;
	}
	if (list == ALLOW_USERS)
		add_allow_users(conf, &line);
	else
		buf_str(&line, "AllowGroups " USERS_GROUP);
	buf_printf(help, "write below it: %s", buf_text(&line));
	buf_printf(edit, "%ua\\%s", access->place.directive.line, buf_text(&line));
}

static void fill_bar(const struct sshdtree *tree, const struct conf *conf, enum list list,
		     const struct access *access, struct sshd_bar *ret)
{
	AUTO_BUF help = {0}, edit = {0};

	*ret = (struct sshd_bar){.place = access->place, .list = lists[list], .all = !access->some};
	if (is_denial(list))
		help_denial(access, &help, &edit);
	else
		help_permission(tree, conf, list, access, &help, &edit);
	(void)snprintf(ret->help, sizeof(ret->help), "%s", buf_text(&help));
	/* One that is cut would do something else. */
	(void)span_copy(buf_bytes(&edit), ret->edit, sizeof(ret->edit));
}

size_t sshdtree_bars(const struct sshdtree *tree, const struct conf *conf, struct span groups,
		     struct sshd_bar *ret)
{
	struct access_walk all = {.groups = groups};
	struct walk walk = {.tree = tree, .conf = conf, .visit = visit_access, .arg = &all};
	size_t count = 0;

	if (tree->count)
		(void)walk_file(&walk, &tree->files[0], SCOPE_GLOBAL);
	for (size_t i = 0; i < ARRAY_LEN(lists); i++)
		if (all.lists[i].given && all.lists[i].named == is_denial((enum list)i))
			fill_bar(tree, conf, (enum list)i, &all.lists[i], &ret[count++]);
	return count;
}

/* ---- which names are the same to sshd */

/*
 * Two stars in a row match less in old releases, for which a `#` in a word ends it, too (seen on
 * 8.4, not on 9.2), and sshd has room for patterns of 1023 bytes.
 */
static bool is_plain(struct span text)
{
	if (span_has(text, "**") || text.len >= PLAIN_MAX)
		return false;
	for (size_t i = 0; i < text.len; i++)
		if (strchr("\"'\\=", text.p[i]) ||
		    (text.p[i] == '#' && i && text.p[i - 1] != ' ' && text.p[i - 1] != '\t'))
			return false;
	return true;
}

/* What belongs to the connection, which is the same for all names. */
static bool is_of_connection(struct span word)
{
	static const char *const words[] = {"address", "host", "localaddress", "localport",
					    "rdomain"};

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (span_is_nocase(word, words[i]))
			return true;
	return false;
}

/* 0: it does not apply, 1: the name does not keep it from that, -1: that cannot be told. */
static int judge_match(struct span args, struct span name)
{
	struct span word, value;
	int found = 1;

	if (!is_plain(args))
		return -1;
	while (sshdconf_arg(&args, &word)) {
		if (span_is_nocase(word, "all"))
			continue;
		if (!sshdconf_arg(&args, &value))
			return -1;
		if (span_is_nocase(word, "user") && sshdtree_match(value, name) <= 0)
			return 0;
		if (span_is_nocase(word, "group"))
			found = -1;
		else if (!span_is_nocase(word, "user") && !is_of_connection(word))
			return -1;
	}
	return found;
}

/* Wherever a line stands, and whether its file is read for a name or not. */
bool sshdtree_kind(const struct sshdtree *tree, struct span name, struct buf *ret)
{
	struct sshd_directive directive;

	if (tree->partial || tree->count == 0)
		return false;
	for (size_t i = 0; i < tree->count; i++) {
		struct span text = buf_bytes(&tree->files[i].text);
		unsigned line = 0;

		while (sshdconf_next(&text, &line, &directive)) {
			int applies = sshdconf_is(&directive, "Match")
					      ? judge_match(directive.args, name)
					      : 0;

			if (applies < 0 || directive.keyword.len == 0)
				return false;
			if (sshdconf_is(&directive, "Match"))
				buf_str(ret, applies ? "1" : "0");
		}
	}
	return !ret->failed;
}
