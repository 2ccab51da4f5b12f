/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/core/cleanup.h"
#include "lib/core/distro.h"
#include "lib/core/num.h"
#include "lib/core/outcome.h"

#define VERSION_PARTS 4

struct version {
	uint64_t part[VERSION_PARTS]; /* those beyond count are 0 */
	size_t count;
};

/* A row of the table.  All borrow from it. */
struct row {
	const char *id;
	const char *oldest; /* NULL: no limit */
	struct version oldest_version;
	const char *unsupported; /* why not, NULL: it may be */
	const char *package_manager, *package_type, *ssh_service;
	const struct yaml_node *versions, *quirks, *microsoft; /* may be NULL */
};

static bool version_parse(struct span text, struct version *ret)
{
	struct version v = {.count = 0};

	for (;;) {
		size_t len = 0;
		struct span part;

		while (len < text.len && text.p[len] != '.')
			len++;
		(void)span_take(&text, len, &part);
		if (v.count == VERSION_PARTS || !num_parse(part, UINT32_MAX, &v.part[v.count++]))
			return false;
		if (text.len == 0)
			break;
		(void)span_take(&text, 1, &part);
	}
	*ret = v;
	return true;
}

/* Compared by the parts that the bound has, so that 9.4 lies within the bound 9. */
static int version_compare(const struct version *v, const struct version *bound)
{
	for (size_t i = 0; i < bound->count; i++)
		if (v->part[i] != bound->part[i])
			return v->part[i] < bound->part[i] ? -1 : 1;
	return 0;
}

/* "9" or "7.4-7.9" */
static bool range_parse(const char *text, struct version *ret_from, struct version *ret_to)
{
	struct span from = span_of(text);
	const char *dash = strchr(text, '-');
	struct span to = dash ? span_of(dash + 1) : from;

	if (dash)
		from.len = (size_t)(dash - text);
	return version_parse(from, ret_from) && version_parse(to, ret_to);
}

static bool range_holds(const char *range, const struct version *v)
{
	struct version from, to;

	return range_parse(range, &from, &to) && version_compare(v, &from) >= 0 &&
	       version_compare(v, &to) <= 0;
}

static int check_range(const struct yaml_node *node, struct err *err)
{
	struct version from, to;

	if (node->kind != YAML_TEXT || !range_parse(node->text, &from, &to))
		return yaml_error(node, err, "not a range of versions such as 7.4-7.9");
	return 0;
}

/* The value of a key must be one of these words. */
static int get_word(const struct yaml_node *map, const char *key, const char *const *words,
		    const char **ret, struct err *err)
{
	const char *text = NULL;
	int r = yaml_get_text(map, key, &text, err);

	if (r < 0 || !text)
		return r;
	while (*words && strcmp(*words, text) != 0)
		words++;
	if (!*words)
		return yaml_error(yaml_get(map, key), err, "%s cannot be %s", key, text);
	*ret = text;
	return 0;
}

static int get_manager(const struct yaml_node *map, const char **ret, struct err *err)
{
	static const char *const managers[] = {"apt", "dnf", "yum", "zypper", "tdnf", NULL};

	return get_word(map, "packageManager", managers, ret, err);
}

static int read_packaging(const struct yaml_node *node, struct row *row, struct err *err)
{
	static const char *const types[] = {"deb", "rpm", NULL};
	static const char *const services[] = {"ssh", "sshd", NULL};
	int r = get_manager(node, &row->package_manager, err);

	if (r == 0)
		r = get_word(node, "packageType", types, &row->package_type, err);
	if (r == 0)
		r = get_word(node, "sshService", services, &row->ssh_service, err);
	if (r < 0)
		return r;
	if (!row->unsupported && !(row->package_manager && row->package_type && row->ssh_service))
		return yaml_error(node, err, "%s needs packageManager, packageType and sshService",
				  row->id);
	return 0;
}

