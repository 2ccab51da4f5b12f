/* SPDX-License-Identifier: MIT */
/*
 * Why a login is refused.  One table for the log, for `aadsshlogin explain` and for what the user
 * reads.  A failure carries its reason in struct err; the message of the err says what this
 * login showed, the row says what it means and what helps.
 *
 * To add a reason, add a row: X(name of the constant, stable identifier, cause, remedy).
 * Cause and remedy are one sentence each.  Identifiers never change.
 */
#ifndef CORE_REASON_H
#define CORE_REASON_H

#include "lib/core/err.h"

/* clang-format off */
#define REASONS(X)                                                                                 \
	/* the machine */                                                                          \
	X(INTERNAL, "internal-error",                                                              \
	  "The sign-in software of this machine failed.",                                          \
	  "Tell the administrator to run aadsshlogin status on the machine.")                      \
	X(NOT_CONFIGURED, "not-configured",                                                        \
	  "Entra sign-in is not configured on this machine.",                                      \
	  "Tell the administrator to run aadsshlogin status on the machine.")                      \
	X(PAM_LINE_MISSING, "pam-line-missing",                                                    \
	  "A PAM file of this machine lacks the line that asks for the role.",                     \
	  "The administrator can run aadsshlogin configure; the extension's next enable does it too.") \
	X(DEADLINE, "deadline",                                                                    \
	  "The decision took too long.",                                                           \
	  "Try again; if it stays so, look at the network between the machine and Azure.")         \
	/* what sshd and the name services ask before anybody of ours; told by explain alone */     \
	X(NAME_NOT_OURS, "name-not-ours",                                                          \
	  "The name is not that of an Entra account that may come to this machine.",               \
	  "Use the whole name, as user@domain, and compare its domain with userDomains.")          \
	X(NAME_UNRESOLVED, "name-unresolved",                                                      \
	  "The name services of this machine do not know the name.",                               \
	  "The administrator can run aadsshlogin configure, and see that libnss_aad.so.2 is there.") \
	X(SHELL_MISSING, "shell-missing",                                                          \
	  "The account's shell is missing or no program, and sshd refuses it.",                    \
	  "Install the shell, or have another one in the account's line of /etc/aadpasswd.")       \
	X(SSHD_NOT_ASKING, "sshd-not-asking",                                                      \
	  "sshd does not ask the key command and PAM for this account.",                           \
	  "The administrator can run aadsshlogin configure, and sshd -T -C user=NAME to compare.") \
	X(SSHD_ACCESS, "sshd-access",                                                              \
	  "A list of users or groups in sshd's configuration keeps the account out.",              \
	  "Change the list that is named; AllowGroups aad_users lets all Entra users pass.")       \
	/* the hand-off from the key command */                                                    \
	X(RECORD_MISSING, "record-missing",                                                        \
	  "No Entra certificate was used for this login.",                                         \
	  "Sign in with az ssh vm, or with a certificate that az ssh cert wrote.")                 \
	X(RECORD_STALE, "record-stale",                                                            \
	  "The record of the certificate belongs to an earlier login.",                            \
	  "Try again.")                                                                            \
	X(RECORD_MALFORMED, "record-malformed",                                                    \
	  "The record of the certificate cannot be read.",                                         \
	  "Try again; if it stays so, tell the administrator.")                                    \
	/* the certificate */                                                                      \
	X(CERT_MALFORMED, "cert-malformed",                                                        \
	  "The certificate is not a well-formed OpenSSH certificate.",                             \
	  "Get a new certificate with az ssh cert.")                                               \
	X(CERT_TYPE, "cert-type",                                                                  \
	  "The certificate is not a user certificate.",                                            \
	  "Get a new certificate with az ssh cert.")                                               \
	X(CERT_OPTION, "cert-option",                                                              \
	  "The certificate has a critical option or an extension that Entra does not write.",      \
	  "Get a new certificate with az ssh cert.")                                               \
	X(CERT_IDENTITY, "cert-identity",                                                          \
	  "The certificate does not say in Entra's way whose it is.",                              \
	  "Get a new certificate with az ssh cert.")                                               \
	X(CERT_PRINCIPAL, "cert-principal",                                                        \
	  "The certificate does not name exactly one account in a form that is accepted.",         \
	  "Get a new certificate with az ssh cert; names are letters, digits and ._-+'!#^~@ only.") \
	X(CERT_WINDOW, "cert-window",                                                              \
	  "The certificate is valid for longer than one day.",                                     \
	  "Get a new certificate with az ssh cert.")                                               \
	X(CERT_WEAK, "cert-weak",                                                                  \
	  "The certificate uses a key size or a signature algorithm that is not accepted.",        \
	  "Use an RSA key of 2048 to 8192 bits, and get a new certificate with az ssh cert.")      \
	X(CERT_NOT_YET_VALID, "cert-not-yet-valid",                                                \
	  "The certificate is not valid yet.",                                                     \
	  "Compare the clock of this machine with the time in UTC.")                               \
	X(CERT_EXPIRED, "cert-expired",                                                            \
	  "The certificate has expired.",                                                          \
	  "Get a new certificate with az ssh cert, or sign in with az ssh vm.")                    \
	X(CA_TYPE, "ca-type",                                                                      \
	  "The certificate is not signed by a plain RSA key.",                                     \
	  "Get a new certificate with az ssh cert.")                                               \
	X(CA_NOT_TRUSTED, "ca-not-trusted",                                                        \
	  "The certificate is signed by a key that is not one of the tenant's.",                   \
	  "Sign in to the cloud of this machine with az login, and get a new certificate.")        \
	X(SIGNATURE_INVALID, "signature-invalid",                                                  \
	  "The signature of the certificate does not verify.",                                     \
	  "Get a new certificate with az ssh cert.")                                               \
	/* whose it is */                                                                          \
	X(TENANT_NOT_ALLOWED, "tenant-not-allowed",                                                \
	  "The account belongs to a tenant that this machine does not allow.",                     \
	  "Sign in with an account of the machine's tenant, or add the tenant to allowedTenants.") \
	X(PRINCIPAL_MISMATCH, "principal-mismatch",                                                \
	  "The certificate is for another account than the one that wants to log in.",             \
	  "Log in with the name that the certificate was issued to.")                              \
	X(OID_MISMATCH, "oid-mismatch",                                                            \
	  "The name belongs to another Entra account on this machine.",                            \
	  "The administrator can free the name with aaduserdel once the former home is dealt with.") \
	X(UID_MISMATCH, "uid-mismatch",                                                            \
	  "The account got another uid while this login was starting.",                            \
	  "Try again.")                                                                            \
	X(LOCAL_ACCOUNT, "local-account",                                                          \
	  "The name belongs to a local account of this machine.",                                  \
	  "The administrator can rename the local account, or leave its domain out of userDomains.") \
	X(ACCOUNT_RENAMED, "account-renamed",                                                      \
	  "The account was known here under another name, and has been renamed.",                  \
	  "Log in again.")                                                                         \
	X(UID_SHARED, "uid-shared",                                                                \
	  "The uid of the account is a local account's or group's too.",                           \
	  "The administrator can give the local one another id, or remove the account with aaduserdel.") \
	/* keys and token */                                                                       \
	X(KEYS_UNREACHABLE, "keys-unreachable",                                                    \
	  "The tenant's signing keys cannot be read.",                                             \
	  "Check that the machine reaches the sign-in service over HTTPS.")                        \
	X(KEYS_MALFORMED, "keys-malformed",                                                        \
	  "The tenant's signing keys are not in the form that Entra documents.",                   \
	  "Check what stands between the machine and the sign-in service, such as a proxy.")       \
	X(IDENTITY_MISSING, "identity-missing",                                                    \
	  "The machine has no system-assigned managed identity.",                                  \
	  "The administrator can run az vm identity assign.")                                      \
	X(TOKEN_UNAVAILABLE, "token-unavailable",                                                  \
	  "The machine cannot get a token of its identity.",                                       \
	  "Try again; if it stays so, look at the metadata service of the machine.")               \
	/* the role backend */                                                                     \
	X(BACKEND_UNREACHABLE, "backend-unreachable",                                              \
	  "The service that knows the roles did not answer.",                                      \
	  "Try again; if it stays so, check that the machine reaches Resource Manager over HTTPS.") \
	X(BACKEND_REFUSED, "backend-refused",                                                      \
	  "The machine's identity may not read role assignments.",                                 \
	  "Give the machine's identity the role Reader on the machine.")                           \
	X(BACKEND_MALFORMED, "backend-malformed",                                                  \
	  "The answer of the service that knows the roles cannot be understood.",                  \
	  "Try again; if it stays so, tell the administrator.")                                    \
	X(ROLE_MISSING, "role-missing",                                                            \
	  "The account has no role that allows to log in to this machine.",                        \
	  "Ask for Virtual Machine User Login or Virtual Machine Administrator Login.")            \
	X(ADMIN_ROLE_MISSING, "admin-role-missing",                                                \
	  "The account has no role that allows to administer this machine.",                       \
	  "Ask for Virtual Machine Administrator Login.")                                          \
	X(ROLE_DENIED, "role-denied",                                                              \
	  "A deny assignment forbids this account to log in.",                                     \
	  "Ask who owns the deny assignment that is named.")                                       \
	/* provisioning */                                                                         \
	X(HOME_OWNED, "home-owned",                                                                \
	  "The home directory belongs to another uid.",                                            \
	  "The administrator can move it away, or give it to the account.")                        \
	X(PROVISION_FAILED, "provision-failed",                                                    \
	  "The account cannot be set up on this machine.",                                         \
	  "Tell the administrator to run aadsshlogin status on the machine.")

