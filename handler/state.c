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
#define BOOT_ID_PATH "/proc/sys/kernel/random/boot_id"

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

/*
 * Of what was absent: the path alone.  Of what was there: path, mode, uid, gid, and unless it is a
 * shallow sighting device, inode, size, mtime, ctime.
 */
static bool get_sighting(const json_t *item, struct sighting *ret)
{
	const char *path = json_string_value(json_array_get(item, 0));
	size_t size = json_array_size(item);
	struct sighting seen = {.exists = size > 1, .shallow = size == 4};

	if (!path || path[0] != '/' || (size != 1 && size != 4 && size != 9))
		return false;
	for (size_t i = 1; i < size; i++)
		if (!json_is_integer(json_array_get(item, i)))
			return false;
	/* Jansson has signed numbers only: the bits of large inodes go through them unharmed. */
	seen.mode = (uint32_t)json_integer_value(json_array_get(item, 1));
	seen.uid = (uint32_t)json_integer_value(json_array_get(item, 2));
	seen.gid = (uint32_t)json_integer_value(json_array_get(item, 3));
	seen.dev = (uint64_t)json_integer_value(json_array_get(item, 4));
	seen.ino = (uint64_t)json_integer_value(json_array_get(item, 5));
	seen.size = (uint64_t)json_integer_value(json_array_get(item, 6));
	seen.mtime_ns = json_integer_value(json_array_get(item, 7));
	seen.ctime_ns = json_integer_value(json_array_get(item, 8));
	seen.path = strdup(path);
	*ret = seen;
	return seen.path;
}

static json_t *put_sighting(const struct sighting *seen)
{
	if (!seen->exists)
		return json_pack("[s]", seen->path);
	if (seen->shallow)
		return json_pack("[s,I,I,I]", seen->path, (json_int_t)seen->mode,
				 (json_int_t)seen->uid, (json_int_t)seen->gid);
	return json_pack("[s,I,I,I,I,I,I,I,I]", seen->path, (json_int_t)seen->mode,
			 (json_int_t)seen->uid, (json_int_t)seen->gid, (json_int_t)seen->dev,
			 (json_int_t)seen->ino, (json_int_t)seen->size, (json_int_t)seen->mtime_ns,
			 (json_int_t)seen->ctime_ns);
}

static int get_witness(const json_t *json, struct witness *witness, struct err *err)
{
	json_t *list = NULL, *item;
	size_t i;

	if (json_get_array(json, "witness", &list, err) < 0 ||
	    json_array_size(list) > STATE_WITNESS_MAX)
		return corrupt("witness", err);
	if (json_array_size(list) == 0)
		return 0;
	witness->seen = calloc(json_array_size(list), sizeof(*witness->seen));
	if (!witness->seen)
		return err_oom(err);
	json_array_foreach(list, i, item)
	{
		if (!get_sighting(item, &witness->seen[i]))
			return corrupt("witness", err);
		witness->count = i + 1;
	}
	return 0;
}

int state_parse(struct span text, struct state *ret, struct err *err)
{
	CLEANUP(state_done) struct state state = {0};
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
		r = get_text(json, "settingsHash", state.settings_hash, sizeof(state.settings_hash),
			     err);
	if (r == 0)
		r = get_text(json, "bootId", state.boot_id, sizeof(state.boot_id), err);
	if (r == 0)
		r = get_last(json, &state, err);
	if (r == 0)
		r = get_steps(json, &state, err);
	if (r == 0)
		r = get_witness(json, &state.witness, err);
	if (r < 0)
		return r;
	state_done(ret);
	*ret = state;
	state = (struct state){0};
	return 0;
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

static json_t *put_witness(const struct witness *witness)
{
	AUTO_JSON *list = json_array();

	for (size_t i = 0; i < witness->count; i++)
		if (json_array_append_new(list, put_sighting(&witness->seen[i])) < 0)
			return NULL;
	return steal_ptr(list);
}

int state_format(const struct state *state, struct buf *ret, struct err *err)
{
	AUTO_JSON *json = NULL;
	AUTO_FREE char *text = NULL;

	json = json_pack("{s:i, s:s, s:I, s:s, s:b, s:I, s:s, s:s, s:o, s:o, s:o}", "schema",
			 SCHEMA, "owner", state->owner, "since", (json_int_t)state->since_s,
			 "packageSource", state->source, "partlyRemoved", state->partly_removed,
			 "sequenceNumber", (json_int_t)state->sequence, "settingsHash",
			 state->settings_hash, "bootId", state->boot_id, "last", put_last(state),
			 "steps", put_steps(state), "witness", put_witness(&state->witness));
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

static bool below(const char *path, const char *folder)
{
	size_t len = strlen(folder);

	return strncmp(path, folder, len) == 0 && (path[len] == '/' || !path[len]);
}

void state_take_witness(struct state *state, struct witness *witness)
{
	size_t kept = 0;

	for (size_t i = 0; i < witness->count; i++) {
		const char *path = witness->seen[i].path;

		if (below(path, "/proc") || below(path, "/sys") || strcmp(path, STATE_DIR) == 0)
			free(witness->seen[i].path);
		else
			witness->seen[kept++] = witness->seen[i];
	}
	witness->count = kept;
	witness_done(&state->witness);
	if (witness->failed || kept > STATE_WITNESS_MAX)
		witness_done(witness);
	state->witness = *witness;
	*witness = (struct witness){0};
}

void boot_id(struct sys *sys, char ret[BOOT_ID_SIZE])
{
	struct span rest, line;
	struct err err = {0};
	AUTO_BUF text = {0};

	ret[0] = '\0';
	if (fs_read(sys, BOOT_ID_PATH, 0, 128, &text, NULL, &err) < 0)
		return;
	rest = buf_bytes(&text);
	if (span_line(&rest, &line))
		(void)span_copy(line, ret, BOOT_ID_SIZE);
}

bool state_current(struct sys *sys, const struct state *state, const char *version,
		   const char *settings_hash, const char *boot)
{
	if (state->code != EXIT_OK || state->witness.count == 0 || !boot[0] ||
	    strcmp(state->owner, version) != 0 || strcmp(state->boot_id, boot) != 0 ||
	    strcmp(state->settings_hash, settings_hash) != 0)
		return false;
	for (size_t i = 0; i < state->witness.count; i++)
		if (!witness_same(sys, &state->witness.seen[i]))
			return false;
	return true;
}

void state_done(struct state *state)
{
	witness_done(&state->witness);
	*state = (struct state){0};
}
