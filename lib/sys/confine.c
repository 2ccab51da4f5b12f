/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/core/cleanup.h"
#include "lib/core/url.h"
#include "lib/sys/confine.h"
#include "lib/sys/fs.h"

const char *const confine_public[CONFINE_PUBLIC] = {
	"/etc",
	"/etc/resolv.conf",
	"/etc/hosts",
	"/etc/ssl/ca-bundle.pem",
	"/etc/pki/tls/certs/ca-bundle.crt",
	"/var/lib/ca-certificates",
	"/usr",
	"/lib",
	"/lib64",
	"/proc",
	"/dev/urandom",
};

void confine_add_names(struct confine *confine)
{
	confine->ports[confine->port_count++] = 53;
}

void confine_add_url(struct confine *confine, const char *url, uint16_t fallback)
{
	uint16_t port;

	if (!url || !url[0])
		return;
	if (!url_port(url, fallback, &port) || confine->port_count == CONFINE_PORTS_MAX)
		confine->any_port = true;
	else
		confine->ports[confine->port_count++] = port;
}

void confine_tell(unsigned layers, struct buf *ret)
{
	static const struct {
		enum confine_layer layer;
		const char *name;
	} names[] = {
		{CONFINE_CALLS, "system calls"},
		{CONFINE_FILES, "files"},
		{CONFINE_PORTS, "TCP ports"},
		{CONFINE_SIGNALS, "signals"},
	};
	const char *comma = "";

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (!(layers & names[i].layer))
			continue;
		buf_printf(ret, "%s%s", comma, names[i].name);
		comma = ", ";
	}
}

/* ---- capabilities */

void confine_capabilities(uint64_t keep)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2];

	/* Programs that are started get no others; the end of the list is EINVAL. */
	for (unsigned long cap = 0; cap < 64 && prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
		if (!(keep >> cap & 1))
			(void)prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
	if (syscall(SYS_capget, &header, data) < 0)
		return;
	for (size_t i = 0; i < ARRAY_LEN(data); i++) {
		uint32_t mask = (uint32_t)(keep >> (32 * i));

		data[i].effective &= mask;
		data[i].permitted &= mask;
		data[i].inheritable = 0;
	}
	(void)syscall(SYS_capset, &header, data);
}

/* ---- system calls: seccomp */

#if defined(__x86_64__)
#define AUDIT_ARCH_HERE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define AUDIT_ARCH_HERE AUDIT_ARCH_AARCH64
#endif

#ifdef AUDIT_ARCH_HERE

/* Newer than some headers; the same numbers on every architecture. */
#ifndef SYS_statx
#define SYS_statx -1
#endif
#ifndef SYS_rseq
#define SYS_rseq -1
#endif
#ifndef SYS_openat2
#define SYS_openat2 437
#endif
#ifndef SYS_close_range
#define SYS_close_range 436
#endif
#ifndef SYS_faccessat2
#define SYS_faccessat2 439
#endif

#define ARGUMENT(n) ((uint32_t)(offsetof(struct seccomp_data, args) + 8 * (n)))
#define SELF UINT32_MAX /* this process's id as a value */
#define EVERY_NAMESPACE 0x7e020000u /* each CLONE_NEW... */
#define CALL(name)                                                                                 \
	{                                                                                          \
		SYS_##name, 0, 0, 0                                                                \
	}

