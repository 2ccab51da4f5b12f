/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "lib/core/cleanup.h"
#include "lib/core/metrics.h"
#include "lib/core/num.h"

#define PREFIX "aadsshlogin_"
#define SERIES_MAX 160 /* bytes of a name with its labels */
#define VALUE_MAX ((uint64_t)1 << 60)
#define US_PER_S 1000000

static const char *const actions[METRICS_ACTIONS] = {"key", "login", "admin"};

static const struct {
	const char *text; /* seconds */
	int64_t us;
} limits[METRICS_BUCKETS] = {
	{"0.005", 5000}, {"0.025", 25000}, {"0.1", 100000}, {"0.25", 250000}, {"0.5", 500000},
	{"1", 1000000},  {"2.5", 2500000}, {"5", 5000000},  {"10", 10000000},
};

void metrics_decided(struct metrics *metrics, enum metrics_action action, enum reason reason,
		     int64_t ns)
{
	const int64_t us = ns > 0 ? ns / 1000 : 0;

	metrics->decisions[action][(unsigned)reason < REASON_COUNT ? reason : REASON_INTERNAL]++;
	metrics->count[action]++;
	metrics->sum_us[action] += (uint64_t)us;
	for (size_t i = 0; i < METRICS_BUCKETS; i++)
		metrics->buckets[action][i] += us <= limits[i].us;
}

/* ---- every series, in the order of writing */

enum show {
	SHOW_ALWAYS,
	SHOW_COUNTED, /* unless it is 0 */
	SHOW_SECONDS, /* always, microseconds as seconds */
};

/* value NULL: the family's own lines begin here, and series is its name. */
typedef void visit_fn(void *arg, const char *series, enum show show, uint64_t *value);

static void visit_decisions(struct metrics *m, visit_fn *visit, void *arg)
{
	char series[SERIES_MAX];

	visit(arg, PREFIX "decisions_total", SHOW_ALWAYS, NULL);
	for (unsigned i = 0; i < METRICS_ACTIONS; i++)
		for (unsigned j = REASON_NONE; j < REASON_COUNT; j++) {
			(void)snprintf(series, sizeof(series),
				       PREFIX "decisions_total{action=\"%s\",outcome=\"%s\","
					      "reason=\"%s\"}",
				       actions[i], j == REASON_NONE ? "accept" : "refuse",
				       reason_text(j)->id);
			visit(arg, series, j == REASON_NONE ? SHOW_ALWAYS : SHOW_COUNTED,
			      &m->decisions[i][j]);
		}
}

static void visit_times(struct metrics *m, visit_fn *visit, void *arg)
{
	char series[SERIES_MAX];

	visit(arg, PREFIX "decision_seconds", SHOW_ALWAYS, NULL);
	for (unsigned i = 0; i < METRICS_ACTIONS; i++) {
		for (unsigned j = 0; j < METRICS_BUCKETS; j++) {
			(void)snprintf(series, sizeof(series),
				       PREFIX "decision_seconds_bucket{action=\"%s\",le=\"%s\"}",
				       actions[i], limits[j].text);
			visit(arg, series, SHOW_ALWAYS, &m->buckets[i][j]);
		}
		(void)snprintf(series, sizeof(series),
			       PREFIX "decision_seconds_bucket{action=\"%s\",le=\"+Inf\"}",
			       actions[i]);
		visit(arg, series, SHOW_ALWAYS, &m->count[i]);
		(void)snprintf(series, sizeof(series), PREFIX "decision_seconds_sum{action=\"%s\"}",
			       actions[i]);
		visit(arg, series, SHOW_SECONDS, &m->sum_us[i]);
		(void)snprintf(series, sizeof(series),
			       PREFIX "decision_seconds_count{action=\"%s\"}", actions[i]);
		visit(arg, series, SHOW_ALWAYS, &m->count[i]);
	}
}

static void visit_errors(struct metrics *m, visit_fn *visit, void *arg)
{
	char series[SERIES_MAX];

	visit(arg, PREFIX "role_backend_errors_total", SHOW_ALWAYS, NULL);
	for (unsigned i = REASON_NONE + 1; i < REASON_COUNT; i++) {
		(void)snprintf(series, sizeof(series),
			       PREFIX "role_backend_errors_total{reason=\"%s\"}",
			       reason_text(i)->id);
		visit(arg, series, SHOW_COUNTED, &m->backend_errors[i]);
	}
}

