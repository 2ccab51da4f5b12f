/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "lib/core/cleanup.h"
#include "lib/sys/confine.h"
#include "test/unit/scratch.h"

/* A machine with a file in each of two folders and a listener at a port. */
struct place {
	struct scratch scratch;
	int listener;
	uint16_t port;
};

static uint16_t bound_port(int fd)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(address);

	assert_int_equal(bind(fd, (struct sockaddr *)&address, len), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
	return ntohs(address.sin_port);
}

static void place_open(struct place *place)
{
	scratch_open(&place->scratch);
	scratch_write(&place->scratch, "/etc/file", "text", 0666);
	scratch_write(&place->scratch, "/home/file", "text", 0666);
	scratch_write(&place->scratch, "/home/public", "text", 0666);
	scratch_write(&place->scratch, "/cache/file", "text", 0666);
	place->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	place->port = bound_port(place->listener);
	assert_int_equal(listen(place->listener, 4), 0);
}

static void place_done(struct place *place)
{
	(void)close(place->listener);
	scratch_done(&place->scratch);
}

static int try_open(const struct place *place, const char *path, int flags)
{
	int fd = openat(place->scratch.sys.rootfd, path, flags | O_CLOEXEC, 0600);

	return fd < 0 ? errno : close(fd);
}

static int read_etc(const struct place *place)
{
	return try_open(place, "etc/file", O_RDONLY);
}

static int write_etc(const struct place *place)
{
	return try_open(place, "etc/file", O_WRONLY);
}

static int read_home(const struct place *place)
{
	return try_open(place, "home/file", O_RDONLY);
}

static int read_public(const struct place *place)
{
	return try_open(place, "home/public", O_RDONLY);
}

static int write_home(const struct place *place)
{
	return try_open(place, "home/file", O_WRONLY | O_TRUNC);
}

static int write_cache(const struct place *place)
{
	return try_open(place, "cache/file", O_RDWR | O_TRUNC);
}

static int replace_in_cache(const struct place *place)
{
	int root = place->scratch.sys.rootfd;
	int error = try_open(place, "cache/new", O_WRONLY | O_CREAT | O_EXCL);

	if (error == 0 && renameat(root, "cache/new", root, "cache/file") < 0)
		return errno;
	return error == 0 && unlinkat(root, "cache/file", 0) < 0 ? errno : error;
}

static int make_in_etc(const struct place *place)
{
	return try_open(place, "etc/new", O_WRONLY | O_CREAT);
}

static int remove_from_etc(const struct place *place)
{
	return unlinkat(place->scratch.sys.rootfd, "etc/file", 0) < 0 ? errno : 0;
}

static int read_shadow(const struct place *place)
{
	int fd = open("/etc/shadow", O_RDONLY | O_CLOEXEC);

	(void)place;
	return fd < 0 ? errno : close(fd);
}

static int run_program(const struct place *place)
{
	static char *const argv[] = {(char *)(uintptr_t) "/bin/true", NULL};

	(void)place;
	(void)execve(argv[0], argv, NULL);
	return errno;
}

static int make_process(const struct place *place)
{
	long pid = syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);

	(void)place;
	if (pid == 0)
		_exit(0);
	return pid < 0 ? errno : 0;
}

static int trace_parent(const struct place *place)
{
	(void)place;
	return ptrace(PTRACE_SEIZE, getppid(), NULL, NULL) < 0 ? errno : 0;
}

static int end_parent(const struct place *place)
{
	(void)place;
	return kill(getppid(), SIGCONT) < 0 ? errno : 0;
}

static int look_for_parent(const struct place *place)
{
	(void)place;
	return kill(getppid(), 0) < 0 && errno == ESRCH ? errno : 0;
}

static int mount_something(const struct place *place)
{
	(void)place;
	return mount("none", "/mnt", "tmpfs", 0, NULL) < 0 ? errno : 0;
}

static int make_namespace(const struct place *place)
{
	(void)place;
	return unshare(CLONE_NEWUSER) < 0 ? errno : 0;
}

