/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "handler/protected.h"
#include "handler/settings.h"
#include "lib/core/cleanup.h"
#include "lib/core/guid.h"
#include "lib/core/name.h"
#include "lib/core/num.h"
#include "lib/core/outcome.h"
#include "lib/core/path.h"
#include "lib/core/sha256.h"
#include "lib/core/uid.h"
#include "lib/sys/fs.h"
#include "lib/sys/http.h"
#include "lib/sys/log.h"

#define TEXT_MAX 1024 /* bytes of one value */
#define LIST_MAX 64 /* words of one list */
#define ACCOUNT_MAX 64 /* bytes of a local account's name */
#define FOUND_MAX 80 /* bytes of a wrong value that a message shows */
#define KEY_MAX_SHOWN 40 /* bytes of an unknown key, in messages and when it is compared */

static int settings_error(struct err *err)
{
	if (err->code != ENOMEM)
		err->outcome = EXIT_SETTINGS;
	return -err->code;
}

/* ---- what a value may be */

static bool plain(const char *text, const char *also)
{
	for (; *text; text++)
		if (!isalnum((unsigned char)*text) && !strchr(also, *text))
			return false;
	return true;
}

/* No user:password@ and no characters that mean something to a shell, a quote or a line. */
static bool is_url(const char *text, const char *scheme)
{
	size_t len = strlen(scheme);

	return strncmp(text, scheme, len) == 0 && isalnum((unsigned char)text[len]) &&
	       plain(text + len, "-._~/:%[]");
}

static bool https_url(const char *text)
{
	return is_url(text, "https://");
}

static bool proxy_url(const char *text)
{
	return (is_url(text, "http://") || is_url(text, "https://")) && http_proxy_valid(text);
}

static bool secret_proxy_url(const char *text)
{
	return (strncmp(text, "http://", 7) == 0 || strncmp(text, "https://", 8) == 0) &&
	       plain(text, "-._~/:%[]@!$&()*+,;=") && http_proxy_valid(text);
}

static bool host_list(const char *text)
{
	return text[0] && plain(text, "-._:,*/[]");
}

static bool visible(const char *text)
{
	for (const char *c = text; *c; c++)
		if (!isgraph((unsigned char)*c))
			return false;
	return text[0];
}

/* What every package manager can be told: see repoconf_check. */
static bool token(const char *text)
{
	return visible(text) && !strpbrk(text, "'\"\\;#$<>`{}|") && text[0] != ':';
}

static bool path(const char *text)
{
	return path_valid(span_of(text));
}

static bool home_template(const char *text)
{
	char home[HOME_SIZE];

	return name_home(span_of(text), "name@contoso.com", home, sizeof(home));
}

static bool admin_group(const char *text)
{
	return name_admin_group_valid(span_of(text));
}

static bool log_level(const char *text)
{
	enum log_level level;

	return log_level_parse(text, &level);
}

static bool tenants(const char *text)
{
	struct span rest = span_of(text), word;

	while (span_word(&rest, &word))
		if (!guid_valid(word))
			return false;
	return true;
}

static bool domains(const char *text)
{
	return name_domains_valid(span_of(text));
}

static bool local_accounts(const char *text)
{
	struct span rest = span_of(text), word;

	while (span_word(&rest, &word))
		if (word.len > ACCOUNT_MAX || memchr(word.p, ':', word.len) ||
		    memchr(word.p, ',', word.len) || memchr(word.p, '/', word.len))
			return false;
	return true;
}

/* ---- the table */

struct rule;

/*
 * Set a field from a value.  Returns 0, -EINVAL when the value is not what the rule expects, or
 * -ENOMEM.
 */
typedef int set_fn(const struct rule *rule, const json_t *value, void *field);

struct choice {
	const char *name;
	unsigned value;
};

struct rule {
	const char *key;
	bool secret; /* a key of the protected part */
	set_fn *set;
	size_t offset; /* of the field in struct settings */
	const char *expected;
	const char *remedy; /* NULL: that of EXIT_SETTINGS */
	bool (*valid)(const char *text); /* for set_text and set_list */
	unsigned max; /* for set_number; words for set_list, 0: LIST_MAX */
	bool cased; /* for set_list: upper and lower case differ */
	const struct choice *choices; /* for set_choice, up to a NULL name */
};

