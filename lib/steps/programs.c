/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "lib/core/num.h"
#include "lib/core/outcome.h"
#include "lib/core/sshdconf.h"
#include "lib/steps/programs.h"
#include "lib/sys/proc.h"

#define TIMEOUT_MS 20000
#define OUTPUT_MAX ((size_t)1 << 20)
#define SSHD_WORDS_MAX 300

/* More than anybody needs; a file that reads itself ends here. */
#define SUDOERS_FILES_MAX 500
#define SUDOERS_DEPTH_MAX 16
#define HOSTNAME_PATH "/proc/sys/kernel/hostname"

/* Distributions that have both call one of them sudo, and the other by a name of its own. */
const struct sudo_program sudo_programs[SUDO_PROGRAMS] = {
	{"/usr/bin/sudo", VISUDO_PROGRAM},
	{"/usr/bin/sudo-rs", "/usr/bin/visudo-rs"},
	{"/usr/bin/sudo.ws", "/usr/sbin/visudo.ws"},
};

#define SUDOERS_RS_PATH "/etc/sudoers-rs" /* sudo-rs takes it before the usual one */
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
		.own_context = true,
		.looks_only = true,
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
		.own_context = true,
		.looks_only = true,
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

static bool take_number(struct span *text, uint64_t *ret)
{
	struct span digits = {text->p, 0};

	while (digits.len < text->len && text->p[digits.len] >= '0' && text->p[digits.len] <= '9')
		digits.len++;
	return num_parse(digits, 999, ret) && span_take(text, digits.len, &digits);
}

/* Before 9.3 it says so while it complains of the option. */
static bool parse_release(struct span output, unsigned *ret)
{
	static const char mark[] = "OpenSSH_";
	const void *at = output.len ? memmem(output.p, output.len, mark, sizeof(mark) - 1) : NULL;
	uint64_t major, minor;
	struct span text;

	if (!at)
		return false;
	text.p = at;
	text.len = output.len - (size_t)(text.p - output.p);
	if (!span_take(&text, sizeof(mark) - 1, &(struct span){0}) || !take_number(&text, &major) ||
	    !span_take(&text, 1, &(struct span){0}) || !take_number(&text, &minor))
		return false;
	*ret = (unsigned)(major * 100 + minor);
	return true;
}

int sshd_release(struct machine *m, unsigned *ret, struct err *err)
{
	const char *const argv[] = {SSHD_PROGRAM, "-V", NULL};
	const struct proc_spec spec = {
		.argv = argv, .timeout_ms = 10000, .output_max = 4096, .merge_stderr = true};
	AUTO_PROC res = PROC_RESULT_INIT;

	if (m->sshd_release == 0 && proc_run(m->sys, &spec, &res, err) < 0)
		return -err->code;
	if (m->sshd_release == 0 && !parse_release(buf_bytes(&res.output), &m->sshd_release))
		return err_set(err, EBADMSG, SSHD_PROGRAM " does not say that it is OpenSSH");
	*ret = m->sshd_release;
	return 0;
}

int machine_probe(const struct machine *m, char *ret, size_t size, struct err *err)
{
	struct span domains = span_of(m->conf.user_domains), domain;

	if (!span_word(&domains, &domain) || !sshdconf_probe(domain, ret, size))
		return err_set(err, EINVAL, "userDomains names no domain");
	return 0;
}

struct scan {
	struct machine *m;
	const struct sudo_facts *facts;
	unsigned files;
};

static int judge(const struct scan *scan, const char *path, const struct sudoers_item *item,
		 struct err *err)
{
	bool off = item->kind == SUDOERS_OFF;
	char text[160];

	if (!off && sudoers_covers(scan->facts, item->value))
		return 0;
	(void)snprintf(text, sizeof(text), "%s%.*s%s%.*s", off ? "!" : "", (int)item->name.len,
		       (const char *)item->name.p, off ? "" : "=",
		       (int)(item->value.len < 64 ? item->value.len : 64),
		       (const char *)item->value.p);
	(void)err_set(err, EPERM, "%s, line %u: with %s sudo does not ask for permission", path,
		      item->line, text);
	machine_command(scan->m, "visudo -f %s", path);
	return err_remedy(err, 0, "take %s out of line %u of %s", text, item->line, path);
}

/* Sudo goes on without a file that is not there, or is none. */
static int pass_over(int r, struct err *err)
{
	if (r != -ENOENT && r != -ENOTDIR && r != -EISDIR && r != -EINVAL)
		return r;
	*err = (struct err){0};
	return 0;
}

static int scan_file(struct scan *scan, const char *path, unsigned depth, struct err *err);

static int scan_directory(struct scan *scan, const char *path, unsigned depth, struct err *err)
{
	AUTO_NAMES names = NULL;
	int r = fs_list(scan->m->sys, path, &names, err);

	if (r < 0)
		return pass_over(r, err);
	for (char **name = names; r == 0 && *name; name++) {
		AUTO_BUF file = {0};

		if (sudoers_skips(*name))
			continue;
		buf_printf(&file, "%s/%s", path, *name);
		r = buf_ok(&file, err);
		if (r == 0)
			r = scan_file(scan, buf_text(&file), depth, err);
	}
	return r;
}

