/* SPDX-License-Identifier: MIT */
/*
 * MUST:
 *  1. certificates and host names are verified, TLS is 1.2 or later;
 *  2. no proxy, configuration file or option comes from the environment;
 *  3. redirects are not followed: a token would go to another host;
 *  4. a reply is bounded in size and time.
 */
#include "config.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "lib/core/cleanup.h"
#include "lib/core/num.h"
#include "lib/sys/fs.h"
#include "lib/sys/http.h"

#define CONNECT_TIMEOUT_MS 10000L

/* One request under way. */
struct transfer {
	const struct http_request *request;
	struct http_response *response;
	CURL *easy;
	struct curl_slist *headers;
	size_t body_max;
	bool too_long;
};

/* Where the distributions keep their roots: Debian, Ubuntu, SUSE; RHEL, Azure Linux; SUSE; Alpine.
 */
static const char *const ca_bundles[] = {
	"/etc/ssl/certs/ca-certificates.crt",
	"/etc/pki/tls/certs/ca-bundle.crt",
	"/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
	"/etc/ssl/ca-bundle.pem",
	"/etc/ssl/cert.pem",
};

static const char *find_ca_bundle(struct sys *sys)
{
	for (size_t i = 0; i < ARRAY_LEN(ca_bundles); i++)
		if (fs_exists(sys, ca_bundles[i]))
			return ca_bundles[i];
	return NULL;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *arg)
{
	struct transfer *transfer = arg;
	struct buf *body = &transfer->response->body;
	size_t len = size * count;

	if (body->len + len > transfer->body_max) {
		transfer->too_long = true;
		return 0;
	}
	buf_add(body, bytes, len);
	return body->failed ? 0 : len;
}

/* The value when the line is this header, trimmed. */
static bool header_is(struct span line, const char *name, struct span *ret)
{
	size_t len = strlen(name);

	if (line.len <= len || line.p[len] != ':' ||
	    strncasecmp((const char *)line.p, name, len) != 0)
		return false;
	*ret = span_trim((struct span){line.p + len + 1, line.len - len - 1});
	return true;
}

static int64_t max_age(struct span value)
{
	static const char name[] = "max-age=";

	for (size_t i = 0; i + sizeof(name) <= value.len + 1; i++) {
		struct span digits = {value.p + i + sizeof(name) - 1, 0};
		uint64_t age;

		if (strncasecmp((const char *)value.p + i, name, sizeof(name) - 1) != 0)
			continue;
		while (digits.p + digits.len < value.p + value.len && digits.p[digits.len] >= '0' &&
		       digits.p[digits.len] <= '9')
			digits.len++;
		if (num_parse(digits, HTTP_AGE_MAX_S, &age))
			return (int64_t)age;
	}
	return -1;
}

/*
 * 0 for what is no date in the one form that servers send (RFC 9110, IMF-fixdate).  The library's
 * own curl_getdate is left out of static programs.
 */
static int64_t date(struct span value)
{
	char text[64];
	struct tm tm = {0};
	const char *end;
	time_t seconds;

	if (!span_copy(value, text, sizeof(text)))
		return 0;
	end = strptime(text, "%a, %d %b %Y %H:%M:%S GMT", &tm);
	if (!end || *end != '\0')
		return 0;
	seconds = timegm(&tm);
	return seconds > 0 && seconds <= HTTP_DATE_MAX_S ? seconds : 0;
}

static size_t on_header(char *bytes, size_t size, size_t count, void *arg)
{
	struct http_response *response = ((struct transfer *)arg)->response;
	struct span all = {(unsigned char *)bytes, size * count}, value, line;
	uint64_t seconds;

	if (!span_line(&all, &line))
		return size * count;
	if (header_is(line, "Cache-Control", &value))
		response->max_age_s = max_age(value);
	else if (header_is(line, "Retry-After", &value) &&
		 num_parse(value, HTTP_AGE_MAX_S, &seconds))
		response->retry_after_s = (int64_t)seconds;
	else if (header_is(line, "Date", &value))
		response->date_s = date(value);
	else if (header_is(line, "WWW-Authenticate", &value))
		(void)span_copy(value, response->www_authenticate,
				sizeof(response->www_authenticate));
	return size * count;
}