static int keep(char **field, const char *text)
{
	char *copy = strdup(text);

	if (!copy)
		return -ENOMEM;
	protected_free(*field);
	*field = copy;
	return 0;
}

static int set_text(const struct rule *rule, const json_t *value, void *field)
{
	const char *text = json_string_value(value);

	if (!text || strlen(text) > TEXT_MAX || !rule->valid(text))
		return -EINVAL;
	return keep(field, text);
}

static int set_flag(const struct rule *rule, const json_t *value, void *field)
{
	(void)rule;
	if (!json_is_boolean(value))
		return -EINVAL;
	*(bool *)field = json_is_true(value);
	return 0;
}

static int set_number(const struct rule *rule, const json_t *value, void *field)
{
	json_int_t number = json_integer_value(value);

	if (!json_is_integer(value) || number < 0 || number > rule->max)
		return -EINVAL;
	*(unsigned *)field = (unsigned)number;
	return 0;
}

static int set_choice(const struct rule *rule, const json_t *value, void *field)
{
	const char *text = json_string_value(value);

	for (const struct choice *choice = rule->choices; text && choice->name; choice++) {
		if (strcmp(text, choice->name) == 0) {
			*(unsigned *)field = choice->value;
			return 0;
		}
	}
	return -EINVAL;
}

/* One word or an array of words becomes a list that is separated by blanks, as a rule lower-case.
 */
static int set_list(const struct rule *rule, const json_t *value, void *field)
{
	size_t count = json_is_array(value) ? json_array_size(value) : 1;
	AUTO_BUF list = {0};

	if (count > (rule->max ? rule->max : LIST_MAX))
		return -EINVAL;
	for (size_t i = 0; i < count; i++) {
		const json_t *item = json_is_array(value) ? json_array_get(value, i) : value;
		const char *word = json_string_value(item);

		if (!word || !visible(word))
			return -EINVAL;
		buf_printf(&list, "%s%s", i ? " " : "", word);
	}
	if (list.failed)
		return -ENOMEM;
	for (size_t i = 0; i < list.len && !rule->cased; i++)
		list.data[i] = (char)tolower((unsigned char)list.data[i]);
	if (!rule->valid(buf_text(&list)))
		return -EINVAL;
	return keep(field, buf_text(&list));
}

static int set_uid_range(const struct rule *rule, const json_t *value, void *field)
{
	const char *text = json_string_value(value);
	struct uid_range range;

	(void)rule;
	if (!text || !conf_uid_range(span_of(text), &range.first, &range.last))
		return -EINVAL;
	*(struct uid_range *)field = range;
	return 0;
}

static const struct choice package_sources[] = {{"embedded", PACKAGES_EMBEDDED},
						{"repository", PACKAGES_REPOSITORY},
						{"microsoft", PACKAGES_MICROSOFT},
						{0}};
static const struct choice role_backends[] = {{"arm", BACKEND_ARM},
					      {"checkaccess", BACKEND_CHECKACCESS},
					      {"pdp", BACKEND_PDP},
					      {"static", BACKEND_STATIC},
					      {0}};
static const struct choice authorized_keys[] = {
	{"none", AUTHORIZED_KEYS_NONE}, {"keep", AUTHORIZED_KEYS_KEEP}, {0}};

#define FIELD(name) offsetof(struct settings, name)

