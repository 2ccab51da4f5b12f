/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <errno.h>

#include "lib/core/cleanup.h"
#include "lib/sys/repomanagers.h"

#define ROOT                                                                                       \
	REPO_DIR "/root" /* a machine of zypper's own, with a database of rpm in which the key is  \
			  */
#define KEY REPO_DIR "/key.asc"
#define KEYS REPO_DIR "/keys" /* the same database without a machine */
#define DNF_CONF REPO_DIR "/dnf.conf"
#define TDNF_CONF REPO_DIR "/tdnf.conf"
#define REPO_FILE REPO_DIR "/repos/" REPO_ID ".repo"
#define ZYPPER                                                                                     \
	"/usr/bin/zypper", "--root", ROOT, "--reposd-dir", REPO_DIR "/repos", "--non-interactive"

/* " name | 1:1.0-1 | https://... Packages" */
static bool parse_apt(struct span line, struct span *ret)
{
	struct span name, bar, version;

	if (!span_word(&line, &name) || !span_word(&line, &bar) || !span_is(bar, "|") ||
	    !span_word(&line, &version))
		return false;
	*ret = version;
	return true;
}

/* "name.noarch  1:1.0-1  aadsshlogin"; what is installed has "@aadsshlogin" */
static bool parse_dnf(struct span line, struct span *ret)
{
	struct span name, version, from;

	if (!span_word(&line, &name) || !span_word(&line, &version) || !span_word(&line, &from) ||
	    !span_is(from, REPO_ID) || span_word(&line, &name))
		return false;
	*ret = version;
	return true;
}

/* "v | name | package | 1:1.0-1 | noarch | aadsshlogin", where the first column may be blank */
static bool parse_zypper(struct span line, struct span *ret)
{
	struct span fields[6];
	size_t n = 0;

	for (; n < ARRAY_LEN(fields); n++) {
		size_t len = 0;

		while (len < line.len && line.p[len] != '|')
			len++;
		fields[n] = span_trim((struct span){line.p, len});
		len += len < line.len;
		line.p += len;
		line.len -= len;
	}
	if (!span_is(fields[2], "package") || !span_is(fields[5], REPO_ID))
		return false;
	*ret = fields[3];
	return true;
}

/* clang-format off */

/* apt 1.0 to 3.3.  How a server refuses comes before signatures: an answer that is not the metadata
 * is called "not signed" as well. */
static const struct repo_sign apt_signs[] = {
	{"could not be found.", ENOSYS}, /* a method: https is a package of its own on old releases */
	{"gpgv installed?", ENOSYS},
	{"Could not resolve", EHOSTUNREACH},
	{"failure resolving", EHOSTUNREACH},
	{"wicked happened resolving", EHOSTUNREACH},
	{"Could not connect", ECONNREFUSED},
	{"Cannot initiate the connection", ECONNREFUSED},
	{"Unable to connect", ECONNREFUSED},
	{"Failed to connect", ECONNREFUSED},
	{"ertificate verification failed", EPROTO},
	{"certificate problem", EPROTO},
	{"handshake", EPROTO},
	{"SSL", EPROTO},
	{"  401  ", EACCES},
	{"  403  ", EACCES},
	{" 407 ", EACCES},
	{"  404  ", EREMOTEIO},
	{"  500  ", EREMOTEIO},
	{"  502  ", EREMOTEIO},
	{"  503  ", EREMOTEIO},
	{"  504  ", EREMOTEIO},
	{"NO_PUBKEY", EKEYREJECTED},
	{"BADSIG", EKEYREJECTED},
	{"EXPKEYSIG", EKEYREJECTED},
	{"signatures were invalid", EKEYREJECTED},
	{"signatures couldn't be verified", EKEYREJECTED},
	{"signature verification", EKEYREJECTED},
	{"is not signed", EKEYREJECTED},
	{"no longer signed", EKEYREJECTED},
	{"cannot be authenticated", EKEYREJECTED},
	{"Hash Sum mismatch", EKEYREJECTED},
	{"unexpected size", EKEYREJECTED},
	{"Release file", EKEYREJECTED}, /* is expired, is not valid yet */
	{"Unable to locate package", ENODATA},
	{"was not found", ENODATA},
	{"find a source to download", ENODATA},
	{"Failed to fetch", EREMOTEIO},
	{NULL, 0},
};

