/* SPDX-License-Identifier: MIT */
#ifndef LOGIN_PROCESSES_H
#define LOGIN_PROCESSES_H

#include <stdint.h>

#include "lib/core/buf.h"
#include "lib/sys/sys.h"

#define PROCESSES_NAMED_MAX 8

/*
 * The processes that run with this uid, real, effective, saved or for files: *ret_count of them,
 * the first PROCESSES_NAMED_MAX as "17 (bash), 18 (vim)" added to *ret.
 */
int processes_of(struct sys *sys, uint32_t uid, size_t *ret_count, struct buf *ret,
		 struct err *err);

#endif
