/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "test/unit/lockholder.h"

static void lock_and_stay(const char *path, int ready)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	int fd = open(path, O_RDWR | O_CLOEXEC);

	if (fd < 0 || fcntl(fd, F_SETLK, &lock) < 0 || write(ready, "", 1) != 1)
		_exit(1);
	for (;;)
		(void)pause();
}

pid_t lockholder_start(struct scratch *scratch, const char *path)
{
	char whole[256], byte;
	int ready[2];
	pid_t holder;

	scratch_write(scratch, path, "", 0644);
	(void)snprintf(whole, sizeof(whole), "%s%s", scratch->dir, path);
	assert_int_equal(pipe(ready), 0);
	holder = fork();
	assert_true(holder >= 0);
	if (holder == 0)
		lock_and_stay(whole, ready[1]);
	(void)close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	(void)close(ready[0]);
	return holder;
}

void lockholder_end(pid_t *holder)
{
	if (*holder > 0) {
		assert_int_equal(kill(*holder, SIGKILL), 0);
		assert_int_equal(waitpid(*holder, NULL, 0), *holder);
	}
	*holder = 0;
}
