/* SPDX-License-Identifier: MIT */
/*
 * May the product be put on this machine?  Decided by what the machine can do; the table of
 * distributions only says early and in words what is known not to work.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>

#include "handler/extension.h"
#include "handler/steps.h"
#include "handler/steps/platform.h"
#include "lib/core/cleanup.h"
#include "lib/core/num.h"
#include "lib/core/outcome.h"
#include "lib/steps/programs.h"
#include "lib/sys/pkg.h"
#include "lib/sys/repo.h"

#define SSHD_OLDEST 609 /* the first that hands the offered key to AuthorizedKeysCommand */
#define FREE_MIN ((uint64_t)64 << 20)
#define ETC_FREE_MIN ((uint64_t)1 << 20) /* what dpkg and useradd write beside our files */
#define INODES_MIN 64
#define MEMORY_MIN_KB ((uint64_t)1 << 20)

#if defined(__x86_64__)
#define LOADER "/lib64/ld-linux-x86-64.so.2"
#elif defined(__aarch64__)
#define LOADER "/lib/ld-linux-aarch64.so.1"
#else
#error "the modules for sshd, PAM and NSS are made for x86_64 and aarch64"
#endif

static bool has_loader(const struct platform_facts *f)
{
	return f->loader;
}

static bool usr_is_writable(const struct platform_facts *f)
{
	return !f->usr.read_only;
}

static bool has_package_manager(const struct platform_facts *f)
{
	return f->package_manager;
}

static bool is_no_cluster_node(const struct platform_facts *f)
{
	return !f->cluster_node;
}

static bool sshd_is_new_enough(const struct platform_facts *f)
{
	return f->sshd_version == 0 || f->sshd_version >= SSHD_OLDEST;
}

static bool var_is_writable(const struct platform_facts *f)
{
	return !f->var.read_only;
}

static bool etc_is_writable(const struct platform_facts *f)
{
	return !f->etc.read_only;
}

static bool etc_has_space(const struct platform_facts *f)
{
	return f->etc.free_bytes >= ETC_FREE_MIN;
}

static bool has_space(const struct platform_facts *f)
{
	return f->usr.free_bytes >= FREE_MIN && f->var.free_bytes >= FREE_MIN;
}

static bool has_inodes(const struct platform_facts *f)
{
	return !f->usr.no_inodes && !f->var.no_inodes && !f->etc.no_inodes;
}

static bool has_sshd(const struct platform_facts *f)
{
	return f->sshd;
}

static bool has_pam(const struct platform_facts *f)
{
	return f->pam;
}

static bool has_getent(const struct platform_facts *f)
{
	return f->getent;
}

/* clang-format off */
static const struct rule {
	bool (*holds)(const struct platform_facts *f);
	int outcome;
	const char *cause, *remedy;
	bool of_volume; /* it is about space and write access */
} rules[] = {
	{has_loader, EXIT_UNSUPPORTED, "there is no glibc (" LOADER ")",
	 "sign-in needs a distribution that is built on glibc", false},
	{usr_is_writable, EXIT_UNSUPPORTED, "/usr is read-only: no package can be installed",
	 "image-based systems are not supported; mount /usr writable if this is not one", true},
	{has_package_manager, EXIT_UNSUPPORTED, "there is no package manager that is known: neither dpkg nor rpm",
	 "the README lists what is supported", false},
	{is_no_cluster_node, EXIT_UNSUPPORTED, "this is a node of the Azure Kubernetes Service",
	 "reach nodes by kubectl debug; the service replaces what is installed on them", false},
	{sshd_is_new_enough, EXIT_UNSUPPORTED, "sshd is older than OpenSSH 6.9 and does not show keys to the key command",
	 "update the distribution", false},
	{var_is_writable, EXIT_DEPENDENCY, "/var is read-only", "mount /var writable, and check its file system", true},
	{etc_is_writable, EXIT_DEPENDENCY, "/etc is read-only", "mount /etc writable, and check its file system", true},
	{etc_has_space, EXIT_DEPENDENCY, "less than 1 MiB is free on /etc", "free some space", true},
	{has_space, EXIT_DEPENDENCY, "less than 64 MiB are free on /usr or /var", "free some space", true},
	{has_inodes, EXIT_DEPENDENCY, "no more files can be made on /usr, /var or /etc: the inodes are used up",
	 "remove files; df -i tells where", true},
	{has_sshd, EXIT_DEPENDENCY, "there is no " SSHD_PROGRAM, "install openssh-server", false},
	{has_pam, EXIT_DEPENDENCY, "there is no /etc/pam.d", "install PAM", false},
	{has_getent, EXIT_DEPENDENCY, "there is no /usr/bin/getent", "install the package that has it: libc-bin or glibc-common", false},
};
/* clang-format on */

