/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <string.h>

#include "lib/core/conf.h"
#include "lib/core/guid.h"
#include "lib/core/name.h"

bool name_lower(const char *typed, char *ret, size_t size)
{
	size_t len = strnlen(typed, size);

	if (len >= size)
		return false;
	for (size_t i = 0; i <= len; i++)
		ret[i] = typed[i] >= 'A' && typed[i] <= 'Z' ? (char)(typed[i] | 0x20) : typed[i];
	return true;
}

static bool is_alnum(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool is_in(unsigned char c, const char *set)
{
	return c && strchr(set, c);
}

static bool local_valid(struct span local)
{
	if (local.len == 0 || !(is_alnum(local.p[0]) || local.p[0] == '_'))
		return false;
	for (size_t i = 1; i < local.len; i++)
		if (!is_alnum(local.p[i]) && !is_in(local.p[i], "._-+'!#^~"))
			return false;
	return true;
}

static bool domain_valid(struct span domain)
{
	size_t dots = 0;
	unsigned char before = '.'; /* where a label must begin */

	for (size_t i = 0; i < domain.len; i++) {
		unsigned char c = domain.p[i];

		if (!is_alnum(c) && (before == '.' || (c != '-' && (c != '.' || before == '-'))))
			return false;
		dots += c == '.';
		before = c;
	}
	return dots > 0 && is_alnum(before);
}

/* The part after the `@`; empty unless the name is a well-formed local@domain. */
static struct span domain_of(struct span name)
{
	const unsigned char *at = name.len ? memchr(name.p, '@', name.len) : NULL;
	struct span local, domain = {0};

	if (at && name.len <= NAME_MAX_BYTES) {
		local = (struct span){.p = name.p, .len = (size_t)(at - name.p)};
		domain = (struct span){.p = at + 1, .len = name.len - local.len - 1};
		if (!local_valid(local) || !domain_valid(domain))
			domain.len = 0;
	}
	return domain;
}

bool name_shaped(const char *lower)
{
	struct span name = span_of(lower);

	return guid_valid(name) || domain_of(name).len;
}

/* Take "*." away from the front. */
static bool take_wildcard(struct span *domain)
{
	struct span rest = *domain, front;

	if (!span_take(&rest, 2, &front) || !span_is(front, "*."))
		return false;
	*domain = rest;
	return true;
}

static bool domain_matches(struct span domain, struct span pattern)
{
	struct span tail;

	if (!take_wildcard(&pattern))
		return span_eq(domain, pattern);
	if (domain.len <= pattern.len)
		return false;
	tail = (struct span){.p = domain.p + domain.len - pattern.len, .len = pattern.len};
	return tail.p[-1] == '.' && span_eq(tail, pattern);
}

bool name_ours(const char *lower, struct span user_domains)
{
	struct span name = span_of(lower);
	struct span domain = domain_of(name), word;

	if (guid_valid(name))
		return true;
	if (domain.len == 0)
		return false;
	while (span_word(&user_domains, &word))
		if (span_is(word, "*") || domain_matches(domain, word))
			return true;
	return false;
}

bool name_domains_valid(struct span user_domains)
{
	struct span word;
	size_t count = 0;

	if (span_is(user_domains, "*"))
		return true;
	for (; span_word(&user_domains, &word); count++) {
		(void)take_wildcard(&word);
		if (!domain_valid(word))
			return false;
	}
	return count > 0;
}

bool name_admin_group_valid(struct span group)
{
	struct span rest = group, prefix;

	if (!span_take(&rest, 4, &prefix) || !span_is(prefix, "aad_"))
		return false;
	for (size_t i = 0; i < rest.len; i++)
		if (!is_alnum(rest.p[i]) && !is_in(rest.p[i], "_-"))
			return false;
	return rest.len > 0 && rest.len <= 27 && !span_is(group, USERS_GROUP);
}

/* Copy the template with its %-sequences replaced.  *ret_len is the length without a NUL. */
static bool expand(struct span home_template, struct span name, char *to, size_t size,
		   size_t *ret_len)
{
	size_t len = 0;
	bool named = false;

	for (size_t i = 0; i < home_template.len; i++) {
		struct span part = {.p = home_template.p + i, .len = 1};

		if (part.p[0] == '%') {
			if (++i == home_template.len || !is_in(home_template.p[i], "u%"))
				return false;
			named = named || home_template.p[i] == 'u';
			part = home_template.p[i] == 'u' ? name : part;
		}
		if (part.len >= size - len)
			return false;
		memcpy(to + len, part.p, part.len);
		len += part.len;
	}
	*ret_len = len;
	return named;
}

bool name_home(struct span home_template, const char *lower, char *ret, size_t size)
{
	char home[HOME_SIZE];
	struct span path = {.p = (const unsigned char *)home};

	return expand(home_template, span_of(lower), home, sizeof(home), &path.len) &&
	       path_valid(path) && span_copy(path, ret, size);
}
