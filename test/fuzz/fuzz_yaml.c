/* SPDX-License-Identifier: MIT */
/*
 * Any bytes: parse them, and read what parses as both tables.  What a table is taken to say is
 * within its bounds: https URLs, known words, paths that lead nowhere else.
 */
#include "config.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/core/cleanup.h"
#include "lib/core/cloud.h"
#include "lib/core/distro.h"
#include "lib/core/yaml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_https(const char *url)
{
	return strncmp(url, "https://", 8) == 0 && url[8] && !strpbrk(url, " \t\r\n\"\\");
}

static bool is_one_of(const char *word, const char *const *words)
{
	for (; *words; words++)
		if (strcmp(word, *words) == 0)
			return true;
	return false;
}

static void read_clouds(const struct yaml_node *root)
{
	struct cloud cloud;
	struct err err = {0};
	AUTO_BUF pdp = {0};

	if (cloud_find(root, "AzurePublicCloud", &cloud, &err) < 0) {
		if (!err.msg[0])
			abort();
		return;
	}
	if (!is_https(cloud.authority) || !is_https(cloud.resource_manager) ||
	    !is_https(cloud.audience) || !is_https(cloud.repository))
		abort();
	if (cloud_pdp(&cloud, "westeurope", &pdp, &err) == 0 && !is_https(buf_text(&pdp)))
		abort();
}

static void read_distros(const struct yaml_node *root, const struct osrelease *os)
{
	static const char *const managers[] = {"", "apt", "dnf", "yum", "zypper", "tdnf", NULL};
	static const char *const types[] = {"", "deb", "rpm", NULL};
	struct distro_places places;
	struct platform platform;
	struct err err = {0};

	if (distro_decide(root, os, &platform, &err) == 0 &&
	    (!is_one_of(platform.package_manager, managers) ||
	     !is_one_of(platform.package_type, types) || !platform.reason[0]))
		abort();
	if (distro_microsoft(root, os, "x86_64", &places, &err) < 0)
		return;
	if (places.count == 0 || places.count > DISTRO_PLACES_MAX)
		abort();
	for (size_t i = 0; i < places.count; i++)
		if (places.paths[i][0] != '/' || strstr(places.paths[i], "/../") ||
		    strpbrk(places.paths[i], " \t\r\n"))
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct osrelease systems[] = {
		{.id = "x", .id_like = "debian rhel", .version_id = "9.1"},
		{.id = "debian", .version_id = "12", .codename = "bookworm"},
		{.id = "rhel", .version_id = "8.6"},
	};
	AUTO_YAML root = {0};
	struct err err = {0};

	if (yaml_parse((struct span){data, size}, "input", &root, &err) < 0)
		return 0;
	read_clouds(&root);
	for (size_t i = 0; i < ARRAY_LEN(systems); i++)
		read_distros(&root, &systems[i]);
	return 0;
}
