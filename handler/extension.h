/* SPDX-License-Identifier: MIT */
/* The handler's part of a machine: what the guest agent and the VM's owner told it, for its steps.
 */
#ifndef HANDLER_EXTENSION_H
#define HANDLER_EXTENSION_H

#include "handler/localaccounts.h"
#include "handler/settings.h"
#include "lib/core/yaml.h"

struct extension {
	const char *folder; /* the unpacked zip: bin/, manifest/, packages/, SHA256SUMS */
	const char *version; /* of the zip, as "1.0.0.0" */
	const struct settings *settings;
	bool reached; /* this run reads a repository, whose traces are needed until it is through */
	bool enable_follows; /* what no step needs is left to that */
	bool looked; /* local is what a look of this run saw */
	struct localaccounts local;
	char microsoft[256]; /* URL of the cloud's repository, of the identity step; "" before it */
};

/*
 * Parse the table <folder>/<name>; *ret borrows name.  flags are those of fs_read.  The errors of
 * fs_read and yaml_parse, all with outcome EXIT_DEPENDENCY.
 */
int extension_table(struct sys *sys, const char *folder, const char *name, unsigned flags,
		    struct yaml_node *ret, struct err *err);

#endif
