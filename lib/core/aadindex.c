/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "lib/core/aadindex.h"

#define BATCH 16 /* slots that are fetched at once: few searches need more */

_Static_assert(sizeof(struct aadindex_head) == 56, "the head has no padding");
_Static_assert(sizeof(struct aadindex_slot) == 16, "a slot has no padding");

/* ---- where the bytes come from */

static const unsigned char *fetch_memory(struct aadindex_source *source, uint64_t offset,
					 size_t len)
{
	(void)len;
	return source->memory + offset;
}

static const unsigned char *fetch_file(struct aadindex_source *source, uint64_t offset, size_t len)
{
	size_t have = 0;

	while (have < len) {
		ssize_t n = pread(source->fd, source->buffer + have, len - have,
				  (off_t)(offset + have));

		if (n == 0 || (n < 0 && errno != EINTR))
			return NULL;
		have += n > 0 ? (size_t)n : 0;
	}
	return source->buffer;
}

struct aadindex_source aadindex_from_memory(const void *index, uint64_t size)
{
	return (struct aadindex_source){.fetch = fetch_memory, .size = size, .memory = index};
}

struct aadindex_source aadindex_from_file(int fd, uint64_t size, void *buffer)
{
	return (struct aadindex_source){
		.fetch = fetch_file, .size = size, .buffer = buffer, .fd = fd};
}

static const unsigned char *fetch(struct aadindex_source *source, uint64_t offset, size_t len)
{
	if (len > AADINDEX_FETCH_MAX || offset > source->size || len > source->size - offset)
		return NULL;
	return source->fetch(source, offset, len);
}

/* ---- hashes */

/* One to one in h for every word, and in word for every h. */
static uint32_t mix(uint32_t h, uint32_t word)
{
	h = (h ^ word) * 0x9e3779b1u;
	return h ^ h >> 15;
}

uint32_t aadindex_hash(uint32_t seed, struct span bytes)
{
	uint32_t h = mix(seed, (uint32_t)bytes.len), word;
	size_t at = 0;

	for (; bytes.len - at >= sizeof(word); at += sizeof(word)) {
		memcpy(&word, bytes.p + at, sizeof(word));
		h = mix(h, word);
	}
	for (; at < bytes.len; at++)
		h = mix(h, bytes.p[at]);
	return mix(h, 0);
}

uint32_t aadindex_head_check(const struct aadindex_head *head)
{
	return aadindex_hash(AADINDEX_MAGIC,
			     (struct span){.p = (const unsigned char *)head,
					   .len = offsetof(struct aadindex_head, check)});
}

uint32_t aadindex_slot_check(uint32_t seed, enum aadindex_table table, uint32_t place,
			     const struct aadindex_slot *slot)
{
	uint32_t h = mix(seed, place << 1 | (uint32_t)table);

	h = mix(mix(mix(h, slot->offset), slot->key), slot->line);
	return mix(h, 0);
}

uint32_t aadindex_place(const struct aadindex_head *head, uint32_t key)
{
	return mix(mix(head->seed, key), 0) & (head->slots - 1);
}

/* ---- the head */

