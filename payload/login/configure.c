/* SPDX-License-Identifier: MIT */
/*
 * `aadsshlogin configure` and `unconfigure`: the steps that the extension runs too, for a machine
 * without it, and for the package's own removal.
 */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/core/cleanup.h"
#include "lib/core/cloud.h"
#include "lib/core/conf.h"
#include "lib/steps/changes.h"
#include "lib/steps/run.h"
#include "lib/sys/fs.h"
#include "lib/sys/himds.h"
#include "lib/sys/imds.h"
#include "payload/login/command.h"

#define CLOUDS_PATH "/usr/share/aadsshlogin/clouds.yaml"
#define SIGN_IN_APPLICATION "ce6ff14a-7fdc-4685-bbe0-f6afdfcfa8e0" /* Azure Linux VM Sign-In */
#define PATIENCE_MS 10000

static const struct step *const steps[] = {
	&step_config,  &step_accounts, &step_pam,    &step_sudo,
	&step_selinux, &step_sshd,     &step_verify,
};

/* What is configured now; a machine that never was is a clean slate. */
static int read_file(struct sys *sys, const char *path, struct conf *conf, struct err *err)
{
	AUTO_BUF text = {0};
	bool exists;
	int r = fs_read_optional(sys, path, FS_TRUSTED, CONF_MAX, &text, &exists, NULL, err);

	return r < 0 ? r : conf_parse(buf_bytes(&text), path, conf, err);
}

static int read_arguments(int argc, char **argv, struct conf *conf, struct err *err)
{
	AUTO_BUF text = {0};

	for (int i = 1; i < argc; i++) {
		const char *equals = strchr(argv[i], '=');

		if (!equals || strchr(argv[i], '\n'))
			return err_set(err, EINVAL, "%s is not KEYWORD=VALUE", argv[i]);
		buf_printf(&text, "%.*s %s\n", (int)(equals - argv[i]), argv[i], equals + 1);
	}
	if (buf_ok(&text, err) < 0)
		return -ENOMEM;
	return conf_parse(buf_bytes(&text), "the arguments", conf, err);
}

static void add_line(struct buf *text, const char *keyword, const char *known, const char *value)
{
	if (!known && value)
		buf_printf(text, "%s %s\n", keyword, value);
}

static int find_cloud(struct sys *sys, const char *environment, struct yaml_node *table,
		      struct cloud *ret, struct err *err)
{
	AUTO_BUF text = {0};
	int r = fs_read(sys, CLOUDS_PATH, FS_TRUSTED, YAML_MAX, &text, NULL, err);

	if (r == 0)
		r = yaml_parse(buf_bytes(&text), CLOUDS_PATH, table, err);
	return r < 0 ? r : cloud_find(table, environment, ret, err);
}

static bool needs_pdp(const struct conf *conf)
{
	return conf->role_backend == BACKEND_PDP && !conf->pdp;
}

/* Ask the metadata service for whatever of the machine's place in Azure is not said. */
static int discover(struct sys *sys, struct conf *conf, struct err *err)
{
	const struct imds imds = imds_of(conf, PATIENCE_MS);
	CLEANUP(imds_token_done) struct imds_token token = {0};
	struct imds_instance instance;
	AUTO_YAML table = {0};
	struct cloud cloud;
	AUTO_BUF text = {0};
	AUTO_BUF pdp = {0};
	int r;

	if (conf->tenant && conf->resource_id && conf->authority && conf->resource_manager &&
	    !needs_pdp(conf))
		return 0;
	r = imds_instance(sys, &imds, &instance, err);
	if (r == 0)
		r = find_cloud(sys, instance.environment, &table, &cloud, err);
	if (r == 0 && needs_pdp(conf))
		r = cloud_pdp(&cloud, instance.region, &pdp, err);
	if (r == 0 && !conf->tenant)
		r = imds_token(sys, &imds, SIGN_IN_APPLICATION, &token, err);
	if (r < 0)
		return r;
	add_line(&text, "tenant", conf->tenant, token.claims.tid);
	add_line(&text, "resource_id", conf->resource_id, instance.resource_id);
	add_line(&text, "cloud", conf->cloud, cloud.cloud_instance_name);
	add_line(&text, "authority", conf->authority, cloud.authority);
	add_line(&text, "resource_manager", conf->resource_manager, cloud.resource_manager);
	add_line(&text, "pdp", conf->pdp, pdp.len ? buf_text(&pdp) : NULL);
	if (buf_ok(&text, err) < 0)
		return -ENOMEM;
	return conf_parse(buf_bytes(&text), "instance metadata", conf, err);
}