/* dnf 4, yum 3, tdnf: all of them say what libcurl does. */
static const struct repo_sign dnf_signs[] = {
	{"GPG signature is not available", EKEYREJECTED},
	{"repomd.xml.asc", EKEYREJECTED}, /* what is not there is the signature */
	{"GPG signature verification", EKEYREJECTED},
	{"repomd.xml signature could not be verified", EKEYREJECTED},
	{"Curl error (5)", EHOSTUNREACH},
	{"Curl error (6)", EHOSTUNREACH},
	{"Could not resolve", EHOSTUNREACH},
	{"response 407", EACCES},
	{"HTTP code 407", EACCES},
	{"Curl error (7)", ECONNREFUSED},
	{"ailed to connect", ECONNREFUSED},
	{"Curl error (35)", EPROTO},
	{"Curl error (51)", EPROTO},
	{"Curl error (58)", EPROTO},
	{"Curl error (60)", EPROTO},
	{"Curl error (77)", EPROTO},
	{"Status code: 401", EACCES},
	{"Status code: 403", EACCES},
	{"HTTP Error 401", EACCES},
	{"HTTP Error 403", EACCES},
	{"Status code: ", EREMOTEIO},
	{"HTTP Error ", EREMOTEIO},
	{"hecksum", EKEYREJECTED},
	{"nothing provides ", ENOPKG},
	{"Requires: ", ENOPKG},
	{"Unable to find a match", ENODATA},
	{"No match for argument", ENODATA},
	{"No matching Packages", ENODATA},
	{"No matching packages", ENODATA},
	{"No package ", ENODATA},
	{"Curl error ", EREMOTEIO},
	{"Cannot download", EREMOTEIO},
	{"Failed to download metadata", EREMOTEIO},
	{NULL, 0},
};

static const struct repo_sign zypper_signs[] = {
	{"Could not resolve", EHOSTUNREACH},
	{"Couldn't resolve", EHOSTUNREACH},
	{"response 407", EACCES},
	{"HTTP code 407", EACCES},
	{"Proxy CONNECT aborted", EACCES}, /* what old releases make of 407 */
	{"Couldn't connect", ECONNREFUSED},
	{"ailed to connect", ECONNREFUSED},
	{"Connection refused", ECONNREFUSED},
	{"SSL", EPROTO},
	{"certificate", EPROTO},
	{"Login failed", EACCES},
	{"Authentication required", EACCES},
	{"Permission to access", EACCES},
	{"Signature verification failed", EKEYREJECTED},
	{"doesn't match", EKEYREJECTED},
	{"does not have the expected checksum", EKEYREJECTED},
	{"failed integrity check", EKEYREJECTED},
	{"igest verification failed", EKEYREJECTED},
	{"resolves to no package", ENODATA},
	{"not found on medium", EREMOTEIO},
	{"returned error", EREMOTEIO},
	{"type can't be determined", EREMOTEIO},
	{"Valid metadata not found", EREMOTEIO},
	{NULL, 0},
};