/* clang-format off */
static const struct rule rules[] = {
	{"packageSource", false, set_choice, FIELD(package_source),
	 "embedded, repository or microsoft", .choices = package_sources},
	{"repositoryUrl", false, set_text, FIELD(repository_url),
	 "an https:// URL", .valid = https_url},
	{"repositoryKeyUrl", false, set_text, FIELD(repository_key_url),
	 "an https:// URL", .valid = https_url},
	{"proxy", false, set_text, FIELD(proxy),
	 "an http:// or https:// URL without a password, which belongs in the protected settings, and without a path",
	 .valid = proxy_url},
	{"noProxy", false, set_text, FIELD(no_proxy),
	 "host names separated by commas", .valid = host_list},
	{"migrateLegacy", false, set_flag, FIELD(migrate_legacy),
	 "true or false", .valid = NULL},
	{"identityWait", false, set_number, FIELD(identity_wait),
	 "an integer from 0 to 120 (seconds)", .max = 120},
	{"allowedTenants", false, set_list, FIELD(allowed_tenants),
	 "a GUID or an array of GUIDs", .valid = tenants},
	{"userDomains", false, set_list, FIELD(user_domains),
	 "\"*\", a domain or an array of domains", .valid = domains},
	{"roleBackend", false, set_choice, FIELD(role_backend),
	 "arm, checkaccess, pdp or static", .choices = role_backends},
	{"uidRange", false, set_uid_range, FIELD(uids),
	 "two numbers as in 10000000-99999999, at least 1024 ids between 65536 and 2147483647",
	 .valid = NULL},
	{"homeTemplate", false, set_text, FIELD(home_template),
	 "an absolute path with %u in it", .valid = home_template},
	{"shell", false, set_text, FIELD(shell),
	 "an absolute path", .valid = path},
	{"authorizedKeys", false, set_choice, FIELD(authorized_keys),
	 "none or keep", .choices = authorized_keys},
	{"adminGroup", false, set_text, FIELD(admin_group),
	 "a group name that begins with aad_, but not aad_users", .valid = admin_group},
	{"offlineGrace", false, set_number, FIELD(offline_grace),
	 "an integer from 0 to 86400 (seconds)", .max = 86400},
	{"logLevel", false, set_text, FIELD(log_level),
	 "error, warning, info or debug", .valid = log_level},
	{"metrics", false, set_flag, FIELD(metrics),
	 "true or false", .valid = NULL},
	{"approvedLocalAccounts", false, set_list, FIELD(approved_local_accounts),
	 "an array of up to 256 names of local accounts", .valid = local_accounts, .max = 256, .cased = true},
	{"proxy", true, set_text, FIELD(proxy_secret),
	 "an http:// or https:// URL, as in http://user:password@proxy:3128",
	 .remedy = "percent-encode what is no letter or digit in the proxy's user and password: %2F for /, "
		   "%40 for @, %25 for %; and write nothing behind the port",
	 .valid = secret_proxy_url},
	{"repositoryToken", true, set_text, FIELD(repository_token),
	 "a secret or user:password, of visible characters without quotes, backslash, semicolon and #",
	 .valid = token},
};
/* clang-format on */

static size_t least(size_t a, size_t b, size_t c)
{
	size_t ab = a < b ? a : b;

	return ab < c ? ab : c;
}

/* How many letters must be inserted, removed or replaced (Levenshtein), without case. */
static size_t distance(const char *a, const char *b)
{
	size_t row[KEY_MAX_SHOWN + 1], columns = strlen(b);

	for (size_t j = 0; j <= columns; j++)
		row[j] = j;
	for (size_t i = 1; a[i - 1]; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= columns; j++) {
			bool same = tolower((unsigned char)a[i - 1]) ==
				    tolower((unsigned char)b[j - 1]);
			size_t above = row[j];

			row[j] = least(row[j - 1] + 1, above + 1, diagonal + !same);
			diagonal = above;
		}
	}
	return row[columns];
}

static const char *part_name(bool secret)
{
	return secret ? "protected" : "public";
}

static int unknown(const char *key, bool secret, struct err *err)
{
	size_t best = SIZE_MAX;
	const char *nearest = "";
	char shown[KEY_MAX_SHOWN + 1];

	(void)snprintf(shown, sizeof(shown), "%s", key);
	for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
		size_t d = distance(rules[i].key, shown);

		if (strcmp(rules[i].key, key) == 0)
			return err_set(err, EINVAL, "%s belongs in the %s settings", key,
				       part_name(rules[i].secret));
		if (rules[i].secret == secret && d < best) {
			best = d;
			nearest = rules[i].key;
		}
	}
	return err_set(err, EINVAL, "unknown %s setting \"%s\", the nearest known one is %s",
		       part_name(secret), shown, nearest);
}

