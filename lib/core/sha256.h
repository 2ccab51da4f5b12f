/* SPDX-License-Identifier: MIT */
/*
 * SHA-256 (FIPS 180-4).  Programs use OpenSSL; this one is there because the NSS module, which
 * is loaded into every process, may use libc alone and must know a new user's uid.
 */
#ifndef CORE_SHA256_H
#define CORE_SHA256_H

#include "lib/core/span.h"

#define SHA256_LEN 32

void sha256(struct span bytes, unsigned char ret[SHA256_LEN]);

#endif
