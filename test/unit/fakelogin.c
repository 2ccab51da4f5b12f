/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "lib/core/base64.h"
#include "lib/core/cleanup.h"
#include "lib/core/pamstack.h"
#include "lib/core/sshrsa.h"
#include "lib/sys/http.h"
#include "lib/sys/proc.h"
#include "payload/login/loginconf.h"
#include "payload/login/places.h"
#include "test/unit/fakelogin.h"

#define SERVICE_ID 990

static struct fakelogin *of(struct sys *sys)
{
	return (struct fakelogin *)(void *)((char *)sys - offsetof(struct scratch, sys) -
					    offsetof(struct fakelogin, scratch));
}

struct sys *fakelogin_sys(struct fakelogin *fake)
{
	return &fake->scratch.sys;
}

/* ---- clock */

static int64_t boottime_ns(struct sys *sys)
{
	return of(sys)->shared->boottime_ns;
}

static int64_t realtime_ns(struct sys *sys)
{
	return of(sys)->shared->realtime_s * 1000000000;
}

static void sleep_ms(struct sys *sys, int64_t ms)
{
	struct fakelogin *fake = of(sys);

	fake->shared->slept_ms += ms;
	fake->shared->boottime_ns += ms * 1000000;
	if (fake->on_sleep)
		fake->on_sleep(fake);
}

/* ---- network */

static const struct fake_rule nothing = {.error = ENOENT, .max_age_s = -1, .retry_after_s = -1};

static const struct fake_rule *find_rule(struct fakelogin *fake, const char *url)
{
	for (size_t i = 0; i < fake->rule_count; i++) {
		const struct fake_rule *rule = &fake->rules[i];

		if (!strstr(url, rule->url) ||
		    (rule->times && fake->shared->hits[i] >= rule->times))
			continue;
		fake->shared->hits[i]++;
		return rule;
	}
	return &nothing;
}

static int answer(struct fakelogin *fake, const struct http_request *request,
		  struct http_response *ret)
{
	const struct fake_rule *rule = find_rule(fake, request->url);

	fake->shared->requests++;
	(void)snprintf(fake->shared->last_url, sizeof(fake->shared->last_url), "%s", request->url);
	(void)snprintf(fake->shared->last_header, sizeof(fake->shared->last_header), "%s",
		       request->headers[0] ? request->headers[0] : "");
	(void)snprintf(fake->shared->last_body, sizeof(fake->shared->last_body), "%s",
		       request->body ? request->body : "");
	*ret = (struct http_response)HTTP_RESPONSE_INIT;
	ret->status = rule->status;
	ret->error = rule->error;
	ret->max_age_s = rule->max_age_s;
	ret->retry_after_s = rule->retry_after_s;
	if (rule->error)
		(void)snprintf(ret->cause, sizeof(ret->cause), "%s", strerror(rule->error));
	if (rule->body)
		buf_str(&ret->body, rule->body);
	return -rule->error;
}

static int http(struct sys *sys, const struct http_request *requests, size_t count,
		struct http_response *ret, struct err *err)
{
	struct fakelogin *fake = of(sys);
	int r = 0;

	fake->shared->batches++;
	fake->shared->last_left_ms = sys_left_ms(sys, 1 << 30);
	for (size_t i = 0; i < count; i++) {
		int one = answer(fake, &requests[i], &ret[i]);

		if (one < 0 && r == 0)
			r = err_set(err, -one, "%s: no reply", requests[i].url);
	}
	return r;
}

void fakelogin_rule(struct fakelogin *fake, struct fake_rule rule)
{
	assert_true(fake->rule_count < FAKELOGIN_RULES);
	memmove(fake->rules + 1, fake->rules, fake->rule_count * sizeof(rule));
	memmove(fake->shared->hits + 1, fake->shared->hits, fake->rule_count * sizeof(int));
	fake->rules[0] = rule;
	fake->shared->hits[0] = 0;
	fake->rule_count++;
}

int fakelogin_hits(const struct fakelogin *fake, const char *url)
{
	int hits = 0;

	for (size_t i = 0; i < fake->rule_count; i++)
		if (strcmp(fake->rules[i].url, url) == 0)
			hits += fake->shared->hits[i];
	return hits;
}