static int64_t ns_of(struct timespec time)
{
	return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

struct aadindex_mark aadindex_mark_of(const struct stat *st)
{
	return (struct aadindex_mark){
		.inode = st->st_ino,
		.size = (uint64_t)st->st_size,
		.mtime_ns = ns_of(st->st_mtim),
		.ctime_ns = ns_of(st->st_ctim),
	};
}

bool aadindex_mark_same(const struct aadindex_mark *a, const struct aadindex_mark *b)
{
	return a->inode == b->inode && a->size == b->size && a->mtime_ns == b->mtime_ns &&
	       a->ctime_ns == b->ctime_ns;
}

uint64_t aadindex_size(uint32_t slots, uint64_t text_size)
{
	return sizeof(struct aadindex_head) +
	       (uint64_t)AADINDEX_TABLES * slots * sizeof(struct aadindex_slot) + text_size;
}

static bool head_valid(const struct aadindex_head *head, uint64_t size)
{
	return head->magic == AADINDEX_MAGIC && head->version == AADINDEX_VERSION &&
	       head->check == aadindex_head_check(head) && head->slots &&
	       head->slots <= AADINDEX_SLOTS_MAX && (head->slots & (head->slots - 1)) == 0 &&
	       head->text.size <= AADPASSWD_MAX &&
	       size == aadindex_size(head->slots, head->text.size);
}

int aadindex_open(struct aadindex_source *source, struct aadindex_head *ret)
{
	const unsigned char *bytes = fetch(source, 0, sizeof(struct aadindex_head));
	struct aadindex_head head;

	if (!bytes)
		return -EBADMSG;
	memcpy(&head, bytes, sizeof(head));
	if (!head_valid(&head, source->size))
		return -EBADMSG;
	*ret = head;
	return 0;
}

/* ---- searching */

/* What is sought, and what a line must begin with or have been made of to be it. */
struct search {
	struct aadindex_source *source;
	const struct aadindex_head *head;
	enum aadindex_table table;
	uint32_t key;
	struct span name; /* in AADINDEX_NAMES */
};

/* The line that a slot names.  0 or -EBADMSG. */
static int read_line(const struct search *search, const struct aadindex_slot *slot,
		     struct span *ret)
{
	uint64_t size = search->head->text.size, left;
	const unsigned char *bytes, *newline;
	struct span line;

	if (slot->offset >= size)
		return -EBADMSG;
	left = size - slot->offset;
	if (left > AADPASSWD_LINE_MAX)
		left = AADPASSWD_LINE_MAX;
	bytes = fetch(search->source, aadindex_size(search->head->slots, slot->offset),
		      (size_t)left);
	newline = bytes ? memchr(bytes, '\n', (size_t)left) : NULL;
	if (!newline)
		return -EBADMSG;
	line = (struct span){.p = bytes, .len = (size_t)(newline - bytes) + 1};
	if (aadindex_hash(search->head->seed, line) != slot->line)
		return -EBADMSG;
	*ret = line;
	return 0;
}

/* 0: found; -EAGAIN: go on with the next slot; -ENOENT; -EBADMSG. */
static int judge(const struct search *search, uint32_t place, const struct aadindex_slot *slot,
		 struct span *ret)
{
	struct span line;
	int r;

	if (slot->check != aadindex_slot_check(search->head->seed, search->table, place, slot))
		return -EBADMSG;
	if (slot->offset == AADINDEX_EMPTY)
		return -ENOENT;
	if (slot->key != search->key)
		return -EAGAIN;
	r = read_line(search, slot, &line);
	if (r == 0 && search->table == AADINDEX_NAMES && !aadpasswd_line_has(line, search->name))
		r = -EAGAIN;
	if (r == 0)
		*ret = line;
	return r;
}

/* The slots from place on, as many as a batch has and the table's end allows.  0: none. */
static uint32_t fetch_slots(const struct search *search, uint32_t place,
			    struct aadindex_slot ret[BATCH])
{
	uint32_t slots = search->head->slots, count = slots - place;
	uint64_t before = (uint64_t)search->table * slots + place;
	const unsigned char *bytes;

	if (count > BATCH)
		count = BATCH;
	bytes = fetch(search->source,
		      sizeof(struct aadindex_head) + before * sizeof(struct aadindex_slot),
		      count * sizeof(struct aadindex_slot));
	if (!bytes)
		return 0;
	memcpy(ret, bytes, count * sizeof(struct aadindex_slot));
	return count;
}

static int find(const struct search *search, struct span *ret)
{
	uint32_t slots = search->head->slots, place = aadindex_place(search->head, search->key);
	struct aadindex_slot batch[BATCH];
	uint32_t count;

	/* A table is never full: without an empty slot it is none of ours. */
	for (uint32_t seen = 0; seen < slots; seen += count) {
		count = fetch_slots(search, place, batch);
		if (count == 0)
			return -EBADMSG;
		for (uint32_t i = 0; i < count; i++) {
			int r = judge(search, place + i, &batch[i], ret);

			if (r != -EAGAIN)
				return r;
		}
		place = (place + count) & (slots - 1);
	}
	return -EBADMSG;
}

int aadindex_by_name(struct aadindex_source *source, const struct aadindex_head *head,
		     struct span name, struct span *ret_line)
{
	const struct search search = {
		.source = source,
		.head = head,
		.table = AADINDEX_NAMES,
		.key = aadindex_hash(head->seed, name),
		.name = name,
	};

	return find(&search, ret_line);
}

int aadindex_by_id(struct aadindex_source *source, const struct aadindex_head *head, uint32_t id,
		   struct span *ret_line)
{
	const struct search search = {
		.source = source, .head = head, .table = AADINDEX_IDS, .key = id};

	return find(&search, ret_line);
}