static int check_list(const struct yaml_node *list,
		      int (*check)(const struct yaml_node *item, struct err *err), struct err *err)
{
	for (size_t i = 0; list && i < list->count; i++) {
		int r = check(&list->items[i], err);

		if (r < 0)
			return r;
	}
	return 0;
}

/* What stands for a system in the paths of repositories. */
struct values {
	const char *codename, *major, *arch;
};

/* Copy a path with its {words} replaced.  False when it is too long, or a word is not known. */
static bool fill_path(const char *path, const struct values *values, char (*ret)[DISTRO_PATH_MAX])
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789._-/";
	const struct {
		const char *word, *value;
	} words[] = {{"{codename}", values->codename},
		     {"{major}", values->major},
		     {"{arch}", values->arch}};
	size_t used = 0, i;

	while (*path) {
		const char *piece = path;
		size_t len = strspn(path, plain), skip = len;

		for (i = 0; len == 0 && i < ARRAY_LEN(words); i++) {
			if (strncmp(path, words[i].word, strlen(words[i].word)) != 0)
				continue;
			piece = words[i].value;
			skip = strlen(words[i].word);
			len = strlen(piece);
		}
		if (len == 0 || len >= sizeof(*ret) - used)
			return false;
		memcpy(*ret + used, piece, len);
		used += len;
		path += skip;
	}
	(*ret)[used] = '\0';
	return true;
}

static int check_path(const struct yaml_node *node, struct err *err)
{
	const struct values none = {.codename = "x", .major = "1", .arch = "x"};

	if (node->kind != YAML_TEXT || node->text[0] != '/' ||
	    !fill_path(node->text, &none, &(char[DISTRO_PATH_MAX]){""}))
		return yaml_error(node, err,
				  "not a path of plain characters, {codename}, {major} and {arch}");
	return 0;
}

/* The list of paths of a row or a quirk. */
static int get_places(const struct yaml_node *map, const struct yaml_node **ret, struct err *err)
{
	int r = yaml_get_list(map, "microsoft", ret, err);

	if (r == 0 && *ret && ((*ret)->count == 0 || (*ret)->count > DISTRO_PLACES_MAX))
		r = yaml_error(*ret, err, "from one to %d paths can be here", DISTRO_PLACES_MAX);
	return r == 0 ? check_list(*ret, check_path, err) : r;
}

static int check_quirk(const struct yaml_node *node, struct err *err)
{
	static const char *const keys[] = {"versions", "architecture", "packageManager",
					   "codename", "microsoft",    NULL};
	static const char *const archs[] = {"x86_64", "aarch64", NULL};
	const char *manager = NULL, *arch = NULL, *codename = NULL;
	const struct yaml_node *places = NULL;
	int r = yaml_check_map(node, keys, err);

	if (r == 0 && !yaml_get(node, "versions"))
		return yaml_error(node, err, "a quirk needs versions");
	if (r == 0)
		r = check_range(yaml_get(node, "versions"), err);
	if (r == 0)
		r = get_word(node, "architecture", archs, &arch, err);
	if (r == 0)
		r = yaml_get_text(node, "codename", &codename, err);
	if (r == 0)
		r = get_places(node, &places, err);
	return r == 0 ? get_manager(node, &manager, err) : r;
}

