/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <errno.h>

#include "test/unit/oldkernel.h"

long oldkernel_lacks;

long __real_syscall(long number, long a, long b, long c, long d);
long __wrap_syscall(long number, long a, long b, long c, long d);

long __wrap_syscall(long number, long a, long b, long c, long d)
{
	if (oldkernel_lacks && number == oldkernel_lacks) {
		errno = ENOSYS;
		return -1;
	}
	return __real_syscall(number, a, b, c, d);
}
