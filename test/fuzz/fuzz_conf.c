/* SPDX-License-Identifier: MIT */
/* Any bytes: a configuration that is accepted is written to a text that is accepted and the same.
 */
#include "config.h"

#include <stdint.h>
#include <stdlib.h>

#include "lib/core/conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct conf *conf)
{
	AUTO_BUF text = {0};
	AUTO_BUF second = {0};
	AUTO_CONF again = {0};
	struct err err = {0};

	if (conf_format(conf, &text, &err) < 0 ||
	    conf_parse(buf_bytes(&text), "written", &again, &err) < 0 ||
	    conf_format(&again, &second, &err) < 0 ||
	    !span_eq(buf_bytes(&text), buf_bytes(&second)))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span text = {data, size}, keyword, value;
	AUTO_CONF conf = {0};
	struct err err = {0};

	if (conf_parse(text, "fuzz", &conf, &err) == 0)
		check(&conf);
	while (conf_next(&text, &keyword, &value))
		if (keyword.len == 0 || keyword.p[0] == '#')
			abort();
	return 0;
}