static int open_packet_socket(const struct place *place)
{
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);

	(void)place;
	return fd < 0 ? errno : close(fd);
}

static int connect_to(uint16_t port)
{
	const struct sockaddr_in address = {.sin_family = AF_INET,
					    .sin_port = htons(port),
					    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int r = connect(fd, (const struct sockaddr *)&address, sizeof(address));
	int error = r < 0 ? errno : 0;

	(void)close(fd);
	return error;
}

static int connect_allowed(const struct place *place)
{
	return connect_to(place->port);
}

static int connect_elsewhere(const struct place *place)
{
	return connect_to((uint16_t)(place->port ^ 1));
}

static int listen_for_others(const struct place *place)
{
	const struct sockaddr_in address = {.sin_family = AF_INET,
					    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)place;
	if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return errno;
	return listen(fd, 1) < 0 ? errno : 0;
}

static void *nothing(void *arg)
{
	return arg;
}

static int make_thread(const struct place *place)
{
	pthread_t thread;

	(void)place;
	return pthread_create(&thread, NULL, nothing, NULL) || pthread_join(thread, NULL);
}

/* clang-format off */
static const struct row {
	const char *name;
	int (*act)(const struct place *place);
	unsigned needs; /* enum confine_layer */
	int error; /* 0: it works */
} rows[] = {
	{"a place to read can be read", read_etc, 0, 0},
	{"one file of a folder can be read", read_public, 0, 0},
	{"a place to write can be written", write_cache, 0, 0},
	{"a file is replaced and removed in a place to write", replace_in_cache, 0, 0},
	{"a place to read cannot be written", write_etc, CONFINE_FILES, EACCES},
	{"nothing is made in a place to read", make_in_etc, CONFINE_FILES, EACCES},
	{"nothing is removed from a place to read", remove_from_etc, CONFINE_FILES, EACCES},
	{"another place cannot be read", read_home, CONFINE_FILES, EACCES},
	{"another place cannot be written", write_home, CONFINE_FILES, EACCES},
	{"passwords cannot be read, by root neither", read_shadow, CONFINE_FILES, EACCES},
	{"no program is run", run_program, CONFINE_CALLS, ENOSYS},
	{"no process is made", make_process, CONFINE_CALLS, ENOSYS},
	{"a thread is made", make_thread, 0, 0},
	{"no process is traced", trace_parent, CONFINE_CALLS, ENOSYS},
	{"no process is signalled", end_parent, CONFINE_CALLS, ENOSYS},
	{"whether a process is there can be asked", look_for_parent, 0, 0},
	{"nothing is mounted", mount_something, CONFINE_CALLS, ENOSYS},
	{"no namespace is made", make_namespace, CONFINE_CALLS, ENOSYS},
	{"no packet is sent beside the kernel's protocols", open_packet_socket, CONFINE_CALLS, ENOSYS},
	{"an allowed port is connected to", connect_allowed, 0, 0},
	{"no other port is connected to", connect_elsewhere, CONFINE_PORTS, EACCES},
	{"no port is listened on", listen_for_others, CONFINE_PORTS, EACCES},
};
/* clang-format on */

static int in_child(const struct place *place, int (*act)(const struct place *place),
		    const struct confine *confine)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		struct sys sys = place->scratch.sys;

		_exit(confine_self(&sys, confine) < 0 ? 255 : act(place));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void what_is_given_up_is_gone(void **state)
{
	static const char *const reads[] = {"/etc", "/missing", "/home/public", NULL};
	static const char *const writes[] = {"/cache", NULL};
	const struct row *row = *state;
	struct confine confine = {.reads = reads, .writes = writes, .port_count = 1};
	struct err err = {0};
	struct place place;
	int layers, error;

	place_open(&place);
	confine.ports[0] = place.port;
	layers = confine_probe(&place.scratch.sys, &err);
	error = in_child(&place, row->act, &confine);
	place_done(&place);
	if (layers < 0 || row->needs & ~(unsigned)layers)
		skip();
	assert_int_equal(error, row->error);
}

static void unknown_ports_are_all_allowed(void **state)
{
	struct confine confine = {.reads = NULL};
	struct place place;

	(void)state;
	confine_add_url(&confine, "nonsense:", 0);
	assert_true(confine.any_port);
	place_open(&place);
	assert_int_equal(in_child(&place, connect_elsewhere, &confine), ECONNREFUSED);
	place_done(&place);
}

static void ports_are_those_of_the_urls(void **state)
{
	struct confine confine = {.reads = NULL};

	(void)state;
	confine_add_url(&confine, NULL, 0);
	confine_add_url(&confine, "", 0);
	confine_add_url(&confine, "https://a/b", 0);
	confine_add_url(&confine, "http://a", 1080);
	assert_int_equal(confine.port_count, 2);
	assert_int_equal(confine.ports[0], 443);
	assert_int_equal(confine.ports[1], 1080);
	for (int i = 0; i < CONFINE_PORTS_MAX - 2; i++)
		confine_add_url(&confine, "https://a", 0);
	assert_false(confine.any_port);
	confine_add_url(&confine, "https://a", 0);
	assert_true(confine.any_port);
}

/* A kernel without Landlock and without filters of system calls. */
static int no_layers(const struct place *place)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 444, 3, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_prctl, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PR_SET_SECCOMP, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EINVAL),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog program = {.len = ARRAY_LEN(code), .filter = code};
	static const struct confine nothing_left = {.reads = NULL};
	struct sys sys = place->scratch.sys;
	struct err err = {0};

	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) < 0)
		return 77;
	if (confine_probe(&sys, &err) != 0)
		return 1;
	if (confine_self(&sys, &nothing_left) != 0)
		return 2;
	if (read_home(place) != 0)
		return 3;
	return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? 0 : 4;
}

