/* SPDX-License-Identifier: MIT */
/*
 * All files of sshd's configuration, read in sshd's order, to find the line of the owner's that
 * wins over ours or keeps our users out.  What really holds, `sshd -T` tells; this is for messages
 * that name file and line.
 */
#ifndef CORE_SSHDTREE_H
#define CORE_SSHDTREE_H

#include "lib/core/sshdconf.h"

#define SSHD_DEPTH_MAX 16 /* nested Includes, sshd's own limit */

/* The main file first, then all files that are included, in any order. */
struct sshd_file {
	char *path;
	struct buf text;
};

struct sshdtree {
	struct sshd_file *files;
	size_t count;
	bool partial; /* sshd may read a file that is not here */
};

void sshdtree_done(struct sshdtree *tree);
#define AUTO_SSHDTREE __attribute__((cleanup(sshdtree_done))) struct sshdtree

/* Take a file into the tree; text is emptied.  -ENOMEM. */
int sshdtree_add(struct sshdtree *tree, const char *path, struct buf *text, struct err *err);

/* Where a directive stands.  Borrowed from the tree. */
struct sshd_place {
	const char *path;
	struct sshd_directive directive;
};

/*
 * Find a directive that wins over our block: one of its settings with another value, in a Match
 * that comes earlier and can apply to our users.  The tree holds the candidate, that is, our
 * drop-in or our block.  Criteria other than the user and the group are taken to apply.
 */
bool sshdtree_rival(const struct sshdtree *tree, const struct conf *conf, struct sshd_place *ret);

/*
 * Find the directive that sets a keyword for our users: the first in a Match that can apply to
 * them, else the first global one.  What an sshd calls by two names is asked for by both; other may
 * be NULL.  *ret_in_match: it stands in a Match.
 */
bool sshdtree_setter(const struct sshdtree *tree, const struct conf *conf, const char *keyword,
		     const char *other, struct sshd_place *ret, bool *ret_in_match);

/* A list that keeps our users out. */
struct sshd_bar {
	struct sshd_place place;
	const char *list; /* its keyword, static */
	bool all; /* none of them gets in, wherever they come from */
	char help[256]; /* the change that helps, a clause */
	char edit[256]; /* the same for sed, on the file of the place; "" when it is not one line's
			 */
};

/*
 * Which of AllowUsers, DenyUsers, AllowGroups and DenyGroups keep our users out.  (A name with `@`
 * cannot stand in AllowUsers: sshd takes what follows for the host.)
 * groups  the text of /etc/group: people may have put our users into a local group
 * ret     SSHD_BARS_MAX of them
 * Returns how many there are.
 */
#define SSHD_BARS_MAX 4
size_t sshdtree_bars(const struct sshdtree *tree, const struct conf *conf, struct span groups,
		     struct sshd_bar *ret);

/*
 * Add what the Match lines make of a name, a byte each.  Of two names with the same bytes sshd
 * shows the same settings, for the same connection.  False when the tree does not tell: it is
 * partial, a line is not of the plain form, or a Match that the name is not excluded from asks for
 * more than the name, as for the group.
 */
bool sshdtree_kind(const struct sshdtree *tree, struct span name, struct buf *ret);

/* A pattern list: commas, `*`, `?`, `!`.  1 matches, -1 is excluded by `!`, 0 neither. */
int sshdtree_match(struct span list, struct span name);

#endif
