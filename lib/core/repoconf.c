/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "lib/core/cleanup.h"
#include "lib/core/repoconf.h"

/* All that some package manager's file would take for more than a character of the value. */
#define SPECIAL "\"'\\;$<>`{}|"

struct place {
	struct span scheme; /* "https" */
	struct span login; /* before the '@', may be empty */
	struct span host; /* as written: a name, an address, "[::1]" */
	struct span port; /* with its colon, may be empty */
	struct span path; /* from the first '/', may be empty */
};

static struct span cut(struct span *in, size_t len)
{
	struct span head = {in->p, len};

	in->p += len;
	in->len -= len;
	return head;
}

/* Where the byte is in a, or the end. */
static size_t find(struct span a, int byte)
{
	const unsigned char *at = a.len ? memchr(a.p, byte, a.len) : NULL;

	return at ? (size_t)(at - a.p) : a.len;
}

static bool split(const char *url, struct place *ret)
{
	struct span rest = span_of(url), authority;
	struct place place;
	size_t at = 0, end;

	place.scheme = cut(&rest, find(rest, ':'));
	if (rest.len < 3 || memcmp(rest.p, "://", 3) != 0)
		return false;
	(void)cut(&rest, 3);
	authority = cut(&rest, find(rest, '/'));
	place.path = rest;
	for (size_t i = 0; i < authority.len; i++)
		if (authority.p[i] == '@')
			at = i + 1;
	place.login = cut(&authority, at);
	if (place.login.len)
		place.login.len--;
	end = authority.len && authority.p[0] == '[' ? find(authority, ']') : find(authority, ':');
	if (end < authority.len && authority.p[end] == ']')
		end++;
	place.host = cut(&authority, end);
	place.port = authority;
	*ret = place;
	return place.host.len > 0 && (authority.len == 0 || authority.p[0] == ':');
}

static bool is_plain(const char *text, const char *refused)
{
	for (; text && *text; text++)
		if (*text <= ' ' || *text > '~' || strchr(SPECIAL, *text) || strchr(refused, *text))
			return false;
	return true;
}

static bool has(const char *text)
{
	return text && *text;
}

static bool url_ok(const char *url)
{
	struct place place;

	return has(url) && is_plain(url, "#?") && split(url, &place) &&
	       span_is(place.scheme, "https") && place.login.len == 0;
}

static bool proxy_ok(const char *proxy)
{
	struct place place;

	return !has(proxy) || (is_plain(proxy, "#?") && split(proxy, &place) &&
			       (span_is(place.scheme, "http") || span_is(place.scheme, "https")) &&
			       (place.path.len == 0 || span_is(place.path, "/")));
}

int repoconf_check(const struct repo *repo, struct err *err)
{
	const struct {
		const char *name;
		bool ok;
	} fields[] = {
		{"address", url_ok(repo->url)},
		{"suite", is_plain(repo->suite, "#")},
		{"component", is_plain(repo->component, "#")},
		{"proxy", proxy_ok(repo->proxy)},
		{"list of hosts without a proxy", is_plain(repo->no_proxy, "#")},
		{"token", is_plain(repo->token, "#") && (!repo->token || repo->token[0] != ':')},
	};

	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		if (!fields[i].ok)
			return err_set(err, EINVAL,
				       "the repository's %s cannot be told to a package manager",
				       fields[i].name);
	return 0;
}

void repoconf_login(const struct repo *repo, struct buf *ret)
{
	buf_printf(ret, "%s%s", strchr(repo->token, ':') ? "" : REPO_TOKEN_USER ":", repo->token);
}

/* Is host named by entry, or below the domain that it names? */
static bool is_below(struct span host, struct span entry)
{
	if (entry.len && entry.p[0] == '.')
		(void)cut(&entry, 1);
	return entry.len && host.len >= entry.len &&
	       strncasecmp((const char *)host.p + host.len - entry.len, (const char *)entry.p,
			   entry.len) == 0 &&
	       (host.len == entry.len || host.p[host.len - entry.len - 1] == '.');
}

