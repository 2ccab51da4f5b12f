/* SPDX-License-Identifier: MIT */
/*
 * mkspdx FOLDER VERSION LICENCES LOCK [LINKS...]: write FOLDER/AADSSHLoginForLinux.spdx.json, an
 * SPDX 2.3 document of what the extension's folder holds: its files, the packages among them and
 * their files, and the libraries in each program.  A build tool; it is not shipped.
 *
 * LICENCES  tools/static/licences/table: OBJECT SOURCE TEXT EXPRESSION
 * LOCK      tools/static/inputs.lock
 * LINKS     what one architecture's linker took: MACHINE PROGRAM OBJECT, and MACHINE - gcc VERSION.
 *           None: the programs are linked with the machine's libraries, of which nothing is said
 *
 * The same input and SOURCE_DATE_EPOCH give the same bytes.  It fails where something that is
 * linked has no licence or no source, and where a program is of unknown making.
 */
#include "config.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "handler/packed.h"
#include "handler/text.h"
#include "lib/core/cleanup.h"
#include "lib/core/json.h"
#include "lib/core/num.h"
#include "lib/sys/fs.h"
#include "tools/files.h"

#define PRODUCT "AADSSHLoginForLinux"
#define DOCUMENT PRODUCT ".spdx.json"
#define AUTHORS "The aadsshlogin authors"
#define TEXT_MAX ((size_t)1 << 20) /* bytes of an input */
#define ID_SIZE 512
#define WORDS_MAX 6
#define MAIN_ID "SPDXRef-Package"

struct table {
	struct buf text;
	struct row {
		struct span word[WORDS_MAX]; /* the last one is the rest of the line */
	} * rows;
	size_t count;
};

struct document {
	const char *folder, *version;
	struct files found; /* in the folder */
	struct table licences, lock, links;
	json_t *packages, *files, *relationships;
	json_t *ids; /* that are taken */
	json_t *sources; /* id of each library by its name */
	json_t *used; /* rows of links that belong to a file, by number */
};

static void document_done(struct document *doc)
{
	struct table *tables[] = {&doc->licences, &doc->lock, &doc->links};

	for (size_t i = 0; i < ARRAY_LEN(tables); i++) {
		buf_done(&tables[i]->text);
		free(tables[i]->rows);
	}
	files_done(&doc->found);
	json_decref(doc->packages);
	json_decref(doc->files);
	json_decref(doc->relationships);
	json_decref(doc->ids);
	json_decref(doc->sources);
	json_decref(doc->used);
}

static int complain(const char *what, struct span name)
{
	fprintf(stderr, "mkspdx: %s: %.*s\n", what, (int)name.len, (const char *)name.p);
	return -1;
}

static int no_memory(void)
{
	return complain("no memory", SPAN_LIT("-"));
}

/* ---- the inputs */

/* Append a file. */
static int read_text(const char *path, struct buf *ret)
{
	struct err err = {0};
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	AUTO_BUF text = {0};

	if (fd < 0)
		return complain(strerror(errno), span_of(path));
	if (fs_read_fd(fd, path, TEXT_MAX, &text, &err) < 0)
		return complain(path, span_of(err.msg));
	buf_span(ret, buf_bytes(&text));
	return ret->failed ? no_memory() : 0;
}

/* Lines of so many words; empty ones and comments are passed over. */
static int parse_table(struct table *table, size_t words, const char *path)
{
	struct span rest = buf_bytes(&table->text), line;

	while (span_line(&rest, &line)) {
		struct row row = {.word = {{0}}}, *grown;
		size_t i = 0;

		line = span_trim(line);
		if (line.len == 0 || line.p[0] == '#')
			continue;
		while (i + 1 < words && span_word(&line, &row.word[i]))
			i++;
		row.word[i] = span_trim(line);
		if (i + 1 < words || row.word[i].len == 0)
			return complain(path, span_trim(line));
		grown = reallocarray(table->rows, table->count + 1, sizeof(*table->rows));
		if (!grown)
			return no_memory();
		table->rows = grown;
		table->rows[table->count++] = row;
	}
	return 0;
}