static int unexpected(const struct rule *rule, const json_t *value, struct err *err)
{
	const char *text = json_string_value(value);
	bool shown = text && !rule->secret && !strchr(text, '@');

	if (shown)
		return err_set(err, EINVAL, "%s is the string \"%.*s\", expected %s", rule->key,
			       FOUND_MAX, text, rule->expected);
	if (json_is_integer(value) && !rule->secret)
		return err_set(err, EINVAL, "%s is %" JSON_INTEGER_FORMAT ", expected %s",
			       rule->key, json_integer_value(value), rule->expected);
	if (text || json_is_array(value))
		return err_set(err, EINVAL, "%s%s is %s that is not allowed, expected %s",
			       rule->secret ? "protected " : "", rule->key, json_kind(value),
			       rule->expected);
	return err_set(err, EINVAL, "%s%s is %s, expected %s", rule->secret ? "protected " : "",
		       rule->key, json_kind(value), rule->expected);
}

static const struct rule *find_rule(const char *key, bool secret)
{
	for (size_t i = 0; i < ARRAY_LEN(rules); i++)
		if (rules[i].secret == secret && strcmp(rules[i].key, key) == 0)
			return &rules[i];
	return NULL;
}

int settings_apply(const json_t *object, bool secret, struct settings *settings, struct err *err)
{
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)(uintptr_t)object, key, value)
	{
		const struct rule *rule = find_rule(key, secret);
		int r = 0;

		if (!rule)
			r = unknown(key, secret, err);
		else if (!json_is_null(value))
			r = rule->set(rule, value, (char *)settings + rule->offset);
		if (rule && r == -EINVAL)
			r = unexpected(rule, value, err);
		if (rule && r == -EINVAL && rule->remedy)
			r = err_remedy(err, 0, "%s", rule->remedy);
		if (r == -ENOMEM)
			return err_oom(err);
		if (r < 0)
			return settings_error(err);
	}
	return 0;
}

int settings_check(const struct settings *settings, struct err *err)
{
	if (settings->package_source != PACKAGES_REPOSITORY || settings->repository_url)
		return 0;
	(void)err_set(err, EINVAL, "packageSource is repository, but repositoryUrl is missing");
	(void)settings_error(err);
	return err_remedy(err, 0, "set repositoryUrl to the repository that serves the packages");
}

const char *package_source_name(enum package_source source)
{
	return package_sources[source].name;
}

/* ---- the file */

int settings_open(struct span text, json_t **ret_json, struct settings_file *ret, struct err *err)
{
	struct settings_file file = {0};
	AUTO_JSON *json = NULL;
	json_t *list = NULL, *handler = NULL;
	int r;

	if (text.len == 0) {
		*ret = file;
		return 0;
	}
	r = json_parse(text, "the settings file", &json, err);
	if (r == 0)
		r = json_get_array(json, "runtimeSettings", &list, err);
	if (r == 0)
		r = json_get_object(json_array_get(list, 0), "handlerSettings", &handler, err);
	if (r == 0 && !handler)
		r = err_set(err, EINVAL,
			    "the settings file has no runtimeSettings[0].handlerSettings");
	if (r == 0)
		r = json_get_object(handler, "publicSettings", &file.public_settings, err);
	if (r == 0)
		r = json_get_string(handler, "protectedSettings", &file.protected_text, err);
	if (r == 0)
		r = json_get_string(handler, "protectedSettingsCertThumbprint", &file.thumbprint,
				    err);
	if (r == 0 && file.protected_text && !file.protected_text[0])
		file.protected_text = NULL;
	if (r == 0 && file.protected_text && !file.thumbprint)
		r = err_set(err, EINVAL,
			    "protectedSettings without protectedSettingsCertThumbprint");
	if (r < 0)
		return settings_error(err);
	*ret_json = steal_ptr(json);
	*ret = file;
	return 0;
}

static int apply_protected(struct sys *sys, const char *lib_folder,
			   const struct settings_file *file, struct settings *settings,
			   struct err *err)
{
	CLEANUP(protected_wipe) struct buf text = {0};
	AUTO_JSON *json = NULL;
	int r = protected_open(sys, lib_folder, file->thumbprint, file->protected_text, &text, err);