static void a_kernel_that_has_no_layer_is_passed_over(void **state)
{
	struct place place;
	int status;
	pid_t pid;

	(void)state;
	place_open(&place);
	pid = fork();
	if (pid == 0)
		_exit(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? 77 : no_layers(&place));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	place_done(&place);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77)
		skip();
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* What a program that root starts could do. */
static int show_capabilities(void)
{
	confine_capabilities(1u << CAP_DAC_READ_SEARCH);
	return execl("/bin/sh", "sh", "-c",
		     "grep -q '^CapBnd:.0*4$' /proc/self/status && "
		     "grep -q '^CapEff:.0*4$' /proc/self/status && "
		     "grep -q '^CapPrm:.0*4$' /proc/self/status",
		     NULL);
}

static void programs_get_the_capabilities_that_are_kept(void **state)
{
	int status;
	pid_t pid;

	(void)state;
	if (geteuid() != 0 || prctl(PR_CAPBSET_READ, CAP_SETPCAP, 0, 0, 0) != 1)
		skip();
	pid = fork();
	if (pid == 0)
		_exit(show_capabilities() < 0 ? 2 : 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void layers_are_told_in_words(void **state)
{
	AUTO_BUF all = {0}, none = {0}, some = {0};

	(void)state;
	confine_tell(CONFINE_ALL, &all);
	confine_tell(0, &none);
	confine_tell(CONFINE_FILES | CONFINE_SIGNALS, &some);
	assert_string_equal(buf_text(&all), "system calls, files, TCP ports, signals");
	assert_string_equal(buf_text(&none), "");
	assert_string_equal(buf_text(&some), "files, signals");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(unknown_ports_are_all_allowed),
		cmocka_unit_test(ports_are_those_of_the_urls),
		cmocka_unit_test(layers_are_told_in_words),
		cmocka_unit_test(a_kernel_that_has_no_layer_is_passed_over),
		cmocka_unit_test(programs_get_the_capabilities_that_are_kept),
	};
	struct CMUnitTest list[ARRAY_LEN(rows)];

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		list[i] = (struct CMUnitTest){.name = rows[i].name,
					      .test_func = what_is_given_up_is_gone,
					      .initial_state = (void *)(uintptr_t)&rows[i]};
	return cmocka_run_group_tests(tests, NULL, NULL) ||
	       cmocka_run_group_tests_name("layers", list, NULL, NULL);
}