/* Allowed are calls whose low half of an argument (they are all ints), masked, is the value. */
/* clang-format off */
static const struct call {
	int number;
	unsigned argument;
	uint32_t mask; /* 0: whatever it is */
	uint32_t value;
} calls[] = {
	/* Most often first. */
	CALL(read), CALL(write), CALL(close), CALL(openat), CALL(openat2), CALL(fstat),
	CALL(newfstatat), CALL(statx), CALL(lseek), CALL(fcntl), CALL(mmap), CALL(munmap),
	CALL(clock_gettime), CALL(futex), CALL(getpid), CALL(exit_group), CALL(exit),
	/* descriptors */
	CALL(readv), CALL(writev), CALL(pread64), CALL(pwrite64), CALL(preadv), CALL(pwritev),
	CALL(dup), CALL(dup3), CALL(ioctl), CALL(pipe2), CALL(eventfd2), CALL(ppoll),
	CALL(pselect6), CALL(epoll_create1), CALL(epoll_ctl), CALL(epoll_pwait), CALL(flock),
	CALL(close_range),
	/* files */
	CALL(faccessat), CALL(faccessat2), CALL(readlinkat), CALL(getdents64), CALL(unlinkat),
	CALL(renameat), CALL(ftruncate), CALL(fsync), CALL(fdatasync), CALL(fchmod), CALL(fchown),
	CALL(umask), CALL(getcwd), CALL(fstatfs), CALL(statfs), CALL(fgetxattr), CALL(flistxattr),
	CALL(fsetxattr), CALL(fadvise64),
	/* memory */
	CALL(mremap), CALL(mprotect), CALL(madvise), CALL(brk), CALL(membarrier),
	/* time */
	CALL(clock_getres), CALL(clock_nanosleep), CALL(gettimeofday), CALL(nanosleep),
	/* itself */
	CALL(getppid), CALL(gettid), CALL(getuid), CALL(geteuid), CALL(getgid), CALL(getegid),
	CALL(getresuid), CALL(getresgid), CALL(getgroups), CALL(getrlimit), CALL(prlimit64),
	CALL(getrusage), CALL(times), CALL(uname), CALL(sysinfo), CALL(getrandom), CALL(getcpu),
	CALL(sched_yield), CALL(sched_getaffinity), CALL(set_tid_address), CALL(set_robust_list),
	CALL(get_robust_list), CALL(rseq), CALL(prctl), CALL(restart_syscall), CALL(rt_sigaction),
	CALL(rt_sigprocmask), CALL(rt_sigreturn), CALL(rt_sigpending), CALL(rt_sigsuspend),
	CALL(rt_sigtimedwait), CALL(sigaltstack),
	/* A thread, of a library's resolver; never a process.  glibc falls back from clone3. */
	{SYS_clone, 0, CLONE_THREAD | EVERY_NAMESPACE, CLONE_THREAD},
	/* Is that process there?  And what a failed assertion ends itself by. */
	{SYS_kill, 1, UINT32_MAX, 0}, {SYS_kill, 0, UINT32_MAX, SELF},
	{SYS_tkill, 0, UINT32_MAX, SELF}, {SYS_tgkill, 0, UINT32_MAX, SELF},
	/* the network; netlink: which addresses has this machine? */
	{SYS_socket, 0, UINT32_MAX, AF_INET}, {SYS_socket, 0, UINT32_MAX, AF_INET6},
	{SYS_socket, 0, UINT32_MAX, AF_UNIX}, {SYS_socket, 0, UINT32_MAX, AF_NETLINK},
	{SYS_socketpair, 0, UINT32_MAX, AF_UNIX},
	CALL(connect), CALL(bind), CALL(getsockname), CALL(getpeername), CALL(getsockopt),
	CALL(setsockopt), CALL(sendto), CALL(recvfrom), CALL(sendmsg), CALL(recvmsg),
	CALL(sendmmsg), CALL(recvmmsg), CALL(shutdown),
#ifdef __x86_64__
	/* what newer architectures do not have */
	CALL(open), CALL(stat), CALL(lstat), CALL(access), CALL(readlink), CALL(unlink),
	CALL(rename), CALL(poll), CALL(select), CALL(pipe), CALL(dup2), CALL(epoll_create),
	CALL(epoll_wait), CALL(eventfd), CALL(getdents), CALL(arch_prctl), CALL(time), CALL(pause),
	CALL(alarm),
#endif
};
/* clang-format on */

#define STATEMENTS_MAX (8 * ARRAY_LEN(calls) + 8)

struct filter {
	struct sock_filter code[STATEMENTS_MAX];
	unsigned short len;
};

static void add(struct filter *filter, uint16_t code, uint32_t k, uint8_t jt, uint8_t jf)
{
	filter->code[filter->len++] = (struct sock_filter){code, jt, jf, k};
}

static void add_call(struct filter *filter, const struct call *call)
{
	uint32_t value = call->value == SELF ? (uint32_t)getpid() : call->value;

	/* A jump of 0 goes on, the other one to the next call. */
	add(filter, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)call->number, 0, call->mask ? 5 : 1);
	if (call->mask) {
		add(filter, BPF_LD | BPF_W | BPF_ABS, ARGUMENT(call->argument), 0, 0);
		add(filter, BPF_ALU | BPF_AND | BPF_K, call->mask, 0, 0);
		add(filter, BPF_JMP | BPF_JEQ | BPF_K, value, 0, 1);
	}
	add(filter, BPF_RET | BPF_K, SECCOMP_RET_ALLOW, 0, 0);
	if (call->mask)
		add(filter, BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr), 0, 0);
}

static bool confine_calls(void)
{
	struct filter filter = {.len = 0};
	struct sock_fprog program = {.filter = filter.code};

	/* From 5.11 on the kernel tries each of its calls beforehand, which takes longer than what
	 * is done here later; it gives up at an instruction that it does not follow. */
	add(&filter, BPF_MISC | BPF_TAX, 0, 0, 0);
	add(&filter, BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch), 0, 0);
	add(&filter, BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_HERE, 1, 0);
	add(&filter, BPF_RET | BPF_K, SECCOMP_RET_KILL, 0, 0);
	add(&filter, BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr), 0, 0);
	for (size_t i = 0; i < ARRAY_LEN(calls); i++)
		if (calls[i].number >= 0)
			add_call(&filter, &calls[i]);
	add(&filter, BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS, 0, 0);
	program.len = filter.len;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) == 0;
}

#else

static bool confine_calls(void)
{
	return false;
}

#endif

/* ---- files, ports, signals: Landlock, whose interface older headers do not have */