const char *repoconf_proxy(const struct repo *repo)
{
	struct span rest = span_of(repo->no_proxy ? repo->no_proxy : "");
	struct place place;

	if (!has(repo->proxy) || !split(repo->url, &place))
		return "";
	while (rest.len) {
		struct span entry = span_trim(cut(&rest, find(rest, ',')));

		if (rest.len)
			(void)cut(&rest, 1);
		if (span_is(entry, "*") || is_below(place.host, entry))
			return "";
	}
	return repo->proxy;
}

/*
 * The owner's configuration, pinning, keys and repositories have no say, and what is remembered
 * goes to our own folder.  All that is unsigned is refused by name: old releases only warn.
 */
void repoconf_apt(const struct repo *repo, struct buf *ret)
{
	const char *proxy = repoconf_proxy(repo);

	buf_str(ret, "Dir::Etc::main \"/dev/null\";\n"
		     "Dir::Etc::parts \"/dev/null\";\n"
		     "Dir::Etc::sourcelist \"" REPO_DIR "/sources.list\";\n"
		     "Dir::Etc::sourceparts \"/dev/null\";\n"
		     "Dir::Etc::preferences \"/dev/null\";\n"
		     "Dir::Etc::preferencesparts \"/dev/null\";\n"
		     "Dir::Etc::trusted \"/dev/null\";\n"
		     "Dir::Etc::trustedparts \"/dev/null\";\n"
		     "Dir::Etc::netrc \"" REPO_DIR "/auth.conf\";\n"
		     "Dir::Etc::netrcparts \"/dev/null\";\n"
		     "Dir::State \"" REPO_DIR "/state\";\n"
		     "Dir::Cache \"" REPO_DIR "/cache\";\n"
		     "Dir::Log \"" REPO_DIR "/log\";\n"
		     "Acquire::Languages \"none\";\n"
		     "Acquire::Retries \"1\";\n"
		     "Acquire::http::Timeout \"30\";\n"
		     "Acquire::https::Timeout \"30\";\n"
		     "Acquire::AllowInsecureRepositories \"false\";\n"
		     "Acquire::AllowWeakRepositories \"false\";\n"
		     "Acquire::AllowDowngradeToInsecureRepositories \"false\";\n"
		     "Acquire::Check-Valid-Until \"true\";\n"
		     "APT::Get::AllowUnauthenticated \"false\";\n"
		     "APT::Update::Error-Mode \"any\";\n");
	if (*proxy)
		buf_printf(ret, "Acquire::https::Proxy \"%s\";\n", proxy);
	else
		buf_str(ret, "Acquire::https::Proxy \"DIRECT\";\n");
}

void repoconf_apt_sources(const struct repo *repo, struct buf *ret)
{
	const size_t len = strlen(repo->url);
	const char *slash = len && repo->url[len - 1] == '/' ? "" : "/";

	buf_printf(ret, "deb [signed-by=" REPO_DIR "/key.gpg] %s%s ", repo->url, slash);
	if (has(repo->suite))
		buf_printf(ret, "%s %s\n", repo->suite,
			   has(repo->component) ? repo->component : "main");
	else
		buf_str(ret, "./\n");
}

void repoconf_apt_login(const struct repo *repo, struct buf *ret)
{
	AUTO_BUF login = {0};
	struct place place;
	struct span rest, user;

	if (!has(repo->token) || !split(repo->url, &place))
		return;
	repoconf_login(repo, &login);
	rest = buf_bytes(&login);
	user = cut(&rest, find(rest, ':'));
	(void)cut(&rest, rest.len ? 1 : 0);
	/* Without the path, which old releases do not take. */
	buf_printf(ret, "machine %.*s%.*s login %.*s password %.*s\n", (int)place.host.len,
		   (const char *)place.host.p, (int)place.port.len, (const char *)place.port.p,
		   (int)user.len, (const char *)user.p, (int)rest.len, (const char *)rest.p);
	ret->failed = ret->failed || login.failed;
}
