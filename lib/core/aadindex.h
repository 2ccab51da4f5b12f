/* SPDX-License-Identifier: MIT */
/*
 * /etc/aadpasswd.db: an index of /etc/aadpasswd, as pwd.db is of passwd in BSD.  Written by whoever
 * publishes the text, right after it (root 0644, replaced whole), and never needed: who cannot use
 * it reads the text.  libc alone.
 *
 * In the machine's byte order: struct aadindex_head; a hash table of slots by name, one by id; the
 * text.  A slot names a line of the text, the first good one with its key.  A table is searched
 * from the slot that the key's hash says, one by one, up to an empty slot.
 *
 * Invariants:
 *  1. The index answers for one text alone, which its head identifies.  A change within the same
 *     tick of the file system's clock that keeps size and inode is not told apart.
 *  2. Every slot, the empty ones too, carries a hash of its place and contents, and of its line:
 *     damage refuses an answer and makes none wrong.  This is against accidents: who can write the
 *     file on purpose can write the text too.
 *  3. What others than root can write must not be read at all; that is the caller's to judge.
 */
#ifndef CORE_AADINDEX_H
#define CORE_AADINDEX_H

#include <sys/stat.h>

#include "lib/core/aadpasswd.h"

#define AADINDEX_PATH AADPASSWD_PATH ".db"
#define AADINDEX_MAGIC 0x42444141u /* "AADB"; other machines' byte order reads as another number   \
				    */
#define AADINDEX_VERSION 1u
#define AADINDEX_SLOTS_MAX (1u << 20) /* of a table */

/* Which file, and which contents.  Not the device: its number can be another after a boot. */
struct aadindex_mark {
	uint64_t inode;
	uint64_t size; /* bytes */
	int64_t mtime_ns, ctime_ns;
};

struct aadindex_head {
	uint32_t magic, version;
	struct aadindex_mark text; /* the text that it was made from */
	uint32_t slots; /* of each table, a power of two */
	uint32_t seed; /* of every hash */
	uint32_t unused; /* 0 */
	uint32_t check; /* hash of all before */
};

struct aadindex_slot {
	uint32_t offset; /* of the line in the text, AADINDEX_EMPTY: none */
	uint32_t key; /* aadindex_hash of the name, or the id */
	uint32_t line; /* aadindex_hash of the line with its newline */
	uint32_t check; /* hash of table, place and the three before */
};

#define AADINDEX_EMPTY UINT32_MAX

enum aadindex_table { AADINDEX_NAMES, AADINDEX_IDS, AADINDEX_TABLES };

/* Where the bytes of an index come from. */
struct aadindex_source {
	/* len bytes, at most AADINDEX_FETCH_MAX, borrowed until the next call.  NULL: none. */
	const unsigned char *(*fetch)(struct aadindex_source *source, uint64_t offset, size_t len);
	uint64_t size; /* bytes of the whole index; fetch is never asked for more */
	const unsigned char *memory; /* for aadindex_from_memory */
	unsigned char *buffer; /* for aadindex_from_file: AADINDEX_FETCH_MAX bytes */
	int fd;
};

#define AADINDEX_FETCH_MAX ((size_t)AADPASSWD_LINE_MAX)

/* A whole index in memory. */
struct aadindex_source aadindex_from_memory(const void *index, uint64_t size);

/* An open file, which pread reads piece by piece; it may change or shrink meanwhile. */
struct aadindex_source aadindex_from_file(int fd, uint64_t size, void *buffer);

struct aadindex_mark aadindex_mark_of(const struct stat *st);
bool aadindex_mark_same(const struct aadindex_mark *a, const struct aadindex_mark *b);

/* The size of an index of so many slots and such a text. */
uint64_t aadindex_size(uint32_t slots, uint64_t text_size);

/*
 * Read the head.  0, or -EBADMSG: not an index, of another version, damaged, or not of this size.
 * Whether the text is the one in force is for the caller to compare.
 */
int aadindex_open(struct aadindex_source *source, struct aadindex_head *ret);

/*
 * The line of the first user with that name (lower-case) or id, with its newline, as
 * aadpasswd_parse takes it; borrowed from the source.  -ENOENT: nobody has it; -EBADMSG: damaged.
 */
int aadindex_by_name(struct aadindex_source *source, const struct aadindex_head *head,
		     struct span name, struct span *ret_line);
int aadindex_by_id(struct aadindex_source *source, const struct aadindex_head *head, uint32_t id,
		   struct span *ret_line);

/* For the writer.  Changing one word of what is hashed always changes the hash. */
uint32_t aadindex_hash(uint32_t seed, struct span bytes);
uint32_t aadindex_head_check(const struct aadindex_head *head);
uint32_t aadindex_slot_check(uint32_t seed, enum aadindex_table table, uint32_t place,
			     const struct aadindex_slot *slot);

/* Where a table begins its search for a key as a slot has it. */
uint32_t aadindex_place(const struct aadindex_head *head, uint32_t key);

#endif
