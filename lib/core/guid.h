/* SPDX-License-Identifier: MIT */
#ifndef CORE_GUID_H
#define CORE_GUID_H

#include "lib/core/span.h"

#define GUID_LEN 36
#define GUID_SIZE (GUID_LEN + 1) /* with its NUL */

/* Lower-case and dashed, as in 1c0163c0-47e6-4577-8991-ea5c82e286e4, and nothing else.  libc alone.
 */
bool guid_valid(struct span text);

#endif
