/* SPDX-License-Identifier: MIT */
/*
 * A machine on which the login runtime is installed, for tests: a scratch tree with its
 * directories, accounts and configuration, a clock that stands still, and a network that is a table
 * of answers. What a child process does counts too: clock and counters lie in shared memory.
 */
#ifndef TEST_FAKELOGIN_H
#define TEST_FAKELOGIN_H

#include <openssl/evp.h>

#include "lib/core/buf.h"
#include "lib/core/conf.h"
#include "test/unit/certmake.h"
#include "test/unit/scratch.h"

#define FAKELOGIN_NAME "alice@contoso.com"
#define FAKELOGIN_UID_RANGE "10000000-10001039" /* 1024 ids for people */
#define FAKELOGIN_AUTHORITY "https://login.example"
#define FAKELOGIN_ARM "https://arm.example"
#define FAKELOGIN_RESOURCE                                                                         \
	"/subscriptions/s/resourceGroups/web/providers/Microsoft.Compute/virtualMachines/web-1"
#define FAKELOGIN_PARENT 4711 /* process id of sshd, started at 1000 s */
#define FAKELOGIN_NOW_S (CERTMAKE_AFTER + 600)
#define FAKELOGIN_BOOT_NS (2000ll * 1000000000)

#define FAKELOGIN_RULES 16

/* The first rule whose text is in the URL, and which is not used up, answers. */
struct fake_rule {
	const char *url;
	int status; /* 0: no reply, because of error */
	int error; /* errno */
	const char *body;
	int64_t max_age_s; /* -1: not said */
	int64_t retry_after_s; /* -1: not said */
	int times; /* 0: for ever */
};

struct fake_shared {
	int64_t realtime_s, boottime_ns;
	int64_t slept_ms;
	int hits[FAKELOGIN_RULES];
	int requests, batches;
	int64_t last_left_ms; /* that the last batch had until the deadline */
	char last_url[1024];
	char last_header[256];
	char last_body[1024]; /* "" for a request that reads */
	char ran[8][256]; /* programs with their arguments, in order */
	int run_count;
};

struct fakelogin {
	struct scratch scratch; /* first: struct sys is found in it */
	struct fake_shared *shared;
	struct fake_rule rules[FAKELOGIN_RULES];
	size_t rule_count;
	uid_t service_uid;
	gid_t service_gid;
	const char *foreign; /* what getent knows besides, as "passwd 10000017"; NULL: nothing */
	const char *foreign_line; /* and what it prints then; NULL: nothing */
	void (*on_sleep)(struct fakelogin *fake); /* what happens meanwhile; may be NULL */
	EVP_PKEY *ca;
	struct buf ca_blob;
	struct buf jwks; /* a document with the CA */
};

struct fakelogin *fakelogin_new(void);
void fakelogin_free(struct fakelogin *fake);

/* cmocka's setup and teardown. */
int fakelogin_setup(void **state);
int fakelogin_teardown(void **state);

struct sys *fakelogin_sys(struct fakelogin *fake);

/* Write /etc/aadsshlogin.conf: the usual lines and these; NULL: none. */
void fakelogin_conf(struct fakelogin *fake, const char *more);
void fakelogin_load(struct fakelogin *fake, struct conf *ret);

/* Add a rule before all others. */
void fakelogin_rule(struct fakelogin *fake, struct fake_rule rule);

/* The usual answers of the sign-in service: the tenant's document and its keys. */
void fakelogin_entra(struct fakelogin *fake);

/* How often a rule's URL was asked for. */
int fakelogin_hits(const struct fakelogin *fake, const char *url);

/* A document with these keys' blobs (NULL at the end). */
void fakelogin_jwks(struct buf *ret, const struct buf *const *blobs);

/* A certificate of alice by the CA, as base64. */
void fakelogin_certificate(struct fakelogin *fake, const struct certmake *shape, struct buf *ret);
struct certmake fakelogin_shape(struct fakelogin *fake);

/* Give a file or directory of the tree to an owner; does nothing when the test is not root. */
void fakelogin_own(struct fakelogin *fake, const char *path, uid_t uid, gid_t gid);

/*
 * Run a function in a process of SERVICE_USER's, as sshd runs the key command.  Returns what it
 * returns, 0 or a negative errno value; it must not use cmocka's assertions.
 */
int fakelogin_as_service(struct fakelogin *fake, int (*fn)(struct fakelogin *fake, void *arg),
			 void *arg);

/* "" when the path is missing. */
char *fakelogin_text(struct fakelogin *fake, const char *path);

#endif
