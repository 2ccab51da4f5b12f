/* SPDX-License-Identifier: MIT */
#ifndef CORE_MATCHUSER_H
#define CORE_MATCHUSER_H

#include "lib/core/buf.h"
#include "lib/core/span.h"

/*
 * Add the pattern list for sshd's `Match User` that covers every name of name_ours():
 * "*" gives `*@*,<guid>`, "contoso.com *.fabrikam.com" gives
 * `*@contoso.com,*@*.fabrikam.com,<guid>`, where <guid> is 36 question marks and dashes.  sshd
 * compares with what was typed, with case: a domain typed in capitals misses all patterns but
 * `*@*`; the PAM module judges such a login all the same.  user_domains must be valid
 * (name_domains_valid).  Memory: see buf_ok.
 */
void matchuser_patterns(struct span user_domains, struct buf *ret);

#endif
