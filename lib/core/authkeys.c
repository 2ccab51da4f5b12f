/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "lib/core/authkeys.h"
#include "lib/core/base64.h"
#include "lib/core/cleanup.h"

#define BLOB_TEXT_MAX 32768 /* bytes: sshd itself takes no RSA key over 16384 bits */

static const struct type {
	const char *name;
	enum authkey_kind kind;
	unsigned strings; /* of the blob, behind the type */
	unsigned bits; /* 0: those of the number that size names */
	unsigned size;
} types[] = {
	{"ssh-rsa", AUTHKEY_RSA, 2, 0, 1},
	{"ssh-dss", AUTHKEY_DSA, 4, 0, 0},
	{"ecdsa-sha2-nistp256", AUTHKEY_ECDSA, 2, 256, 0},
	{"ecdsa-sha2-nistp384", AUTHKEY_ECDSA, 2, 384, 0},
	{"ecdsa-sha2-nistp521", AUTHKEY_ECDSA, 2, 521, 0},
	{"ssh-ed25519", AUTHKEY_ED25519, 1, 256, 0},
	{"sk-ecdsa-sha2-nistp256@openssh.com", AUTHKEY_SK_ECDSA, 3, 256, 0},
	{"sk-ssh-ed25519@openssh.com", AUTHKEY_SK_ED25519, 2, 256, 0},
};

const char *authkey_kind_name(enum authkey_kind kind)
{
	static const char *const names[AUTHKEY_KINDS] = {
		[AUTHKEY_RSA] = "RSA",           [AUTHKEY_DSA] = "DSA",
		[AUTHKEY_ECDSA] = "ECDSA",       [AUTHKEY_ED25519] = "Ed25519",
		[AUTHKEY_SK_ECDSA] = "ECDSA-SK", [AUTHKEY_SK_ED25519] = "Ed25519-SK",
		[AUTHKEY_OTHER] = "unknown",
	};

	return names[kind];
}

bool authkey_supported(const struct authkey *key)
{
	switch (key->kind) {
	case AUTHKEY_RSA:
		return key->bits >= 2048;
	case AUTHKEY_DSA:
	case AUTHKEY_ECDSA:
	case AUTHKEY_SK_ECDSA:
		return false;
	default:
		return true;
	}
}

/* ---- the blob */

static unsigned number_bits(struct span number)
{
	unsigned bits;

	while (number.len && number.p[0] == 0)
		(void)span_take(&number, 1, &(struct span){0});
	if (number.len == 0)
		return 0;
	bits = (unsigned)number.len * 8;
	for (unsigned char top = number.p[0]; !(top & 0x80); top = (unsigned char)(top << 1))
		bits--;
	return bits;
}

/* What is in a blob of a known type must be all of it. */
static bool measure(const struct type *type, struct span blob, struct authkey *key)
{
	struct span part;

	key->kind = type->kind;
	key->bits = type->bits;
	for (unsigned i = 0; i < type->strings; i++) {
		if (!span_string(&blob, &part) || part.len == 0)
			return false;
		if (!type->bits && i == type->size)
			key->bits = number_bits(part);
	}
	return blob.len == 0;
}

/* Releases differ in what a type may be called before the blob, as "RSA": what is inside counts. */
static bool judge_blob(struct span name, struct span blob, struct authkey *key)
{
	struct span inner;

	if (!span_string(&blob, &inner))
		return false;
	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		if (span_is(inner, types[i].name))
			return measure(&types[i], blob, key);
	key->kind = AUTHKEY_OTHER;
	return span_eq(inner, name) && !span_has(inner, "-cert-v0") && blob.len > 0;
}

/* sshd passes over what isspace() says; blanks and tabs have ended the word already. */
static void drop_spaces(struct span word, struct buf *ret)
{
	for (size_t i = 0; i < word.len; i++)
		if (!memchr("\r\v\f", word.p[i], 3))
			buf_add(ret, &word.p[i], 1);
}

/* Does the line go on with a key?  1, 0, -ENOMEM. */
static int take_key(struct span line, struct authkey *key, struct err *err)
{
	struct span name, word;
	AUTO_BUF text = {0}, blob = {0};

	if (!span_word(&line, &name) || !span_word(&line, &word) || word.len > BLOB_TEXT_MAX)
		return 0;
	drop_spaces(word, &text);
	if (buf_ok(&text, err) < 0)
		return -ENOMEM;
	if (base64_decode(buf_bytes(&text), &blob, err) < 0) {
		if (err->code == ENOMEM)
			return -ENOMEM;
		*err = (struct err){0};
		return 0;
	}
	if (!judge_blob(name, buf_bytes(&blob), key))
		return 0;
	return cert_fingerprint(buf_bytes(&blob), key->fingerprint, err) < 0 ? -ENOMEM : 1;
}

/* ---- the line */

static void note_option(struct span option, struct authkey *key)
{
	key->authority = key->authority || span_is_nocase(option, "cert-authority");
}

/* Options end at the first blank outside of quotes.  False where a quote does not end. */
static bool take_options(struct span *line, struct authkey *key)
{
	struct span option = {line->p, 0};
	bool quoted = false;
	size_t i = 0;

	for (; i < line->len && (quoted || (line->p[i] != ' ' && line->p[i] != '\t')); i++) {
		if (line->p[i] == '\\' && i + 1 < line->len && line->p[i + 1] == '"') {
			i++;
		} else if (line->p[i] == '"') {
			quoted = !quoted;
		} else if (line->p[i] == ',' && !quoted) {
			option.len = (size_t)(&line->p[i] - option.p);
			note_option(option, key);
			option.p = &line->p[i] + 1;
		}
	}
	option.len = (size_t)(&line->p[i] - option.p);
	note_option(option, key);
	return !quoted && span_take(line, i, &(struct span){0});
}

static int judge_line(struct span line, struct authkey *key, struct err *err)
{
	int r;

	while (line.len && (line.p[0] == ' ' || line.p[0] == '\t'))
		(void)span_take(&line, 1, &(struct span){0});
	if (line.len == 0 || line.p[0] == '#')
		return 0;
	r = take_key(line, key, err);
	if (r == 0 && take_options(&line, key))
		r = take_key(line, key, err);
	return r;
}

int authkeys_next(struct authkeys *in, struct authkey *ret, struct err *err)
{
	struct span line;

	while (span_line(&in->rest, &line)) {
		struct authkey key = {.line = ++in->line};
		int r = judge_line(line, &key, err);

		if (r > 0)
			*ret = key;
		if (r != 0)
			return r;
	}
	return 0;
}
