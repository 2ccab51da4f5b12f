/* SPDX-License-Identifier: MIT */
/* The one thing that must be known of a URL that a service hands out: does it lead back there? */
#ifndef CORE_URL_H
#define CORE_URL_H

#include <stdbool.h>

#define URL_MAX 8192 /* bytes of a URL that is still followed */

/*
 * Is url an absolute https URL on the same host and port as base (also https), in visible
 * ASCII, without user information or backslash, and at most URL_MAX long?  Hosts are compared
 * without letter case; no port and ":443" are the same.
 */
bool url_same_host(const char *url, const char *base);

#endif
