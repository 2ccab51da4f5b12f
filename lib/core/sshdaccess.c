/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <string.h>
#include <strings.h>

#include "lib/core/sshdaccess.h"
#include "lib/core/sshdtree.h"

enum list { DENY_USERS, ALLOW_USERS, DENY_GROUPS, ALLOW_GROUPS, LISTS };

static const char *const lists[LISTS] = {
	[DENY_USERS] = "DenyUsers",
	[ALLOW_USERS] = "AllowUsers",
	[DENY_GROUPS] = "DenyGroups",
	[ALLOW_GROUPS] = "AllowGroups",
};

/* How the patterns of one list match; a list that is not given matches nothing. */
struct match {
	bool given;
	bool certain, possible; /* some pattern does; does for some hosts */
	struct span pattern; /* which, or the last one looked at */
};

/* The next pattern of a list, whose lines add up. */
static bool next_pattern(struct span *settings, struct span *line, const char *list,
			 struct span *ret)
{
	struct span word;

	while (!span_word(line, ret)) {
		if (!span_line(settings, line))
			return false;
		if (!span_word(line, &word) || word.len != strlen(list) ||
		    strncasecmp((const char *)word.p, list, word.len) != 0)
			*line = (struct span){0};
	}
	return true;
}

static void match_user(struct span pattern, const char *name, struct match *match)
{
	const unsigned char *at = memchr(pattern.p, '@', pattern.len);
	struct span user = pattern;

	if (at)
		user.len = (size_t)(at - pattern.p);
	if (sshdtree_match(user, span_of(name)) != 1)
		return;
	match->possible = match->possible || at;
	match->certain = match->certain || !at;
}

static void match_groups(struct span pattern, struct span groups, struct match *match)
{
	struct span group;

	while (span_line(&groups, &group))
		if (sshdtree_match(pattern, group) == 1)
			match->certain = true;
}

static struct match match_list(struct span settings, enum list list, const char *name,
			       struct span groups)
{
	struct match match = {.given = false};
	struct span line = {0}, pattern;

	while (!match.certain && next_pattern(&settings, &line, lists[list], &pattern)) {
		match.given = true;
		match.pattern = pattern;
		if (list == DENY_USERS || list == ALLOW_USERS)
			match_user(pattern, name, &match);
		else
			match_groups(pattern, groups, &match);
	}
	return match;
}

static enum sshd_access judge_match(const struct match *match, bool denies)
{
	if (!match->given)
		return SSHD_ACCESS_YES;
	if (match->certain)
		return denies ? SSHD_ACCESS_NO : SSHD_ACCESS_YES;
	if (match->possible)
		return SSHD_ACCESS_DEPENDS;
	return denies ? SSHD_ACCESS_YES : SSHD_ACCESS_NO;
}

bool sshdaccess_asks_groups(struct span settings)
{
	struct span shown;

	return sshdconf_shown(settings, lists[DENY_GROUPS], &shown) ||
	       sshdconf_shown(settings, lists[ALLOW_GROUPS], &shown);
}

enum sshd_access sshdaccess_judge(struct span settings, const char *name, struct span groups,
				  struct buf *ret)
{
	enum sshd_access worst = SSHD_ACCESS_YES;

	for (unsigned i = 0; i < LISTS && worst != SSHD_ACCESS_NO; i++) {
		bool denies = i == DENY_USERS || i == DENY_GROUPS;
		struct match match = match_list(settings, (enum list)i, name, groups);
		enum sshd_access access = judge_match(&match, denies);

		if (access <= worst)
			continue;
		worst = access;
		buf_done(ret);
		if (denies || access == SSHD_ACCESS_DEPENDS)
			buf_printf(ret, "%s %.*s", lists[i], (int)match.pattern.len,
				   (const char *)match.pattern.p);
		else
			buf_printf(ret, "%s, which does not name it", lists[i]);
	}
	return worst;
}
