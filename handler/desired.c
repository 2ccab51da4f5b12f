/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "handler/desired.h"
#include "lib/core/cleanup.h"

/* Replace an owned string; NULL and "" leave it alone. */
static bool copy(char **field, const char *text)
{
	char *own;

	if (!text || !text[0])
		return true;
	own = strdup(text);
	if (!own)
		return false;
	free(*field);
	*field = own;
	return true;
}

int desired_settings(const struct settings *settings, struct conf *ret, struct err *err)
{
	AUTO_CONF conf = {
		.uid_first = settings->uids.first,
		.uid_last = settings->uids.last,
		.role_backend = settings->role_backend,
		.authorized_keys = settings->authorized_keys,
		.offline_grace = settings->offline_grace,
		.metrics = settings->metrics,
	};

	if (!copy(&conf.allowed_tenants, settings->allowed_tenants) ||
	    !copy(&conf.user_domains, settings->user_domains) ||
	    !copy(&conf.home_template, settings->home_template) ||
	    !copy(&conf.shell, settings->shell) ||
	    !copy(&conf.admin_group, settings->admin_group) ||
	    !copy(&conf.log_level, settings->log_level) || !copy(&conf.proxy, settings->proxy) ||
	    !copy(&conf.no_proxy, settings->no_proxy))
		return err_oom(err);
	if (conf.role_backend == BACKEND_STATIC && !copy(&conf.roles_file, ROLES_FILE))
		return err_oom(err);
	if (conf_defaults(&conf, err) < 0)
		return -err->code;
	conf_done(ret);
	*ret = conf;
	conf = (struct conf){0};
	return 0;
}

int desired_himds(const char *url, struct conf *conf, struct err *err)
{
	if (!copy(&conf->himds, url))
		return err_oom(err);
	free(conf->imds);
	conf->imds = NULL;
	return 0;
}

int desired_identity(const char *tenant, const char *resource_id, const struct cloud *cloud,
		     struct conf *conf, struct err *err)
{
	if (!copy(&conf->tenant, tenant) || !copy(&conf->resource_id, resource_id) ||
	    !copy(&conf->cloud, cloud->cloud_instance_name) ||
	    !copy(&conf->authority, cloud->authority) ||
	    !copy(&conf->resource_manager, cloud->resource_manager))
		return err_oom(err);
	return 0;
}

int desired_pdp(const char *region, const struct cloud *cloud, struct conf *conf, struct err *err)
{
	AUTO_BUF url = {0};

	if (conf->role_backend != BACKEND_PDP)
		return 0;
	if (cloud_pdp(cloud, region, &url, err) < 0)
		return -err->code;
	return copy(&conf->pdp, buf_text(&url)) ? 0 : err_oom(err);
}
