/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/core/cleanup.h"
#include "lib/core/name.h"
#include "lib/core/sshdtree.h"

#define SAMPLE_GUID "00000000-0000-4000-8000-000000000000" /* a service principal's name */
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
};

static bool names_our_users(struct span pattern, enum list list, const struct conf *conf)
{
	const unsigned char *at = pattern.len ? memchr(pattern.p, '@', pattern.len) : NULL;
	struct span domains = span_of(conf->user_domains), domain;
	char sample[NAME_SIZE];

	if (list == ALLOW_GROUPS || list == DENY_GROUPS)
		return match_one(pattern, SPAN_LIT(USERS_GROUP)) ||
		       (list == ALLOW_GROUPS && match_one(pattern, span_of(conf->admin_group)));
	/* What stands behind `@` is a pattern for hosts, even if a domain of users was meant. */
	if (at) {
		unsigned char host = (size_t)(at - pattern.p) + 1 < pattern.len ? at[1] : 0;

		if (list == DENY_USERS || (host != '*' && !isdigit(host)))
			return false;
		pattern.len = (size_t)(at - pattern.p);
	}
	return span_word(&domains, &domain) && sshdconf_probe(domain, sample, sizeof(sample)) &&
	       match_one(pattern, span_of(sample));
}

static bool visit_access(struct walk *walk, const struct sshd_place *place, enum scope scope)
{
	struct access *all = walk->arg;
	struct span args, pattern;

	for (size_t i = 0; scope != SCOPE_NEVER && i < ARRAY_LEN(lists); i++) {
		struct access *access = &all[i];

		if (!sshdconf_is(&place->directive, lists[i]) || access->named)
			continue;
		access->given = true;
		access->place = *place;
		args = place->directive.args;
		while (!access->named && sshdconf_arg(&args, &pattern)) {
			access->named = names_our_users(pattern, (enum list)i, walk->conf);
			access->pattern = pattern;
		}
	}
	return false;
}

static void advise_allow_users(const struct sshdtree *tree, const struct conf *conf,
			       struct buf *out)
{
	struct span domains = span_of(conf->user_domains), domain;

	/* `?` stands for the `@` that sshd would take for the start of a host. */
	if (!span_is(domains, "*")) {
		buf_str(out, "write below it: AllowUsers");
		while (span_word(&domains, &domain)) {
			buf_str(out, " *?");
			buf_span(out, domain);
		}
		buf_str(out, "\n");
		return;
	}
	buf_printf(out, "write at the end of %s the two lines: Match User *@* / AllowUsers *\n",
		   tree->files[0].path);
}

int sshdtree_access(const struct sshdtree *tree, const struct conf *conf, struct buf *ret,
		    struct err *err)
{
	struct access all[ARRAY_LEN(lists)] = {{.given = false}};
	struct walk walk = {.tree = tree, .conf = conf, .visit = visit_access, .arg = all};
	AUTO_BUF out = {0};

	if (tree->count)
		(void)walk_file(&walk, &tree->files[0], SCOPE_GLOBAL);
	for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
		bool denies = i == DENY_USERS || i == DENY_GROUPS;

		if (!all[i].given || all[i].named != denies)
			continue;
		buf_printf(&out, "%s:%u: %s keeps Entra users out; ", all[i].place.path,
			   all[i].place.directive.line, lists[i]);
		if (denies)
			buf_printf(&out, "take %.*s out of the line\n", (int)all[i].pattern.len,
				   (const char *)all[i].pattern.p);
		else if (i == ALLOW_USERS)
			advise_allow_users(tree, conf, &out);
		else
			buf_str(&out, "write below it: AllowGroups " USERS_GROUP "\n");
	}
	if (buf_ok(&out, err) < 0)
		return -err->code;
	buf_move(ret, &out);
	return 0;
}
