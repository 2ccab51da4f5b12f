/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "lib/core/cleanup.h"
#include "lib/core/conf.h"
#include "lib/core/guid.h"
#include "lib/core/name.h"
#include "lib/core/num.h"
#include "lib/core/path.h"
#include "lib/core/url.h"

#define OFFLINE_GRACE_MAX 86400

/* Printable, and blanks between words.  Every value is at least this. */
static bool is_text(struct span value)
{
	for (size_t i = 0; i < value.len; i++)
		if ((value.p[i] < 0x20 && value.p[i] != '\t') || value.p[i] == 0x7f)
			return false;
	return value.len > 0;
}

static bool is_word(struct span value)
{
	struct span word, rest = value;

	return span_word(&rest, &word) && span_eq(word, value);
}

static bool is_guids(struct span value)
{
	struct span word;

	while (span_word(&value, &word))
		if (!guid_valid(word))
			return false;
	return true;
}

/* Take a prefix away from the front; something must be left. */
static bool take_prefix(struct span *value, const char *prefix)
{
	struct span rest = *value, front;

	if (!span_take(&rest, strlen(prefix), &front) || !span_is(front, prefix) || rest.len == 0)
		return false;
	*value = rest;
	return true;
}

/* A host, perhaps with a port, perhaps an IPv6 literal; no user, no path. */
static bool is_host(struct span value)
{
	for (size_t i = 0; i < value.len; i++) {
		unsigned char c = value.p[i];

		if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') &&
		    !strchr(".-:[]", c))
			return false;
	}
	return true;
}

static bool is_https(struct span value)
{
	return take_prefix(&value, "https://") && is_host(value);
}

/* The first label is the region; without it the token's audience is left. */
static bool is_regional(struct span value)
{
	struct span host = value, label;
	const unsigned char *dot;

	if (!take_prefix(&host, "https://") || !is_host(host))
		return false;
	dot = memchr(host.p, '.', host.len);
	return dot && span_take(&host, (size_t)(dot - host.p), &label) && label.len > 0 &&
	       host.len > 1 && host.p[1] != '.';
}

/* The metadata service answers without TLS, on a link-local or loopback address. */
static bool is_imds(struct span value)
{
	return (take_prefix(&value, "http://") || take_prefix(&value, "https://")) &&
	       is_host(value);
}

/* What HIMDS asks for may not leave the machine. */
static bool is_himds(struct span value)
{
	return url_loopback(value, &(uint32_t){0}, &(uint16_t){0});
}

static bool is_proxy(struct span value)
{
	return is_word(value) &&
	       (take_prefix(&value, "http://") || take_prefix(&value, "https://"));
}

static bool is_resource_id(struct span value)
{
	for (size_t i = 0; i < value.len; i++)
		if (strchr("?#%\\\"", value.p[i]))
			return false;
	return is_word(value) && path_valid(value) && take_prefix(&value, "/subscriptions/");
}

static bool is_home_template(struct span value)
{
	char home[HOME_SIZE];

	return name_home(value, "a@b.c", home, sizeof(home));
}

static bool is_log_level(struct span value)
{
	return span_is(value, "error") || span_is(value, "warning") || span_is(value, "info") ||
	       span_is(value, "debug");
}

/* The values that are no strings; each function takes a value that is_text. */
static bool set_uid_range(struct conf *conf, struct span value)
{
	return conf_uid_range(value, &conf->uid_first, &conf->uid_last);
}

static void put_uid_range(const struct conf *conf, struct buf *ret)
{
	if (conf->uid_last)
		buf_printf(ret, "uid_range %u-%u\n", conf->uid_first, conf->uid_last);
}

static const char *const backends[] = {
	[BACKEND_NONE] = "none",     [BACKEND_ARM] = "arm",
	[BACKEND_STATIC] = "static", [BACKEND_CHECKACCESS] = "checkaccess",
	[BACKEND_PDP] = "pdp",
};

const char *conf_backend_name(enum role_backend backend)
{
	return backends[(size_t)backend < ARRAY_LEN(backends) ? backend : BACKEND_NONE];
}

static bool set_role_backend(struct conf *conf, struct span value)
{
	for (size_t i = BACKEND_NONE + 1; i < ARRAY_LEN(backends); i++) {
		if (span_is(value, backends[i])) {
			conf->role_backend = (enum role_backend)i;
			return true;
		}
	}
	return false;
}

static void put_role_backend(const struct conf *conf, struct buf *ret)
{
	if (conf->role_backend)
		buf_printf(ret, "role_backend %s\n", conf_backend_name(conf->role_backend));
}

static bool set_authorized_keys(struct conf *conf, struct span value)
{
	if (!span_is(value, "none") && !span_is(value, "keep"))
		return false;
	conf->authorized_keys =
		span_is(value, "none") ? AUTHORIZED_KEYS_NONE : AUTHORIZED_KEYS_KEEP;
	return true;
}