/* Where nobody said which service knows the machine, the agent of Arc is one that can be seen. */
static int find_service(struct sys *sys, struct conf *conf, struct err *err)
{
	if (conf->imds || conf->himds || !himds_installed(sys))
		return 0;
	return conf_parse(SPAN_LIT("himds " HIMDS_URL), "the Arc agent", conf, err);
}

static int fill(struct machine *m, int argc, char **argv, struct err *err)
{
	int r = read_file(m->sys, CONF_PATH, &m->conf, err);

	if (r == 0)
		r = read_arguments(argc, argv, &m->conf, err);
	if (r == 0)
		r = find_service(m->sys, &m->conf, err);
	if (r == 0)
		r = conf_defaults(&m->conf, err);
	return r < 0 ? r : discover(m->sys, &m->conf, err);
}

static void tell(const struct step_result *result, void *arg)
{
	(void)arg;
	(void)printf("%-8s %s%s%s\n", result->step->name, step_state_name(result->state),
		     result->message[0] ? ": " : "", result->message);
	for (size_t i = 0; i < result->note_count; i++)
		(void)printf("%-8s note: %s\n", result->step->name, result->notes[i]);
}

static struct run new_run(struct machine *m, struct step_result *results)
{
	return (struct run){
		.machine = m,
		.steps = steps,
		.count = ARRAY_LEN(steps),
		.results = results,
		.observer = tell,
	};
}

int configure_command(struct sys *sys, int argc, char **argv)
{
	struct step_result results[ARRAY_LEN(steps)];
	struct machine m = {.sys = sys, .log_fd = -1};
	struct run run = new_run(&m, results);
	struct err err = {0};
	AUTO_CONF secret = {0};
	int r;

	if (argc > 1 && argv[1][0] == '-')
		return command_usage(argc, argv, "aadsshlogin configure [KEYWORD=VALUE]...");
	r = command_needs_root(&err);
	if (r == 0)
		r = fill(&m, argc, argv, &err);
	if (r == 0)
		r = read_file(sys, CONF_SECRET_PATH, &secret, &err);
	if (r == 0) {
		m.proxy_secret = secret.proxy;
		r = run_apply(&run, &err);
	}
	machine_done(&m);
	return r < 0 ? command_failed("aadsshlogin", &err) : COMMAND_OK;
}

/* What the files were like before us is of no use any more; the ledger of users stays. */
static void forget_originals(struct sys *sys)
{
	struct err ignored = {0};

	(void)fs_remove_tree(sys, ORIGINAL_DIR, &ignored);
	(void)fs_rmdir(sys, STATE_DIR, &ignored);
}

/* A configuration that is gone or cannot be read does not keep our lines on the machine. */
int unconfigure_command(struct sys *sys, int argc, char **argv)
{
	struct step_result results[ARRAY_LEN(steps)];
	struct machine m = {.sys = sys, .log_fd = -1};
	struct run run = new_run(&m, results);
	struct err err = {0}, ignored = {0};
	int r;

	if (argc != 1)
		return command_usage(argc, argv, "aadsshlogin unconfigure");
	r = command_needs_root(&err);
	if (r == 0 && read_file(sys, CONF_PATH, &m.conf, &ignored) < 0)
		conf_done(&m.conf);
	if (r == 0)
		r = conf_defaults(&m.conf, &err);
	if (r == 0)
		r = run_revert(&run, &err);
	if (r == 0)
		forget_originals(sys);
	machine_done(&m);
	return r < 0 ? command_failed("aadsshlogin", &err) : COMMAND_OK;
}
