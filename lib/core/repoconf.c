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

/* Some tools are told user and password without escapes, a line each. */
static bool has_escaped_control(const char *text)
{
	for (; (text = strchr(text, '%')); text++)
		if (text[1] == '0' || text[1] == '1' || strncasecmp(text, "%7f", 3) == 0)
			return true;
	return false;
}

static bool proxy_ok(const char *proxy)
{
	struct place place;

	return !has(proxy) ||
	       (is_plain(proxy, "#?") && !has_escaped_control(proxy) && split(proxy, &place) &&
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

/* What stands before and behind the first colon of a login. */
struct login {
	struct buf text;
	struct span user, password;
};

static void login_done(struct login *login)
{
	buf_done(&login->text);
}

#define AUTO_LOGIN __attribute__((cleanup(login_done))) struct login

static void split_login(struct login *login)
{
	struct span rest = buf_bytes(&login->text);

	login->user = cut(&rest, find(rest, ':'));
	(void)cut(&rest, rest.len ? 1 : 0);
	login->password = rest;
}

static void take_token(const struct repo *repo, struct login *ret)
{
	repoconf_login(repo, &ret->text);
	split_login(ret);
}

static int hex_digit(unsigned char c)
{
	const char *digits = "0123456789abcdef";
	const char *at = c ? strchr(digits, c >= 'A' && c <= 'F' ? c + 'a' - 'A' : c) : NULL;

	return at ? (int)(at - digits) : -1;
}

/* %XX to bytes.  What is no such escape stays. */
static void unescape(struct span text, struct buf *ret)
{
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = text.p[i];

		if (c == '%' && i + 2 < text.len && hex_digit(text.p[i + 1]) >= 0 &&
		    hex_digit(text.p[i + 2]) >= 0) {
			c = (unsigned char)(hex_digit(text.p[i + 1]) << 4 |
					    hex_digit(text.p[i + 2]));
			i += 2;
		}
		buf_add(ret, &c, 1);
	}
}

/* For a value in a query. */
static void escape(struct span text, struct buf *ret)
{
	for (size_t i = 0; i < text.len; i++) {
		const unsigned char c = text.p[i];

		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		    (c && strchr("-._~", c)))
			buf_add(ret, &c, 1);
		else
			buf_printf(ret, "%%%02X", c);
	}
}

static void print_span(struct buf *ret, const char *before, struct span text, const char *after)
{
	buf_str(ret, before);
	buf_span(ret, text);
	buf_str(ret, after);
}

void repoconf_apt_login(const struct repo *repo, struct buf *ret)
{
	AUTO_LOGIN login = {.user = {0}};
	struct place place;

	if (!has(repo->token) || !split(repo->url, &place))
		return;
	take_token(repo, &login);
	/* Without the path, which old releases do not take. */
	print_span(ret, "machine ", place.host, "");
	print_span(ret, "", place.port, " login ");
	print_span(ret, "", login.user, " password ");
	print_span(ret, "", login.password, "\n");
	ret->failed = ret->failed || login.text.failed;
}

/* A section that knows nothing of the owner's; what one of dnf and yum does not know it ignores. */
void repoconf_dnf(const struct repo *repo, struct buf *ret)
{
	(void)repo;
	buf_str(ret, "[main]\n"
		     "reposdir=" REPO_DIR "/repos\n"
		     "cachedir=" REPO_DIR "/cache\n"
		     "system_cachedir=" REPO_DIR "/cache\n"
		     "persistdir=" REPO_DIR "/state\n"
		     "logdir=" REPO_DIR "/log\n"
		     "logfile=" REPO_DIR "/log/yum.log\n"
		     "varsdir=" REPO_DIR "/vars\n"
		     "plugins=0\n"
		     "history_record=0\n"
		     "obsoletes=0\n"
		     "deltarpm=0\n"
		     "install_weak_deps=0\n"
		     "color=never\n"
		     "gpgcheck=0\n"
		     "skip_if_unavailable=0\n"
		     "metadata_expire=never\n"
		     "timeout=30\n"
		     "retries=2\n");
}

void repoconf_tdnf(const struct repo *repo, struct buf *ret)
{
	(void)repo;
	buf_str(ret, "[main]\n"
		     "repodir=" REPO_DIR "/repos\n"
		     "cachedir=" REPO_DIR "/cache\n"
		     "persistdir=" REPO_DIR "/state\n"
		     "plugins=0\n"
		     "gpgcheck=0\n");
}

