/* SPDX-License-Identifier: MIT */
/*
 * What sign-in counts, as text for Prometheus: counters since the machine booted.
 * Source: the text exposition format 0.0.4 of Prometheus, as node_exporter's textfile collector
 * reads it.
 *
 * MUST: nothing in it names a person, a tenant or an address.  All labels are words of tables of
 * ours, in letters, digits and hyphens, so that nothing needs an escape.
 */
#ifndef CORE_METRICS_H
#define CORE_METRICS_H

#include <stdint.h>

#include "lib/core/buf.h"
#include "lib/core/reason.h"

#define METRICS_MAX ((size_t)64 << 10) /* bytes; format never needs more */
#define METRICS_BUCKETS 9

enum metrics_action {
	METRICS_KEY, /* a certificate that sshd asked the key command about */
	METRICS_LOGIN,
	METRICS_ADMIN, /* sudo */
	METRICS_ACTIONS,
};

struct metrics {
	uint64_t decisions[METRICS_ACTIONS][REASON_COUNT]; /* REASON_NONE: accepted */
	/* How long they took: not over each limit, all, and the sum in microseconds. */
	uint64_t buckets[METRICS_ACTIONS][METRICS_BUCKETS];
	uint64_t count[METRICS_ACTIONS], sum_us[METRICS_ACTIONS];
	uint64_t backend_errors[REASON_COUNT]; /* also those that offlineGrace bridged */
	uint64_t drift_repairs; /* steps that an enable put back */
	uint64_t keys_fetched_s, keys_expire_s; /* since 1970; 0: not known */
};

void metrics_decided(struct metrics *metrics, enum metrics_action action, enum reason reason,
		     int64_t ns);

/* What format wrote.  What is not of that form is passed over, and counts from 0. */
void metrics_parse(struct span text, struct metrics *ret);

/* Memory: see buf_ok. */
void metrics_format(const struct metrics *metrics, struct buf *ret);

#endif
