/* SPDX-License-Identifier: MIT */
/*
 * sshd_config: inserting twice is inserting once, and removing gives back a text that had no block.
 * The first byte chooses the settings; the rest is the main file and, behind a NUL, an included
 * one.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "lib/core/sshdtree.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void round_trip(struct span main, const struct conf *conf)
{
	AUTO_BUF bare = {0}, inserted = {0}, again = {0}, removed = {0};
	struct err err = {0};

	if (sshdconf_remove(main, &bare, &err) < 0)
		return; /* a block that has no end */
	if (sshdconf_insert(main, conf, span_of(""), &inserted, &err) < 0 ||
	    sshdconf_insert(buf_bytes(&inserted), conf, span_of(""), &again, &err) < 0 ||
	    !span_eq(buf_bytes(&again), buf_bytes(&inserted)))
		abort();
	if (sshdconf_block_line(buf_bytes(&inserted)) == 0 ||
	    sshdconf_remove(buf_bytes(&inserted), &removed, &err) < 0)
		abort();
	if (span_eq(buf_bytes(&bare), main) && !span_eq(buf_bytes(&removed), main))
		abort();
}

static void read_tree(struct span main, struct span included, const struct conf *conf)
{
	AUTO_SSHDTREE tree = {0};
	AUTO_BUF main_text = {0}, included_text = {0};
	struct sshd_bar bars[SSHD_BARS_MAX];
	struct sshd_place rival;
	struct err err = {0};

	buf_span(&main_text, main);
	buf_span(&included_text, included);
	if (sshdtree_add(&tree, SSHD_MAIN_PATH, &main_text, &err) < 0 ||
	    sshdtree_add(&tree, SSHD_DROPIN_DIR "/10.conf", &included_text, &err) < 0 ||
	    sshdtree_bars(&tree, conf, included, bars) > SSHD_BARS_MAX)
		abort();
	if (sshdtree_rival(&tree, conf, &rival) && rival.directive.line == 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char any[] = "*", some[] = "contoso.com *.fabrikam.com", group[] = "aad_admins";
	struct conf conf = {.admin_group = group};
	struct span main, included = {0};
	const uint8_t *nul;

	if (size == 0)
		return 0;
	conf.user_domains = data[0] & 1 ? some : any;
	conf.authorized_keys = data[0] & 2 ? AUTHORIZED_KEYS_KEEP : AUTHORIZED_KEYS_NONE;
	main = (struct span){.p = data + 1, .len = size - 1};
	nul = main.len ? memchr(main.p, 0, main.len) : NULL;
	if (nul) {
		included = (struct span){.p = nul + 1, .len = (size_t)(data + size - nul - 1)};
		main.len = (size_t)(nul - main.p);
	}
	round_trip(main, &conf);
	read_tree(main, included, &conf);
	return 0;
}
