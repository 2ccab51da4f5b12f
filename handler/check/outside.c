/* SPDX-License-Identifier: MIT */
/* What is outside of the machine, and what leads there. */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "handler/check.h"
#include "handler/desired.h"
#include "handler/resource.h"
#include "lib/core/cleanup.h"
#include "lib/core/cloud.h"
#include "lib/core/yaml.h"
#include "lib/sys/himds.h"

#define PATIENCE_MS 1500
#define REQUEST_TIMEOUT_MS 5000
#define DISCOVERY_MAX ((size_t)64 << 10)
/* sshd and TLS refuse what is not valid yet: a certificate begins minutes before it is made. */
#define SKEW_NOTE_S 30
#define SKEW_FAILED_S 240
#define CHRONYC "/usr/bin/chronyc"

/* The agent names the folder PUBLISHER.TYPE-VERSION; whoever published it may have another name. */
static void find_handler(const char *folder, struct span *publisher, struct span *type)
{
	const char *name = strrchr(folder, '/');
	const char *end = name ? strrchr(name, '-') : NULL;
	const char *dot = end ? memrchr(name, '.', (size_t)(end - name)) : NULL;

	*publisher = span_of("Microsoft.Azure.ActiveDirectory");
	*type = span_of("AADSSHLoginForLinux");
	if (!dot)
		return;
	*publisher = (struct span){(const unsigned char *)name + 1, (size_t)(dot - name - 1)};
	*type = (struct span){(const unsigned char *)dot + 1, (size_t)(end - dot - 1)};
}

static void advise_settings(const struct check *check, struct check_result *ret)
{
	const struct resource it = resource_parse(check->instance.resource_id);
	char group[CHECK_WORD_MAX], name[CHECK_WORD_MAX], by[CHECK_WORD_MAX], what[CHECK_WORD_MAX];
	struct span publisher, type;

	find_handler(check->command->folder, &publisher, &type);
	if (it.name.len && strcmp(it.group, "connectedmachine") != 0)
		check_command(ret,
			      "az %s extension set --resource-group %s --%s-name %s "
			      "--publisher %s --name %s --settings settings.json",
			      it.group, check_word(it.resource_group, group), it.group,
			      check_word(it.name, name), check_word(publisher, by),
			      check_word(type, what));
}

int look_agent(struct check *check, struct check_result *ret, struct err *err)
{
	if (check->no_agent) {
		machine_note(&check->session.machine, "%s: the default settings are assumed",
			     check->no_settings.msg);
		check_see(ret, "the guest agent did not unpack this");
		return 0;
	}
	*err = check->no_settings;
	if (err->code)
		advise_settings(check, ret);
	check_see(ret, "version %s, settings %lld are valid", check->command->version,
		  (long long)check->session.sequence);
	return -err->code;
}

int look_clock(struct check *check, struct check_result *ret, struct err *err)
{
	const int64_t now_s = sys_realtime_s(check->session.sys);
	const int64_t theirs_s = check->instance.date_s;
	const int64_t skew_s = now_s - theirs_s;
	const long long off_s = llabs(skew_s);

	if (check->results[LINK_IMDS].state == CHECK_FAILED) {
		ret->state = CHECK_SKIPPED;
		ret->needs = LINK_IMDS;
		return 0;
	}
	if (theirs_s == 0) {
		ret->state = CHECK_UNKNOWN;
		check_see(ret, "the metadata service does not say what time it is");
		return 0;
	}
	check_see(ret, "%lld s beside that of the metadata service", off_s);
	if (off_s < SKEW_NOTE_S)
		return 0;
	check_command(ret, "%s",
		      fs_exists(check->session.sys, CHRONYC) ? "chronyc makestep"
							     : "timedatectl set-ntp true");
	(void)err_set(err, ERANGE, "the clock is %lld s %s", off_s,
		      skew_s < 0 ? "behind" : "ahead");
	if (off_s >= SKEW_FAILED_S)
		return err_wrap(err, "certificates are not valid by it");
	machine_note(&check->session.machine, "%s", err->msg);
	return 0;
}

int look_imds(struct check *check, struct check_result *ret, struct err *err)
{
	struct machine *m = &check->session.machine;
	struct resource resource;
	struct imds imds;

	if (himds_installed(m->sys) && desired_himds(HIMDS_URL, &m->conf, err) < 0)
		return -err->code;
	imds = imds_of(&m->conf, PATIENCE_MS);
	if (imds_instance(m->sys, &imds, &check->instance, err) < 0) {
		if (imds.kind == IMDS_ARC) {
			check_command(ret, "azcmagent show");
			return err_remedy(err, 0,
					  "the agent's himdsd must run, and nothing else listen "
					  "at %s",
					  imds.base_url);
		}
		check_command(ret,
			      "curl -m 5 --noproxy '*' "
			      "'%s/metadata/instance?api-version=2021-02-01' "
			      "-H Metadata:true",
			      imds.base_url);
		return -err->code;
	}
	resource = resource_parse(check->instance.resource_id);
	check_see(ret, "%.*s in %.*s, %s", (int)resource.name.len, (const char *)resource.name.p,
		  (int)resource.resource_group.len, (const char *)resource.resource_group.p,
		  check->instance.region[0] ? check->instance.region : check->instance.environment);
	return 0;
}

