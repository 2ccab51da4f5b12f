/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/core/cleanup.h"
#include "lib/core/outcome.h"
#include "lib/core/pgpkey.h"
#include "lib/core/url.h"
#include "lib/sys/http.h"
#include "lib/sys/repoprobe.h"

#define TIMEOUT_MS 30000
#define HOST_MAX 128

struct question {
	const struct repo *repo;
	const char *what; /* "the repository's metadata" */
	const char *url;
	bool with_token;
	size_t max; /* bytes of the answer */
};

/* How it failed: by the error of the transfer, or when that is 0 by the status. */
static const struct failure {
	int error;
	int status; /* -1: any other */
	int code;
	const char *cause, *remedy;
} failures[] = {
	{ENOENT, 0, EHOSTUNREACH, "a name is not resolved",
	 "check the URL and the machine's DNS, or set proxy to what resolves names itself"},
	{ECONNREFUSED, 0, ECONNREFUSED, "no connection",
	 "let the machine reach it (firewall, security group, route), or set proxy"},
	{EPROTO, 0, EPROTO, "TLS fails",
	 "its certificate must be for that name, in date, and of an authority that the "
	 "distribution "
	 "trusts; check the machine's clock too"},
	{ETIMEDOUT, 0, ETIMEDOUT, "no answer in time",
	 "let the machine reach it (firewall, security group, route), or set proxy"},
	{EMSGSIZE, 0, EMSGSIZE, "the answer is too long", "check the URL: something else is there"},
	{0, 401, EACCES, "it wants to know who asks (401)",
	 "set repositoryToken to one that counts"},
	{0, 403, EACCES, "it is forbidden (403)",
	 "check repositoryToken, and whether this machine's address is let in"},
	{0, 407, EACCES, "the proxy wants to know who asks (407)",
	 "set the proxy with user and password in the protected settings"},
	{0, 404, EREMOTEIO, "it is not there (404)",
	 "check the URL, and that a repository for this distribution was published there"},
	{0, 302, EREMOTEIO, "it leads elsewhere", "set the URL that it leads to"},
	{0, -1, EREMOTEIO, "it is not handed out",
	 "see what is wrong with the server, or try again"},
	{EIO, 0, EREMOTEIO, "the transfer fails", "check the proxy and the server, and try again"},
};

static const struct failure *find_failure(int error, int status)
{
	size_t i = 0;

	if (status > 300 && status < 400)
		status = 302;
	while (i + 1 < ARRAY_LEN(failures) &&
	       (failures[i].error != error ||
		(error == 0 && failures[i].status != status && failures[i].status != -1)))
		i++;
	return &failures[i];
}

/* ", through the proxy http://p.example:3128", without who asks it. */
static void name_proxy(const struct repo *repo, char *ret, size_t size)
{
	const char *proxy = repoconf_proxy(repo);
	const char *rest = strstr(proxy, "://");
	const char *at = rest ? strrchr(rest, '@') : NULL;

	ret[0] = '\0';
	if (rest && proxy[0])
		(void)snprintf(ret, size, ", through the proxy %.*s%s", (int)(rest + 3 - proxy),
			       proxy, at ? at + 1 : rest + 3);
}

static int explain(const struct question *question, const struct http_response *response,
		   struct err *err)
{
	bool tunnel = response->proxy_status >= 300;
	int error = tunnel ? 0 : response->error;
	int status = tunnel ? response->proxy_status : response->status;
	const struct failure *failure = find_failure(error, status);
	char proxy[HOST_MAX + 32], detail[192] = "";

	name_proxy(question->repo, proxy, sizeof(proxy));
	if (error)
		(void)snprintf(detail, sizeof(detail), ": %s", response->cause);
	else if (failure->status == -1)
		(void)snprintf(detail, sizeof(detail), " (%d%s)", status,
			       tunnel ? " by the proxy" : "");
	(void)err_set(err, failure->code, "%s, %s%s: %s%s", question->what, question->url, proxy,
		      failure->cause, detail);
	return err_remedy(err, EXIT_REPOSITORY, "%s", failure->remedy);
}

static int ask(struct sys *sys, const struct question *question, struct buf *ret, struct err *err)
{
	CLEANUP(http_response_done) struct http_response response = HTTP_RESPONSE_INIT;
	struct http_request request = {
		.url = question->url,
		.timeout_ms = TIMEOUT_MS,
		.body_max = question->max,
		.proxy = question->repo->proxy,
		.no_proxy = question->repo->no_proxy,
	};
	AUTO_BUF login = {0};
	int r;

	if (question->with_token && question->repo->token) {
		repoconf_login(question->repo, &login);
		if (buf_ok(&login, err) < 0)
			return -err->code;
		request.login = buf_text(&login);
	}
	r = http_send(sys, &request, 1, &response, err);
	if (login.data)
		explicit_bzero(login.data, login.len);
	if (r == -ENOMEM)
		return r;
	if (r < 0 && response.error == 0) {
		response.error = EIO;
		(void)snprintf(response.cause, sizeof(response.cause), "%.150s", err->msg);
	}
	if (r < 0 || response.status != 200)
		return explain(question, &response, err);
	buf_move(ret, &response.body);
	return 0;
}

/* A page that says "log in first" is a success to HTTP. */
static int refuse(const struct question *question, const char *why, struct err *err)
{
	(void)err_set(err, EBADMSG, "%s, %s: %s", question->what, question->url, why);
	return err_remedy(err, EXIT_REPOSITORY, "check the URL: something else is there");
}

void repoprobe_url(const struct repo *repo, const char *type, struct buf *ret)
{
	size_t len = strlen(repo->url);

	while (len && repo->url[len - 1] == '/')
		len--;
	buf_add(ret, repo->url, len);
	if (strcmp(type, "rpm") == 0)
		buf_str(ret, "/repodata/repomd.xml");
	else if (repo->suite && repo->suite[0])
		buf_printf(ret, "/dists/%s/InRelease", repo->suite);
	else
		buf_str(ret, "/InRelease");
}

int repoprobe_metadata(struct sys *sys, const struct repo *repo, const char *type, struct err *err)
{
	const char *mark =
		strcmp(type, "rpm") == 0 ? "<repomd" : "-----BEGIN PGP SIGNED MESSAGE-----";
	AUTO_BUF url = {0}, text = {0};
	struct question question = {
		.repo = repo,
		.what = "the repository's metadata",
		.with_token = true,
		.max = HTTP_BODY_MAX,
	};
	int r;

	repoprobe_url(repo, type, &url);
	r = buf_ok(&url, err);
	if (r < 0)
		return r;
	question.url = buf_text(&url);
	r = ask(sys, &question, &text, err);
	if (r == 0 && (span_has_nul(buf_bytes(&text)) || !strstr(buf_text(&text), mark)))
		r = refuse(&question, "it is no metadata of packages", err);
	return r;
}

int repoprobe_key(struct sys *sys, const struct repo *repo, const char *key_url, struct buf *ret,
		  struct err *err)
{
	struct question question = {
		.repo = repo,
		.what = "the repository's key",
		.url = key_url,
		.with_token = url_same_host(key_url, repo->url),
		.max = PGPKEY_MAX,
	};
	AUTO_BUF key = {0}, binary = {0};
	struct err why = {0};
	int r = ask(sys, &question, &key, err);

	if (r == 0 && pgpkey_read(buf_bytes(&key), &binary, &why) < 0)
		r = why.code == ENOMEM ? err_oom(err) : refuse(&question, why.msg, err);
	if (r == 0)
		buf_move(ret, &key);
	return r;
}
