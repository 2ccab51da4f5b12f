/* SPDX-License-Identifier: MIT */
/*
 * YAML for data files: libyaml's events made into a tree of text, sequences and mappings that
 * remember where they stood.  What such files do not need is refused: anchors and aliases, tags,
 * repeated keys, values left empty, a second document.  A scalar is text, however it
 * looks: 16.04 stays "16.04".  Every message begins with FILE:LINE:COLUMN.
 */
#ifndef CORE_YAML_H
#define CORE_YAML_H

#include <stddef.h>

#include "lib/core/err.h"
#include "lib/core/span.h"

#define YAML_MAX ((size_t)64 << 10) /* bytes of a document that are still read */
#define YAML_DEPTH_MAX 8
#define YAML_NODES_MAX 4096

enum yaml_kind { YAML_TEXT, YAML_LIST, YAML_MAP };

struct yaml_node {
	enum yaml_kind kind;
	const char *what; /* name of the document, borrowed from the caller of yaml_parse */
	size_t line, column; /* where it begins, from 1; in a map that is its key */
	char *key; /* its key in a map; NULL in a list and for the root */
	char *text; /* of YAML_TEXT, otherwise NULL */
	struct yaml_node *items; /* of YAML_LIST and YAML_MAP */
	size_t count;
};

#define AUTO_YAML __attribute__((cleanup(yaml_done))) struct yaml_node

/*
 * Parse one document.  what names it in messages and must outlive *ret, which the caller
 * empties with yaml_done.  -EMSGSIZE over YAML_MAX; -EBADMSG malformed, or with something that is
 * refused (see above), deeper than YAML_DEPTH_MAX or of more than YAML_NODES_MAX nodes; -ENOMEM.
 */
int yaml_parse(struct span text, const char *what, struct yaml_node *ret, struct err *err);

void yaml_done(struct yaml_node *node);

/* -EINVAL, and a message about this node. */
int yaml_error(const struct yaml_node *node, struct err *err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* The member of a map, NULL when there is none. */
const struct yaml_node *yaml_get(const struct yaml_node *map, const char *key);

/*
 * Members of a map.  All borrow from it.  A missing one leaves *ret alone and returns 0;
 * one of another kind is -EINVAL.
 */
int yaml_get_text(const struct yaml_node *map, const char *key, const char **ret, struct err *err);
int yaml_get_list(const struct yaml_node *map, const char *key, const struct yaml_node **ret,
		  struct err *err);

/* -EINVAL unless node is a map with no other keys than these; the list ends with NULL. */
int yaml_check_map(const struct yaml_node *node, const char *const *keys, struct err *err);

#endif