/* The first, NULL: none. */
static const struct rule *find_broken(const struct platform_facts *facts, bool volumes_alone)
{
	for (size_t i = 0; i < ARRAY_LEN(rules); i++)
		if (!rules[i].holds(facts) && (!volumes_alone || rules[i].of_volume))
			return &rules[i];
	return NULL;
}

static int judge(const struct platform_facts *facts, bool volumes_alone, struct err *err)
{
	const struct rule *rule = find_broken(facts, volumes_alone);

	if (!rule)
		return 0;
	(void)err_set(err, rule->outcome == EXIT_UNSUPPORTED ? EOPNOTSUPP : ENOPKG, "%s",
		      rule->cause);
	return err_remedy(err, rule->outcome, "%s", rule->remedy);
}

int platform_judge(const struct platform_facts *facts, struct err *err)
{
	if (facts->platform.id[0] && facts->platform.supported == SUPPORT_NO) {
		(void)err_set(err, EOPNOTSUPP, "%s", facts->platform.reason);
		return err_remedy(err, EXIT_UNSUPPORTED, "the README lists what is supported");
	}
	return judge(facts, false, err);
}

int platform_os_release(struct sys *sys, struct osrelease *ret, struct err *err)
{
	AUTO_BUF text = {0};
	int r = fs_read(sys, "/etc/os-release", FS_FOLLOW, OSRELEASE_MAX, &text, NULL, err);

	if (r == -ENOENT)
		r = fs_read(sys, "/usr/lib/os-release", FS_FOLLOW, OSRELEASE_MAX, &text, NULL, err);
	return r < 0 ? r : osrelease_parse(buf_bytes(&text), ret, err);
}

/* A system that does not say what it is may still work; a table that cannot be read is our damage.
 */
static int look_up(struct machine *m, struct platform *ret, struct err *err)
{
	struct osrelease os;
	AUTO_YAML table = {0};
	struct err why = {0};
	int r = extension_table(m->sys, m->extension->folder, "manifest/distros.yaml", FS_TRUSTED,
				&table, err);

	if (r == 0 && platform_os_release(m->sys, &os, &why) < 0)
		machine_note(m, "cannot tell the distribution: %s", why.msg);
	else if (r == 0)
		r = distro_decide(&table, &os, ret, err);
	if (r < 0)
		return err_remedy(err, EXIT_DEPENDENCY,
				  "the extension is damaged: install it again");
	return 0;
}

static int look_at_volume(struct sys *sys, const char *path, struct volume *ret, struct err *err)
{
	AUTO_CLOSE int fd = fs_open(sys, path, O_RDONLY | O_DIRECTORY, 0, err);
	struct statvfs fs;

	if (fd < 0)
		return fd;
	if (fstatvfs(fd, &fs) < 0)
		return err_sys(err, "%s", path);
	ret->read_only = fs.f_flag & ST_RDONLY;
	ret->free_bytes = (uint64_t)fs.f_bfree * fs.f_frsize;
	/* Some file systems make inodes as they need them, and say 0 of 0. */
	ret->no_inodes = fs.f_files && fs.f_ffree < INODES_MIN;
	return 0;
}

