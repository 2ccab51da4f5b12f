/* SPDX-License-Identifier: MIT */
/*
 * OpenPGP public keys as files: is this one, and in which of the two forms.  What the key says
 * is for apt, rpm and gpgv to judge; here only what is not a public key at all is kept from
 * them.  Source: RFC 9580, sections 4 and 6.
 */
#ifndef CORE_PGPKEY_H
#define CORE_PGPKEY_H

#include "lib/core/buf.h"

#define PGPKEY_MAX ((size_t)256 << 10) /* bytes of a file that is still read */

/*
 * Read a file with public keys, binary or armored: one block, or several one after the other, and
 * nothing but blank lines around them.
 * ret  the keys, binary; appended on success only
 * -EMSGSIZE (over PGPKEY_MAX); -EBADMSG: neither form, broken armor, a packet that ends too late,
 * something that is not part of a public key (a secret key, a message); -ENOMEM.
 */
int pgpkey_read(struct span file, struct buf *ret, struct err *err);

/* Append the armored form of binary keys, for tools that read no other.  See buf_ok. */
void pgpkey_armor(struct span keys, struct buf *ret);

#endif