/* The host's name as sudo puts it into a path: up to the first dot. */
static int add_host(struct machine *m, struct buf *path, struct err *err)
{
	AUTO_BUF name = {0};
	int r = fs_read(m->sys, HOSTNAME_PATH, FS_LIVE, 256, &name, NULL, err);

	if (r == 0)
		buf_add(path, buf_text(&name), strcspn(buf_text(&name), ".\n"));
	return r;
}

/* A relative name is one beside the file that names it. */
static int full_path(struct machine *m, const char *from, struct span name, struct buf *ret,
		     struct err *err)
{
	int r = 0;

	if (name.p[0] != '/')
		buf_add(ret, from, (size_t)(strrchr(from, '/') - from) + 1);
	for (size_t i = 0; r == 0 && i < name.len; i++) {
		if (name.p[i] == '%' && i + 1 < name.len && name.p[i + 1] == 'h') {
			r = add_host(m, ret, err);
			i++;
		} else {
			buf_add(ret, &name.p[i], 1);
		}
	}
	return r < 0 ? r : buf_ok(ret, err);
}

static int follow(struct scan *scan, const char *from, const struct sudoers_item *item,
		  unsigned depth, struct err *err)
{
	AUTO_BUF path = {0};
	int r;

	/* Releases differ: an escape or two, a list of paths. */
	if (memchr(item->name.p, '\\', item->name.len) ||
	    memchr(item->name.p, ':', item->name.len)) {
		(void)err_set(err, EPERM, "%s, line %u: cannot tell which file sudo reads there",
			      from, item->line);
		return err_remedy(err, 0,
				  "write the name without backslash and colon, in quotes if it has "
				  "blanks");
	}
	r = full_path(scan->m, from, item->name, &path, err);
	if (r < 0)
		return r;
	return item->kind == SUDOERS_FILE ? scan_file(scan, buf_text(&path), depth, err)
					  : scan_directory(scan, buf_text(&path), depth, err);
}

static int scan_file(struct scan *scan, const char *path, unsigned depth, struct err *err)
{
	struct sudoers_reader in = {0};
	struct sudoers_item item;
	AUTO_BUF text = {0};
	int r;

	if (depth > SUDOERS_DEPTH_MAX || ++scan->files > SUDOERS_FILES_MAX)
		return err_set(err, E2BIG, "sudoers reads too many files, the last is %s", path);
	r = fs_read(scan->m->sys, path, FS_FOLLOW, FS_CONFIG_MAX, &text, NULL, err);
	if (r < 0)
		return pass_over(r, err);
	in.rest = buf_bytes(&text);
	while (r == 0 && sudoers_next(&in, &item)) {
		if (item.kind == SUDOERS_FILE || item.kind == SUDOERS_DIRECTORY)
			r = follow(scan, path, &item, depth + 1, err);
		else
			r = judge(scan, path, &item, err);
	}
	return r;
}

/* It knows none of the settings that a scan looks for, and says so of each (seen up to 0.2.15). */
static bool find_rs_file(struct machine *m, struct sudo_facts *facts)
{
	if (fs_exists(m->sys, SUDOERS_RS_PATH))
		facts->main_path = SPAN_LIT(SUDOERS_RS_PATH);
	return facts->main_path.len == sizeof(SUDOERS_RS_PATH) - 1 ||
	       fs_exists(m->sys, "/etc/sudoers");
}

/* Of a list with colons, as of SUSE's builds since 16, sudo reads the first that is there. */
static struct span find_main(struct machine *m, struct span list)
{
	struct span first = {0};
	char path[PATH_MAX];

	while (list.len) {
		const unsigned char *colon = memchr(list.p, ':', list.len);
		struct span one = {list.p, colon ? (size_t)(colon - list.p) : list.len};

		if (first.len == 0)
			first = one;
		if (span_copy(one, path, sizeof(path)) && path[0] == '/' && fs_exists(m->sys, path))
			return one;
		(void)span_take(&list, one.len + (colon ? 1 : 0), &one);
	}
	return first;
}

int sudo_ask(struct machine *m, const struct sudo_program *program, bool *ret_present,
	     struct buf *output, struct sudo_facts *ret, struct err *err)
{
	const char *const argv[] = {program->path, "-V", NULL};
	const struct proc_spec spec = {
		.argv = argv,
		.timeout_ms = TIMEOUT_MS,
		.output_max = OUTPUT_MAX,
	};
	struct scan scan = {.m = m, .facts = ret};
	AUTO_PROC res = PROC_RESULT_INIT;
	char path[256];

	*ret_present = fs_exists(m->sys, program->path);
	if (!*ret_present)
		return 0;
	if (proc_must(m->sys, &spec, &res, err) < 0)
		return -err->code;
	buf_move(output, &res.output);
	*ret = sudoers_facts(buf_bytes(output));
	if (ret->is_rs) {
		*ret_present = find_rs_file(m, ret);
		return 0;
	}
	ret->main_path = find_main(m, ret->main_path);
	if (!span_copy(ret->main_path, path, sizeof(path)) || path[0] != '/')
		return err_set(err, EINVAL, "%s does not tell its main file", program->path);
	return scan_file(&scan, path, 0, err);
}
