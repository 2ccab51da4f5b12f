/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/core/outcome.h"
#include "lib/core/sshdconf.h"
#include "lib/steps/programs.h"
#include "lib/sys/proc.h"

#define TIMEOUT_MS 20000
#define OUTPUT_MAX ((size_t)1 << 20)
#define SSHD_WORDS_MAX 300

#define MISSING_DIRECTORY "Missing privilege separation directory: "

/* The line that tells most: the last one but for "terminating, 1 bad configuration options". */
static struct span telling_line(struct span text)
{
	struct span line, best = {0};

	while (span_line(&text, &line)) {
		line = span_trim(line);
		if (line.len && !memmem(line.p, line.len, "terminating,", 12))
			best = line;
	}
	if (best.len > SSHD_WORDS_MAX)
		best.len = SSHD_WORDS_MAX;
	return best;
}

/*
 * Debian's sshd does not even test without the directory that its service makes when it starts:
 * with socket activation it may not be there yet.  Make it as the service does; it is in /run.
 */
static bool make_directory(struct machine *m, struct span output)
{
	const struct fs_meta meta = machine_meta(m, 0755);
	struct span line, path;
	struct err ignored = {0};
	char text[64];

	while (span_line(&output, &line)) {
		path = span_trim(line);
		if (!span_take(&path, sizeof(MISSING_DIRECTORY) - 1, &line) ||
		    !span_is(line, MISSING_DIRECTORY))
			continue;
		if (!span_copy(path, text, sizeof(text)) ||
		    (strcmp(text, "/run/sshd") != 0 && strcmp(text, "/var/run/sshd") != 0))
			return false;
		return fs_mkdir(m->sys, text, &meta, &ignored) == 0;
	}
	return false;
}

static int run_sshd(struct machine *m, const struct proc_spec *spec, struct proc_result *ret,
		    struct err *err)
{
	int r;

	(void)fs_exists(m->sys, SSHD_PROGRAM); /* so that an upgrade does not go unseen */
	proc_result_done(ret);
	*ret = (struct proc_result)PROC_RESULT_INIT;
	r = proc_run(m->sys, spec, ret, err);
	if (r == -ENOENT) {
		(void)err_set(err, ENOENT, SSHD_PROGRAM " is missing");
		return err_remedy(err, EXIT_DEPENDENCY, "install the OpenSSH server");
	}
	return r;
}

static int refused(const struct proc_result *res, bool is_candidate, struct err *err)
{
	struct span words = telling_line(buf_bytes(&res->output));

	(void)err_set(err, EINVAL, "sshd refuses %s: %.*s",
		      is_candidate ? "its configuration with our lines"
				   : "its configuration as it is",
		      (int)words.len, (const char *)words.p);
	return err_remedy(err, EXIT_SSHD, "run sshd -t and mend what it names");
}

int sshd_test(struct machine *m, const struct span *candidate, struct err *err)
{
	const char *const as_is[] = {SSHD_PROGRAM, "-t", NULL};
	const char *const given[] = {SSHD_PROGRAM, "-t", "-f", "/dev/stdin", NULL};
	const struct proc_spec spec = {
		.argv = candidate ? given : as_is,
		.input = candidate ? *candidate : (struct span){0},
		.timeout_ms = TIMEOUT_MS,
		.output_max = OUTPUT_MAX,
		.merge_stderr = true,
	};
	AUTO_PROC res = PROC_RESULT_INIT;
	int r = run_sshd(m, &spec, &res, err);

	if (r == 0 && res.status != 0 && make_directory(m, buf_bytes(&res.output)))
		r = run_sshd(m, &spec, &res, err);
	if (r == 0 && res.status != 0)
		r = refused(&res, candidate != NULL, err);
	return r;
}

int sshd_show(struct machine *m, const struct span *candidate, const char *user, struct buf *ret,
	      struct err *err)
{
	char who[512];
	const char *const as_is[] = {SSHD_PROGRAM, "-T", "-C", who, NULL};
	const char *const given[] = {SSHD_PROGRAM, "-T", "-C", who, "-f", "/dev/stdin", NULL};
	const struct proc_spec spec = {
		.argv = candidate ? given : as_is,
		.input = candidate ? *candidate : (struct span){0},
		.timeout_ms = TIMEOUT_MS,
		.output_max = OUTPUT_MAX,
	};
	AUTO_PROC res = PROC_RESULT_INIT;
	int r;

	(void)snprintf(who, sizeof(who),
		       "user=%s,host=localhost,addr=127.0.0.1,laddr=127.0.0.1,lport=22", user);
	r = run_sshd(m, &spec, &res, err);
	/* Warnings would disturb the output, so the words of a failure come from a test. */
	if (r == 0 && res.status != 0) {
		r = sshd_test(m, candidate, err);
		if (r == 0)
			r = run_sshd(m, &spec, &res, err);
	}
	if (r == 0 && res.status != 0) {
		(void)err_set(err, EIO, "sshd -T -C %s failed with %d", who, res.status);
		r = err_remedy(err, EXIT_SSHD, "run sshd -T -C %s and mend what it names", who);
	}
	if (r < 0)
		return r;
	buf_move(ret, &res.output);
	return 0;
}

int machine_probe(const struct machine *m, char *ret, size_t size, struct err *err)
{
	struct span domains = span_of(m->conf.user_domains), domain;

	if (!span_word(&domains, &domain) || !sshdconf_probe(domain, ret, size))
		return err_set(err, EINVAL, "userDomains names no domain");
	return 0;
}

/* The answer depends on all files of sudoers: a change of one must not go unseen. */
static void look_at_sudoers(struct machine *m)
{
	AUTO_NAMES names = NULL;
	struct err ignored = {0};
	char path[512];

	if (fs_list(m->sys, SUDOERS_DIR, &names, &ignored) < 0)
		return;
	for (char **name = names; *name; name++) {
		(void)snprintf(path, sizeof(path), SUDOERS_DIR "/%s", *name);
		(void)fs_exists(m->sys, path);
	}
}

int sudo_ask(struct machine *m, bool *ret_present, struct buf *output, struct sudo_facts *ret,
	     struct err *err)
{
	const char *const argv[] = {SUDO_PROGRAM, "-V", NULL};
	const struct proc_spec spec = {
		.argv = argv,
		.timeout_ms = TIMEOUT_MS,
		.output_max = OUTPUT_MAX,
	};
	AUTO_PROC res = PROC_RESULT_INIT;
	char path[256];

	*ret_present = fs_exists(m->sys, SUDO_PROGRAM);
	if (!*ret_present)
		return 0;
	if (proc_must(m->sys, &spec, &res, err) < 0)
		return -err->code;
	buf_move(output, &res.output);
	*ret = sudoers_facts(buf_bytes(output));
	if (span_copy(ret->main_path, path, sizeof(path)))
		(void)fs_exists(m->sys, path);
	look_at_sudoers(m);
	return 0;
}