enum reason {
	REASON_NONE, /* no refusal */
#define REASON_CONSTANT(name, id, cause, remedy) REASON_##name,
	REASONS(REASON_CONSTANT)
#undef REASON_CONSTANT
	REASON_COUNT
};
/* clang-format on */

struct reason_text {
	const char *id; /* stable, as in "cert-expired" */
	const char *cause;
	const char *remedy;
};

/*
 * Start a failure with a reason: err_set with -EACCES, and the row's remedy.  fmt tells this
 * login's own facts, one clause.
 */
int reason_refuse(struct err *err, enum reason reason, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Give a failure that has none a reason and its remedy; the code stays.  Returns -err->code. */
int reason_add(struct err *err, enum reason reason);

/*
 * What a parser of outside bytes failed with gets its reason, and -EINVAL (a member of another
 * kind) becomes -EBADMSG.  -ENOMEM stays as it is.  Returns -err->code.
 */
int reason_malformed(struct err *err, enum reason reason);

/* The reason of a failure; REASON_INTERNAL when it carries none. */
enum reason reason_of(const struct err *err);

/* The row; an unknown number gets the row of REASON_INTERNAL. */
const struct reason_text *reason_text(enum reason reason);

/* The reason of a stable identifier, REASON_NONE when there is no such row. */
enum reason reason_find(const char *id);

#endif
