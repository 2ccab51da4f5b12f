/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "handler/files.h"
#include "handler/state.h"
#include "handler/text.h"
#include "lib/core/cleanup.h"
#include "lib/core/json.h"
#include "lib/core/outcome.h"

#define SCHEMA 1

static int corrupt(const char *what, struct err *err)
{
	return err_set(err, EBADMSG, STATE_PATH ": %s is not as it was written", what);
}

bool version_valid(const char *text)
{
	size_t len = strlen(text);

	return len > 0 && len < VERSION_SIZE && strspn(text, "0123456789.") == len;
}

static int get_text(const json_t *json, const char *key, char *ret, size_t size, struct err *err)
{
	const char *text = NULL;

	if (json_get_string(json, key, &text, err) < 0 || !text ||
	    !span_copy(span_of(text), ret, size))
		return corrupt(key, err);
	return 0;
}

static int get_number(const json_t *json, const char *key, int64_t min, int64_t max, int64_t *ret,
		      struct err *err)
{
	json_int_t number = min - 1;

	if (json_get_int(json, key, &number, err) < 0 || number < min || number > max)
		return corrupt(key, err);
	*ret = number;
	return 0;
}

static int get_last(const json_t *json, struct state *state, struct err *err)
{
	json_t *last = NULL;
	int64_t code = 0;
	int r = 0;

	if (json_get_object(json, "last", &last, err) < 0)
		return corrupt("last", err);
	if (!last)
		return 0;
	r = get_text(last, "verb", state->verb, sizeof(state->verb), err);
	if (r == 0)
		r = get_number(last, "code", 0, 255, &code, err);
	if (r == 0)
		r = get_number(last, "time", 0, INT64_MAX, &state->time_s, err);
	if (r == 0)
		r = get_text(last, "message", state->message, sizeof(state->message), err);
	state->code = (int)code;
	return r;
}

static int get_steps(const json_t *json, struct state *state, struct err *err)
{
	json_t *list = NULL, *item;
	size_t i;

	if (json_get_array(json, "steps", &list, err) < 0 ||
	    json_array_size(list) > STATE_STEPS_MAX)
		return corrupt("steps", err);
	json_array_foreach(list, i, item)
	{
		struct state_step *step = &state->steps[i];

		if (get_text(item, "name", step->name, sizeof(step->name), err) < 0 ||
		    get_text(item, "result", step->result, sizeof(step->result), err) < 0)
			return -err->code;
		state->step_count = i + 1;
	}
	return 0;
}

int state_parse(struct span text, struct state *ret, struct err *err)
{
	struct state state = {0};
	AUTO_JSON *json = NULL;
	int64_t schema = 0;
	int r = json_parse(text, STATE_PATH, &json, err);

	if (r == 0)
		r = get_number(json, "schema", SCHEMA, SCHEMA, &schema, err);
	if (r == 0)
		r = get_text(json, "owner", state.owner, sizeof(state.owner), err);
	if (r == 0 && state.owner[0] && !version_valid(state.owner))
		r = corrupt("owner", err);
	if (r == 0)
		r = get_number(json, "since", 0, INT64_MAX, &state.since_s, err);
	/* Versions before there was a choice did not write it. */
	if (r == 0 && json_object_get(json, "packageSource"))
		r = get_text(json, "packageSource", state.source, sizeof(state.source), err);
	if (r == 0 && json_get_bool(json, "partlyRemoved", &state.partly_removed, err) < 0)
		r = corrupt("partlyRemoved", err);
	if (r == 0)
		r = get_number(json, "sequenceNumber", 0, INT64_MAX, &state.sequence, err);
	if (r == 0)
		r = get_last(json, &state, err);
	if (r == 0)
		r = get_steps(json, &state, err);
	if (r == 0)
		*ret = state;
	return r;
}

static json_t *put_last(const struct state *state)
{
	char message[ERR_MSG_MAX];

	ascii_text(state->message, message, sizeof(message));
	return json_pack("{s:s, s:i, s:I, s:s}", "verb", state->verb, "code", state->code, "time",
			 (json_int_t)state->time_s, "message", message);
}

static json_t *put_steps(const struct state *state)
{
	AUTO_JSON *list = json_array();

	for (size_t i = 0; i < state->step_count; i++)
		if (json_array_append_new(list,
					  json_pack("{s:s, s:s}", "name", state->steps[i].name,
						    "result", state->steps[i].result)) < 0)
			return NULL;
	return steal_ptr(list);
}

int state_format(const struct state *state, struct buf *ret, struct err *err)
{
	AUTO_JSON *json = NULL;
	AUTO_FREE char *text = NULL;

	json = json_pack("{s:i, s:s, s:I, s:s, s:b, s:I, s:o, s:o}", "schema", SCHEMA, "owner",
			 state->owner, "since", (json_int_t)state->since_s, "packageSource",
			 state->source, "partlyRemoved", state->partly_removed, "sequenceNumber",
			 (json_int_t)state->sequence, "last", put_last(state), "steps",
			 put_steps(state));
	text = json ? json_text(json, JSON_COMPACT) : NULL;
	if (!text)
		return err_oom(err);
	buf_str(ret, text);
	return buf_ok(ret, err);
}

int state_read(struct sys *sys, struct state *ret, struct err *err)
{
	AUTO_BUF text = {0};
	int r = fs_read(sys, STATE_PATH, FS_TRUSTED, STATE_MAX, &text, NULL, err);

	return r < 0 ? r : state_parse(buf_bytes(&text), ret, err);
}

int state_write(struct sys *sys, const struct state *state, struct err *err)
{
	const struct fs_meta meta = files_meta(sys, 0600);
	AUTO_BUF text = {0};
	int r = state_format(state, &text, err);

	return r < 0 ? r : fs_replace(sys, STATE_PATH, buf_bytes(&text), &meta, err);
}