#define LANDLOCK_CREATE_RULESET 444 /* the same on every architecture */
#define LANDLOCK_ADD_RULE 445
#define LANDLOCK_RESTRICT_SELF 446
#define LANDLOCK_VERSION 1 /* flag: which interface is there? */
#define LANDLOCK_PATH 1
#define LANDLOCK_PORT 2

#define MAY_WRITE_FILE (1u << 1)
#define MAY_READ_FILE (1u << 2)
#define MAY_READ_DIR (1u << 3)
#define MAY_REMOVE_FILE (1u << 5)
#define MAY_MAKE_FILE (1u << 8)
#define MAY_TRUNCATE (1u << 14)
#define MAY_READ (MAY_READ_FILE | MAY_READ_DIR)
#define MAY_WRITE (MAY_READ | MAY_WRITE_FILE | MAY_REMOVE_FILE | MAY_MAKE_FILE | MAY_TRUNCATE)
#define OF_FILES (MAY_READ_FILE | MAY_WRITE_FILE | MAY_TRUNCATE) /* all others are directories' */
#define MAY_CONNECT 2u
#define NETWORK 3u /* to bind and to connect */
#define SCOPES 3u /* abstract sockets and signals */

/* A later version adds bits and fields. */
struct ruleset {
	uint64_t files, network, scopes;
};

/* The kernel's layout, of 12 bytes. */
struct path_rule {
	uint64_t allowed;
	int32_t fd;
} __attribute__((packed));

struct port_rule {
	uint64_t allowed, port;
};

static uint64_t files_of(long version)
{
	if (version < 2)
		return (1u << 13) - 1;
	if (version < 3)
		return (1u << 14) - 1; /* to move between directories */
	return version < 5 ? (1u << 15) - 1 : (1u << 16) - 1; /* to truncate; ioctl of devices */
}

/* Rights that only directories have are no error of a file's, which gets the others. */
static bool allow_place(struct sys *sys, int rules, const char *path, uint64_t allowed)
{
	struct err missing = {0};
	AUTO_CLOSE int fd = fs_open(sys, path, O_PATH, 0, &missing);
	struct path_rule rule = {.allowed = allowed, .fd = fd};

	if (fd < 0 || syscall(LANDLOCK_ADD_RULE, rules, LANDLOCK_PATH, &rule, 0) == 0)
		return true;
	rule.allowed &= OF_FILES;
	return errno == EINVAL && syscall(LANDLOCK_ADD_RULE, rules, LANDLOCK_PATH, &rule, 0) == 0;
}

static bool allow_places(struct sys *sys, int rules, const char *const *places, uint64_t allowed)
{
	for (; places && *places; places++)
		if (!allow_place(sys, rules, *places, allowed))
			return false;
	return true;
}

static bool allow_ports(int rules, const struct confine *confine)
{
	for (size_t i = 0; i < confine->port_count; i++) {
		const struct port_rule rule = {MAY_CONNECT, confine->ports[i]};

		if (syscall(LANDLOCK_ADD_RULE, rules, LANDLOCK_PORT, &rule, 0) < 0)
			return false;
	}
	return true;
}

static unsigned confine_places(struct sys *sys, const struct confine *confine)
{
	long version = syscall(LANDLOCK_CREATE_RULESET, NULL, 0, LANDLOCK_VERSION);
	struct ruleset set = {.files = files_of(version)};
	AUTO_CLOSE int rules = -1;

	if (version < 1)
		return 0;
	if (version >= 4 && !confine->any_port)
		set.network = NETWORK;
	if (version >= 6)
		set.scopes = SCOPES;
	rules = (int)syscall(LANDLOCK_CREATE_RULESET, &set, sizeof(set), 0);
	if (rules < 0 || !allow_places(sys, rules, confine->reads, MAY_READ & set.files) ||
	    !allow_places(sys, rules, confine->writes, MAY_WRITE & set.files) ||
	    (set.network && !allow_ports(rules, confine)) ||
	    syscall(LANDLOCK_RESTRICT_SELF, rules, 0) < 0)
		return 0;
	return CONFINE_FILES | (set.network ? CONFINE_PORTS : 0) |
	       (set.scopes ? CONFINE_SIGNALS : 0);
}

/* ---- all of it */

int confine_self_real(struct sys *sys, const struct confine *confine)
{
	unsigned layers;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return -errno;
	layers = confine_places(sys, confine);
	if (confine_calls()) /* last: the calls above are not on its list */
		layers |= CONFINE_CALLS;
	return (int)layers;
}

int confine_self(struct sys *sys, const struct confine *confine)
{
	return sys->ops->confine ? sys->ops->confine(sys, confine) : 0;
}

int confine_probe(struct sys *sys, struct err *err)
{
	static const struct confine nothing = {.reads = NULL};
	pid_t pid = fork();
	int status = 0;

	if (pid < 0)
		return err_sys(err, "fork");
	if (pid == 0) {
		int r = confine_self(sys, &nothing);

		_exit(r < 0 ? 0 : r);
	}
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return err_sys(err, "wait for a child");
	return WIFEXITED(status) ? WEXITSTATUS(status) : 0;
}
