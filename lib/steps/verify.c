/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "lib/core/aadpasswd.h"
#include "lib/core/num.h"
#include "lib/core/outcome.h"
#include "lib/core/uid.h"
#include "lib/steps/backend.h"
#include "lib/steps/programs.h"
#include "lib/sys/lookup.h"
#include "lib/sys/proc.h"

#define TIMEOUT_MS 10000
#define OUTPUT_MAX 4096

/* A plain key, which no certificate authority has signed: the right answer is none. */
#define PLAIN_KEY "AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

static int wrong_answer(const char *probe, struct span line, struct err *err)
{
	(void)err_set(err, EBADMSG, "the name service answers %s with \"%.*s\"", probe,
		      (int)(line.len < 160 ? line.len : 160), (const char *)line.p);
	return err_remedy(err, 0, "see which source of /etc/nsswitch.conf answers first");
}

/* name:*:uid:gid:gecos:home:shell */
static int check_answer(struct machine *m, const char *probe, struct span output, struct err *err)
{
	const struct uid_range range = {.first = m->conf.uid_first, .last = m->conf.uid_last};
	struct span line = {0}, rest, field[4] = {{0}};
	uint64_t uid;

	(void)span_line(&output, &line);
	rest = line;
	for (size_t i = 0; i < 4; i++) {
		const unsigned char *colon = rest.len ? memchr(rest.p, ':', rest.len) : NULL;

		if (!colon)
			return wrong_answer(probe, line, err);
		(void)span_take(&rest, (size_t)(colon - rest.p), &field[i]);
		(void)span_take(&rest, 1, &(struct span){0});
	}
	if (!span_is(field[0], probe) || !num_parse(field[2], UINT32_MAX, &uid) ||
	    !span_eq(field[2], field[3]) || !uid_in_range(range, (uint32_t)uid) ||
	    uid_is_reserved(range, (uint32_t)uid))
		return wrong_answer(probe, line, err);
	return 0;
}

/* Asking for a name must not make an account of it. */
static int check_unknown(struct machine *m, const char *probe, struct err *err)
{
	AUTO_BUF text = {0};
	struct aad_user user;
	int r = fs_read(m->sys, AADPASSWD_PATH, FS_LIVE, AADPASSWD_MAX, &text, NULL, err);

	if (r == 0 && aadpasswd_find_name(buf_bytes(&text), span_of(probe), &user))
		r = err_set(err, EEXIST, AADPASSWD_PATH " holds %s, a name of nobody", probe);
	return r;
}

static int check_names(struct machine *m, const char *probe, struct err *err)
{
	AUTO_BUF output = {0};
	int r = lookup_getent(m->sys, "passwd", probe, &output, err);

	if (r == -ENOENT) {
		(void)err_set(err, ENOENT, "the name service does not know %s", probe);
		return err_remedy(err, 0, "see that libnss_aad.so.2 is where libc looks for it");
	}
	if (r == 0)
		r = check_answer(m, probe, buf_bytes(&output), err);
	return r < 0 ? r : check_unknown(m, probe, err);
}

/* Without our word in the line of group people sign in, and are in none of our groups. */
static int check_groups(struct machine *m, struct err *err)
{
	AUTO_BUF output = {0};
	int r = lookup_getent(m->sys, "group", USERS_GROUP, &output, err);

	if (r != -ENOENT)
		return r;
	(void)err_set(err, ENOENT, "the name service does not know the group " USERS_GROUP);
	return err_remedy(err, 0, "see what the line of group in /etc/nsswitch.conf asks first");
}

static int check_key_command(struct machine *m, const char *probe, struct err *err)
{
	const char *const argv[] = {KEY_COMMAND, probe, PLAIN_KEY, NULL};
	const struct proc_spec spec = {
		.argv = argv,
		.timeout_ms = TIMEOUT_MS,
		.output_max = OUTPUT_MAX,
		.looks_only = true,
	};
	AUTO_PROC res = PROC_RESULT_INIT;
	int r = proc_must(m->sys, &spec, &res, err);

	if (r == -ENOENT)
		return err_remedy(err, EXIT_PACKAGE, "install the package aadsshlogin again");
	if (r == 0 && res.output.len)
		r = err_set(err, EBADMSG, KEY_COMMAND " accepts a key that nobody has signed");
	return r;
}

static int prove_names(struct machine *m, struct err *err)
{
	char probe[NAME_SIZE];
	int r = machine_probe(m, probe, sizeof(probe), err);

	if (r == 0)
		r = check_names(m, probe, err);
	if (r == 0)
		r = check_groups(m, err);
	return r < 0 ? r : check_key_command(m, probe, err);
}

static int prove(struct machine *m, struct err *err)
{
	int r = prove_names(m, err);

	if (r == 0 && !m->backend_later)
		backend_ask(m);
	return r;
}

static int plan(struct machine *m, enum want want, struct changes *ret, struct err *err)
{
	(void)m;
	(void)want;
	(void)ret;
	(void)err;
	return 0;
}

const struct step step_names = {
	.name = "names",
	.purpose = "a name resolves, the key command answers",
	.exit_code = EXIT_VERIFY,
	.plan = plan,
	.prove = prove_names,
};

const struct step step_verify = {
	.name = "verify",
	.purpose = "a name resolves, the key command answers",
	.exit_code = EXIT_VERIFY,
	.plan = plan,
	.prove = prove,
};