enum { LICENCE_OBJECT, LICENCE_SOURCE, LICENCE_TEXT, LICENCE_EXPRESSION, LICENCE_WORDS };
enum { LOCK_KIND, LOCK_SUITE, LOCK_PACKAGE, LOCK_VERSION, LOCK_FILE, LOCK_SUM, LOCK_WORDS };
enum { LINK_MACHINE, LINK_PROGRAM, LINK_OBJECT, LINK_WORDS };

static int read_inputs(struct document *doc, char **argv)
{
	if (read_text(argv[3], &doc->licences.text) < 0 || read_text(argv[4], &doc->lock.text) < 0)
		return -1;
	for (char **path = argv + 5; *path; path++)
		if (read_text(*path, &doc->links.text) < 0)
			return -1;
	if (parse_table(&doc->licences, LICENCE_WORDS, argv[3]) < 0 ||
	    parse_table(&doc->lock, LOCK_WORDS, argv[4]) < 0)
		return -1;
	return parse_table(&doc->links, LINK_WORDS, "links");
}

/* ---- elements */

/* "SPDXRef-KIND-NAME" of letters, digits, dots and dashes, which nothing else has. */
static int make_id(struct document *doc, const char *kind, const char *name, char ret[ID_SIZE])
{
	int n = snprintf(ret, ID_SIZE, "SPDXRef-%s-%s", kind, name);

	if (n < 0 || n >= ID_SIZE)
		return complain("too long", span_of(name));
	for (char *c = ret; *c; c++)
		if (!strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-", *c))
			*c = '-';
	if (json_object_get(doc->ids, ret))
		return complain("two elements would be called", span_of(ret));
	return json_object_set_new(doc->ids, ret, json_true()) < 0 ? no_memory() : 0;
}

static int relate(struct document *doc, const char *from, const char *type, const char *to)
{
	return json_array_append_new(doc->relationships,
				     json_pack("{s:s, s:s, s:s}", "spdxElementId", from,
					       "relationshipType", type, "relatedSpdxElement",
					       to)) < 0
		       ? no_memory()
		       : 0;
}

static json_t *checksums(const char *sha1, const char *sha256)
{
	return json_pack("[{s:s, s:s}, {s:s, s:s}]", "algorithm", "SHA1", "checksumValue", sha1,
			 "algorithm", "SHA256", "checksumValue", sha256);
}

/* Of a package: the hash of the sorted hashes of its files. */
static int set_verification_code(json_t *package, json_t *sums, const char *excluded)
{
	size_t count = json_array_size(sums);
	AUTO_FREE const char **sorted = calloc(count + 1, sizeof(*sorted));
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	unsigned char sum[EVP_MAX_MD_SIZE];
	char hex[SHA1_HEX_SIZE] = "";
	unsigned len = 0;
	bool ok = sorted && context && EVP_DigestInit_ex(context, EVP_sha1(), NULL) == 1;
	json_t *code = json_object();

	for (size_t i = 0; ok && i < count; i++)
		sorted[i] = json_string_value(json_array_get(sums, i));
	if (ok)
		qsort(sorted, count, sizeof(*sorted), files_compare);
	for (size_t i = 0; ok && i < count; i++)
		ok = EVP_DigestUpdate(context, sorted[i], strlen(sorted[i])) == 1;
	ok = ok && EVP_DigestFinal_ex(context, sum, &len) == 1;
	EVP_MD_CTX_free(context);
	for (size_t i = 0; ok && i < len; i++)
		(void)snprintf(hex + 2 * i, 3, "%02x", sum[i]);
	if (excluded)
		ok = ok && json_object_set_new(code, "packageVerificationCodeExcludedFiles",
					       json_pack("[s, s]", "./" DOCUMENT, excluded)) == 0;
	ok = ok && json_object_set_new(code, "packageVerificationCodeValue", json_string(hex)) == 0;
	/* Takes code over in either case. */
	return json_object_set_new(package, "packageVerificationCode", code) < 0 || !ok
		       ? no_memory()
		       : 0;
}

/* ---- libraries */

static const struct row *find_licence(const struct document *doc, struct span object)
{
	for (size_t i = 0; i < doc->licences.count; i++)
		if (span_eq(doc->licences.rows[i].word[LICENCE_OBJECT], object))
			return &doc->licences.rows[i];
	return NULL;
}

/* "aarch64" is what Debian calls "arm64". */
static bool is_for(struct span package, struct span name, struct span machine)
{
	const unsigned char *colon = memchr(package.p, ':', package.len);
	size_t len = colon ? (size_t)(colon - package.p) : package.len;
	struct span arch = colon ? (struct span){colon + 1, package.len - len - 1} : SPAN_LIT("");

	if (len != name.len || memcmp(package.p, name.p, len) != 0)
		return false;
	return !colon || (span_is(arch, "amd64") && span_is(machine, "x86_64")) ||
	       (span_is(arch, "arm64") && span_is(machine, "aarch64"));
}

/* The file of the lock that the code comes from: the upstream tarball, or the binary package. */
static const struct row *find_locked(const struct document *doc, struct span name,
				     struct span machine)
{
	for (size_t i = 0; i < doc->lock.count; i++) {
		const struct row *row = &doc->lock.rows[i];
		const struct span *file = &row->word[LOCK_FILE];
		bool signature = file->len > 4 && memcmp(file->p + file->len - 4, ".asc", 4) == 0;

		if (!is_for(row->word[LOCK_PACKAGE], name, machine) || signature)
			continue;
		if (span_is(row->word[LOCK_KIND], "binary") ||
		    memmem(file->p, file->len, ".orig.tar.", strlen(".orig.tar.")))
			return row;
	}
	return NULL;
}

static const struct row *find_compiler(const struct document *doc, struct span machine)
{
	for (size_t i = 0; i < doc->links.count; i++) {
		const struct row *row = &doc->links.rows[i];

		if (span_eq(row->word[LINK_MACHINE], machine) &&
		    span_is(row->word[LINK_PROGRAM], "-"))
			return row;
	}
	return NULL;
}

#define S(span) (int)(span).len, (const char *)(span).p

/* "pkg:deb/debian/musl@1.2.5-3?arch=source", with % for what a version has of its own. */
static void add_purl(struct buf *text, const struct row *locked)
{
	struct span package = locked->word[LOCK_PACKAGE], version = locked->word[LOCK_VERSION];
	const unsigned char *colon = memchr(package.p, ':', package.len);
	size_t len = colon ? (size_t)(colon - package.p) : package.len;

	buf_printf(text, "pkg:deb/debian/%.*s@", (int)len, (const char *)package.p);
	for (size_t i = 0; i < version.len; i++)
		buf_printf(text, version.p[i] == ':' || version.p[i] == '+' ? "%%%02X" : "%c",
			   version.p[i]);
	buf_printf(text, "?arch=%.*s", colon ? (int)(package.len - len - 1) : 6,
		   colon ? (const char *)colon + 1 : "source");
}

/* Which files of the lock the source consists of. */
static void add_source_info(struct buf *text, const struct document *doc, const struct row *locked)
{
	struct span package = locked->word[LOCK_PACKAGE];

	buf_printf(text, "Debian %.*s package %.*s %.*s of %.*s:", S(locked->word[LOCK_KIND]),
		   S(package), S(locked->word[LOCK_VERSION]), S(locked->word[LOCK_SUITE]));
	for (size_t i = 0; i < doc->lock.count; i++) {
		const struct row *row = &doc->lock.rows[i];

		if (span_eq(row->word[LOCK_PACKAGE], package) &&
		    span_eq(row->word[LOCK_KIND], locked->word[LOCK_KIND]))
			buf_printf(text, " %.*s SHA-256 %.*s;", S(row->word[LOCK_FILE]),
				   S(row->word[LOCK_SUM]));
	}
}

/* All expressions of one source: what of it is linked is under all of them. */
static int add_expressions(struct document *doc, struct span source, json_t *expressions)
{
	for (size_t i = 0; i < doc->licences.count; i++) {
		struct span expression = doc->licences.rows[i].word[LICENCE_EXPRESSION];
		AUTO_FREE char *text = NULL;

		if (!span_eq(doc->licences.rows[i].word[LICENCE_SOURCE], source))
			continue;
		if (asprintf(&text, "%.*s", S(expression)) < 0 ||
		    json_object_set_new(expressions, text, json_true()) < 0)
			return no_memory();
	}
	return 0;
}

/* "A AND B", sorted: an object with the expressions as its keys. */
static json_t *join(json_t *expressions)
{
	size_t count = json_object_size(expressions), i = 0;
	AUTO_FREE const char **keys = calloc(count + 1, sizeof(*keys));
	const char *key;
	json_t *value;
	AUTO_BUF text = {0};

	json_object_foreach(expressions, key, value) if (keys) keys[i++] = key;
	if (!keys)
		return NULL;
	qsort(keys, count, sizeof(*keys), files_compare);
	for (i = 0; i < count; i++) {
		bool compound = count > 1 && strstr(keys[i], " OR ");

		buf_printf(&text, "%s%s%s%s", i ? " AND " : "", compound ? "(" : "", keys[i],
			   compound ? ")" : "");
	}
	return text.failed ? NULL : json_string(count ? buf_text(&text) : "NOASSERTION");
}

/* Where the copyright texts are. */
static int set_text(struct document *doc, struct span source, json_t *package)
{
	for (size_t i = 0; i < doc->licences.count; i++) {
		const struct row *row = &doc->licences.rows[i];
		struct span text = row->word[LICENCE_TEXT];

		if (!span_eq(row->word[LICENCE_SOURCE], source) || span_is(text, "-"))
			continue;
		return json_object_set_new(package, "licenseComments",
					   json_sprintf("%.*s of the source has the texts; it is "
							"licences/%.*s here.",
							S(text), S(source))) < 0
			       ? no_memory()
			       : 0;
	}
	return 0;
}

static int describe_locked(struct document *doc, const struct row *locked, json_t *package)
{
	AUTO_BUF info = {0}, purl = {0};

	add_source_info(&info, doc, locked);
	add_purl(&purl, locked);
	if (info.failed || purl.failed)
		return no_memory();
	return json_object_update_new(
		       package, json_pack("{s:s%, s:s%, s:s, s:[{s:s, s:s%}], s:[{s:s, s:s, s:s}]}",
					  "versionInfo", locked->word[LOCK_VERSION].p,
					  locked->word[LOCK_VERSION].len, "packageFileName",
					  locked->word[LOCK_FILE].p, locked->word[LOCK_FILE].len,
					  "sourceInfo", buf_text(&info), "checksums", "algorithm",
					  "SHA256", "checksumValue", locked->word[LOCK_SUM].p,
					  locked->word[LOCK_SUM].len, "externalRefs",
					  "referenceCategory", "PACKAGE-MANAGER", "referenceType",
					  "purl", "referenceLocator", buf_text(&purl))) < 0
		       ? no_memory()
		       : 0;
}

/* *ret is the id of a source, which is described once; "-" is the compiler's own library. */
static int find_source(struct document *doc, struct span source, struct span machine,
		       const char **ret)
{
	const bool own = span_is(source, "-");
	const struct row *locked =
		own ? find_compiler(doc, machine) : find_locked(doc, source, machine);
	AUTO_JSON *expressions = json_object(), *package = NULL;
	AUTO_FREE char *name = NULL, *key = NULL;
	char id[ID_SIZE];
	bool binary;

	if (!locked)
		return complain("the lock has no source", source);
	binary = !own && span_is(locked->word[LOCK_KIND], "binary");
	if (asprintf(&name, "%.*s", S(own ? SPAN_LIT("libgcc") : source)) < 0 ||
	    asprintf(&key, "%s%s%.*s", name, own || binary ? "-" : "",
		     S(own || binary ? machine : SPAN_LIT(""))) < 0)
		return no_memory();
	*ret = json_string_value(json_object_get(doc->sources, key));
	if (*ret)
		return 0;
	if (make_id(doc, "Library", key, id) < 0 || add_expressions(doc, source, expressions) < 0)
		return -1;
	package = json_pack("{s:s, s:s, s:s, s:b, s:o, s:s, s:s, s:s}", "SPDXID", id, "name", name,
			    "downloadLocation", "NOASSERTION", "filesAnalyzed", 0,
			    "licenseConcluded", join(expressions), "licenseDeclared", "NOASSERTION",
			    "copyrightText", "NOASSERTION", "primaryPackagePurpose", "LIBRARY");
	if (!package)
		return no_memory();
	if (own) {
		if (json_object_set_new(package, "versionInfo",
					json_pack("s%", locked->word[LINK_OBJECT].p,
						  locked->word[LINK_OBJECT].len)) < 0)
			return no_memory();
	} else if (describe_locked(doc, locked, package) < 0) {
		return -1;
	}
	if (set_text(doc, source, package) < 0)
		return -1;
	if (json_array_append(doc->packages, package) < 0 ||
	    json_object_set_new(doc->sources, key, json_string(id)) < 0)
		return no_memory();
	*ret = json_string_value(json_object_get(doc->sources, key));
	return *ret ? 0 : no_memory();
}

/* ---- files */

static const char *machine_of(const unsigned char head[PACKED_HEAD])
{
	unsigned machine = head[18] | (unsigned)head[19] << 8;

	if (memcmp(head, ELFMAG, SELFMAG) != 0)
		return NULL;
	return machine == EM_X86_64 ? "x86_64" : machine == EM_AARCH64 ? "aarch64" : "unknown";
}

/* Relate a program to what the linker took, and add the licences of that to its own. */
static int link_file(struct document *doc, const char *id, const char *path, const char *machine,
		     json_t *expressions)
{
	const char *program = strrchr(path, '/') + 1;
	AUTO_JSON *related = json_object();
	bool known = false;

	for (size_t i = 0; i < doc->links.count; i++) {
		const struct row *row = &doc->links.rows[i], *licence;
		AUTO_FREE char *text = NULL;
		const char *source;

		if (!span_is(row->word[LINK_MACHINE], machine) ||
		    !span_is(row->word[LINK_PROGRAM], program))
			continue;
		known = true;
		licence = find_licence(doc, row->word[LINK_OBJECT]);
		if (!licence)
			return complain("no licence is known of", row->word[LINK_OBJECT]);
		if (find_source(doc, licence->word[LICENCE_SOURCE], row->word[LINK_MACHINE],
				&source) < 0)
			return -1;
		if (asprintf(&text, "%zu", i) < 0 ||
		    json_object_set_new(doc->used, text, json_true()) < 0 ||
		    add_expressions(doc, licence->word[LICENCE_SOURCE], expressions) < 0)
			return no_memory();
		if (json_object_get(related, source))
			continue;
		if (json_object_set_new(related, source, json_true()) < 0 ||
		    relate(doc, id, "STATIC_LINK", source) < 0)
			return -1;
	}
	return known || doc->links.count == 0 ? 0 : complain("of unknown making", span_of(path));
}

static bool is_package(const char *path)
{
	return span_ends(span_of(path), ".deb") || span_ends(span_of(path), ".rpm");
}

/* A file of the folder, or of a package in it, whose path is then told by `of`. */
static int add_file(struct document *doc, const char *owner, const char *of,
		    const struct packed_file *file, json_t *sums)
{
	const char *machine = machine_of(file->head);
	AUTO_JSON *expressions = json_pack("{s:b}", "MIT", 1);
	AUTO_FREE char *name = NULL;
	char id[ID_SIZE];

	if (asprintf(&name, "%s%s", of, file->path) < 0)
		return no_memory();
	if (make_id(doc, "File", name[0] == '/' ? name + 1 : name, id) < 0)
		return -1;
	if (machine && link_file(doc, id, file->path, machine, expressions) < 0)
		return -1;
	if (json_array_append_new(
		    doc->files,
		    json_pack("{s:s, s:o, s:o, s:[s], s:o, s:[s], s:s}", "SPDXID", id, "fileName",
			      json_sprintf(".%s", file->path), "checksums",
			      checksums(file->sha1, file->sha256), "fileTypes",
			      machine                  ? "BINARY"
			      : is_package(file->path) ? "ARCHIVE"
						       : "TEXT",
			      "licenseConcluded", join(expressions), "licenseInfoInFiles",
			      "NOASSERTION", "copyrightText", "NOASSERTION")) < 0 ||
	    json_array_append_new(sums, json_string(file->sha1)) < 0)
		return no_memory();
	return relate(doc, owner, "CONTAINS", id);
}

struct inside {
	struct document *doc;
	const char *owner, *of;
	json_t *sums;
};

static int add_packed(const struct packed_file *file, void *arg, struct err *err)
{
	struct inside *inside = arg;

	if (!S_ISREG(file->mode))
		return 0;
	if (add_file(inside->doc, inside->owner, inside->of, file, inside->sums) < 0)
		return err_set(err, EINVAL, "%s", file->path);
	return 0;
}

/* The package that a file of the folder is. */
static int add_package(struct document *doc, const char *path, const struct packed_file *file)
{
	const char *base = strrchr(path, '/') + 1;
	size_t len = strcspn(base, "_");
	AUTO_JSON *sums = json_array(), *package = NULL;
	AUTO_FREE char *name = NULL, *version = NULL;
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	const char *number = strstr(base, doc->version);
	struct err err = {0};
	char id[ID_SIZE];
	struct inside inside = {.doc = doc, .owner = id, .of = base, .sums = sums};

	/* NAME_VERSION_ARCH.deb, NAME-VERSION-1.ARCH.rpm */
	if (span_ends(span_of(base), ".rpm"))
		len = number ? (size_t)(number - base) - 1 : 0;
	if (!number || len == 0)
		return complain("not the version of the extension", span_of(base));
	if (fd < 0 || asprintf(&name, "%.*s", (int)len, base) < 0 ||
	    asprintf(&version, "1:%s", doc->version) < 0)
		return no_memory();
	if (make_id(doc, "Package", base, id) < 0)
		return -1;
	if (packed_read(fd, path, add_packed, &inside, &err) < 0)
		return complain(path, span_of(err.msg));
	package =
		json_pack("{s:s, s:s, s:s, s:o, s:s, s:b, s:s, s:s, s:[s], s:s, s:o, s:s}",
			  "SPDXID", id, "name", name, "versionInfo", version, "packageFileName",
			  json_sprintf(".%s", file->path), "downloadLocation", "NOASSERTION",
			  "filesAnalyzed", 1, "licenseConcluded", "NOASSERTION", "licenseDeclared",
			  "MIT", "licenseInfoFromFiles", "NOASSERTION", "copyrightText",
			  "2026 " AUTHORS, "checksums", checksums(file->sha1, file->sha256),
			  "primaryPackagePurpose", "INSTALL");
	if (!package)
		return no_memory();
	if (set_verification_code(package, sums, NULL) < 0 ||
	    json_array_append(doc->packages, package) < 0)
		return -1;
	return relate(doc, MAIN_ID, "CONTAINS", id);
}

static int hash_plain(const char *path, struct packed_file *ret)
{
	EVP_MD_CTX *sha256 = EVP_MD_CTX_new(), *sha1 = EVP_MD_CTX_new();
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	unsigned char chunk[65536], sum[EVP_MAX_MD_SIZE];
	ssize_t n = -1;
	bool ok = fd >= 0 && sha256 && sha1 && EVP_DigestInit_ex(sha256, EVP_sha256(), NULL) == 1 &&
		  EVP_DigestInit_ex(sha1, EVP_sha1(), NULL) == 1;

	if (ok)
		(void)!pread(fd, ret->head, sizeof(ret->head), 0);
	while (ok && (n = read(fd, chunk, sizeof(chunk))) > 0)
		ok = EVP_DigestUpdate(sha256, chunk, (size_t)n) == 1 &&
		     EVP_DigestUpdate(sha1, chunk, (size_t)n) == 1;
	ok = ok && n == 0 && EVP_DigestFinal_ex(sha256, sum, NULL) == 1;
	for (size_t i = 0; ok && i < (SHA256_HEX_SIZE - 1) / 2; i++)
		(void)snprintf(ret->sha256 + 2 * i, 3, "%02x", sum[i]);
	ok = ok && EVP_DigestFinal_ex(sha1, sum, NULL) == 1;
	for (size_t i = 0; ok && i < (SHA1_HEX_SIZE - 1) / 2; i++)
		(void)snprintf(ret->sha1 + 2 * i, 3, "%02x", sum[i]);
	EVP_MD_CTX_free(sha256);
	EVP_MD_CTX_free(sha1);
	return ok ? 0 : complain("cannot be read", span_of(path));
}

static int add_folder(struct document *doc, json_t *package)
{
	AUTO_JSON *sums = json_array();

	for (size_t i = 0; i < doc->found.count; i++) {
		const char *name = doc->found.names[i];
		struct packed_file file = {.path = name + strlen(doc->folder), .mode = S_IFREG};

		if (strcmp(file.path, "/" DOCUMENT) == 0)
			continue;
		if (hash_plain(name, &file) < 0 || add_file(doc, MAIN_ID, "", &file, sums) < 0)
			return -1;
		if (is_package(name) && add_package(doc, name, &file) < 0)
			return -1;
	}
	return set_verification_code(package, sums, "./SHA256SUMS");
}

/* ---- the whole */

/* What the lock has and no program holds: headers, the libraries of the modules' hosts, the tests'.
 */
static int add_build_dependencies(struct document *doc)
{
	static const struct span machines[] = {SPAN_LIT("x86_64"), SPAN_LIT("aarch64")};

	for (size_t i = 0; doc->links.count && i < doc->lock.count; i++)
		for (size_t k = 0; k < ARRAY_LEN(machines); k++) {
			struct span name = doc->lock.rows[i].word[LOCK_PACKAGE];
			size_t before = json_array_size(doc->packages);
			const unsigned char *colon = memchr(name.p, ':', name.len);
			const char *id;

			if (colon)
				name.len = (size_t)(colon - name.p);
			if (!is_for(doc->lock.rows[i].word[LOCK_PACKAGE], name, machines[k]))
				continue;
			if (find_source(doc, name, machines[k], &id) < 0)
				return -1;
			if (json_array_size(doc->packages) > before &&
			    relate(doc, id, "BUILD_DEPENDENCY_OF", MAIN_ID) < 0)
				return -1;
		}
	return 0;
}

/* Every link belongs to a program of the zip: otherwise the document would be of another one. */
static int check_links(struct document *doc)
{
	for (size_t i = 0; i < doc->links.count; i++) {
		AUTO_FREE char *text = NULL;

		if (asprintf(&text, "%zu", i) < 0)
			return no_memory();
		if (!span_is(doc->links.rows[i].word[LINK_PROGRAM], "-") &&
		    !json_object_get(doc->used, text))
			return complain("linked, but not in the folder",
					doc->links.rows[i].word[LINK_PROGRAM]);
	}
	return 0;
}

/* The namespace is the document's own hash, so that it is another for another content. */
static json_t *make_namespace(json_t *json, const char *version)
{
	AUTO_FREE char *text = json_text(json, JSON_COMPACT | JSON_SORT_KEYS);
	unsigned char sum[EVP_MAX_MD_SIZE];
	char hex[SHA256_HEX_SIZE] = "";

	if (!text || EVP_Digest(text, strlen(text), sum, NULL, EVP_sha256(), NULL) != 1)
		return NULL;
	for (size_t i = 0; i < (SHA256_HEX_SIZE - 1) / 2; i++)
		(void)snprintf(hex + 2 * i, 3, "%02x", sum[i]);
	return json_sprintf("https://aadsshlogin.invalid/spdx/" PRODUCT "-%s-%s", version, hex);
}

static json_t *assemble(struct document *doc, int64_t when)
{
	char created[TIME_TEXT_SIZE];
	json_t *json;

	time_text(when, created);
	json = json_pack("{s:s, s:s, s:s, s:s, s:{s:s, s:[s, s]}, s:[s], s:O, s:O, s:O}",
			 "spdxVersion", "SPDX-2.3", "dataLicense", "CC0-1.0", "SPDXID",
			 "SPDXRef-DOCUMENT", "name", PRODUCT, "creationInfo", "created", created,
			 "creators", "Organization: " AUTHORS, "Tool: mkspdx-" PACKAGE_VERSION,
			 "documentDescribes", MAIN_ID, "packages", doc->packages, "files",
			 doc->files, "relationships", doc->relationships);
	if (json && json_object_set_new(json, "documentNamespace",
					make_namespace(json, doc->version)) < 0) {
		json_decref(json);
		json = NULL;
	}
	return json;
}

static int describe(struct document *doc)
{
	json_t *package =
		json_pack("{s:s, s:s, s:s, s:s, s:b, s:s, s:s, s:[s], s:s, s:s}", "SPDXID", MAIN_ID,
			  "name", PRODUCT, "versionInfo", doc->version, "downloadLocation",
			  "NOASSERTION", "filesAnalyzed", 1, "licenseConcluded", "NOASSERTION",
			  "licenseDeclared", "MIT", "licenseInfoFromFiles", "NOASSERTION",
			  "copyrightText", "2026 " AUTHORS, "primaryPackagePurpose", "INSTALL");

	/* Takes package over. */
	if (json_array_append_new(doc->packages, package) < 0 ||
	    json_object_set_new(doc->ids, MAIN_ID, json_true()) < 0)
		return no_memory();
	if (relate(doc, "SPDXRef-DOCUMENT", "DESCRIBES", MAIN_ID) < 0 ||
	    add_folder(doc, package) < 0 || check_links(doc) < 0)
		return -1;
	return add_build_dependencies(doc);
}

static int write_document(struct document *doc, int64_t when)
{
	AUTO_JSON *json = assemble(doc, when);
	AUTO_FREE char *text = json ? json_text(json, JSON_INDENT(1)) : NULL;
	AUTO_FREE char *path = NULL;
	AUTO_CLOSE int fd = -1;

	if (!text || asprintf(&path, "%s/" DOCUMENT, doc->folder) < 0)
		return no_memory();
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0 || fs_write_all(fd, span_of(text)) < 0) {
		(void)unlink(path);
		return complain("cannot be written", span_of(path));
	}
	return 0;
}

int main(int argc, char **argv)
{
	const char *epoch = getenv("SOURCE_DATE_EPOCH");
	CLEANUP(document_done)
	struct document doc = {
		.packages = json_array(),
		.files = json_array(),
		.relationships = json_array(),
		.ids = json_object(),
		.sources = json_object(),
		.used = json_object(),
	};
	uint64_t when;
	int r;

	if (argc < 5 || !epoch || !num_parse(span_of(epoch), INT32_MAX, &when)) {
		fprintf(stderr, "usage: SOURCE_DATE_EPOCH=SECONDS mkspdx FOLDER VERSION LICENCES "
				"LOCK [LINKS...]\n");
		return 2;
	}
	doc.folder = argv[1];
	doc.version = argv[2];
	if (files_find("mkspdx", argv[1], &doc.found) < 0)
		return 1;
	r = read_inputs(&doc, argv);
	if (r == 0)
		r = describe(&doc);
	if (r == 0)
		r = write_document(&doc, (int64_t)when);
	return r < 0;
}
