/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/cms.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "handler/protected.h"
#include "handler/settings.h"
#include "lib/core/base64.h"
#include "lib/core/cleanup.h"
#include "lib/core/outcome.h"
#include "lib/sys/fs.h"

#define THUMBPRINT_LEN 40 /* SHA-1 in hexadecimal */
#define PEM_MAX ((size_t)64 << 10)

static void bio_done(BIO **bio)
{
	BIO_free_all(*bio);
}

static void cms_done(CMS_ContentInfo **cms)
{
	CMS_ContentInfo_free(*cms);
}

static void key_done(EVP_PKEY **key)
{
	EVP_PKEY_free(*key);
}

static void certificate_done(X509 **certificate)
{
	X509_free(*certificate);
}

void protected_wipe(struct buf *secret)
{
	if (secret->data)
		OPENSSL_cleanse(secret->data, secret->len);
	buf_done(secret);
}

void protected_free(char *secret)
{
	if (secret)
		OPENSSL_cleanse(secret, strlen(secret));
	free(secret);
}

static int refuse(struct err *err, const char *what)
{
	const char *reason = ERR_reason_error_string(ERR_peek_last_error());

	ERR_clear_error();
	return err_set(err, EBADMSG, "the protected settings %s%s%s", what, reason ? ": " : "",
		       reason ? reason : "");
}

/* The thumbprint becomes part of a path: nothing but digits may be in it. */
static int check_thumbprint(const char *text, char ret[THUMBPRINT_LEN + 1], struct err *err)
{
	if (strlen(text) != THUMBPRINT_LEN ||
	    strspn(text, "0123456789abcdefABCDEF") != THUMBPRINT_LEN)
		return err_set(err, EINVAL,
			       "protectedSettingsCertThumbprint is \"%.48s\", expected 40 "
			       "hexadecimal digits",
			       text);
	for (size_t i = 0; i <= THUMBPRINT_LEN; i++)
		ret[i] = (char)toupper((unsigned char)text[i]);
	return 0;
}

static int read_pem(struct sys *sys, const char *lib_folder, const char *thumbprint,
		    const char *suffix, struct buf *ret, struct err *err)
{
	char path[PATH_MAX];
	int r;

	(void)snprintf(path, sizeof(path), "%s/%s.%s", lib_folder, thumbprint, suffix);
	r = fs_read(sys, path, FS_TRUSTED, PEM_MAX, ret, NULL, err);
	if (r < 0)
		(void)err_wrap(err,
			       "cannot decrypt the protected settings, made for certificate %s",
			       thumbprint);
	if (r == -ENOENT)
		(void)err_remedy(err, 0,
				 "set the protected settings again, so that they are encrypted for "
				 "a certificate that the VM has");
	return r;
}

/* Some tools break base64 into lines. */
static int decode(const char *base64, struct buf *ret, struct err *err)
{
	AUTO_BUF line = {0};

	for (const char *c = base64; *c; c++)
		if (*c != '\r' && *c != '\n')
			buf_add(&line, c, 1);
	if (buf_ok(&line, err) < 0)
		return -err->code;
	if (base64_decode(buf_bytes(&line), ret, err) < 0)
		return err_wrap(err, "the protected settings");
	return 0;
}

static int decrypt(const struct buf *der, const struct buf *key_pem,
		   const struct buf *certificate_pem, struct buf *ret, struct err *err)
{
	CLEANUP(bio_done) BIO *der_bio = BIO_new_mem_buf(buf_text(der), (int)der->len);
	CLEANUP(bio_done) BIO *key_bio = BIO_new_mem_buf(buf_text(key_pem), (int)key_pem->len);
	CLEANUP(bio_done)
	BIO *certificate_bio =
		BIO_new_mem_buf(buf_text(certificate_pem), (int)certificate_pem->len);
	CLEANUP(bio_done) BIO *out = BIO_new(BIO_s_secmem());
	CLEANUP(cms_done) CMS_ContentInfo *cms = NULL;
	CLEANUP(key_done) EVP_PKEY *key = NULL;
	CLEANUP(certificate_done) X509 *certificate = NULL;
	static char no_password[] = "";
	char *plain;
	long len;

	if (!der_bio || !key_bio || !certificate_bio || !out)
		return err_oom(err);
	cms = d2i_CMS_bio(der_bio, NULL);
	if (!cms || OBJ_obj2nid(CMS_get0_type(cms)) != NID_pkcs7_enveloped)
		return refuse(err, "are not CMS EnvelopedData");
	key = PEM_read_bio_PrivateKey(key_bio, NULL, NULL, no_password);
	certificate = PEM_read_bio_X509(certificate_bio, NULL, NULL, no_password);
	if (!key || !certificate)
		return refuse(err, "cannot be decrypted, the agent's key is not readable");
	if (CMS_decrypt(cms, key, certificate, NULL, out, 0) != 1)
		return refuse(err, "cannot be decrypted");
	len = BIO_get_mem_data(out, &plain);
	if (len <= 0 || (size_t)len > SETTINGS_MAX)
		return refuse(err, "are empty or too long");
	buf_add(ret, plain, (size_t)len);
	return buf_ok(ret, err);
}

int protected_open(struct sys *sys, const char *lib_folder, const char *thumbprint,
		   const char *base64, struct buf *ret, struct err *err)
{
	CLEANUP(protected_wipe) struct buf key = {0};
	AUTO_BUF certificate = {0};
	AUTO_BUF der = {0};
	char digits[THUMBPRINT_LEN + 1];
	int r = check_thumbprint(thumbprint, digits, err);

	if (r == 0)
		r = read_pem(sys, lib_folder, digits, "prv", &key, err);
	if (r == 0)
		r = read_pem(sys, lib_folder, digits, "crt", &certificate, err);
	if (r == 0)
		r = decode(base64, &der, err);
	if (r == 0)
		r = decrypt(&der, &key, &certificate, ret, err);
	if (r < 0)
		err->outcome = EXIT_SETTINGS;
	return r;
}
