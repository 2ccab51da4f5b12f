/* SPDX-License-Identifier: MIT */
/*
 * What the VM's owner asks for: N.settings of the guest agent, whose public part is plain and whose
 * protected part is encrypted for this VM.  Source of the file's shape: WALinuxAgent,
 * ga/exthandlers.py, update_settings_file.
 *
 * MUST:
 *  1. A value of the protected part never reaches a message, a log, the state or a plan.
 *  2. A key that is not in the table is an error: a misspelt setting must not be a default.
 *
 * Every failure here but -ENOMEM asks for EXIT_SETTINGS.
 */
#ifndef HANDLER_SETTINGS_H
#define HANDLER_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/core/buf.h"
#include "lib/core/conf.h"
#include "lib/core/json.h"
#include "lib/core/uid.h"
#include "lib/sys/sys.h"

#define SETTINGS_MAX ((size_t)256 << 10) /* bytes of N.settings that are still read */
#define SETTINGS_HASH_SIZE 65 /* SHA-256 in hexadecimal, with its NUL */

enum package_source { PACKAGES_EMBEDDED, PACKAGES_REPOSITORY, PACKAGES_MICROSOFT };
#define PACKAGE_SOURCES 3

/* Strings are owned; NULL means not given. */
struct settings {
	enum package_source package_source;
	char *repository_url;
	char *repository_key_url;
	char *proxy;
	char *no_proxy;
	bool migrate_legacy;
	unsigned identity_wait; /* seconds */
	char *allowed_tenants; /* lower-case GUIDs, separated by blanks */
	char *user_domains; /* "*", or domains separated by blanks */
	enum role_backend role_backend;
	struct uid_range uids;
	char *home_template;
	char *shell;
	enum authorized_keys authorized_keys;
	char *admin_group;
	uint32_t offline_grace; /* seconds */
	char *log_level;
	bool metrics;
	char *approved_local_accounts; /* separated by blanks; NULL: nobody is looked at */
	/* protected */
	char *proxy_secret;
	char *repository_token;
};

#define SETTINGS_INIT                                                                              \
	{                                                                                          \
		.identity_wait = 120, .role_backend = BACKEND_ARM,                                 \
		.uids = {UID_FIRST_DEFAULT, UID_LAST_DEFAULT},                                     \
	}

/* The envelope of N.settings.  All borrow from the document. */
struct settings_file {
	json_t *public_settings; /* an object, or NULL: none */
	const char *protected_text; /* base64, or NULL: none */
	const char *thumbprint; /* of the certificate it is encrypted for, upper-case hexadecimal */
};

/*
 * Take the envelope apart.  An empty text is a file without settings, which leaves *ret_json alone.
 * -EBADMSG not JSON, -EINVAL a part missing or of a wrong type.  The caller owns *ret_json.
 */
int settings_open(struct span text, json_t **ret_json, struct settings_file *ret, struct err *err);

/*
 * Set what an object of settings gives; a key that is null counts as not given.  secret says that
 * it is the protected part, which has keys of its own.  -EINVAL for an unknown key (the message
 * has the nearest known name), a wrong type or a value out of range (the message has key, found and
 * expected, but never a protected value); -ENOMEM.
 */
int settings_apply(const json_t *object, bool secret, struct settings *settings, struct err *err);

/*
 * Do the settings fit each other?  -EINVAL, with the key that is missing: packageSource repository
 * needs repositoryUrl.
 */
int settings_check(const struct settings *settings, struct err *err);

/*
 * Parse the text of a settings file over the defaults, decrypting its protected part with the
 * agent's keys in lib_folder.  Errors of settings_open, settings_apply, protected_open and
 * settings_check.
 */
int settings_parse(struct sys *sys, const char *lib_folder, struct span text, struct settings *ret,
		   struct err *err);

/* The bytes of <config folder>/<sequence>.settings.  -ENOENT, and what fs_read says. */
int settings_load(struct sys *sys, const char *config_folder, int64_t sequence, struct buf *ret,
		  struct err *err);

/* Tells two files apart without a look inside, so that nothing need be decrypted for it. */
void settings_hash(struct span text, char ret[SETTINGS_HASH_SIZE]);

/*
 * The sequence number that counts: given (ConfigSequenceNumber, digits), or when that is NULL the
 * number of the settings file modified last, as the agent itself decides; -ENOENT when there is
 * none. -EINVAL for anything but digits.
 */
int settings_sequence(struct sys *sys, const char *config_folder, const char *given, int64_t *ret,
		      struct err *err);

void settings_done(struct settings *settings);

/* "embedded", "repository", "microsoft" */
const char *package_source_name(enum package_source source);

#endif