static void put_authorized_keys(const struct conf *conf, struct buf *ret)
{
	buf_printf(ret, "authorized_keys %s\n",
		   conf->authorized_keys == AUTHORIZED_KEYS_KEEP ? "keep" : "none");
}

static bool set_offline_grace(struct conf *conf, struct span value)
{
	uint64_t seconds;

	if (!num_parse(value, OFFLINE_GRACE_MAX, &seconds))
		return false;
	conf->offline_grace = (uint32_t)seconds;
	return true;
}

static void put_offline_grace(const struct conf *conf, struct buf *ret)
{
	buf_printf(ret, "offline_grace %u\n", conf->offline_grace);
}

static bool set_metrics(struct conf *conf, struct span value)
{
	conf->metrics = span_is(value, "on");
	return conf->metrics || span_is(value, "off");
}

/* As long as it is off, releases that do not know it read the file too. */
static void put_metrics(const struct conf *conf, struct buf *ret)
{
	if (conf->metrics)
		buf_str(ret, "metrics on\n");
}

/* A row is a string with its test and perhaps its default, or a pair of functions. */
struct keyword {
	const char *name;
	const char *expected; /* for messages */
	size_t offset;
	bool (*valid)(struct span value);
	const char *initial;
	bool (*set)(struct conf *conf, struct span value);
	void (*put)(const struct conf *conf, struct buf *ret);
};

#define STRING(field, valid, initial, expected)                                                    \
	{                                                                                          \
#field, expected, offsetof(struct conf, field), valid, initial, NULL, NULL         \
	}
#define OTHER(field, expected)                                                                     \
	{                                                                                          \
#field, expected, 0, NULL, NULL, set_##field, put_##field                          \
	}

/* In the order in which they are written. */
/* clang-format off */
static const struct keyword keywords[] = {
	STRING(tenant, guid_valid, NULL, "a lower-case GUID"),
	STRING(allowed_tenants, is_guids, NULL, "lower-case GUIDs"),
	STRING(cloud, is_host, NULL, "a domain"),
	STRING(authority, is_https, NULL, "https:// and a host"),
	STRING(resource_manager, is_https, NULL, "https:// and a host"),
	STRING(resource_id, is_resource_id, NULL, "a path that begins with /subscriptions/"),
	STRING(imds, is_imds, "http://169.254.169.254", "http:// or https:// and a host"),
	STRING(himds, is_himds, NULL, "http://127.x.x.x:PORT, an address and no name"),
	STRING(user_domains, name_domains_valid, USER_DOMAINS_DEFAULT, "* or lower-case domains"),
	OTHER(uid_range, "FIRST-LAST, 65536 to 2147483647, at least 1024 ids"),
	STRING(home_template, is_home_template, HOME_TEMPLATE_DEFAULT, "an absolute path with %u"),
	STRING(shell, path_valid, SHELL_DEFAULT, "an absolute path"),
	OTHER(role_backend, "arm, checkaccess, pdp or static"),
	STRING(pdp, is_regional, NULL, "https://, a region and the host of the cloud"),
	STRING(roles_file, path_valid, NULL, "an absolute path"),
	STRING(keys_file, path_valid, NULL, "an absolute path"),
	STRING(ca_bundle, path_valid, NULL, "an absolute path"),
	OTHER(authorized_keys, "none or keep"),
	STRING(admin_group, name_admin_group_valid, ADMIN_GROUP_DEFAULT, "a name that begins with aad_"),
	OTHER(offline_grace, "seconds, 0 to 86400"),
	STRING(log_level, is_log_level, "info", "error, warning, info or debug"),
	OTHER(metrics, "on or off"),
	STRING(proxy, is_proxy, NULL, "http:// or https:// and a host"),
	STRING(no_proxy, is_text, NULL, "host names"),
};
/* clang-format on */

static char **field(struct conf *conf, const struct keyword *keyword)
{
	return (char **)(void *)((char *)conf + keyword->offset);
}

static const char *field_text(const struct conf *conf, const struct keyword *keyword)
{
	return *(const char *const *)(const void *)((const char *)conf + keyword->offset);
}

/* Replace a string.  -ENOMEM. */
static int field_set(struct conf *conf, const struct keyword *keyword, struct span value,
		     struct err *err)
{
	char *text = malloc(value.len + 1);

	if (!text)
		return err_oom(err);
	(void)span_copy(value, text, value.len + 1);
	free(*field(conf, keyword));
	*field(conf, keyword) = text;
	return 0;
}

int conf_defaults(struct conf *conf, struct err *err)
{
	for (size_t i = 0; i < ARRAY_LEN(keywords); i++) {
		const struct keyword *keyword = &keywords[i];

		if (keyword->valid == is_imds && conf->himds)
			continue;
		if (keyword->initial && !field_text(conf, keyword) &&
		    field_set(conf, keyword, span_of(keyword->initial), err) < 0)
			return -ENOMEM;
	}
	if (!conf->uid_last) {
		conf->uid_first = UID_FIRST_DEFAULT;
		conf->uid_last = UID_LAST_DEFAULT;
	}
	if (conf->role_backend == BACKEND_NONE)
		conf->role_backend = BACKEND_ARM;
	return 0;
}

