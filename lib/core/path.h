/* SPDX-License-Identifier: MIT */
#ifndef CORE_PATH_H
#define CORE_PATH_H

#include "lib/core/span.h"

#define PATH_BYTES_MAX 511

/*
 * A path fit for a passwd line and for the configuration: absolute, not "/" itself, at most
 * PATH_BYTES_MAX bytes, no empty, "." or ".." component, no colon, no control character.
 * libc alone.
 */
bool path_valid(struct span path);

#endif
