/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "lib/core/cleanup.h"
#include "lib/core/reason.h"
#include "lib/sys/fs.h"
#include "payload/login/loginconf.h"

static int load(struct sys *sys, struct conf *ret, struct err *err)
{
	AUTO_BUF text = {0};
	AUTO_BUF secret = {0};
	bool exists;
	int r = fs_read(sys, CONF_PATH, FS_TRUSTED, CONF_MAX, &text, NULL, err);

	if (r == 0)
		r = conf_parse(buf_bytes(&text), CONF_PATH, ret, err);
	if (r == 0)
		r = fs_read_optional(sys, CONF_SECRET_PATH, FS_TRUSTED, CONF_MAX, &secret, &exists,
				     NULL, err);
	if (r == 0 && exists)
		r = conf_parse(buf_bytes(&secret), CONF_SECRET_PATH, ret, err);
	return r == 0 ? conf_defaults(ret, err) : r;
}

int loginconf_load(struct sys *sys, struct conf *ret, struct err *err)
{
	AUTO_CONF conf = {0};
	int r = load(sys, &conf, err);

	if (r < 0)
		return reason_add(err, REASON_NOT_CONFIGURED);
	*ret = conf;
	conf = (struct conf){0};
	return 0;
}
