/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "handler/files.h"
#include "handler/status.h"
#include "handler/text.h"
#include "lib/core/cleanup.h"
#include "lib/core/json.h"

static const char *const value_names[] = {
	[STATUS_NONE] = "",
	[STATUS_TRANSITIONING] = "transitioning",
	[STATUS_SUCCESS] = "success",
	[STATUS_ERROR] = "error",
};

static json_t *message(const char *text)
{
	char ascii[STATUS_MESSAGE_MAX + 1];

	ascii_text(text, ascii, sizeof(ascii));
	return json_pack("{s:s, s:s}", "lang", "en-US", "message", ascii);
}

static const char *step_status(const struct step_result *result)
{
	if (result->state == STEP_FAILED)
		return "error";
	if (result->state == STEP_UNDONE || result->note_count)
		return "warning";
	return "success";
}

static json_t *substatus(const struct step_result *result, int failed_code)
{
	AUTO_BUF text = {0};

	buf_printf(&text, "%s (%lld ms)", step_state_name(result->state), (long long)result->ms);
	if (result->message[0])
		buf_printf(&text, ": %s", result->message);
	for (size_t i = 0; i < result->note_count; i++)
		buf_printf(&text, "\n%s", result->notes[i]);
	return json_pack("{s:s, s:s, s:i, s:o}", "name", result->step->name, "status",
			 step_status(result), "code",
			 result->state == STEP_FAILED ? failed_code : 0, "formattedMessage",
			 message(buf_text(&text)));
}

static json_t *substatuses(const struct status *status)
{
	AUTO_JSON *list = json_array();

	for (size_t i = 0; i < status->count; i++)
		if (status->results[i].state != STEP_SKIPPED &&
		    json_array_append_new(list, substatus(&status->results[i], status->code)) < 0)
			return NULL;
	return steal_ptr(list);
}

static const struct step_result *gravest(const struct step_result *results, size_t count)
{
	const struct step_result *found = NULL;

	for (size_t i = 0; i < count; i++)
		if (results[i].gravity > (found ? found->gravity : GRAVITY_NOTE))
			found = &results[i];
	return found;
}

void status_warn(const struct step_result *results, size_t count, char message[STATUS_MESSAGE_MAX])
{
	const struct step_result *first = gravest(results, count);
	const size_t len = strlen(message);
	AUTO_BUF text = {0};

	if (!first)
		return;
	buf_printf(&text, ". Warning (%s", first->step->name);
	for (size_t i = 0; i < count; i++)
		if (&results[i] != first && results[i].gravity > GRAVITY_NOTE)
			buf_printf(&text, ", %s", results[i].step->name);
	buf_printf(&text, "): %s", first->notes[0]);
	(void)snprintf(message + len, STATUS_MESSAGE_MAX - len, "%s", buf_text(&text));
	for (char *p = message; (p = strchr(p, '\n'));)
		*p = ' ';
}

int status_build(const struct status *status, struct buf *ret, struct err *err)
{
	AUTO_JSON *json = NULL;
	AUTO_FREE char *text = NULL;
	char time[TIME_TEXT_SIZE];
	AUTO_BUF words = {0};

	time_text(status->time_s, time);
	buf_printf(&words, "%s", status->cause);
	if (status->remedy && status->remedy[0])
		buf_printf(&words, "\n%s", status->remedy);
	json = json_pack("[{s:f, s:s, s:{s:s, s:s, s:s, s:i, s:s, s:o, s:o}}]", "version", 1.0,
			 "timestampUTC", time, "status", "name", "AADSSHLoginForLinux", "operation",
			 status->operation, "status", value_names[status->value], "code",
			 status->code, "configurationAppliedTime", time, "formattedMessage",
			 message(buf_text(&words)), "substatus", substatuses(status));
	text = json ? json_text(json, JSON_INDENT(1) | JSON_ENSURE_ASCII) : NULL;
	if (!text)
		return err_oom(err);
	buf_str(ret, text);
	return buf_ok(ret, err);
}

void status_path(const char *status_folder, int64_t sequence, char ret[PATH_MAX])
{
	(void)snprintf(ret, PATH_MAX, "%s/%lld.status", status_folder, (long long)sequence);
}

typedef int put_fn(struct sys *sys, const char *path, struct span text, struct err *err);

static int put_beside(struct sys *sys, const char *path, struct span text, struct err *err)
{
	const struct fs_meta meta = files_meta(sys, 0600);

	return fs_replace(sys, path, text, &meta, err);
}

static int put(struct sys *sys, const char *path, const struct status *status, put_fn *how,
	       struct err *err)
{
	AUTO_BUF text = {0};
	int r = status_build(status, &text, err);

	return r < 0 ? r : how(sys, path, buf_bytes(&text), err);
}

int status_publish(struct sys *sys, const char *status_folder, int64_t sequence,
		   const struct status *status, struct err *err)
{
	const struct fs_meta folder = files_meta(sys, 0700);
	struct status shorter = *status;
	struct err later = {0};
	char path[PATH_MAX];

	shorter.count = 0;
	status_path(status_folder, sequence, path);
	if (!fs_exists(sys, status_folder) && fs_mkdir(sys, status_folder, &folder, err) < 0)
		return -err->code;
	if (put(sys, path, status, put_beside, err) == 0)
		return 0;
	if (put(sys, path, &shorter, put_beside, &later) < 0 &&
	    put(sys, path, &shorter, fs_overwrite, &later) < 0)
		return -err->code;
	*err = (struct err){0};
	return 0;
}

enum status_value status_standing(struct sys *sys, const char *status_folder, int64_t sequence)
{
	return status_standing_of(sys, status_folder, sequence, NULL);
}

enum status_value status_standing_of(struct sys *sys, const char *status_folder, int64_t sequence,
				     const char *operation)
{
	const char *value = NULL, *of = NULL;
	AUTO_JSON *json = NULL;
	json_t *status = NULL;
	struct err err = {0};
	char path[PATH_MAX];
	AUTO_BUF text = {0};

	status_path(status_folder, sequence, path);
	if (fs_read(sys, path, 0, STATUS_FILE_MAX, &text, NULL, &err) < 0 ||
	    json_parse(buf_bytes(&text), "the status", &json, &err) < 0 ||
	    json_get_object(json_array_get(json, 0), "status", &status, &err) < 0 ||
	    json_get_string(status, "status", &value, &err) < 0 || !value ||
	    json_get_string(status, "operation", &of, &err) < 0 ||
	    (operation && (!of || strcmp(of, operation) != 0)))
		return STATUS_NONE;
	for (size_t i = STATUS_TRANSITIONING; i < ARRAY_LEN(value_names); i++)
		if (strcmp(value, value_names[i]) == 0)
			return (enum status_value)i;
	return STATUS_NONE;
}
