/* SPDX-License-Identifier: MIT */
/* OpenPGP keys: what is taken is taken again, from its binary form and from its armored one, to the
 * same bytes. */
#include "config.h"

#include <stdint.h>
#include <stdlib.h>

#include "lib/core/pgpkey.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_again(struct span file, struct span keys)
{
	AUTO_BUF again = {0};
	struct err err = {0};

	/* What was shorter in base64 than in binary may be too long now. */
	if (file.len <= PGPKEY_MAX &&
	    (pgpkey_read(file, &again, &err) < 0 || !span_eq(buf_bytes(&again), keys)))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_BUF keys = {0}, armor = {0};
	struct err err = {0};

	if (pgpkey_read((struct span){data, size}, &keys, &err) < 0) {
		if (keys.len || !err.code)
			abort();
		return 0;
	}
	check_again(buf_bytes(&keys), buf_bytes(&keys));
	pgpkey_armor(buf_bytes(&keys), &armor);
	if (!armor.failed)
		check_again(buf_bytes(&armor), buf_bytes(&keys));
	return 0;
}
