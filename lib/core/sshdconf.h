/* SPDX-License-Identifier: MIT */
/*
 * Text of sshd's configuration: our Match block, in a file of its own where the main file
 * includes its directory, otherwise at the end of the main file between two marker lines.
 *
 * Source: sshd_config(5).  A Match in an included file ends with that file (seen from 8.4 to
 * 10.6); in the main file it runs to the next Match, so our block ends with `Match all`.
 */
#ifndef CORE_SSHDCONF_H
#define CORE_SSHDCONF_H

#include "lib/core/buf.h"
#include "lib/core/conf.h"

#define SSHD_DIR "/etc/ssh"
#define SSHD_MAIN_PATH SSHD_DIR "/sshd_config"
#define SSHD_DROPIN_DIR SSHD_DIR "/sshd_config.d"
#define SSHD_DROPIN_PATH SSHD_DROPIN_DIR "/20-aadsshlogin.conf"

#define KEY_COMMAND_USER "aadsshlogin"

/* The lines, without blanks around them, between which our block in the main file stands. */
#define SSHDCONF_BEGIN "# BEGIN aadsshlogin: this block is managed, other lines are not touched"
#define SSHDCONF_END "# END aadsshlogin"

/* What our block sets, and so what `sshd -T` must show for our users. */
struct sshd_setting {
	const char *keyword;
	const char *value;
};

/* The settings in the order of writing; *ret is static. */
size_t sshdconf_settings(const struct conf *conf, const struct sshd_setting **ret);

/* The whole drop-in file.  spared: what matchuser_spare says.  -ENOMEM. */
int sshdconf_dropin(const struct conf *conf, struct span spared, struct buf *ret, struct err *err);

/*
 * Put our block at the end of the main file's text, or bring the one that is there up to date
 * where it stands.  spared: what matchuser_spare says.  -EINVAL when a block begins but does not
 * end; -ENOMEM.
 */
int sshdconf_insert(struct span main, const struct conf *conf, struct span spared, struct buf *ret,
		    struct err *err);

/*
 * Take our block out, also what is left of one whose first lines somebody took away: an untouched
 * file comes back byte by byte.  `Match all` is left where lines
 * that were added behind the block would otherwise fall into the owner's last Match.  Errors as
 * sshdconf_insert.
 */
int sshdconf_remove(struct span main, struct buf *ret, struct err *err);

/* The line on which our block begins, 0 when there is none. */
unsigned sshdconf_block_line(struct span main);

/*
 * A name that is ours and nobody's, for questions to sshd and NSS: the given one of user_domains,
 * where
 * "*" stands for a domain that cannot be.  False when it does not fit.
 */
bool sshdconf_probe(struct span domain, char *ret, size_t size);

/* Reading.  A directive's arguments are the rest of its line. */
struct sshd_directive {
	unsigned line; /* from 1 */
	struct span keyword;
	struct span args;
};

/* The next directive; comments and empty lines are passed over.  *line counts, and starts at 0. */
bool sshdconf_next(struct span *text, unsigned *line, struct sshd_directive *ret);
bool sshdconf_is(const struct sshd_directive *directive, const char *keyword);

/* The next argument, without its quotes.  False at the end of the line and at a comment. */
bool sshdconf_arg(struct span *args, struct span *ret);

/* Does a file that is read by `Include pattern` have this path?  Relative is below SSHD_DIR. */
bool sshdconf_pattern_covers(struct span pattern, const char *path);

/* Does the main file, outside every Match, include the drop-in? */
bool sshdconf_includes_dropin(struct span main);

/* The value that `sshd -T` shows for a keyword (compared without case).  False when it shows none.
 */
bool sshdconf_shown(struct span output, const char *keyword, struct span *ret);

#endif
