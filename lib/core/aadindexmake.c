/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "lib/core/aadindexmake.h"

#define SLOTS_MIN 16u

static size_t count_users(struct span text)
{
	struct aad_user user;
	size_t count = 0;

	while (aadpasswd_next(&text, &user))
		count++;
	return count;
}

/* At most three quarters are taken: a search then sees a few slots. */
static uint32_t slots_for(size_t users)
{
	uint32_t slots = SLOTS_MIN;

	while (slots < AADINDEX_SLOTS_MAX && (uint64_t)users * 4 > (uint64_t)slots * 3)
		slots *= 2;
	return slots;
}

/* Other for every text, so that nothing of one index passes for a part of another. */
static uint32_t seed_of(const struct aadindex_mark *of)
{
	return aadindex_hash(AADINDEX_VERSION,
			     (struct span){.p = (const unsigned char *)of, .len = sizeof(*of)});
}

/* Does the slot name a line that hides this one: an earlier one with the same key? */
static bool is_same(const struct aadindex_slot *slot, enum aadindex_table table, uint32_t key,
		    struct span text, struct span name)
{
	struct span line = {.p = text.p + slot->offset, .len = text.len - slot->offset};

	return slot->key == key && (table == AADINDEX_IDS || aadpasswd_line_has(line, name));
}

static void enter(struct aadindex_slot *slots, const struct aadindex_head *head,
		  enum aadindex_table table, const struct aadindex_slot *new, struct span text,
		  struct span name)
{
	uint32_t place = aadindex_place(head, new->key);

	while (slots[place].offset != AADINDEX_EMPTY) {
		if (is_same(&slots[place], table, new->key, text, name))
			return;
		place = (place + 1) & (head->slots - 1);
	}
	slots[place] = *new;
}

static void enter_all(struct aadindex_slot *slots, const struct aadindex_head *head,
		      struct span text)
{
	struct span rest = text;
	struct aad_user user;

	while (aadpasswd_next(&rest, &user)) {
		/* A name is its line's first field, and the line ends where the rest begins. */
		struct span line = {.p = user.name.p, .len = (size_t)(rest.p - user.name.p)};
		struct aadindex_slot slot = {
			.offset = (uint32_t)(line.p - text.p),
			.key = aadindex_hash(head->seed, user.name),
			.line = aadindex_hash(head->seed, line),
		};

		enter(slots, head, AADINDEX_NAMES, &slot, text, user.name);
		slot.key = user.id;
		enter(slots + head->slots, head, AADINDEX_IDS, &slot, text, user.name);
	}
}

static void sign(struct aadindex_slot *slots, const struct aadindex_head *head,
		 enum aadindex_table table)
{
	for (uint32_t i = 0; i < head->slots; i++)
		slots[i].check = aadindex_slot_check(head->seed, table, i, &slots[i]);
}

static void fill(unsigned char *to, const struct aadindex_head *head, struct span text)
{
	struct aadindex_slot *slots = (void *)(to + sizeof(*head)); /* of malloc: aligned */
	const size_t len = AADINDEX_TABLES * (size_t)head->slots * sizeof(*slots);

	memcpy(to, head, sizeof(*head));
	memset(slots, 0xff, len); /* AADINDEX_EMPTY */
	enter_all(slots, head, text);
	sign(slots, head, AADINDEX_NAMES);
	sign(slots + head->slots, head, AADINDEX_IDS);
	if (text.len)
		memcpy(to + sizeof(*head) + len, text.p, text.len);
}

int aadindex_make(struct span text, const struct aadindex_mark *of, struct buf *ret,
		  struct err *err)
{
	struct aadindex_head head = {
		.magic = AADINDEX_MAGIC,
		.version = AADINDEX_VERSION,
		.text = *of,
		.slots = slots_for(count_users(text)),
		.seed = seed_of(of),
	};
	size_t size;
	char *room;

	if (text.len > AADPASSWD_MAX)
		return err_set(err, EMSGSIZE, "the list of users is too long for an index");
	if (of->size != text.len)
		return err_set(err, EINVAL, "the list of users has changed meanwhile");
	head.check = aadindex_head_check(&head);
	size = (size_t)aadindex_size(head.slots, text.len);
	room = buf_room(ret, size);
	if (room) {
		fill((unsigned char *)room, &head, text);
		ret->len += size;
		ret->data[ret->len] = '\0';
	}
	return buf_ok(ret, err);
}
