/* SPDX-License-Identifier: MIT */
/*
 * Take out of text what its reader shall not learn: keys, certificates, tokens, passwords and names
 * of people.  Pure.
 *
 * It goes by how things look, so that it needs to know nothing of who wrote the text:
 *  - what stands between BEGIN and END of PEM, and lines of its letters where one of them was cut
 *    off;
 *  - JSON Web Tokens, what follows Bearer and Basic, client secrets, the hashes of crypt(3);
 *  - user information in URLs, and in HOST:PORT with an `@` before it;
 *  - the value of what is called a password, a token, a secret, a key, a signature: behind `=` or
 *    `:`, with all that is in its brackets, in an element of XML, and on a command line behind the
 *    blank after such an option; the arguments of some options of some programs (`curl -u`), and
 *    behind `password` in netrc;
 *  - runs of base64 of REDACT_BLOB_MIN bytes and more, such as keys of SSH, but for SHA256
 *    fingerprints and UUIDs;
 *  - names with an `@` and a domain of two labels or more, also where the domain was wrapped, and
 *    DOMAIN\account, where it is no escape.
 * It reads what URLs, JSON, HTML, sshd, systemd and rsyslog escape.  Arrays, objects and numbers
 * become a string, so that JSON stays JSON.
 * A name always gets the same pseudonym, in any letter case, as long as the struct redact lives.  A
 * secret that looks like a word and has no name is not found.  UUIDs stay: object ids, tenants and
 * subscriptions open nothing, and no role assignment can be looked up without them.
 */
#ifndef CORE_REDACT_H
#define CORE_REDACT_H

#include "lib/core/buf.h"

#define REDACT_BLOB_MIN 32

enum redact_kind {
	REDACT_KEY,
	REDACT_TOKEN,
	REDACT_PASSWORD,
	REDACT_SECRET,
	REDACT_ENCODED,
	REDACT_NAME,
};
#define REDACT_KINDS 6

/* The zero value replaces names too. */
struct redact {
	bool keep_names;
	struct buf people, domains; /* those met, lower-case, a line each */
	size_t counts[REDACT_KINDS]; /* how often each kind was replaced */
};

/*
 * Add the text with each find replaced: by `[KIND-removed]`, a name by `person-N@domain-N`.  What
 * is not found stays byte by byte; what was redacted before stays too.  Memory: see buf_ok.
 */
void redact_text(struct redact *redact, struct span text, struct buf *ret);

/* "key", "token", "password", "secret", "encoded", "name" */
const char *redact_kind_name(enum redact_kind kind);

void redact_done(struct redact *redact);

#endif