/* The step's remedy is the command itself. */
int look_identity(struct check *check, struct check_result *ret, struct err *err)
{
	int r = check_step(check, "identity", err);

	if (r == 0 || strncmp(err->remedy, "az ", 3) != 0)
		return r;
	check_command(ret, "%s", err->remedy);
	if (check->in_force.tenant)
		machine_note(&check->session.machine,
			     "it had one when " CONF_PATH
			     " was written: nobody's role can be asked "
			     "for until it has one again, and that one needs its roles anew");
	return err_remedy(err, 0, "give it one; it takes up to two minutes to be seen");
}

/* ---- one request, for several links */

/* What is asked of whom: as the machine is configured, then as its cloud is. */
static int find_authority(struct check *check, struct buf *ret, struct err *err)
{
	const struct machine *m = &check->session.machine;
	const char *authority = m->conf.authority ? m->conf.authority : check->in_force.authority;
	const char *environment = check->instance.environment;
	AUTO_YAML table = {0};
	struct cloud cloud;
	int r;

	if (authority) {
		buf_str(ret, authority);
		return buf_ok(ret, err);
	}
	r = extension_table(m->sys, m->extension->folder, "manifest/clouds.yaml", FS_TRUSTED,
			    &table, err);
	if (r == 0)
		r = cloud_find(&table, environment[0] ? environment : "AzurePublicCloud", &cloud,
			       err);
	if (r < 0)
		return r;
	buf_str(ret, cloud.authority);
	return buf_ok(ret, err);
}

static const char *find_tenant(const struct check *check)
{
	const char *own = check->session.machine.conf.tenant;

	return own ? own : check->in_force.tenant ? check->in_force.tenant : "common";
}

const char *check_proxy(const struct check *check)
{
	const struct machine *m = &check->session.machine;
	const char *proxy = m->proxy_secret ? m->proxy_secret : m->conf.proxy;

	return proxy && proxy[0] ? proxy : NULL;
}

static void ask(struct check *check, struct err *err)
{
	const struct conf *conf = &check->session.machine.conf;
	const struct http_request request = {
		.url = buf_text(&check->url),
		.headers = {"Accept: application/json"},
		.timeout_ms = REQUEST_TIMEOUT_MS,
		.body_max = DISCOVERY_MAX,
		.proxy = check_proxy(check),
		.no_proxy = conf->no_proxy,
		.ca_bundle = conf->ca_bundle,
	};

	(void)http_send(check->session.sys, &request, 1, &check->discovery, err);
}

int check_probe(struct check *check, struct err *err)
{
	if (!check->url.len) {
		if (find_authority(check, &check->url, err) < 0)
			return -err->code;
		buf_printf(&check->url, "/%s/v2.0/.well-known/openid-configuration",
			   find_tenant(check));
		if (buf_ok(&check->url, err) < 0)
			return -err->code;
		ask(check, &check->unreached);
	}
	return 0;
}

struct span check_host(const char *url)
{
	const char *scheme = strstr(url, "://");
	const char *begin = scheme ? scheme + 3 : url;
	const char *at = strrchr(begin, '@');

	/* A password may hold slashes that should have been escaped. */
	if (at)
		begin = at + 1;
	return (struct span){(const unsigned char *)begin, strcspn(begin, "/")};
}

/* A proxy that leads nowhere has no answer of its own, or one of its own. */
int look_proxy(struct check *check, struct check_result *ret, struct err *err)
{
	const char *proxy = check_proxy(check);
	char word[CHECK_WORD_MAX];
	struct span host;

	if (!proxy) {
		check_see(ret, "none is set: the outside is asked directly");
		return 0;
	}
	if (check_probe(check, err) < 0)
		return -err->code;
	host = check_host(proxy);
	check_see(ret, "%.*s leads to the outside", (int)host.len, (const char *)host.p);
	if (!check->unreached.code || check->discovery.proxy_status == 200)
		return 0;
	check_command(ret, "curl -m 5 -x %s -sSI %s", check_word(host, word),
		      buf_text(&check->url));
	if (check->discovery.proxy_status)
		return err_set(err, EREMOTEIO, "the proxy %.*s answers %d", (int)host.len,
			       (const char *)host.p, check->discovery.proxy_status);
	return err_set(err, check->unreached.code, "the proxy %.*s: %s", (int)host.len,
		       (const char *)host.p, check->discovery.cause);
}

int look_dns(struct check *check, struct check_result *ret, struct err *err)
{
	char word[CHECK_WORD_MAX];
	struct span host;

	if (check_proxy(check)) {
		check_see(ret, "the proxy resolves names");
		return 0;
	}
	if (check_probe(check, err) < 0)
		return -err->code;
	host = check_host(buf_text(&check->url));
	check_see(ret, "%.*s is resolved", (int)host.len, (const char *)host.p);
	if (check->unreached.code != ENOENT)
		return 0;
	check_command(ret, "getent ahosts %s", check_word(host, word));
	return err_set(err, ENOENT, "%.*s cannot be resolved", (int)host.len, (const char *)host.p);
}
