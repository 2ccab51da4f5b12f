/* SPDX-License-Identifier: MIT */
/* A kernel that lacks a system call, for tests that are linked with --wrap=syscall. */
#ifndef TEST_OLDKERNEL_H
#define TEST_OLDKERNEL_H

/* The number of the one that answers ENOSYS; 0: none does. */
extern long oldkernel_lacks;

#endif