static const struct keyword *keyword_find(struct span name)
{
	for (size_t i = 0; i < ARRAY_LEN(keywords); i++)
		if (span_is(name, keywords[i].name))
			return &keywords[i];
	return NULL;
}

/* The value itself is in no message: it may be a secret. */
static int refuse(const struct keyword *keyword, struct err *err)
{
	return err_set(err, EINVAL, "%s must be %s", keyword->name, keyword->expected);
}

static int take_value(struct conf *conf, const struct keyword *keyword, struct span value,
		      struct err *err)
{
	if (!is_text(value))
		return refuse(keyword, err);
	if (keyword->set)
		return keyword->set(conf, value) ? 0 : refuse(keyword, err);
	return keyword->valid(value) ? field_set(conf, keyword, value, err) : refuse(keyword, err);
}

static uint32_t bit_of(const struct keyword *keyword)
{
	return (uint32_t)1 << (keyword - keywords);
}

/* There is one metadata service: the one that was named last. */
static int replace_service(struct conf *conf, const struct keyword *keyword, uint32_t seen,
			   struct err *err)
{
	bool arc = keyword->valid == is_himds;
	const char *other = arc ? "imds" : "himds";
	char **value = arc ? &conf->imds : &conf->himds;

	if (!arc && keyword->valid != is_imds)
		return 0;
	if (seen & bit_of(keyword_find(span_of(other))))
		return err_set(err, EINVAL, "%s stands beside %s", keyword->name, other);
	free(*value);
	*value = NULL;
	return 0;
}

static int parse_line(struct span line, uint32_t *seen, struct conf *conf, struct err *err)
{
	const struct keyword *keyword;
	struct span name, value;

	if (line.len > CONF_LINE_MAX)
		return err_set(err, EINVAL, "over %zu bytes", CONF_LINE_MAX);
	if (!conf_next(&line, &name, &value))
		return 0;
	keyword = keyword_find(name);
	if (!keyword)
		return err_set(err, EINVAL, "unknown keyword %.*s",
			       (int)(name.len < 40 ? name.len : 40), (const char *)name.p);
	if (*seen & bit_of(keyword))
		return err_set(err, EINVAL, "%s is set twice", keyword->name);
	*seen |= bit_of(keyword);
	if (replace_service(conf, keyword, *seen, err) < 0)
		return -EINVAL;
	return take_value(conf, keyword, value, err);
}

int conf_parse(struct span text, const char *what, struct conf *conf, struct err *err)
{
	struct span line;
	uint32_t seen = 0;

	_Static_assert(ARRAY_LEN(keywords) <= 32, "seen has a bit for each keyword");
	for (size_t number = 1; span_line(&text, &line); number++)
		if (parse_line(line, &seen, conf, err) < 0)
			return err_wrap(err, "%s, line %zu", what, number);
	return 0;
}

/* Is there a user, and so a password, in the URL? */
static bool is_secret(const struct keyword *keyword, const char *value)
{
	return keyword->valid == is_proxy && strchr(value, '@');
}

/* A value with a newline would be a line of its own. */
static int put_string(const struct keyword *keyword, const char *value, struct buf *ret,
		      struct err *err)
{
	struct span text = span_of(value);

	if (!is_text(text) || !span_eq(span_trim(text), text) || !keyword->valid(text))
		return refuse(keyword, err);
	if (!is_secret(keyword, value))
		buf_printf(ret, "%s %s\n", keyword->name, value);
	return 0;
}

int conf_format(const struct conf *conf, struct buf *ret, struct err *err)
{
	buf_str(ret,
		"# Written by the AADSSHLogin extension or by aadsshlogin configure: the next run\n"
		"# of either replaces it.\n");
	for (size_t i = 0; i < ARRAY_LEN(keywords); i++) {
		const struct keyword *keyword = &keywords[i];
		const char *value = keyword->put ? NULL : field_text(conf, keyword);

		if (keyword->put)
			keyword->put(conf, ret);
		else if (value && put_string(keyword, value, ret, err) < 0)
			return -EINVAL;
	}
	return buf_ok(ret, err);
}

bool conf_tenant_allowed(const struct conf *conf, const char *tenant)
{
	struct span allowed = span_of(conf->allowed_tenants ? conf->allowed_tenants : "");
	struct span word;

	if (conf->tenant && strcmp(conf->tenant, tenant) == 0)
		return true;
	while (span_word(&allowed, &word))
		if (span_is(word, tenant))
			return true;
	return false;
}

void conf_done(struct conf *conf)
{
	for (size_t i = 0; i < ARRAY_LEN(keywords); i++)
		if (!keywords[i].put)
			free(*field(conf, &keywords[i]));
	*conf = (struct conf){0};
}
