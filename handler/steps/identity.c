/* SPDX-License-Identifier: MIT */
/*
 * The machine must have an identity in Entra, and must say which: the configuration is made for
 * its tenant, its resource and its cloud.  Proved as the known product does it, by a token for the
 * application that people sign in to.
 */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "handler/desired.h"
#include "handler/extension.h"
#include "handler/resource.h"
#include "handler/steps.h"
#include "handler/text.h"
#include "lib/core/cleanup.h"
#include "lib/core/outcome.h"
#include "lib/core/yaml.h"
#include "lib/sys/fs.h"
#include "lib/sys/himds.h"
#include "lib/sys/imds.h"

#define SIGN_IN_APPLICATION "ce6ff14a-7fdc-4685-bbe0-f6afdfcfa8e0" /* Azure Linux VM Sign-In */
#define PATIENCE_MS 10000 /* at least; a service that is silent at boot comes within seconds */

static int no_identity(const struct imds_instance *instance, struct err *err)
{
	struct resource it = resource_parse(instance->resource_id);
	/* One of a Flexible scale set, which knows user-assigned identities alone. */
	const bool flexible = instance->scale_set[0] && strcmp(it.group, "vm") == 0;
	AUTO_BUF group = {0}, name = {0};

	shell_text(it.resource_group, &group);
	shell_text(flexible ? span_of(instance->scale_set) : it.name, &name);
	if (flexible)
		return err_remedy(err, EXIT_IDENTITY,
				  "az vmss identity assign --resource-group %s --name %s "
				  "--identities IDENTITY_ID",
				  buf_text(&group), buf_text(&name));
	return err_remedy(err, EXIT_IDENTITY, "az %s identity assign --resource-group %s --name %s",
			  it.group, buf_text(&group), buf_text(&name));
}

/*
 * An Arc machine always has an identity: when the agent does not hand out its token, something of
 * the machine is missing that must run on it, and assigning an identity would not help.
 */
static int service_failed(const struct imds *imds, struct err *err)
{
	if (err_is_shortage(-err->code))
		return -err->code;
	if (imds->kind == IMDS_ARC)
		return err_remedy(
			err, EXIT_DEPENDENCY,
			"run azcmagent show; the agent's himdsd must run, and nothing else "
			"listen at %s",
			imds->base_url);
	return err_remedy(err, EXIT_IDENTITY,
			  "this must be an Azure VM; let every local user reach %s without a proxy",
			  imds->base_url);
}

static int find_cloud(struct machine *m, struct yaml_node *table, const char *environment,
		      struct cloud *ret, struct err *err)
{
	int r = extension_table(m->sys, m->extension->folder, "manifest/clouds.yaml", FS_TRUSTED,
				table, err);

	return r < 0 ? r : cloud_find(table, environment, ret, err);
}

static int learn(struct machine *m, const struct imds *imds, struct err *err)
{
	CLEANUP(imds_token_done) struct imds_token token = {0};
	AUTO_YAML table = {0};
	struct imds_instance instance;
	struct cloud cloud;

	if (imds_instance(m->sys, imds, &instance, err) < 0)
		return service_failed(imds, err);
	if (find_cloud(m, &table, instance.environment, &cloud, err) < 0)
		return -err->code;
	if (imds_token(m->sys, imds, SIGN_IN_APPLICATION, &token, err) < 0)
		return err->code == ENOENT ? no_identity(&instance, err)
					   : service_failed(imds, err);
	(void)snprintf(m->extension->microsoft, sizeof(m->extension->microsoft), "%s",
		       cloud.repository);
	if (desired_identity(token.claims.tid, instance.resource_id, &cloud, &m->conf, err) < 0)
		return -err->code;
	return desired_pdp(instance.region, &cloud, &m->conf, err);
}

static int plan(struct machine *m, enum want want, struct changes *ret, struct err *err)
{
	const int64_t wait_ms = (int64_t)m->extension->settings->identity_wait * 1000;
	struct imds imds;

	(void)ret;
	if (want == WANT_ABSENT)
		return 0;
	if (himds_installed(m->sys) && desired_himds(HIMDS_URL, &m->conf, err) < 0)
		return -err->code;
	imds = imds_of(&m->conf, wait_ms > PATIENCE_MS ? wait_ms : PATIENCE_MS);
	imds.identity_wait_ms = wait_ms;
	return learn(m, &imds, err);
}

const struct step step_identity = {
	.name = "identity",
	.purpose = "the machine's identity in Entra",
	.exit_code = EXIT_IDENTITY,
	.plan = plan,
};