static void base64url(struct span bytes, struct buf *ret)
{
	AUTO_BUF standard = {0};

	base64_encode(bytes, &standard);
	for (const char *c = buf_text(&standard); *c && *c != '='; c++)
		buf_add(ret, *c == '+' ? "-" : *c == '/' ? "_" : c, 1);
}

void fakelogin_jwks(struct buf *ret, const struct buf *const *blobs)
{
	buf_str(ret, "{\"keys\":[");
	for (size_t i = 0; blobs[i]; i++) {
		struct sshrsa key;

		assert_true(sshrsa_parse(buf_bytes(blobs[i]), &key));
		buf_printf(ret, "%s{\"kty\":\"RSA\",\"use\":\"sig\",\"kid\":\"k%zu\",\"n\":\"",
			   i ? "," : "", i);
		base64url(key.n, ret);
		buf_str(ret, "\",\"e\":\"AQAB\"}");
	}
	buf_str(ret, "]}");
}

void fakelogin_entra(struct fakelogin *fake)
{
	static const char openid[] =
		"{\"issuer\":\"" FAKELOGIN_AUTHORITY "/" CERTMAKE_TID "/v2.0\","
		"\"jwks_uri\":\"" FAKELOGIN_AUTHORITY "/" CERTMAKE_TID "/discovery/v2.0/keys\"}";

	fakelogin_rule(fake, (struct fake_rule){"/discovery/v2.0/keys", 200, 0,
						buf_text(&fake->jwks), 86400, -1, 0});
	fakelogin_rule(fake, (struct fake_rule){"/.well-known/openid-configuration", 200, 0, openid,
						-1, -1, 0});
}

/* ---- programs */

static int run(struct sys *sys, const struct proc_spec *spec, struct proc_result *ret,
	       struct err *err)
{
	struct fakelogin *fake = of(sys);
	struct fake_shared *shared = fake->shared;
	AUTO_BUF line = {0};

	(void)err;
	for (size_t i = 0; spec->argv[i]; i++)
		buf_printf(&line, "%s%s", i ? " " : "", spec->argv[i]);
	assert_true(shared->run_count < (int)ARRAY_LEN(shared->ran));
	(void)snprintf(shared->ran[shared->run_count++], sizeof(shared->ran[0]), "%s",
		       buf_text(&line));
	ret->status = 0;
	if (strcmp(spec->argv[0], "/usr/bin/getent") == 0)
		ret->status = fake->foreign && strstr(buf_text(&line), fake->foreign) ? 0 : 2;
	if (strcmp(spec->argv[0], "/usr/bin/getent") == 0 && ret->status == 0 && fake->foreign_line)
		buf_str(&ret->output, fake->foreign_line);
	return 0;
}

/* ---- the tree */

void fakelogin_own(struct fakelogin *fake, const char *path, uid_t uid, gid_t gid)
{
	char whole[512];

	(void)snprintf(whole, sizeof(whole), "%s%s", fake->scratch.dir, path);
	if (geteuid() == 0)
		assert_int_equal(lchown(whole, uid, gid), 0);
}

void fakelogin_conf(struct fakelogin *fake, const char *more)
{
	AUTO_BUF text = {0};

	buf_str(&text, "tenant " CERTMAKE_TID "\nauthority " FAKELOGIN_AUTHORITY
		       "\nresource_manager " FAKELOGIN_ARM "\nresource_id " FAKELOGIN_RESOURCE
		       "\nuid_range " FAKELOGIN_UID_RANGE "\n");
	if (more)
		buf_str(&text, more);
	scratch_write(&fake->scratch, CONF_PATH, buf_text(&text), 0644);
}

void fakelogin_load(struct fakelogin *fake, struct conf *ret)
{
	struct err err = {0};

	assert_int_equal(loginconf_load(fakelogin_sys(fake), ret, &err), 0);
}

/* As the step of PAM leaves it. */
static void make_pam(struct scratch *scratch, const char *path, enum pam_question question)
{
	AUTO_BUF text = {0};
	struct err err = {0};

	assert_int_equal(
		pamstack_insert(SPAN_LIT("@include common-account\n"), question, &text, &err), 0);
	scratch_write(scratch, path, buf_text(&text), 0644);
}

