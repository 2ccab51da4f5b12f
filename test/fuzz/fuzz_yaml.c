/* SPDX-License-Identifier: MIT */
/* Any bytes: parse them, and read what parses as both tables. */
#include "config.h"

#include <stdint.h>

#include "lib/core/cloud.h"
#include "lib/core/distro.h"
#include "lib/core/yaml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct osrelease os = {.id = "x", .id_like = "debian rhel", .version_id = "9.1"};
	AUTO_YAML root = {0};
	struct platform platform;
	struct cloud cloud;
	struct err err = {0};

	if (yaml_parse((struct span){data, size}, "input", &root, &err) < 0)
		return 0;
	(void)distro_decide(&root, &os, &platform, &err);
	(void)cloud_find(&root, "AzurePublicCloud", &cloud, &err);
	return 0;
}
