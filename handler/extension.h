/* SPDX-License-Identifier: MIT */
/* The handler's part of a machine: what the guest agent and the VM's owner told it, for its steps.
 */
#ifndef HANDLER_EXTENSION_H
#define HANDLER_EXTENSION_H

#include "handler/settings.h"

struct extension {
	const char *folder; /* the unpacked zip: bin/, manifest/, packages/, SHA256SUMS */
	const char *version; /* of the zip, as "1.0.0.0" */
	const struct settings *settings;
};

#endif