/* The service labels its nodes, in the file that starts their kubelet. */
static bool is_cluster_node(struct sys *sys)
{
	struct err ignored = {0};
	AUTO_BUF text = {0};

	return fs_exists(sys, "/etc/kubernetes/azure.json") &&
	       fs_read(sys, "/etc/default/kubelet", FS_FOLLOW, FS_CONFIG_MAX, &text, NULL,
		       &ignored) == 0 &&
	       strstr(buf_text(&text), "kubernetes.azure.com/");
}

/* "MemTotal:        8123456 kB" */
static uint64_t read_memory(struct sys *sys)
{
	struct err ignored = {0};
	struct span rest, line, word;
	AUTO_BUF text = {0};
	uint64_t kb = 0;

	if (fs_read(sys, "/proc/meminfo", 0, FS_CONFIG_MAX, &text, NULL, &ignored) < 0)
		return 0;
	rest = buf_bytes(&text);
	while (span_line(&rest, &line))
		if (span_word(&line, &word) && span_is(word, "MemTotal:"))
			return span_word(&line, &word) && num_parse(word, UINT64_MAX, &kb) ? kb : 0;
	return 0;
}

/* 0: it does not say, or not in a way that is known. */
static unsigned read_sshd_release(struct machine *m)
{
	struct err ignored = {0};
	unsigned release = 0;

	(void)sshd_release(m, &release, &ignored);
	return release;
}

static int look_at_volumes(struct sys *sys, struct platform_facts *ret, struct err *err)
{
	int r = look_at_volume(sys, "/usr", &ret->usr, err);

	if (r == 0)
		r = look_at_volume(sys, "/var", &ret->var, err);
	return r < 0 ? r : look_at_volume(sys, "/etc", &ret->etc, err);
}

int platform_volumes(struct sys *sys, struct platform_facts *ret, struct err *err)
{
	int r = look_at_volumes(sys, ret, err);

	return r < 0 ? r : judge(ret, true, err);
}

static int look(struct machine *m, struct platform_facts *ret, struct err *err)
{
	struct sys *sys = m->sys;
	int r = look_up(m, &ret->platform, err);

	if (r == 0)
		r = look_at_volumes(sys, ret, err);
	if (r < 0)
		return r;
	ret->loader = fs_exists(sys, LOADER);
	ret->package_manager = pkg_detect(sys);
	ret->sshd = fs_exists(sys, SSHD_PROGRAM);
	ret->sshd_version = ret->sshd ? read_sshd_release(m) : 0;
	ret->pam = fs_exists(sys, "/etc/pam.d");
	ret->getent = fs_exists(sys, "/usr/bin/getent");
	ret->cluster_node = is_cluster_node(sys);
	ret->memory_kb = read_memory(sys);
	return 0;
}

static void advise(struct machine *m, const struct platform_facts *facts)
{
	const struct rule *rule = find_broken(facts, false);
	const struct repo_manager *manager = repo_detect(m->sys, facts->platform.package_manager);

	if (rule && rule->holds == has_sshd && manager)
		machine_command(m, "%s", repo_sshd_command(manager));
}

static int plan(struct machine *m, enum want want, struct changes *ret, struct err *err)
{
	struct platform_facts facts = {.loader = false};
	int r;

	(void)ret;
	if (want == WANT_ABSENT)
		return 0;
	if (look(m, &facts, err) < 0)
		return -err->code;
	if (facts.platform.id[0] && facts.platform.supported == SUPPORT_BY_CAPABILITY)
		machine_note(m, "%s", facts.platform.reason);
	if (facts.memory_kb && facts.memory_kb < MEMORY_MIN_KB)
		machine_note(m, "the machine has less than 1 GB of memory, which is enough here");
	r = platform_judge(&facts, err);
	if (r == -ENOPKG)
		advise(m, &facts);
	return r;
}

const struct step step_platform = {
	.name = "platform",
	.purpose = "what the machine must be able to do",
	.exit_code = EXIT_UNSUPPORTED,
	.plan = plan,
};
