/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "lib/core/cleanup.h"
#include "lib/sys/fs.h"
#include "lib/sys/userindex.h"
#include "payload/login/accounts.h"
#include "payload/login/ledger.h"
#include "payload/login/places.h"

static int read_file(struct sys *sys, const char *path, struct buf *ret, struct err *err)
{
	bool exists;

	return fs_read_optional(sys, path, FS_TRUSTED, AADPASSWD_MAX, ret, &exists, NULL, err);
}

int ledger_read(struct sys *sys, struct ledger *ret, struct err *err)
{
	int r = read_file(sys, AADPASSWD_PATH, &ret->users, err);

	return r < 0 ? r : read_file(sys, LEDGER_PATH, &ret->remembered, err);
}

int ledger_open(struct sys *sys, struct ledger *ret, struct err *err)
{
	int lock = accounts_lock(sys, err);

	if (lock < 0)
		return lock;
	ret->lock = lock;
	return ledger_read(sys, ret, err);
}

enum ledger_standing ledger_find(const struct ledger *ledger, const char *name,
				 struct aad_user *ret)
{
	if (aadpasswd_find_name(buf_bytes(&ledger->users), span_of(name), ret))
		return LEDGER_PRESENT;
	if (aadpasswd_find_name(buf_bytes(&ledger->remembered), span_of(name), ret))
		return LEDGER_REMEMBERED;
	return LEDGER_UNKNOWN;
}

bool ledger_find_former(const struct ledger *ledger, const char *name, const char *oid,
			struct aad_user *ret)
{
	struct span users = buf_bytes(&ledger->users), wanted = span_of(oid);
	struct aad_user own, former;

	switch (ledger_find(ledger, name, &own)) {
	case LEDGER_PRESENT:
		return false;
	case LEDGER_REMEMBERED:
		if (!span_eq(own.oid, wanted) || !aadpasswd_find_oid(users, wanted, &former) ||
		    former.id != own.id)
			return false;
		break;
	case LEDGER_UNKNOWN:
		if (!aadpasswd_find_oid(users, wanted, &former) &&
		    !aadpasswd_find_oid(buf_bytes(&ledger->remembered), wanted, &former))
			return false;
		break;
	}
	*ret = former;
	return true;
}

int ledger_look(struct sys *sys, const char *name, struct ledger *ret, struct err *err)
{
	unsigned char buffer[AADINDEX_FETCH_MAX];
	char line[AADPASSWD_LINE_MAX + 1];
	struct aad_user user;

	if (userindex_find(sys, name, buffer, &user) != 0 ||
	    !aadpasswd_format(&user, line, sizeof(line)))
		return ledger_read(sys, ret, err);
	buf_str(&ret->users, line);
	return buf_ok(&ret->users, err);
}

/* Is this line, without its newline, the name's?  A damaged line is judged by its first field
 * alone. */
static bool is_of(struct span line, struct span name)
{
	return line.len > name.len && line.p[name.len] == ':' &&
	       memcmp(line.p, name.p, name.len) == 0;
}

/* The text without the name's lines, and with this line at its end. */
static void edit(struct span text, struct span name, const char *added, struct buf *ret)
{
	struct span line;

	while (span_line(&text, &line)) {
		if (is_of(line, name))
			continue;
		buf_span(ret, line);
		buf_str(ret, "\n");
	}
	buf_str(ret, added);
}

static int replace(struct sys *sys, const char *path, mode_t mode, struct buf *text,
		   struct span name, const char *added, struct err *err)
{
	const struct fs_meta meta = {.mode = mode, .uid = sys->owner, .gid = getegid()};
	struct err ignored = {0};
	AUTO_BUF edited = {0};
	int r;

	edit(buf_bytes(text), name, added, &edited);
	r = buf_ok(&edited, err);
	if (r == 0 && edited.len > AADPASSWD_MAX)
		r = err_set(err, EMSGSIZE, "%s would be longer than it may be", path);
	if (r == 0 && !span_eq(buf_bytes(&edited), buf_bytes(text)))
		r = fs_replace(sys, path, buf_bytes(&edited), &meta, err);
	if (r < 0)
		return r;
	buf_move(text, &edited);
	/* Without it the text serves, and the next login tries again. */
	if (strcmp(path, AADPASSWD_PATH) == 0)
		(void)userindex_publish(sys, &ignored);
	return 0;
}

static int format(const struct aad_user *user, char ret[AADPASSWD_LINE_MAX + 1], struct err *err)
{
	if (!aadpasswd_format(user, ret, AADPASSWD_LINE_MAX + 1))
		return err_set(err, EINVAL, "%.*s cannot be written to " AADPASSWD_PATH,
			       (int)user->name.len, (const char *)user->name.p);
	return 0;
}

/* The name of the line that format wrote, which borrows from no ledger. */
static struct span name_in(const char *line)
{
	return (struct span){(const unsigned char *)line, strcspn(line, ":")};
}

int ledger_remember(struct sys *sys, struct ledger *ledger, const struct aad_user *user,
		    struct err *err)
{
	char line[AADPASSWD_LINE_MAX + 1];
	int r = format(user, line, err);

	return r < 0 ? r
		     : replace(sys, LEDGER_PATH, 0600, &ledger->remembered, name_in(line), line,
			       err);
}

int ledger_set_up(struct sys *sys, struct ledger *ledger, const struct aad_user *user,
		  struct err *err)
{
	char line[AADPASSWD_LINE_MAX + 1];
	int r = format(user, line, err);

	return r < 0 ? r
		     : replace(sys, AADPASSWD_PATH, 0644, &ledger->users, name_in(line), line, err);
}

/* After the line has gone, and before the lock does. */
static int tell_freed(struct sys *sys, struct err *err)
{
	const struct fs_meta meta = {.mode = 0600, .uid = sys->owner, .gid = getegid()};

	return fs_replace(sys, NAMES_FREED_PATH, span_of(""), &meta, err);
}

int ledger_rename(struct sys *sys, struct ledger *ledger, const char *former,
		  const struct aad_user *user, struct err *err)
{
	bool present = ledger_find(ledger, former, &(struct aad_user){.id = 0}) == LEDGER_PRESENT;
	char line[AADPASSWD_LINE_MAX + 1];
	int r = format(user, line, err);
	/* A rename that was cut off has told the ledger already. */
	bool told = aadpasswd_find_name(buf_bytes(&ledger->remembered), user->name,
					&(struct aad_user){.id = 0});

	if (r == 0)
		r = replace(sys, LEDGER_PATH, 0600, &ledger->remembered, span_of(former),
			    told ? "" : line, err);
	if (r < 0 || !present)
		return r;
	r = replace(sys, AADPASSWD_PATH, 0644, &ledger->users, span_of(former), line, err);
	return r < 0 ? r : tell_freed(sys, err);
}

int ledger_take_away(struct sys *sys, struct ledger *ledger, const char *name, struct err *err)
{
	int r = replace(sys, AADPASSWD_PATH, 0644, &ledger->users, span_of(name), "", err);

	return r < 0 ? r : tell_freed(sys, err);
}

int ledger_forget(struct sys *sys, struct ledger *ledger, const char *name, struct err *err)
{
	return replace(sys, LEDGER_PATH, 0600, &ledger->remembered, span_of(name), "", err);
}

void ledger_done(struct ledger *ledger)
{
	buf_done(&ledger->users);
	buf_done(&ledger->remembered);
	cleanup_close(&ledger->lock);
	ledger->lock = -1;
}
