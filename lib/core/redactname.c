/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <string.h>

#include "lib/core/cleanup.h"
#include "lib/core/redactname.h"

#define WRAP_MIN 60 /* bytes of a line that is wrapped */
#define DOMAIN_MAX 15 /* bytes of a NetBIOS domain */
#define ACCOUNT_MIN 3
#define NAME_SIGNS "._-+'!#^~"

bool redact_is_name_byte(unsigned char c)
{
	return c >= 0x80 || scan_is_letter(c, NAME_SIGNS);
}

/* What has the form of a name and is none: algorithms of SSH, and units of systemd, which escape
 * the sign of a name. */
static const char *const no_domains[] = {
	"openssh.com", "libssh.org", "tinyssh.org", ".service", ".socket",
	".slice",      ".scope",     ".target",     ".timer",   ".mount",
};

static bool is_no_domain(const struct scan *scan, size_t from, size_t to)
{
	for (size_t i = 0; i < ARRAY_LEN(no_domains); i++) {
		size_t len = strlen(no_domains[i]);

		if (len <= to - from && scan_starts(scan, to - len, no_domains[i]) &&
		    (no_domains[i][0] == '.' || len == to - from))
			return true;
	}
	return false;
}

/* The last label may be followed by the full stop of a sentence. */
static size_t domain_end(const struct scan *scan, size_t at)
{
	unsigned char c;
	size_t len;

	while ((len = scan_letter(scan, at, &c)) && (c >= 0x80 || scan_is_letter(c, ".-")))
		at += len;
	while (scan_is_in(scan_byte(scan, at - 1), ".-"))
		at--;
	return at;
}

static bool is_domain(const struct scan *scan, size_t from, size_t to)
{
	return from < to && memchr(scan->text.p + from, '.', to - from);
}

/* A domain that ends with a long line may go on in the next, which begins with the rest of it. */
static size_t wrapped_end(const struct scan *scan, size_t at)
{
	size_t from = scan_skip(scan, at + 1, SCAN_BLANKS), end;

	if (scan_byte(scan, at) != '\n' || at < WRAP_MIN ||
	    memchr(scan->text.p + at - WRAP_MIN, '\n', WRAP_MIN))
		return at;
	end = domain_end(scan, from);
	return is_domain(scan, from, end) && (end == scan->text.len ||
					      scan_is_in(scan->text.p[end], SCAN_ENDS ",;)>\"'"))
		       ? end
		       : at;
}

/* All signs up to the last before a domain belong to it: a@b@c.d is one name. */
static bool find_principal(struct scan *scan, size_t at, struct hit *ret)
{
	unsigned char c = scan_letter_before(scan, at);
	size_t from = at, len;
	bool found = false;

	if (redact_is_name_byte(c) || c == '@')
		return false;
	while ((len = scan_letter(scan, from, &c)) && scan_is_in(c, NAME_SIGNS "@"))
		from += len;
	for (at = from; (len = scan_letter(scan, at, &c)) && (redact_is_name_byte(c) || c == '@');
	     at += len) {
		size_t end = c == '@' ? domain_end(scan, at + len) : 0;

		if (c != '@' || at == from)
			continue;
		if (!is_domain(scan, at + len, end))
			end = wrapped_end(scan, end);
		if (!is_domain(scan, at + len, end) ||
		    (len == 1 && is_no_domain(scan, at + 1, end)))
			continue;
		*ret = (struct hit){.from = from, .to = end, .kind = REDACT_NAME};
		ret->sign = at;
		ret->sign_len = len;
		found = true;
	}
	return found;
}

/* ---- DOMAIN\account, of Windows domains that a machine was joined to */

/* What has the form of a domain: of accounts that are nobody's, and of the registry. */
static const char *const no_netbios[] = {"BUILTIN", "AUTHORITY", "SERVICE", "HKLM", "HKCU", "HKU"};

static bool is_alphabetic(unsigned char c)
{
	return scan_class(c) == LETTER_LOWER || scan_class(c) == LETTER_UPPER;
}

static size_t netbios_end(const struct scan *scan, size_t at)
{
	size_t end = at;

	while (scan_class(scan_byte(scan, end)) == LETTER_UPPER ||
	       (end > at &&
		(scan_class(scan_byte(scan, end)) == LETTER_DIGIT || scan_byte(scan, end) == '-')))
		end++;
	for (size_t i = 0; i < ARRAY_LEN(no_netbios); i++)
		if (strlen(no_netbios[i]) == end - at && scan_starts(scan, at, no_netbios[i]))
			return at;
	return end - at >= 2 && end - at <= DOMAIN_MAX ? end : at;
}

/* Does a word before say that an account follows? */
static bool is_announced(const struct scan *scan, size_t at)
{
	static const char *const words[] = {"user ", "user=", "user '", "for "};

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (strlen(words[i]) <= at && scan_starts(scan, at - strlen(words[i]), words[i]))
			return true;
	return false;
}

/*
 * One backslash, two where sshd, sudoers or JSON escape it, four where JSON has that.  A domain is
 * in capitals, so that no path and few regular expressions have the form; a letter that escapes
 * begin with needs a word that announces an account.
 */
static bool find_account(const struct scan *scan, size_t at, struct hit *ret)
{
	unsigned char before = at > 0 ? scan->text.p[at - 1] : ' ';
	size_t sign, from, end;

	if (scan_class(scan->text.p[at]) != LETTER_UPPER || scan_is_letter(before, "_\\/.-"))
		return false;
	sign = netbios_end(scan, at);
	from = scan_skip(scan, sign, "\\");
	if (sign == at || (from - sign != 1 && from - sign != 2 && from - sign != 4))
		return false;
	end = scan_skip_letters(scan, from, "._-");
	while (scan_is_in(scan_byte(scan, end - 1), ".-"))
		end--;
	if (end - from < ACCOUNT_MIN || scan_is_in(scan_byte(scan, end), "@\\/*+?[{$") ||
	    !is_alphabetic(scan->text.p[from]) ||
	    (scan_is_in(scan->text.p[from], "bfnrtuvx") && !is_announced(scan, at)))
		return false;
	*ret = (struct hit){.from = at, .to = end, .kind = REDACT_NAME, .domain_first = true};
	ret->sign = sign;
	ret->sign_len = from - sign;
	return true;
}

bool redact_find_name(struct scan *scan, size_t at, struct hit *ret)
{
	return find_principal(scan, at, ret) || find_account(scan, at, ret);
}