	if (r < 0)
		return r;
	/* The parser's own message quotes what it stumbled over. */
	if (json_parse(buf_bytes(&text), "", &json, err) < 0 || !json_is_object(json)) {
		(void)err_set(err, EBADMSG,
			      "the protected settings, once decrypted, are not a JSON object");
		return settings_error(err);
	}
	return settings_apply(json, true, settings, err);
}

int settings_parse(struct sys *sys, const char *lib_folder, struct span text, struct settings *ret,
		   struct err *err)
{
	CLEANUP(settings_done) struct settings settings = SETTINGS_INIT;
	struct settings_file file = {0};
	AUTO_JSON *json = NULL;
	int r = settings_open(text, &json, &file, err);

	if (r == 0 && file.public_settings)
		r = settings_apply(file.public_settings, false, &settings, err);
	if (r == 0 && file.protected_text)
		r = apply_protected(sys, lib_folder, &file, &settings, err);
	if (r == 0)
		r = settings_check(&settings, err);
	if (r < 0)
		return r;
	settings_done(ret);
	*ret = settings;
	settings = (struct settings){0};
	return 0;
}

int settings_load(struct sys *sys, const char *config_folder, int64_t sequence, struct buf *ret,
		  struct err *err)
{
	char name[PATH_MAX];

	(void)snprintf(name, sizeof(name), "%s/%lld.settings", config_folder, (long long)sequence);
	if (fs_read(sys, name, FS_TRUSTED, SETTINGS_MAX, ret, NULL, err) < 0)
		return settings_error(err);
	return 0;
}

void settings_hash(struct span text, char ret[SETTINGS_HASH_SIZE])
{
	unsigned char digest[SHA256_LEN];

	sha256(text, digest);
	for (size_t i = 0; i < SHA256_LEN; i++)
		(void)snprintf(ret + 2 * i, 3, "%02x", digest[i]);
}

static int newest(struct sys *sys, const char *config_folder, int64_t *ret, struct err *err)
{
	struct timespec best = {0};
	AUTO_NAMES names = NULL;
	int64_t found = -1;
	int r = fs_list(sys, config_folder, &names, err);

	for (char **name = names; r == 0 && *name; name++) {
		size_t digits = strspn(*name, "0123456789");
		struct span number = {(const unsigned char *)*name, digits};
		char file[PATH_MAX];
		uint64_t sequence;
		struct stat st;

		if (strcmp(*name + digits, ".settings") != 0 ||
		    !num_parse(number, INT64_MAX, &sequence))
			continue;
		(void)snprintf(file, sizeof(file), "%s/%s", config_folder, *name);
		r = fs_lstat(sys, file, &st, err);
		if (r == 0 &&
		    (found < 0 || st.st_mtim.tv_sec > best.tv_sec ||
		     (st.st_mtim.tv_sec == best.tv_sec && st.st_mtim.tv_nsec >= best.tv_nsec))) {
			best = st.st_mtim;
			found = (int64_t)sequence;
		}
	}
	if (r == 0 && found < 0)
		r = err_set(err, ENOENT, "%s holds no settings file", config_folder);
	if (r == 0)
		*ret = found;
	return r < 0 ? settings_error(err) : 0;
}

int settings_sequence(struct sys *sys, const char *config_folder, const char *given, int64_t *ret,
		      struct err *err)
{
	uint64_t sequence;

	if (!given)
		return newest(sys, config_folder, ret, err);
	if (!num_parse(span_of(given), INT64_MAX, &sequence)) {
		(void)err_set(err, EINVAL, "ConfigSequenceNumber is \"%.32s\", expected digits",
			      given);
		return settings_error(err);
	}
	*ret = (int64_t)sequence;
	return 0;
}

void settings_done(struct settings *settings)
{
	for (size_t i = 0; i < ARRAY_LEN(rules); i++)
		if (rules[i].set == set_text || rules[i].set == set_list)
			protected_free(*(char **)((char *)settings + rules[i].offset));
	*settings = (struct settings)SETTINGS_INIT;
}