const struct repo_manager repo_managers[] = {
	{
		.name = "apt",
		.type = "deb",
		.program = "/usr/bin/apt-get",
		.sshd = "apt-get install -y openssh-server",
		.files = {{REPO_DIR "/apt.conf", repoconf_apt},
			  {REPO_DIR "/sources.list", repoconf_apt_sources},
			  {REPO_DIR "/auth.conf", repoconf_apt_login}},
		.key = REPO_DIR "/key.gpg",
		.folders = {"/state", "/cache", "/log"},
		.environ = {"APT_CONFIG=" REPO_DIR "/apt.conf"},
		.refresh = {"/usr/bin/apt-get", "--quiet", "update"},
		.versions = {"/usr/bin/apt-cache", "--quiet", "madison"},
		.parse = parse_apt,
		/* It leaves the file where it is run; all of the resolving is dpkg's. */
		.fetch = {"/usr/bin/apt-get", "--quiet"},
		.verbs = {"download"},
		.separator = '=',
		.downloads = REPO_DOWNLOADS,
		.lists = REPO_DIR "/state/lists",
		.list_suffix = "Release",
		.signs = apt_signs,
	},
	{
		.name = "dnf",
		.type = "rpm",
		.program = "/usr/bin/dnf",
		.sshd = "dnf install -y openssh-server",
		.files = {{DNF_CONF, repoconf_dnf}, {REPO_FILE, repoconf_dnf_repo}},
		.key = KEY,
		.armored = true,
		.folders = {"/repos", "/cache", "/state", "/log"},
		.refresh = {"/usr/bin/dnf", "-c", DNF_CONF, "--assumeyes", "makecache"},
		.versions = {"/usr/bin/dnf", "-c", DNF_CONF, "--quiet", "--showduplicates", "list"},
		.parse = parse_dnf,
		.ascending = true,
		.fetch = {"/usr/bin/dnf", "-c", DNF_CONF, "--assumeyes", "--downloadonly",
			  "--downloaddir=" REPO_DOWNLOADS},
		.verbs = {"install", "downgrade", "reinstall"},
		.separator = '-',
		.downloads = REPO_DOWNLOADS,
		.lists = REPO_DIR "/cache",
		.signs = dnf_signs,
	},
	{
		.name = "yum",
		.type = "rpm",
		.program = "/usr/bin/yum",
		.sshd = "yum install -y openssh-server",
		.files = {{DNF_CONF, repoconf_dnf}, {REPO_FILE, repoconf_dnf_repo}},
		.key = KEY,
		.armored = true,
		.folders = {"/repos", "/cache", "/state", "/log"},
		/* Version 3 has one lock for all, wherever its files are, and waits for it without end. */
		.locks = {{"/run/yum.pid", HOLDER_PIDFILE}},
		.refresh = {"/usr/bin/yum", "-c", DNF_CONF, "--assumeyes", "makecache"},
		.versions = {"/usr/bin/yum", "-c", DNF_CONF, "--quiet", "--showduplicates", "list"},
		.parse = parse_dnf,
		.ascending = true,
		.fetch = {"/usr/bin/yum", "-c", DNF_CONF, "--assumeyes", "--downloadonly",
			  "--downloaddir=" REPO_DOWNLOADS},
		.verbs = {"install", "downgrade", "reinstall"},
		.separator = '-',
		.without_epoch = true,
		.downloads = REPO_DOWNLOADS,
		.lists = REPO_DIR "/cache",
		.signs = dnf_signs,
	},
	{
		.name = "zypper",
		.type = "rpm",
		.program = "/usr/bin/zypper",
		.sshd = "zypper install -y openssh",
		.files = {{REPO_FILE, repoconf_zypper_repo},
			  {ROOT "/etc/zypp/credentials.d/" REPO_ID, repoconf_zypper_login}},
		.key = KEY,
		.armored = true,
		.folders = {"/repos", "/log", "/tmp", "/root", "/root/etc", "/root/etc/zypp",
			    "/root/etc/zypp/credentials.d"},
		.strays = {"/var/lib/YaST2/cookies", "/var/lib/YaST2"},
		/* It leaves what it worked on when it is ended. */
		.environ = {"ZYPP_LOGFILE=" REPO_DIR "/log/zypper.log", "ZYPPTMPDIR=" REPO_DIR "/tmp"},
		/* It would take the key that lies beside the metadata, if it were let to import one. */
		.learn = {"/usr/bin/rpm", "--root", ROOT, "--import", KEY},
		.refresh = {ZYPPER, "refresh", "--force"},
		.versions = {ZYPPER, "--no-refresh", "search", "--details", "--match-exact", "--type=package"},
		.parse = parse_zypper,
		.fetch = {ZYPPER, "--no-refresh"},
		.verbs = {"download"},
		.separator = '=',
		.downloads = ROOT "/var/cache/zypp/packages",
		.lists = ROOT "/var/cache/zypp",
		.signs = zypper_signs,
	},
	{
		.name = "tdnf",
		.type = "rpm",
		.program = "/usr/bin/tdnf",
		.sshd = "tdnf install -y openssh-server",
		.files = {{TDNF_CONF, repoconf_tdnf}, {REPO_FILE, repoconf_dnf_repo}},
		.key = KEY,
		.armored = true,
		.folders = {"/repos", "/cache", "/state", "/log", "/keys"},
		.learn = {"/usr/bin/rpm", "--dbpath", KEYS, "--import", KEY},
		.refresh = {"/usr/bin/tdnf", "-c", TDNF_CONF, "--assumeyes", "makecache"},
		.versions = {"/usr/bin/tdnf", "-c", TDNF_CONF, "--quiet", "--showduplicates", "list"},
		.parse = parse_dnf,
		.ascending = true,
		.fetch = {"/usr/bin/tdnf", "-c", TDNF_CONF, "--assumeyes", "--downloadonly",
			  "--downloaddir=" REPO_DOWNLOADS},
		.verbs = {"install", "downgrade", "reinstall"},
		.separator = '=',
		.downloads = REPO_DOWNLOADS,
		.lists = REPO_DIR "/cache",
		/* Whether it looks at the metadata's signature depends on a plugin that few have. */
		.checks_package = true,
		.signs = dnf_signs,
	},
};
/* clang-format on */

const size_t repo_manager_count = ARRAY_LEN(repo_managers);
