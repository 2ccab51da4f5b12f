/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "handler/desired.h"
#include "handler/session.h"
#include "lib/core/outcome.h"
#include "lib/sys/fs.h"

int extension_table(struct sys *sys, const char *folder, const char *name, unsigned flags,
		    struct yaml_node *ret, struct err *err)
{
	char path[PATH_MAX];
	AUTO_BUF text = {0};
	int r;

	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	r = fs_read(sys, path, flags, YAML_MAX, &text, NULL, err);
	if (r == 0)
		r = yaml_parse(buf_bytes(&text), name, ret, err);
	if (r == 0)
		return 0;
	(void)err_wrap(err, r == -ENOENT ? "the extension's files are incomplete"
					 : "the extension is damaged");
	return err_remedy(err, EXIT_DEPENDENCY, "install the extension again");
}

int session_find(struct session *session, const char *folder, const char *sequence, struct err *err)
{
	struct sys *sys = session->sys;
	const char *config;
	int r = environment_read(sys, folder, &session->environment, err);

	if (r < 0)
		return err_remedy(err, EXIT_SETTINGS,
				  "the guest agent writes this file when it starts: restart it, or "
				  "install the extension again");
	config = session->environment.config_folder;
	r = settings_sequence(sys, config, sequence, &session->sequence, err);
	if (r == 0)
		r = settings_load(sys, config, session->sequence, &session->settings_text, err);
	if (r == 0)
		settings_hash(buf_bytes(&session->settings_text), session->settings_hash);
	return r;
}

int session_parse(struct session *session, struct err *err)
{
	const char *config = session->environment.config_folder;
	char lib_folder[PATH_MAX];

	/* The keys are two levels up: <Lib.Dir>/<Publisher.Type>-<version>/config */
	(void)snprintf(lib_folder, sizeof(lib_folder), "%s", config ? config : "");
	for (int i = 0; i < 2 && strrchr(lib_folder, '/'); i++)
		*strrchr(lib_folder, '/') = '\0';
	return settings_parse(session->sys, lib_folder, buf_bytes(&session->settings_text),
			      &session->settings, err);
}

int session_start(struct session *session, const char *folder, const char *version, struct err *err)
{
	session->extension = (struct extension){
		.folder = folder,
		.version = version,
		.settings = &session->settings,
	};
	session->machine.sys = session->sys;
	session->machine.extension = &session->extension;
	session->machine.proxy_secret = session->settings.proxy_secret;
	return desired_settings(&session->settings, &session->machine.conf, err);
}

void session_done(struct session *session)
{
	if (session->machine.log_fd >= 0)
		(void)close(session->machine.log_fd);
	environment_done(&session->environment);
	buf_done(&session->settings_text);
	settings_done(&session->settings);
	localaccounts_done(&session->extension.local);
	machine_done(&session->machine);
}
