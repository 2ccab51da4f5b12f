/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "payload/module/index.h"
#include "payload/nss/caller.h"
#include "payload/nss/copy.h"

#define TRIES 4 /* against other readers, before the files are asked instead */
#define NS_PER_MS 1000000

struct copy {
	int64_t checked_ns; /* when it was last seen to be of the files in force */
	size_t size; /* of the whole mapping */
	struct aadindex_head head;
	struct settings_kept settings;
	unsigned char index[];
};

/* Who is at it: a process id, and how many readers, or ALONE for who renews the copy. */
#define OWNER UINT64_C(0xffffffff00000000)
#define READERS UINT64_C(0x00000000ffffffff)
#define ALONE READERS

static struct {
	uint64_t users;
	struct copy *copy; /* written ALONE, followed by readers */
	bool stale; /* readers keep off, so that it can be renewed */
	uint32_t asked; /* lookups since since_ns that no copy answered */
	int64_t since_ns;
} shared;

/* False: not now.  *ret_owner is for leave. */
static bool enter(uint64_t *ret_owner)
{
	uint64_t users = __atomic_load_n(&shared.users, __ATOMIC_RELAXED);

	for (int i = 0; i < TRIES && (users & READERS) < ALONE - 1; i++) {
		if (__atomic_compare_exchange_n(&shared.users, &users, users + 1, false,
						__ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) {
			*ret_owner = users & OWNER;
			return true;
		}
	}
	return false;
}

/* With another owner the copy was abandoned, and its readers are counted no longer. */
static void leave(uint64_t owner)
{
	uint64_t users = __atomic_load_n(&shared.users, __ATOMIC_RELAXED);

	while ((users & OWNER) == owner &&
	       !__atomic_compare_exchange_n(&shared.users, &users, users - 1, false,
					    __ATOMIC_RELEASE, __ATOMIC_RELAXED))
		continue;
}

static int64_t now_ns(void)
{
	struct timespec now = {0};

	(void)clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return (int64_t)now.tv_sec * 1000 * NS_PER_MS + now.tv_nsec;
}

/* ---- making a copy */

static bool read_whole(int fd, unsigned char *to, size_t size)
{
	size_t have = 0;

	while (have < size) {
		ssize_t n = pread(fd, to + have, size - have, (off_t)have);

		if (n == 0 || (n < 0 && errno != EINTR))
			return false;
		have += n > 0 ? (size_t)n : 0;
	}
	return true;
}

/* The bytes may be other ones by now: their head is judged, the slots judge themselves. */
static bool fill(struct copy *copy, const struct index *index, struct lines *storage)
{
	size_t size = (size_t)index->source.size;
	struct aadindex_source memory = aadindex_from_memory(copy->index, size);
	bool ok = read_whole(storage->fd, copy->index, size);

	lines_close(storage);
	return ok && aadindex_open(&memory, &copy->head) == 0 &&
	       settings_keep(storage, &copy->settings) && index_is_of(&copy->head.text);
}

/* NULL when there is nothing to be copied, or no memory. */
static struct copy *make(struct lines *storage, int64_t now)
{
	struct copy *copy = NULL;
	struct index index;

	if (index_open(&index, storage) == 0 && index.source.size <= COPY_MAX) {
		size_t size = offsetof(struct copy, index) + (size_t)index.source.size;
		void *mapped = mmap(NULL, size, PROT_READ | PROT_WRITE,
				    MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

		if (mapped != MAP_FAILED) {
			copy = mapped;
			copy->size = size;
			copy->checked_ns = now;
		}
	}
	if (copy && !fill(copy, &index, storage)) {
		(void)munmap(copy, copy->size);
		copy = NULL;
	}
	lines_close(storage);
	return copy;
}

/*
 * Readers under another process id are left over from before a fork, or began in this process with
 * the parent's copy: either way nobody can wait for them, and they may go on reading that copy.
 */
static void renew(struct lines *storage, int64_t now)
{
	uint64_t users = __atomic_load_n(&shared.users, __ATOMIC_RELAXED);
	uint64_t owner = (uint64_t)getpid() << 32;
	bool busy = (users & READERS) != 0;

	if ((busy && (users & OWNER) == owner) ||
	    !__atomic_compare_exchange_n(&shared.users, &users, owner | ALONE, false,
					 __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
		return;
	if (!busy && shared.copy)
		(void)munmap(shared.copy, shared.copy->size);
	__atomic_store_n(&shared.copy, NULL, __ATOMIC_RELAXED);
	__atomic_store_n(&shared.stale, false, __ATOMIC_RELAXED);
	__atomic_store_n(&shared.copy, make(storage, now), __ATOMIC_RELAXED);
	__atomic_store_n(&shared.users, owner, __ATOMIC_RELEASE);
}

/* Counts the lookups; when it says true it begins anew, so that a failure is not tried each time.
 */
static bool asks_often(int64_t now)
{
	int64_t since = __atomic_load_n(&shared.since_ns, __ATOMIC_RELAXED);

	if (now - since > (int64_t)COPY_OFTEN_MS * NS_PER_MS || now < since) {
		__atomic_store_n(&shared.since_ns, now, __ATOMIC_RELAXED);
		__atomic_store_n(&shared.asked, 0, __ATOMIC_RELAXED);
	}
	if (__atomic_add_fetch(&shared.asked, 1, __ATOMIC_RELAXED) < COPY_OFTEN)
		return false;
	__atomic_store_n(&shared.asked, 0, __ATOMIC_RELAXED);
	return true;
}

/* ---- using it */

static bool is_fresh(struct copy *copy, int64_t now)
{
	int64_t checked = __atomic_load_n(&copy->checked_ns, __ATOMIC_RELAXED);

	if (now >= checked && now - checked < (int64_t)COPY_CHECK_MS * NS_PER_MS)
		return true;
	if (!index_is_of(&copy->head.text) || !settings_same(&copy->settings))
		return false;
	__atomic_store_n(&copy->checked_ns, now, __ATOMIC_RELAXED);
	return true;
}

/* The copy, until leave; NULL: there is none to be had, and nothing to leave. */
static struct copy *take(int64_t now, uint64_t *ret_owner)
{
	struct copy *copy;

	if (!__atomic_load_n(&shared.copy, __ATOMIC_RELAXED) ||
	    __atomic_load_n(&shared.stale, __ATOMIC_RELAXED) || !enter(ret_owner))
		return NULL;
	copy = __atomic_load_n(&shared.copy, __ATOMIC_RELAXED);
	if (copy && is_fresh(copy, now))
		return copy;
	if (copy)
		__atomic_store_n(&shared.stale, true, __ATOMIC_RELAXED);
	leave(*ret_owner);
	return NULL;
}

static struct copy *have(struct lines *storage, uint64_t *ret_owner)
{
	int64_t now = now_ns();
	struct copy *copy = take(now, ret_owner);

	if (copy || !asks_often(now) || caller_caches())
		return copy;
	renew(storage, now);
	return take(now, ret_owner);
}

/* name: NULL to look for the id. */
static int find(const char *name, uint32_t id, struct lines *storage, struct settings *ret_settings,
		struct aad_user *ret)
{
	struct aadindex_source source;
	uint64_t owner;
	struct copy *copy = have(storage, &owner);
	int r;

	if (!copy)
		return -EAGAIN;
	source = aadindex_from_memory(copy->index, copy->size - offsetof(struct copy, index));
	r = name ? index_by_name(&source, &copy->head, span_of(name), storage, ret)
		 : index_by_id(&source, &copy->head, id, storage, ret);
	settings_judge(&copy->settings, name ? name : "", ret_settings);
	leave(owner);
	return r == 0 || r == -ENOENT ? r : -EAGAIN;
}

int copy_by_name(const char *lower, struct lines *storage, struct settings *ret_settings,
		 struct aad_user *ret)
{
	return find(lower, 0, storage, ret_settings, ret);
}

int copy_by_id(uint32_t id, struct lines *storage, struct settings *ret_settings,
	       struct aad_user *ret)
{
	return find(NULL, id, storage, ret_settings, ret);
}

bool copy_settings(struct lines *storage, struct settings *ret)
{
	uint64_t owner;
	struct copy *copy = have(storage, &owner);

	if (!copy)
		return false;
	settings_judge(&copy->settings, "", ret);
	leave(owner);
	return true;
}