static void visit_one(const char *name, enum show show, uint64_t *value, visit_fn *visit, void *arg)
{
	visit(arg, name, show, NULL);
	visit(arg, name, show, value);
}

static void visit_all(struct metrics *m, visit_fn *visit, void *arg)
{
	visit_decisions(m, visit, arg);
	visit_times(m, visit, arg);
	visit_errors(m, visit, arg);
	visit_one(PREFIX "drift_repairs_total", SHOW_ALWAYS, &m->drift_repairs, visit, arg);
	visit_one(PREFIX "keys_fetched_timestamp_seconds", SHOW_COUNTED, &m->keys_fetched_s, visit,
		  arg);
	visit_one(PREFIX "keys_expiry_timestamp_seconds", SHOW_COUNTED, &m->keys_expire_s, visit,
		  arg);
}

/* ---- writing */

static const struct family {
	const char *name, *type, *help;
} families[] = {
	{PREFIX "decisions_total", "counter",
	 "Decisions on certificates, logins and sudo, by outcome and reason."},
	{PREFIX "decision_seconds", "histogram", "How long a decision took."},
	{PREFIX "role_backend_errors_total", "counter",
	 "Questions to the role backend that had no answer to go by."},
	{PREFIX "drift_repairs_total", "counter", "Steps of the configuration that were put back."},
	{PREFIX "keys_fetched_timestamp_seconds", "gauge",
	 "When the signing keys of the tenant were fetched."},
	{PREFIX "keys_expiry_timestamp_seconds", "gauge",
	 "When the signing keys of the tenant are to be fetched anew, at the latest."},
};

static void write_family(const char *name, struct buf *ret)
{
	for (size_t i = 0; i < ARRAY_LEN(families); i++)
		if (strcmp(families[i].name, name) == 0)
			buf_printf(ret, "# HELP %s %s\n# TYPE %s %s\n", name, families[i].help,
				   name, families[i].type);
}

static void write_series(void *arg, const char *series, enum show show, uint64_t *value)
{
	struct buf *ret = arg;

	if (!value)
		write_family(series, ret);
	else if (show == SHOW_SECONDS)
		buf_printf(ret, "%s %llu.%06u\n", series, (unsigned long long)(*value / US_PER_S),
			   (unsigned)(*value % US_PER_S));
	else if (show == SHOW_ALWAYS || *value)
		buf_printf(ret, "%s %llu\n", series, (unsigned long long)*value);
}

void metrics_format(const struct metrics *metrics, struct buf *ret)
{
	struct metrics copy = *metrics;

	visit_all(&copy, write_series, ret);
}

/* ---- reading */

static bool parse_value(struct span text, enum show show, uint64_t *ret)
{
	const unsigned char *dot = text.len ? memchr(text.p, '.', text.len) : NULL;
	uint64_t whole, part = 0;
	struct span head;

	if (show != SHOW_SECONDS)
		return num_parse(text, VALUE_MAX, ret);
	if (!dot || !span_take(&text, (size_t)(dot - text.p), &head) ||
	    !span_take(&text, 1, &(struct span){0}) || text.len != 6 ||
	    !num_parse(head, VALUE_MAX / US_PER_S, &whole) || !num_parse(text, US_PER_S - 1, &part))
		return false;
	*ret = whole * US_PER_S + part;
	return true;
}

/* The value of the first line of that series. */
static void read_series(void *arg, const char *series, enum show show, uint64_t *value)
{
	struct span rest = *(const struct span *)arg, line, name;
	const size_t len = strlen(series);

	if (!value)
		return;
	while (span_line(&rest, &line)) {
		if (line.len <= len || line.p[len] != ' ' || !span_take(&line, len, &name) ||
		    !span_is(name, series))
			continue;
		(void)span_take(&line, 1, &name);
		(void)parse_value(line, show, value);
		return;
	}
}

void metrics_parse(struct span text, struct metrics *ret)
{
	*ret = (struct metrics){.drift_repairs = 0};
	visit_all(ret, read_series, &text);
}
