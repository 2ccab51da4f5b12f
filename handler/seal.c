/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "handler/files.h"
#include "handler/seal.h"
#include "handler/text.h"
#include "lib/core/cleanup.h"
#include "lib/core/num.h"

#define HEAD "aadsshlogin-seal-3"
#define BOOT_ID_PATH "/proc/sys/kernel/random/boot_id"

/* The first word of a line says how much of a path counts: see struct sighting. */
#define ABSENT "absent"
#define SHALLOW "shallow"
#define WHOLE "whole"
#define UNTIL "until"

/* What a step said begins with how much it means. */
static const char *const said_words[] = {
	[GRAVITY_NOTE] = "said",
	[GRAVITY_RISK] = "risk",
	[GRAVITY_SHUT] = "shut",
};

struct seal seal_of(struct sys *sys, const char *version, const char *settings_hash)
{
	struct seal seal = {.version = version, .settings_hash = settings_hash};
	struct err ignored = {0};
	struct span rest, line;
	AUTO_BUF text = {0};

	if (fs_read(sys, BOOT_ID_PATH, 0, 128, &text, NULL, &ignored) < 0)
		return seal;
	rest = buf_bytes(&text);
	if (span_line(&rest, &line) && !span_copy(line, seal.boot_id, sizeof(seal.boot_id)))
		seal.boot_id[0] = '\0';
	return seal;
}

/* ---- making it */

static bool below(const char *path, const char *folder)
{
	size_t len = strlen(folder);

	return strncmp(path, folder, len) == 0 && (path[len] == '/' || !path[len]);
}

static bool says_nothing(const char *path)
{
	return below(path, "/proc") || below(path, "/sys") || strcmp(path, STATE_DIR) == 0;
}

static void add_head(const struct seal *seal, struct buf *text)
{
	buf_printf(text, HEAD " %s %s %s\n", seal->version, seal->boot_id, seal->settings_hash);
}

void seal_add_line(const struct sighting *seen, struct buf *text)
{
	if (!seen->exists) {
		buf_printf(text, ABSENT " %s\n", seen->path);
		return;
	}
	buf_printf(text, "%s %" PRIu32 " %" PRIu32 " %" PRIu32 " ", seen->shallow ? SHALLOW : WHOLE,
		   seen->mode, seen->uid, seen->gid);
	/* Times before 1970 go through as the bits they are. */
	if (!seen->shallow)
		buf_printf(text, "%" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " ",
			   seen->dev, seen->ino, seen->size, (uint64_t)seen->mtime_ns,
			   (uint64_t)seen->ctime_ns);
	buf_printf(text, "%s\n", seen->path);
}

static void add_said(const struct step_result *result, struct buf *text)
{
	if (result->state == STEP_SKIPPED)
		return;
	for (size_t i = 0; i == 0 || i < result->note_count; i++) {
		char note[NOTE_MAX] = "";

		if (result->note_count)
			ascii_text(result->notes[i], note, sizeof(note));
		for (char *p = strchr(note, '\n'); p; p = strchr(p, '\n'))
			*p = ' ';
		buf_printf(text, "%s %s %s\n", said_words[result->gravity], result->step->name,
			   note);
	}
}

static int format(const struct seal *seal, const struct witness *witness, struct buf *ret,
		  struct err *err)
{
	size_t count = 0;

	add_head(seal, ret);
	buf_printf(ret, UNTIL " %" PRId64 "\n", seal->until_ns);
	for (size_t i = 0; i < seal->count; i++)
		add_said(&seal->results[i], ret);
	for (size_t i = 0; i < witness->count; i++) {
		const struct sighting *seen = &witness->seen[i];

		if (says_nothing(seen->path))
			continue;
		if (strchr(seen->path, '\n') || strlen(seen->path) >= PATH_MAX)
			return err_set(err, EINVAL, "%.64s cannot be written in a line",
				       seen->path);
		seal_add_line(seen, ret);
		count++;
	}
	if (!seal->boot_id[0] || witness->failed || count == 0 || count > SEAL_PATHS_MAX)
		return err_set(err, EINVAL, "what was looked at proves nothing");
	return buf_ok(ret, err);
}

int seal_make(struct sys *sys, const struct seal *seal, const struct witness *witness,
	      struct err *err)
{
	const struct fs_meta meta = files_meta(sys, 0600);
	AUTO_BUF text = {0};
	int r = format(seal, witness, &text, err);

	return r < 0 ? r : fs_replace(sys, SEAL_PATH, buf_bytes(&text), &meta, err);
}

int seal_break(struct sys *sys, struct err *err)
{
	return fs_remove(sys, SEAL_PATH, err);
}

/* ---- reading it */

/* The next word, after exactly one blank. */
static bool take_word(struct span *line, struct span *ret)
{
	const unsigned char *blank = line->len ? memchr(line->p, ' ', line->len) : NULL;

	return blank && span_take(line, (size_t)(blank - line->p), ret) &&
	       span_take(line, 1, &(struct span){0});
}

static bool take_number(struct span *line, uint64_t max, uint64_t *ret)
{
	struct span word;

	return take_word(line, &word) && num_parse(word, max, ret);
}

