/* SPDX-License-Identifier: MIT */
/*
 * The settings file.  Whatever is accepted must be a configuration that the login runtime accepts
 * too; the public part is tried as the protected one as well, since no engine guesses CMS.
 */
#include "config.h"

#include <stdlib.h>

#include "handler/desired.h"
#include "lib/core/cleanup.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must_be_a_configuration(const struct settings *settings)
{
	AUTO_CONF written = {0};
	AUTO_CONF read = {0};
	struct err err = {0};
	AUTO_BUF text = {0};

	if (desired_settings(settings, &written, &err) < 0 ||
	    conf_format(&written, &text, &err) < 0 ||
	    conf_parse(buf_bytes(&text), "the configuration", &read, &err) < 0)
		abort();
}

/* As the config step writes it into the secret file. */
static void must_be_a_proxy(const char *proxy)
{
	AUTO_CONF read = {0};
	struct err err = {0};
	AUTO_BUF text = {0};

	buf_printf(&text, "proxy %s\n", proxy);
	if (conf_parse(buf_bytes(&text), "the secret", &read, &err) < 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(settings_done) struct settings open = SETTINGS_INIT;
	CLEANUP(settings_done) struct settings secret = SETTINGS_INIT;
	struct settings_file file = {0};
	AUTO_JSON *json = NULL;
	struct err err = {0};

	if (settings_open((struct span){data, size}, &json, &file, &err) < 0 ||
	    !file.public_settings)
		return 0;
	if (settings_apply(file.public_settings, false, &open, &err) == 0)
		must_be_a_configuration(&open);
	if (settings_apply(file.public_settings, true, &secret, &err) == 0 && secret.proxy_secret)
		must_be_a_proxy(secret.proxy_secret);
	return 0;
}
