/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

#include "lib/core/num.h"
#include "lib/core/span.h"
#include "lib/core/url.h"

static const char host_bytes[] =
	"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-:";

/* The host and port: a few plain characters, then the path, the query or the end. */
static bool https_host(const char *url, struct span *ret)
{
	static const char scheme[] = "https://", port[] = ":443";
	size_t len;

	if (strncasecmp(url, scheme, strlen(scheme)) != 0)
		return false;
	url += strlen(scheme);
	len = strspn(url, host_bytes);
	if (len == 0 || !strchr("/?#", url[len])) /* the NUL too is found there */
		return false;
	if (len > strlen(port) && memcmp(url + len - strlen(port), port, strlen(port)) == 0)
		len -= strlen(port);
	*ret = (struct span){.p = (const unsigned char *)url, .len = len};
	return true;
}

bool url_same_host(const char *url, const char *base)
{
	struct span a, b;

	if (strnlen(url, URL_MAX + 1) > URL_MAX)
		return false;
	for (const char *c = url; *c; c++)
		if (*c <= ' ' || *c > '~' || *c == '\\')
			return false;
	return https_host(url, &a) && https_host(base, &b) && a.len == b.len &&
	       strncasecmp((const char *)a.p, (const char *)b.p, a.len) == 0;
}

bool url_loopback(struct span url, uint32_t *ret_address, uint16_t *ret_port)
{
	static const struct span scheme = SPAN_LIT("http://");
	const unsigned char *colon;
	char host[INET_ADDRSTRLEN];
	struct in_addr address;
	struct span front;
	uint64_t port;

	if (!span_take(&url, scheme.len, &front) || !span_eq(front, scheme) || url.len == 0)
		return false;
	colon = memchr(url.p, ':', url.len);
	if (!colon || !span_take(&url, (size_t)(colon - url.p), &front) ||
	    !span_copy(front, host, sizeof(host)) || inet_pton(AF_INET, host, &address) != 1 ||
	    ntohl(address.s_addr) >> 24 != IN_LOOPBACKNET || !span_take(&url, 1, &front) ||
	    !num_parse(url, UINT16_MAX, &port) || port == 0)
		return false;
	*ret_address = address.s_addr;
	*ret_port = (uint16_t)port;
	return true;
}

/* Behind the host, which may be an IPv6 address in brackets. */
static struct span behind_host(const char *authority)
{
	size_t len = strcspn(authority, "/?#\\");
	const char *at = memrchr(authority, '@', len);
	const char *host = at ? at + 1 : authority, *end = authority + len, *behind;

	behind = *host == '[' ? memchr(host, ']', (size_t)(end - host)) : host;
	if (behind)
		behind = memchr(behind, ':', (size_t)(end - behind));
	return behind ? (struct span){(const unsigned char *)behind, (size_t)(end - behind)}
		      : (struct span){0};
}

bool url_port(const char *url, uint16_t fallback, uint16_t *ret)
{
	const char *scheme_end = strstr(url, "://");
	struct span rest = behind_host(scheme_end ? scheme_end + 3 : url), colon;
	uint64_t port = fallback;

	if (strncasecmp(url, "https://", 8) == 0)
		port = 443;
	else if (strncasecmp(url, "http://", 7) == 0 && fallback == 0)
		port = 80;
	if (span_take(&rest, 1, &colon) && !num_parse(rest, UINT16_MAX, &port))
		return false;
	*ret = (uint16_t)port;
	return port != 0;
}

void url_add_path(struct buf *url, const char *path)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789-._~/()";

	for (; *path; path++) {
		if (strchr(plain, *path))
			buf_add(url, path, 1);
		else
			buf_printf(url, "%%%02X", (unsigned)(unsigned char)*path);
	}
}
