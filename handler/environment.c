/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "handler/environment.h"
#include "lib/core/cleanup.h"
#include "lib/core/json.h"
#include "lib/core/path.h"
#include "lib/sys/fs.h"

#define TRIES 10
#define PAUSE_MS 200

static int folder(const json_t *object, const char *key, char **ret, struct err *err)
{
	const char *path = NULL;

	if (json_get_string(object, key, &path, err) < 0)
		return err_wrap(err, "HandlerEnvironment.json");
	if (!path)
		return 0;
	if (!path_valid(span_of(path)))
		return err_set(err, EINVAL, "HandlerEnvironment.json: %s is not an absolute path",
			       key);
	*ret = strdup(path);
	return *ret ? 0 : err_oom(err);
}

static int must(const char *path, const char *key, struct err *err)
{
	return path ? 0 : err_set(err, EINVAL, "HandlerEnvironment.json has no %s", key);
}

int environment_parse(struct span text, struct environment *ret, struct err *err)
{
	CLEANUP(environment_done) struct environment env = {0};
	AUTO_JSON *json = NULL;
	json_t *folders = NULL;
	int r = json_parse(text, "HandlerEnvironment.json", &json, err);

	if (r == 0)
		r = json_get_object(json_array_get(json, 0), "handlerEnvironment", &folders, err);
	if (r == 0)
		r = folder(folders, "logFolder", &env.log_folder, err);
	if (r == 0)
		r = folder(folders, "configFolder", &env.config_folder, err);
	if (r == 0)
		r = folder(folders, "statusFolder", &env.status_folder, err);
	if (r == 0)
		r = folder(folders, "eventsFolder", &env.events_folder, err);
	if (r == 0)
		r = must(env.log_folder, "logFolder", err);
	if (r == 0)
		r = must(env.config_folder, "configFolder", err);
	if (r == 0)
		r = must(env.status_folder, "statusFolder", err);
	if (r < 0)
		return r;
	environment_done(ret);
	*ret = env;
	env = (struct environment){0};
	return 0;
}

/* It is being written, or the machine is short of something at the moment. */
static bool may_pass(int r)
{
	return r == -EBADMSG || r == -EIO || err_is_shortage(r);
}

int environment_read(struct sys *sys, const char *extension, struct environment *ret,
		     struct err *err)
{
	char path[PATH_MAX];
	int r = -EBADMSG; /* to begin with */

	(void)snprintf(path, sizeof(path), "%s/HandlerEnvironment.json", extension);
	for (int i = 0; i < TRIES && may_pass(r); i++) {
		AUTO_BUF text = {0};

		if (i)
			sys->ops->sleep_ms(sys, PAUSE_MS);
		r = fs_read(sys, path, FS_TRUSTED, ENVIRONMENT_MAX, &text, NULL, err);
		if (r == 0)
			r = environment_parse(buf_bytes(&text), ret, err);
	}
	return r;
}

void environment_done(struct environment *environment)
{
	free(environment->log_folder);
	free(environment->config_folder);
	free(environment->status_folder);
	free(environment->events_folder);
	*environment = (struct environment){0};
}
