/* SPDX-License-Identifier: MIT */
/* Names of people: user@domain, and DOMAIN\account. */
#ifndef CORE_REDACTNAME_H
#define CORE_REDACTNAME_H

#include "lib/core/redactscan.h"

/* A letter, a digit, or a sign that names of Entra may have; what is above ASCII counts. */
bool redact_is_name_byte(unsigned char c);

/* A name that begins there. */
bool redact_find_name(struct scan *scan, size_t at, struct hit *ret);

#endif
