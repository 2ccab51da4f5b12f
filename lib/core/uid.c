/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <string.h>

#include "lib/core/name.h"
#include "lib/core/sha256.h"
#include "lib/core/uid.h"

bool uid_possible(uint32_t id)
{
	return id >= UID_LOWEST && id <= UID_HIGHEST;
}

bool uid_in_range(struct uid_range range, uint32_t id)
{
	return id >= range.first && id <= range.last;
}

bool uid_is_reserved(struct uid_range range, uint32_t id)
{
	return id >= range.first && id - range.first < UID_RESERVED;
}

uint32_t uid_users_group(struct uid_range range)
{
	return range.first;
}

uint32_t uid_admin_group(struct uid_range range)
{
	return range.first + 1;
}

/* How many ids users can have, and the first of them. */
static uint32_t user_ids(struct uid_range range)
{
	return range.last - range.first + 1 - UID_RESERVED;
}

static uint32_t first_user_id(struct uid_range range)
{
	return range.first + UID_RESERVED;
}

uint32_t uid_of_name(const char *lower, struct uid_range range)
{
	static const char label[] = "aad-uid-v1"; /* hashed with its NUL */
	unsigned char bytes[sizeof(label) + NAME_MAX_BYTES];
	unsigned char hash[SHA256_LEN];
	struct span head = {.p = hash, .len = sizeof(hash)};
	size_t len = strnlen(lower, NAME_MAX_BYTES);
	uint64_t n = 0;

	memcpy(bytes, label, sizeof(label));
	memcpy(bytes + sizeof(label), lower, len);
	sha256((struct span){.p = bytes, .len = sizeof(label) + len}, hash);
	(void)span_u64(&head, &n);
	return first_user_id(range) + (uint32_t)(n % user_ids(range));
}

void uid_choice_start(struct uid_choice *ret, const char *lower, struct uid_range range)
{
	*ret = (struct uid_choice){.range = range, .wanted = uid_of_name(lower, range)};
}

void uid_choice_taken(struct uid_choice *choice, uint32_t id)
{
	uint32_t step;

	if (!uid_in_range(choice->range, id) || uid_is_reserved(choice->range, id))
		return;
	step = id >= choice->wanted ? id - choice->wanted
				    : id + (user_ids(choice->range) - choice->wanted);
	if (step < UID_PROBES)
		choice->taken |= (uint64_t)1 << step;
}

bool uid_choice_pick(const struct uid_choice *choice, uint32_t *ret)
{
	uint32_t first = first_user_id(choice->range), count = user_ids(choice->range);

	for (uint32_t step = 0; step < UID_PROBES; step++) {
		if (choice->taken >> step & 1)
			continue;
		*ret = first + (choice->wanted - first + step) % count;
		return true;
	}
	return false;
}
