/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

#include "lib/core/cleanup.h"
#include "lib/core/cloud.h"
#include "lib/core/outcome.h"

#define REMEDY "add it to manifest/clouds.yaml and build the extension"

static bool is_https(const char *url)
{
	return strncmp(url, "https://", 8) == 0 && url[8] && !strpbrk(url, " \t\"'\\<>?#@");
}

/* An origin, which paths are appended to. */
static bool is_origin(const char *url)
{
	return is_https(url) && !strchr(url + 8, '/');
}

static bool is_host(const char *name)
{
	return *name && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789.-") == strlen(name);
}

/* clang-format off */
static const struct field {
	const char *key;
	size_t at; /* in struct cloud */
	bool (*is_right)(const char *value);
	bool optional;
} fields[] = {
	{"authority", offsetof(struct cloud, authority), is_origin, false},
	{"resourceManager", offsetof(struct cloud, resource_manager), is_origin, false},
	{"audience", offsetof(struct cloud, audience), is_https, false},
	{"cloudInstanceName", offsetof(struct cloud, cloud_instance_name), is_host, true},
	{"repository", offsetof(struct cloud, repository), is_https, false},
	{"pdp", offsetof(struct cloud, pdp), is_host, true},
};
/* clang-format on */

static const char **value_of(struct cloud *cloud, const struct field *field)
{
	return (const char **)(void *)((char *)cloud + field->at);
}

static int read_cloud(const struct yaml_node *node, struct cloud *ret, struct err *err)
{
	static const char *const keys[] = {"name",
					   "authority",
					   "resourceManager",
					   "audience",
					   "cloudInstanceName",
					   "repository",
					   "pdp",
					   NULL};
	int r = yaml_check_map(node, keys, err);

	*ret = (struct cloud){.name = NULL};
	if (r == 0)
		r = yaml_get_text(node, "name", &ret->name, err);
	if (r == 0 && !ret->name)
		r = yaml_error(node, err, "a cloud needs a name");
	for (size_t i = 0; r == 0 && i < ARRAY_LEN(fields); i++) {
		const char **value = value_of(ret, &fields[i]);

		r = yaml_get_text(node, fields[i].key, value, err);
		if (r == 0 && *value && !fields[i].is_right(*value))
			r = yaml_error(yaml_get(node, fields[i].key), err, "%s cannot be %s",
				       fields[i].key, *value);
	}
	return r;
}

/* Nothing may be missing of a cloud that is used. */
static int check_whole(struct cloud *cloud, struct err *err)
{
	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		if (fields[i].optional || *value_of(cloud, &fields[i]))
			continue;
		(void)err_set(err, ENODATA, "the table of clouds does not know the %s of %s",
			      fields[i].key, cloud->name);
		return err_remedy(err, EXIT_SETTINGS, REMEDY);
	}
	return 0;
}

int cloud_find(const struct yaml_node *table, const char *az_environment, struct cloud *ret,
	       struct err *err)
{
	static const char *const keys[] = {"clouds", NULL};
	const struct yaml_node *rows = NULL;
	struct cloud found = {.name = NULL};
	int r = yaml_check_map(table, keys, err);

	if (r == 0)
		r = yaml_get_list(table, "clouds", &rows, err);
	if (r == 0 && !rows)
		r = yaml_error(table, err, "there is no list of clouds");
	for (size_t i = 0; r == 0 && i < rows->count; i++) {
		struct cloud cloud;

		r = read_cloud(&rows->items[i], &cloud, err);
		if (r == 0 && strcasecmp(cloud.name, az_environment) == 0)
			found = cloud;
	}
	if (r < 0)
		return r;
	if (!found.name) {
		(void)err_set(err, ENOENT, "the cloud %.40s is not in the table of clouds",
			      az_environment);
		return err_remedy(err, EXIT_SETTINGS, REMEDY);
	}
	r = check_whole(&found, err);
	if (r == 0)
		*ret = found;
	return r;
}

static bool is_region(const char *name)
{
	return *name && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789") == strlen(name);
}

int cloud_pdp(const struct cloud *cloud, const char *region, struct buf *ret, struct err *err)
{
	if (!cloud->pdp)
		(void)err_set(err, ENODATA, "the role backend pdp is not known to be in %s",
			      cloud->name);
	else if (!is_region(region))
		(void)err_set(err, ENODATA,
			      "instance metadata names no region for the role backend pdp");
	if (!cloud->pdp || !is_region(region))
		return err_remedy(err, EXIT_SETTINGS, "use the role backend arm");
	buf_printf(ret, "https://%s.%s", region, cloud->pdp);
	return buf_ok(ret, err);
}