static void make_tree(struct fakelogin *fake)
{
	static const char *const service_dirs[] = {HANDOFF_DIR, PRIVATE_DIR, CACHE_DIR};
	struct scratch *scratch = &fake->scratch;
	char passwd[256];

	(void)snprintf(passwd, sizeof(passwd),
		       "root:x:0:0:root:/root:/bin/bash\n" SERVICE_USER
		       ":x:%u:%u::/nonexistent:/usr/sbin/nologin\n",
		       fake->service_uid, fake->service_gid);
	scratch_write(scratch, "/etc/passwd", passwd, 0644);
	scratch_write(scratch, "/etc/group", "root:x:0:\nusers:x:100:x,y\n", 0644);
	scratch_mkdir(scratch, DECISIONS_DIR, 0700);
	scratch_mkdir(scratch, "/var/lib/aadsshlogin", 0700);
	scratch_mkdir(scratch, "/home", 0755);
	for (size_t i = 0; i < ARRAY_LEN(service_dirs); i++) {
		scratch_mkdir(scratch, service_dirs[i], 0700);
		fakelogin_own(fake, service_dirs[i], fake->service_uid, fake->service_gid);
	}
	scratch_write(scratch, "/usr/lib64/security/pam_aad.so", "", 0644);
	scratch_write(scratch, "/usr/bin/sudo", "", 0755);
	make_pam(scratch, "/etc/pam.d/sshd", PAM_LOGIN);
	make_pam(scratch, "/etc/pam.d/sudo", PAM_ADMIN);
	/* Field 22: 1000 s, in ticks. */
	scratch_write(scratch, "/proc/4711/stat",
		      "4711 (sshd) x) S 1 4711 4711 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 100000 0 0\n",
		      0444);
}

struct fakelogin *fakelogin_new(void)
{
	struct fakelogin *fake = calloc(1, sizeof(*fake));
	const struct buf *blobs[] = {NULL, NULL};

	assert_non_null(fake);
	scratch_open(&fake->scratch);
	fake->shared = mmap(NULL, sizeof(*fake->shared), PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(fake->shared, MAP_FAILED);
	fake->shared->realtime_s = (int64_t)FAKELOGIN_NOW_S;
	fake->shared->boottime_ns = FAKELOGIN_BOOT_NS;
	fake->service_uid = geteuid() == 0 ? SERVICE_ID : geteuid();
	fake->service_gid = geteuid() == 0 ? SERVICE_ID : getegid();
	fake->scratch.ops = (struct sys_ops){.run = run,
					     .http = http,
					     .boottime_ns = boottime_ns,
					     .realtime_ns = realtime_ns,
					     .sleep_ms = sleep_ms};
	make_tree(fake);
	fakelogin_conf(fake, NULL);
	fake->ca = certmake_usual_key(&fake->ca_blob);
	blobs[0] = &fake->ca_blob;
	fakelogin_jwks(&fake->jwks, blobs);
	return fake;
}

void fakelogin_free(struct fakelogin *fake)
{
	scratch_done(&fake->scratch);
	EVP_PKEY_free(fake->ca);
	buf_done(&fake->ca_blob);
	buf_done(&fake->jwks);
	assert_int_equal(munmap(fake->shared, sizeof(*fake->shared)), 0);
	free(fake);
}

int fakelogin_setup(void **state)
{
	*state = fakelogin_new();
	return 0;
}

int fakelogin_teardown(void **state)
{
	fakelogin_free(*state);
	return 0;
}

/* ---- certificates */

struct certmake fakelogin_shape(struct fakelogin *fake)
{
	return certmake_like_entra(fake->ca, buf_bytes(&fake->ca_blob));
}

void fakelogin_certificate(struct fakelogin *fake, const struct certmake *shape, struct buf *ret)
{
	struct certmake usual = fakelogin_shape(fake);
	AUTO_BUF wire = {0};

	certmake_build(shape ? shape : &usual, &wire);
	base64_encode(buf_bytes(&wire), ret);
}

/* ---- processes */

int fakelogin_as_service(struct fakelogin *fake, int (*fn)(struct fakelogin *fake, void *arg),
			 void *arg)
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		if (geteuid() == 0 && (setgroups(0, NULL) < 0 || setgid(fake->service_gid) < 0 ||
				       setuid(fake->service_uid) < 0))
			_exit(255);
		_exit(-fn(fake, arg));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) != 255);
	return -WEXITSTATUS(status);
}

char *fakelogin_text(struct fakelogin *fake, const char *path)
{
	char *text = scratch_text(&fake->scratch, path);

	return text ? text : calloc(1, 1);
}
