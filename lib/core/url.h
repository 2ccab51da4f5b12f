/* SPDX-License-Identifier: MIT */
/* What must be known of URLs: does one that a service hands out lead back there, and how to make
 * one. */
#ifndef CORE_URL_H
#define CORE_URL_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/core/buf.h"

#define URL_MAX 8192 /* bytes of a URL that is still followed */

/*
 * Is url an absolute https URL on the same host and port as base (also https), in visible
 * ASCII, without user information or backslash, and at most URL_MAX long?  Hosts are compared
 * without letter case; no port and ":443" are the same.
 */
bool url_same_host(const char *url, const char *base);

/*
 * Is url `http://`, an IPv4 address of this machine alone (127.0.0.0/8) and a port, and nothing
 * behind?  A name would be whatever resolves it.
 * ret_address  in the order of the network
 */
bool url_loopback(struct span url, uint32_t *ret_address, uint16_t *ret_port);

/*
 * The port that a client connects to for url: the one it names, or that of http or https, else the
 * fallback.  User information is passed over.  False when none can be told.
 */
bool url_port(const char *url, uint16_t fallback, uint16_t *ret);

/* Add a path, with what a URL cannot have in it escaped: resource groups may have any letters. */
void url_add_path(struct buf *url, const char *path);

#endif