static int read_row(const struct yaml_node *node, struct row *ret, struct err *err)
{
	static const char *const keys[] = {
		"id",          "versions",   "oldest", "unsupported", "packageManager",
		"packageType", "sshService", "quirks", "microsoft",   NULL};
	struct row row = {.id = NULL};
	int r = yaml_check_map(node, keys, err);

	if (r == 0)
		r = yaml_get_text(node, "id", &row.id, err);
	if (r == 0 && !row.id)
		return yaml_error(node, err, "a distribution needs an id");
	if (r == 0)
		r = yaml_get_text(node, "oldest", &row.oldest, err);
	if (r == 0 && row.oldest && !version_parse(span_of(row.oldest), &row.oldest_version))
		r = yaml_error(yaml_get(node, "oldest"), err, "not a version");
	if (r == 0)
		r = yaml_get_text(node, "unsupported", &row.unsupported, err);
	if (r == 0)
		r = yaml_get_list(node, "versions", &row.versions, err);
	if (r == 0)
		r = check_list(row.versions, check_range, err);
	if (r == 0)
		r = yaml_get_list(node, "quirks", &row.quirks, err);
	if (r == 0)
		r = check_list(row.quirks, check_quirk, err);
	if (r == 0)
		r = get_places(node, &row.microsoft, err);
	if (r == 0)
		r = read_packaging(node, &row, err);
	if (r == 0)
		*ret = row;
	return r;
}

/* Place of a word in a list of words, the number of words when it is not there. */
static size_t word_place(struct span words, const char *wanted)
{
	struct span word;
	size_t place = 0;

	while (span_word(&words, &word) && !span_is(word, wanted))
		place++;
	return place;
}

/*
 * The row of the distribution itself, otherwise that of the first word of ID_LIKE that has one;
 * ret->id stays NULL when there is neither.
 */
static int find_row(const struct yaml_node *table, const struct osrelease *os, struct row *ret,
		    struct err *err)
{
	static const char *const keys[] = {"distributions", NULL};
	const struct yaml_node *rows = NULL;
	struct span like = span_of(os->id_like);
	size_t best = word_place(like, "");
	int r = yaml_check_map(table, keys, err);

	if (r == 0)
		r = yaml_get_list(table, "distributions", &rows, err);
	if (r == 0 && !rows)
		r = yaml_error(table, err, "there is no list of distributions");
	for (size_t i = 0; r == 0 && i < rows->count; i++) {
		struct row row;
		size_t place;

		r = read_row(&rows->items[i], &row, err);
		if (r < 0)
			break;
		if (ret->id && strcmp(ret->id, os->id) == 0)
			continue; /* found; the rest is only checked */
		place = word_place(like, row.id);
		if (strcmp(row.id, os->id) == 0 || place < best) {
			best = place;
			*ret = row;
		}
	}
	return r;
}

static void set(char *to, size_t size, const char *text)
{
	(void)snprintf(to, size, "%s", text ? text : "");
}

static void set_packaging(const struct row *row, const struct version *version, struct platform *p)
{
	const char *manager = row->package_manager;

	for (size_t i = 0; version && row->quirks && i < row->quirks->count; i++) {
		const struct yaml_node *quirk = &row->quirks->items[i];
		const struct yaml_node *other = yaml_get(quirk, "packageManager");

		if (other && range_holds(yaml_get(quirk, "versions")->text, version))
			manager = other->text;
	}
	set(p->package_manager, sizeof(p->package_manager), manager);
	set(p->package_type, sizeof(p->package_type), row->package_type);
	set(p->ssh_service, sizeof(p->ssh_service), row->ssh_service);
}

static bool is_listed(const struct row *row, const struct version *version)
{
	for (size_t i = 0; row->versions && i < row->versions->count; i++)
		if (range_holds(row->versions->items[i].text, version))
			return true;
	return false;
}

static void __attribute__((format(printf, 3, 4)))
decide(struct platform *p, enum support supported, const char *fmt, ...)
{
	va_list ap;

	p->supported = supported;
	va_start(ap, fmt);
	(void)vsnprintf(p->reason, sizeof(p->reason), fmt, ap);
	va_end(ap);
}