static bool set_options(struct sys *sys, struct transfer *transfer)
{
	const struct http_request *request = transfer->request;
	const char *ca = request->ca_bundle ? request->ca_bundle : find_ca_bundle(sys);
	long timeout_ms = (long)sys_left_ms(sys, request->timeout_ms);
	const char *proxy = request->proxy ? request->proxy : "";
	const char *no_proxy = request->no_proxy ? request->no_proxy : "";
	CURL *easy = transfer->easy;
	bool ok = true;

	for (size_t i = 0; i < HTTP_HEADERS_MAX && request->headers[i]; i++) {
		struct curl_slist *grown =
			curl_slist_append(transfer->headers, request->headers[i]);

		if (!grown)
			return false;
		transfer->headers = grown;
	}
#define SET(option, value) (ok = ok && curl_easy_setopt(easy, option, value) == CURLE_OK)
	SET(CURLOPT_URL, request->url);
	SET(CURLOPT_NOSIGNAL, 1L);
	SET(CURLOPT_FOLLOWLOCATION, 0L);
	SET(CURLOPT_PROXY, proxy);
	SET(CURLOPT_NOPROXY, no_proxy);
#if LIBCURL_VERSION_NUM >= 0x075500
	SET(CURLOPT_PROTOCOLS_STR, "http,https");
#else
	SET(CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
	SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	SET(CURLOPT_SSL_VERIFYPEER, 1L);
	SET(CURLOPT_SSL_VERIFYHOST, 2L);
	SET(CURLOPT_CAPATH, NULL);
	SET(CURLOPT_CAINFO, ca ? ca : "/nonexistent/no-roots-found");
	SET(CURLOPT_TIMEOUT_MS, timeout_ms > 0 ? timeout_ms : 1L);
	SET(CURLOPT_CONNECTTIMEOUT_MS, CONNECT_TIMEOUT_MS);
	SET(CURLOPT_HTTPHEADER, transfer->headers);
	SET(CURLOPT_WRITEFUNCTION, on_body);
	SET(CURLOPT_WRITEDATA, transfer);
	SET(CURLOPT_HEADERFUNCTION, on_header);
	SET(CURLOPT_HEADERDATA, transfer);
	if (request->login) {
		SET(CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
		SET(CURLOPT_USERPWD, request->login);
	}
	if (request->body) {
		SET(CURLOPT_POST, 1L);
		SET(CURLOPT_POSTFIELDS, request->body);
	}
#undef SET
	return ok;
}

static int errno_of(CURLcode code)
{
	switch (code) {
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_RESOLVE_PROXY:
		return ENOENT;
	case CURLE_COULDNT_CONNECT:
		return ECONNREFUSED;
	case CURLE_OPERATION_TIMEDOUT:
		return ETIMEDOUT;
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CACERT_BADFILE:
		return EPROTO;
	case CURLE_OUT_OF_MEMORY:
		return ENOMEM;
	default:
		return EIO;
	}
}

/* Where nobody answers for names, the time is up before the resolver gives up. */
static CURLcode end_of(const struct transfer *transfer, CURLcode code)
{
	curl_off_t resolved_us = 0;

	if (code != CURLE_OPERATION_TIMEDOUT ||
	    curl_easy_getinfo(transfer->easy, CURLINFO_NAMELOOKUP_TIME_T, &resolved_us) !=
		    CURLE_OK ||
	    resolved_us > 0)
		return code;
	return CURLE_COULDNT_RESOLVE_HOST;
}

static void finish(struct transfer *transfer, CURLcode code)
{
	struct http_response *response = transfer->response;
	long status = 0, proxy_status = 0;

	code = end_of(transfer, code);
	if (code == CURLE_OK)
		(void)curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
	(void)curl_easy_getinfo(transfer->easy, CURLINFO_HTTP_CONNECTCODE, &proxy_status);
	response->status = (int)status;
	response->proxy_status = (int)proxy_status;
	if (transfer->too_long)
		response->error = EMSGSIZE;
	else if (code != CURLE_OK || status == 0)
		response->error = errno_of(code);
	if (response->error)
		(void)snprintf(response->cause, sizeof(response->cause), "%s",
			       transfer->too_long ? "the reply is too long"
						  : curl_easy_strerror(code));
}

static int perform(CURLM *multi, struct transfer *transfers, size_t count)
{
	int running = (int)count, left;
	CURLMsg *message;

	while (running > 0) {
		if (curl_multi_perform(multi, &running) != CURLM_OK)
			return -EIO;
		while ((message = curl_multi_info_read(multi, &left)))
			for (size_t i = 0; i < count; i++)
				if (message->msg == CURLMSG_DONE &&
				    transfers[i].easy == message->easy_handle)
					finish(&transfers[i], message->data.result);
		if (running > 0 && curl_multi_poll(multi, NULL, 0, 1000, NULL) != CURLM_OK)
			return -EIO;
	}
	return 0;
}

/* URLs go into messages without their query, which can be long and is never needed there. */
static int url_len(const char *url)
{
	return (int)strcspn(url, "?");
}

static int first_failure(const struct transfer *transfers, size_t count, struct err *err)
{
	for (size_t i = 0; i < count; i++) {
		const struct transfer *t = &transfers[i];

		if (t->response->error)
			return err_set(err, t->response->error, "%.*s: %s",
				       url_len(t->request->url), t->request->url,
				       t->response->cause);
	}
	return 0;
}

int http_send_real(struct sys *sys, const struct http_request *requests, size_t count,
		   struct http_response *ret, struct err *err)
{
	AUTO_FREE struct transfer *transfers = calloc(count ? count : 1, sizeof(*transfers));
	CURLM *multi = NULL;
	int r = 0;

	for (size_t i = 0; i < count; i++)
		ret[i] = (struct http_response)HTTP_RESPONSE_INIT;
	if (transfers && curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK)
		multi = curl_multi_init();
	if (!multi)
		return err_oom(err);
	for (size_t i = 0; r == 0 && i < count; i++) {
		struct transfer *t = &transfers[i];

		t->request = &requests[i];
		t->response = &ret[i];
		t->response->error = EIO;
		t->body_max = t->request->body_max ? t->request->body_max : HTTP_BODY_MAX;
		t->easy = curl_easy_init();
		if (!t->easy || !set_options(sys, t) ||
		    curl_multi_add_handle(multi, t->easy) != CURLM_OK)
			r = err_set(err, ENOMEM, "cannot prepare a request to %.*s",
				    url_len(t->request->url), t->request->url);
		t->response->error = 0;
	}
	if (r == 0 && perform(multi, transfers, count) < 0)
		r = err_set(err, EIO, "cannot send a request to %.*s", url_len(requests[0].url),
			    requests[0].url);
	if (r == 0)
		r = first_failure(transfers, count, err);
	for (size_t i = 0; i < count; i++) {
		if (transfers[i].easy) {
			(void)curl_multi_remove_handle(multi, transfers[i].easy);
			curl_easy_cleanup(transfers[i].easy);
		}
		curl_slist_free_all(transfers[i].headers);
	}
	(void)curl_multi_cleanup(multi);
	return r;
}

/* A part that is not there is as good as an expected one. */
static bool part_is(CURLU *url, CURLUPart part, unsigned flags, const char *expected)
{
	char *text = NULL;
	CURLUcode code = curl_url_get(url, part, &text, flags);
	bool is = code == CURLUE_OK ? !expected || strcmp(text, expected) == 0
				    : code == CURLUE_NO_USER || code == CURLUE_NO_PASSWORD ||
					      code == CURLUE_NO_QUERY || code == CURLUE_NO_FRAGMENT;

	curl_free(text);
	return is;
}

bool http_proxy_valid(const char *url)
{
	CURLU *parsed = curl_url();
	char *host = NULL;
	/* Until 7.75 libcurl lets a host have a sign, where the password has one of its own. */
	bool valid = parsed && curl_url_set(parsed, CURLUPART_URL, url, 0) == CURLUE_OK &&
		     curl_url_get(parsed, CURLUPART_HOST, &host, 0) == CURLUE_OK && host[0] &&
		     !strchr(host, '@') && part_is(parsed, CURLUPART_USER, CURLU_URLDECODE, NULL) &&
		     part_is(parsed, CURLUPART_PASSWORD, CURLU_URLDECODE, NULL) &&
		     part_is(parsed, CURLUPART_PATH, 0, "/") &&
		     part_is(parsed, CURLUPART_QUERY, 0, "") &&
		     part_is(parsed, CURLUPART_FRAGMENT, 0, "");

	curl_free(host);
	curl_url_cleanup(parsed);
	return valid;
}

int http_send(struct sys *sys, const struct http_request *requests, size_t count,
	      struct http_response *ret, struct err *err)
{
	const int64_t start_ns = sys->ops->boottime_ns(sys);
	int r = sys->ops->http(sys, requests, count, ret, err);

	if (count)
		sys_spent(sys, requests->url, strcspn(requests->url, "?"), start_ns);
	return r;
}

int http_get_ok(struct sys *sys, const struct http_request *request, struct http_response *ret,
		struct err *err)
{
	int r = http_send(sys, request, 1, ret, err);

	if (r == 0 && ret->status != 200)
		return err_set(err, EREMOTEIO, "%.*s answered %d", url_len(request->url),
			       request->url, ret->status);
	return r;
}

void http_response_done(struct http_response *response)
{
	buf_done(&response->body);
	*response = (struct http_response)HTTP_RESPONSE_INIT;
}