/* Whom a proxy is told, without the URL's escapes; false: nobody. */
static bool take_proxy_login(const struct place *proxy, struct buf *ret_user,
			     struct buf *ret_password)
{
	AUTO_LOGIN login = {.user = {0}};

	if (proxy->login.len == 0)
		return false;
	buf_span(&login.text, proxy->login);
	split_login(&login);
	unescape(login.user, ret_user);
	unescape(login.password, ret_password);
	ret_user->failed = ret_user->failed || login.text.failed;
	return true;
}

static void dnf_proxy(const char *proxy, struct buf *ret)
{
	AUTO_BUF user = {0}, password = {0};
	struct place place;

	if (!split(proxy, &place))
		return;
	print_span(ret, "proxy=", place.scheme, "://");
	print_span(ret, "", place.host, "");
	print_span(ret, "", place.port, "\n");
	if (!take_proxy_login(&place, &user, &password))
		return;
	print_span(ret, "proxy_username=", buf_bytes(&user), "\n");
	print_span(ret, "proxy_password=", buf_bytes(&password), "\n");
	ret->failed = ret->failed || user.failed || password.failed;
}

void repoconf_dnf_repo(const struct repo *repo, struct buf *ret)
{
	AUTO_LOGIN login = {.user = {0}};
	const char *proxy = repoconf_proxy(repo);

	buf_printf(ret,
		   "[" REPO_ID "]\n"
		   "name=" REPO_ID "\n"
		   "baseurl=%s\n"
		   "enabled=1\n"
		   "repo_gpgcheck=1\n"
		   "gpgcheck=0\n"
		   "gpgkey=file://" REPO_DIR "/key.asc\n"
		   "metadata_expire=never\n"
		   "skip_if_unavailable=0\n"
		   "sslverify=1\n",
		   repo->url);
	if (*proxy)
		dnf_proxy(proxy, ret);
	if (!has(repo->token))
		return;
	take_token(repo, &login);
	print_span(ret, "username=", login.user, "\n");
	print_span(ret, "password=", login.password, "\n");
	ret->failed = ret->failed || login.text.failed;
}

/* Its file has no words for these: they are the URL's query. */
static void zypper_proxy(const char *proxy, const char *sign, struct buf *ret)
{
	AUTO_BUF user = {0}, password = {0};
	struct place place;

	if (!split(proxy, &place))
		return;
	buf_printf(ret, "%sproxy=", sign);
	buf_span(ret, place.host);
	if (place.port.len)
		print_span(ret, "&proxyport=", (struct span){place.port.p + 1, place.port.len - 1},
			   "");
	if (!take_proxy_login(&place, &user, &password))
		return;
	buf_str(ret, "&proxyuser=");
	escape(buf_bytes(&user), ret);
	buf_str(ret, "&proxypass=");
	escape(buf_bytes(&password), ret);
	ret->failed = ret->failed || user.failed || password.failed;
}

/* The key is in the database of rpm below REPO_DIR, so that no other can be offered. */
void repoconf_zypper_repo(const struct repo *repo, struct buf *ret)
{
	const char *proxy = repoconf_proxy(repo);

	buf_printf(ret,
		   "[" REPO_ID "]\n"
		   "name=" REPO_ID "\n"
		   "type=rpm-md\n"
		   "enabled=1\n"
		   "autorefresh=0\n"
		   "gpgcheck=1\n"
		   "repo_gpgcheck=1\n"
		   "pkg_gpgcheck=0\n"
		   "baseurl=%s%s",
		   repo->url, has(repo->token) ? "?credentials=" REPO_ID : "");
	if (*proxy)
		zypper_proxy(proxy, has(repo->token) ? "&" : "?", ret);
	buf_str(ret, "\n");
}

void repoconf_zypper_login(const struct repo *repo, struct buf *ret)
{
	AUTO_LOGIN login = {.user = {0}};

	if (!has(repo->token))
		return;
	take_token(repo, &login);
	print_span(ret, "username=", login.user, "\n");
	print_span(ret, "password=", login.password, "\n");
	ret->failed = ret->failed || login.text.failed;
}
