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

/*
 * Add what keeps the accounts of /etc/passwd out of that list when it stands before it:
 * "!bob@contoso.com," for each one that the patterns cover.  A byte of a name that a pattern could
 * not say becomes a question mark.  Memory: see buf_ok.
 */
void matchuser_spare(struct span user_domains, struct span passwd, struct buf *ret);

#endif
