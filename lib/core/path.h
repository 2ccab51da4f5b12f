/* SPDX-License-Identifier: MIT */
#ifndef CORE_PATH_H
#define CORE_PATH_H

#include "lib/core/span.h"

#define PATH_BYTES_MAX 511
#define PATH_COMPONENT_MAX 255 /* bytes, NAME_MAX of every file system that homes are on */

/*
 * A path fit for a passwd line and for the configuration: absolute, not "/" itself, at most
 * PATH_BYTES_MAX bytes, no empty, "." or ".." component and none over PATH_COMPONENT_MAX, no colon,
 * no control character.
 * libc alone.
 */
bool path_valid(struct span path);

#endif
