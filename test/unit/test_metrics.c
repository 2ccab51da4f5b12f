/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "lib/core/cleanup.h"
#include "lib/core/metrics.h"

#define MS 1000000LL

static void has(const struct metrics *metrics, const char *line)
{
	AUTO_BUF text = {0}, whole = {0};

	metrics_format(metrics, &text);
	buf_printf(&whole, "\n%s\n", line);
	buf_str(&text, "");
	if (!strstr(buf_text(&text), buf_text(&whole)))
		fail_msg("%s is not in %s", line, buf_text(&text));
}

static void lacks(const struct metrics *metrics, const char *words)
{
	AUTO_BUF text = {0};

	metrics_format(metrics, &text);
	assert_null(strstr(buf_text(&text), words));
}

static void decisions_are_counted_by_action_outcome_and_reason(void **state)
{
	struct metrics metrics = {.drift_repairs = 0};

	(void)state;
	metrics_decided(&metrics, METRICS_LOGIN, REASON_NONE, 0);
	metrics_decided(&metrics, METRICS_LOGIN, REASON_NONE, 0);
	metrics_decided(&metrics, METRICS_LOGIN, REASON_ROLE_MISSING, 0);
	metrics_decided(&metrics, METRICS_KEY, REASON_CERT_EXPIRED, 0);
	metrics_decided(&metrics, METRICS_ADMIN, REASON_COUNT, 0); /* unknown */
	has(&metrics,
	    "aadsshlogin_decisions_total{action=\"login\",outcome=\"accept\",reason=\"none\"} 2");
	has(&metrics, "aadsshlogin_decisions_total{action=\"login\",outcome=\"refuse\",reason="
		      "\"role-missing\"} 1");
	has(&metrics, "aadsshlogin_decisions_total{action=\"key\",outcome=\"accept\",reason="
		      "\"none\"} 0");
	has(&metrics, "aadsshlogin_decisions_total{action=\"key\",outcome=\"refuse\",reason="
		      "\"cert-expired\"} 1");
	has(&metrics, "aadsshlogin_decisions_total{action=\"admin\",outcome=\"refuse\",reason="
		      "\"internal-error\"} 1");
	lacks(&metrics, "reason=\"role-denied\"");
}

static void a_histogram_holds_each_decision_up_to_its_limit(void **state)
{
	struct metrics metrics = {.drift_repairs = 0};

	(void)state;
	metrics_decided(&metrics, METRICS_LOGIN, REASON_NONE, 5 * MS);
	metrics_decided(&metrics, METRICS_LOGIN, REASON_NONE, 5 * MS + 1000);
	metrics_decided(&metrics, METRICS_LOGIN, REASON_DEADLINE, 12345 * MS + 678000);
	metrics_decided(&metrics, METRICS_LOGIN, REASON_NONE, -1);
	has(&metrics, "aadsshlogin_decision_seconds_bucket{action=\"login\",le=\"0.005\"} 2");
	has(&metrics, "aadsshlogin_decision_seconds_bucket{action=\"login\",le=\"0.025\"} 3");
	has(&metrics, "aadsshlogin_decision_seconds_bucket{action=\"login\",le=\"10\"} 3");
	has(&metrics, "aadsshlogin_decision_seconds_bucket{action=\"login\",le=\"+Inf\"} 4");
	has(&metrics, "aadsshlogin_decision_seconds_sum{action=\"login\"} 12.355679");
	has(&metrics, "aadsshlogin_decision_seconds_count{action=\"login\"} 4");
	has(&metrics, "aadsshlogin_decision_seconds_count{action=\"admin\"} 0");
}

static void what_is_not_known_has_no_line(void **state)
{
	struct metrics metrics = {.drift_repairs = 7};

	(void)state;
	has(&metrics, "aadsshlogin_drift_repairs_total 7");
	lacks(&metrics, "\naadsshlogin_keys_fetched_timestamp_seconds");
	lacks(&metrics, "\naadsshlogin_role_backend_errors_total");
	metrics.keys_fetched_s = 1700000000;
	metrics.keys_expire_s = 1700086400;
	metrics.backend_errors[REASON_BACKEND_UNREACHABLE] = 3;
	has(&metrics, "aadsshlogin_keys_fetched_timestamp_seconds 1700000000");
	has(&metrics, "aadsshlogin_keys_expiry_timestamp_seconds 1700086400");
	has(&metrics, "aadsshlogin_role_backend_errors_total{reason=\"backend-unreachable\"} 3");
}