static void judge(const struct row *row, const struct version *version, struct platform *p)
{
	if (!row->id)
		decide(p, SUPPORT_BY_CAPABILITY,
		       "%s is not in the table, nor like anything in it: the machine decides",
		       p->id);
	else if (row->unsupported)
		decide(p, SUPPORT_NO, "%s cannot be supported: %s", p->id, row->unsupported);
	else if (strcmp(row->id, p->id) != 0)
		decide(p, SUPPORT_BY_CAPABILITY,
		       "%s is not in the table, but like %s: the machine decides", p->id, row->id);
	else if (!version)
		decide(p, SUPPORT_BY_CAPABILITY,
		       "%s names no version that can be compared: the machine decides", p->id);
	else if (row->oldest && version_compare(version, &row->oldest_version) < 0)
		decide(p, SUPPORT_NO, "%s %s is too old: %s is the first that can work", p->id,
		       p->version, row->oldest);
	else if (is_listed(row, version))
		decide(p, SUPPORT_YES, "%s %s is supported", p->id, p->version);
	else
		decide(p, SUPPORT_BY_CAPABILITY, "%s %s is not in the table: the machine decides",
		       p->id, p->version);
}

int distro_decide(const struct yaml_node *table, const struct osrelease *os, struct platform *ret,
		  struct err *err)
{
	struct platform platform = {.supported = SUPPORT_NO};
	struct row row = {.id = NULL};
	struct version version;
	bool comparable = version_parse(span_of(os->version_id), &version);
	int r = find_row(table, os, &row, err);

	if (r < 0)
		return r;
	set(platform.id, sizeof(platform.id), os->id);
	set(platform.version, sizeof(platform.version), os->version_id);
	set_packaging(&row, comparable ? &version : NULL, &platform);
	judge(&row, comparable ? &version : NULL, &platform);
	*ret = platform;
	return 0;
}

static int no_places(const struct osrelease *os, struct err *err)
{
	(void)err_set(err, ENODATA, "the table has no repository of Microsoft's for %s %s", os->id,
		      os->version_id);
	return err_remedy(err, EXIT_SETTINGS,
			  "set packageSource to embedded, which serves this machine too");
}

/* The last quirk that holds for a version and architecture and has the key, NULL: none does. */
static const struct yaml_node *find_quirk(const struct row *row, const struct version *version,
					  const char *arch, const char *key)
{
	const struct yaml_node *found = NULL;

	for (size_t i = 0; row->quirks && i < row->quirks->count; i++) {
		const struct yaml_node *quirk = &row->quirks->items[i];
		const struct yaml_node *only = yaml_get(quirk, "architecture");

		if (yaml_get(quirk, key) &&
		    range_holds(yaml_get(quirk, "versions")->text, version) &&
		    (!only || strcmp(only->text, arch) == 0))
			found = yaml_get(quirk, key);
	}
	return found;
}

int distro_microsoft(const struct yaml_node *table, const struct osrelease *os, const char *arch,
		     struct distro_places *ret, struct err *err)
{
	struct values values = {.codename = os->codename, .arch = arch};
	struct distro_places places = {.count = 0};
	const struct yaml_node *paths, *codename;
	struct row row = {.id = NULL};
	struct version version;
	char major[24];
	int r = find_row(table, os, &row, err);

	if (r < 0)
		return r;
	if (!row.id || strcmp(row.id, os->id) != 0 || row.unsupported ||
	    !version_parse(span_of(os->version_id), &version))
		return no_places(os, err);
	(void)snprintf(major, sizeof(major), "%llu", (unsigned long long)version.part[0]);
	values.major = major;
	codename = find_quirk(&row, &version, arch, "codename");
	if (codename)
		values.codename = codename->text;
	paths = find_quirk(&row, &version, arch, "microsoft") ?: row.microsoft;
	for (size_t i = 0; paths && i < paths->count; i++)
		if (!fill_path(paths->items[i].text, &values, &places.paths[places.count++]))
			return no_places(os, err);
	if (places.count == 0)
		return no_places(os, err);
	if (strcmp(row.package_type, "deb") == 0)
		set(places.suite, sizeof(places.suite), values.codename);
	*ret = places;
	return 0;
}

const char *support_name(enum support support)
{
	static const char *const names[] = {"no", "yes", "by-capability"};

	return names[support];
}