static bool take_owner(struct span *line, struct sighting *ret)
{
	uint64_t numbers[3];

	for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
		if (!take_number(line, UINT32_MAX, &numbers[i]))
			return false;
	ret->mode = (uint32_t)numbers[0];
	ret->uid = (uint32_t)numbers[1];
	ret->gid = (uint32_t)numbers[2];
	return true;
}

static bool take_identity(struct span *line, struct sighting *ret)
{
	uint64_t numbers[5];

	for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
		if (!take_number(line, UINT64_MAX, &numbers[i]))
			return false;
	ret->dev = numbers[0];
	ret->ino = numbers[1];
	ret->size = numbers[2];
	ret->mtime_ns = (int64_t)numbers[3];
	ret->ctime_ns = (int64_t)numbers[4];
	return true;
}

bool seal_take_line(struct span line, char path[PATH_MAX], struct sighting *ret)
{
	struct sighting seen = {.path = path};
	struct span kind;

	if (!take_word(&line, &kind))
		return false;
	seen.exists = !span_is(kind, ABSENT);
	seen.shallow = span_is(kind, SHALLOW);
	if (seen.exists && !seen.shallow && !span_is(kind, WHOLE))
		return false;
	if (seen.exists && !take_owner(&line, &seen))
		return false;
	if (seen.exists && !seen.shallow && !take_identity(&line, &seen))
		return false;
	*ret = seen;
	return line.len && line.p[0] == '/' && span_copy(line, path, PATH_MAX);
}

/* Is the time that it holds for not over?  *ret_for_ever: it has none. */
static bool check_time(struct sys *sys, struct span *rest, bool *ret_for_ever)
{
	struct span line, word;
	uint64_t until_ns;

	if (!span_line(rest, &line) || !take_word(&line, &word) || !span_is(word, UNTIL) ||
	    !num_parse(line, INT64_MAX, &until_ns))
		return false;
	*ret_for_ever = until_ns == 0;
	return until_ns == 0 || sys->ops->boottime_ns(sys) < (int64_t)until_ns;
}

bool seal_next_said(struct span *rest, struct said *ret)
{
	struct said said = {.gravity = GRAVITY_NOTE};
	struct span line, word;

	if (!span_line(rest, &line) || !take_word(&line, &word))
		return false;
	while (said.gravity < ARRAY_LEN(said_words) && !span_is(word, said_words[said.gravity]))
		said.gravity++;
	if (said.gravity == ARRAY_LEN(said_words) || !take_word(&line, &said.step))
		return false;
	said.note = line;
	*ret = said;
	return true;
}

/* The lines that follow the time. */
static struct span take_said(struct span *rest)
{
	struct span said = *rest, after = *rest;
	struct said ignored;

	while (seal_next_said(&after, &ignored))
		*rest = after;
	said.len -= rest->len;
	return said;
}

/* The lines after these.  Who is to be told has no say in whether it holds. */
static bool check_lines(struct sys *sys, const struct seal *seal, struct span rest, bool *ret_told)
{
	size_t count = 0, told = 0, left = 0;
	char path[PATH_MAX];
	struct span line;

	for (; span_line(&rest, &line); count++) {
		struct sighting seen;
		bool same, tells = false;

		if (!seal_take_line(line, path, &seen))
			return false;
		same = witness_same(sys, &seen);
		for (size_t i = 0; i < SEAL_TOLD; i++)
			tells = tells || (seal->told[i] && strcmp(path, seal->told[i]) == 0);
		if (!same && !tells)
			return false;
		told += same && tells && seen.exists;
	}
	for (size_t i = 0; i < SEAL_TOLD; i++)
		left += seal->told[i] != NULL;
	*ret_told = told == left;
	return count > 0;
}

/* What follows the head, if that is the one of this seal. */
static bool read_seal(struct sys *sys, const struct seal *seal, struct buf *text,
		      struct span *ret_rest)
{
	AUTO_BUF head = {0};
	struct err ignored = {0};
	struct span found;

	add_head(seal, &head);
	if (!seal->boot_id[0] || buf_ok(&head, &ignored) < 0 ||
	    fs_read(sys, SEAL_PATH, FS_TRUSTED, SEAL_MAX, text, NULL, &ignored) < 0)
		return false;
	*ret_rest = buf_bytes(text);
	return span_take(ret_rest, head.len, &found) && span_eq(found, buf_bytes(&head));
}

bool seal_made_for(struct sys *sys, const struct seal *seal)
{
	AUTO_BUF text = {0};
	struct span rest;

	return read_seal(sys, seal, &text, &rest);
}

bool seal_holds(struct sys *sys, const struct seal *seal, bool *ret_told, struct buf *ret_said)
{
	AUTO_BUF text = {0};
	bool for_ever, told;
	struct span rest, said;

	if (!read_seal(sys, seal, &text, &rest) || !check_time(sys, &rest, &for_ever))
		return false;
	said = take_said(&rest);
	if (!check_lines(sys, seal, rest, &told) || !(told || for_ever))
		return false;
	*ret_told = told;
	buf_span(ret_said, said);
	return true;
}