static void fill(struct metrics *metrics)
{
	for (unsigned i = 0; i < METRICS_ACTIONS; i++)
		for (unsigned j = 0; j < REASON_COUNT; j++)
			for (unsigned n = 0; n <= i + j; n++)
				metrics_decided(metrics, (enum metrics_action)i, (enum reason)j,
						(int64_t)j * j * j * MS);
	for (unsigned j = REASON_NONE + 1; j < REASON_COUNT; j++)
		metrics->backend_errors[j] = 1000 + j;
	metrics->drift_repairs = UINT64_C(1) << 60;
	metrics->keys_fetched_s = 1;
	metrics->keys_expire_s = 2;
}

static void what_was_written_is_read_as_the_same(void **state)
{
	struct metrics metrics = {.drift_repairs = 0}, again;
	AUTO_BUF text = {0};

	(void)state;
	memset(&again, 0xff, sizeof(again));
	fill(&metrics);
	metrics_format(&metrics, &text);
	assert_true(text.len < METRICS_MAX);
	metrics_parse(buf_bytes(&text), &again);
	assert_memory_equal(&metrics, &again, sizeof(metrics));
}

/* clang-format off */
static struct row {
	const char *name;
	const char *text;
	uint64_t repairs;
} rows[] = {
	{"a value", "aadsshlogin_drift_repairs_total 5\n", 5},
	{"no newline at the end", "aadsshlogin_drift_repairs_total 5", 5},
	{"the first of two lines counts", "aadsshlogin_drift_repairs_total 5\naadsshlogin_drift_repairs_total 6\n", 5},
	{"a negative value is none", "aadsshlogin_drift_repairs_total -5\n", 0},
	{"a fraction is none", "aadsshlogin_drift_repairs_total 5.0\n", 0},
	{"a time behind the value is none of ours", "aadsshlogin_drift_repairs_total 5 1700000000\n", 0},
	{"a value that is too large is none", "aadsshlogin_drift_repairs_total 18446744073709551615\n", 0},
	{"another name is none", "aadsshlogin_drift_repairs_total2 5\n", 0},
	{"a comment is none", "# aadsshlogin_drift_repairs_total 5\n", 0},
	{"nothing", "", 0},
};
/* clang-format on */

static void read_row(void **state)
{
	const struct row *row = *state;
	struct metrics metrics;

	memset(&metrics, 0xff, sizeof(metrics));
	metrics_parse(span_of(row->text), &metrics);
	assert_int_equal(metrics.drift_repairs, row->repairs);
	metrics.drift_repairs = 0;
	for (size_t i = 0; i < sizeof(metrics); i++)
		assert_int_equal(((const unsigned char *)&metrics)[i], 0);
}

static void sums_are_read_with_six_digits_alone(void **state)
{
	static const char *const bad[] = {"1", "1.", "1.5", "1.0000000", ".000001", "1.00000x"};
	struct metrics metrics;

	(void)state;
	metrics_parse(SPAN_LIT("aadsshlogin_decision_seconds_sum{action=\"key\"} 12.000034\n"),
		      &metrics);
	assert_int_equal(metrics.sum_us[METRICS_KEY], 12000034);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		AUTO_BUF text = {0};

		buf_printf(&text, "aadsshlogin_decision_seconds_sum{action=\"key\"} %s\n", bad[i]);
		metrics_parse(buf_bytes(&text), &metrics);
		assert_int_equal(metrics.sum_us[METRICS_KEY], 0);
	}
}

/* No label's value needs an escape. */
static void every_reason_is_a_plain_word(void **state)
{
	(void)state;
	for (unsigned i = 0; i < REASON_COUNT; i++) {
		const char *id = reason_text((enum reason)i)->id;

		assert_true(id[0]);
		for (; *id; id++)
			assert_true(islower((unsigned char)*id) || isdigit((unsigned char)*id) ||
				    *id == '-');
	}
}

int main(void)
{
	const struct CMUnitTest fixed[] = {
		cmocka_unit_test(decisions_are_counted_by_action_outcome_and_reason),
		cmocka_unit_test(a_histogram_holds_each_decision_up_to_its_limit),
		cmocka_unit_test(what_is_not_known_has_no_line),
		cmocka_unit_test(what_was_written_is_read_as_the_same),
		cmocka_unit_test(sums_are_read_with_six_digits_alone),
		cmocka_unit_test(every_reason_is_a_plain_word),
	};
	struct CMUnitTest tests[ARRAY_LEN(fixed) + ARRAY_LEN(rows)];

	memcpy(tests, fixed, sizeof(fixed));
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		tests[ARRAY_LEN(fixed) + i] = (struct CMUnitTest){
			.name = rows[i].name, .test_func = read_row, .initial_state = &rows[i]};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
