/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "lib/core/cleanup.h"
#include "lib/core/yaml.h"

struct reader {
	yaml_parser_t parser;
	const char *what;
	struct span text;
	size_t nodes; /* read so far */
	struct err *err;
};

static int refuse(struct reader *r, yaml_mark_t at, const char *why)
{
	return err_set(r->err, EBADMSG, "%s:%zu:%zu: %s", r->what, at.line + 1, at.column + 1, why);
}

/* libyaml tells of bytes that are not UTF-8 by their offset alone. */
static yaml_mark_t mark_at(struct span text, size_t offset)
{
	yaml_mark_t mark = {.index = offset};

	for (size_t i = 0; i < offset && i < text.len; i++) {
		mark.column++;
		if (text.p[i] == '\n') {
			mark.line++;
			mark.column = 0;
		}
	}
	return mark;
}

static int next_event(struct reader *r, yaml_event_t *ret)
{
	if (yaml_parser_parse(&r->parser, ret))
		return 0;
	if (r->parser.error == YAML_MEMORY_ERROR)
		return err_oom(r->err);
	if (r->parser.error == YAML_READER_ERROR)
		return refuse(r, mark_at(r->text, r->parser.problem_offset), r->parser.problem);
	return refuse(r, r->parser.problem_mark, r->parser.problem);
}

static int expect_event(struct reader *r, yaml_event_type_t type, const char *why)
{
	CLEANUP(yaml_event_delete) yaml_event_t event = {0};
	int rc = next_event(r, &event);

	if (rc < 0)
		return rc;
	return event.type == type ? 0 : refuse(r, event.start_mark, why);
}

/* Text that is written out.  An empty value is nearly always a forgotten one. */
static int read_text(struct reader *r, const yaml_event_t *event, char **ret)
{
	const char *text = (const char *)event->data.scalar.value;
	bool plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;

	if (event->data.scalar.anchor || event->data.scalar.tag)
		return refuse(r, event->start_mark, "anchors and tags are not used here");
	if (strlen(text) != event->data.scalar.length)
		return refuse(r, event->start_mark, "the text has a NUL character");
	if (plain && (!*text || strcmp(text, "~") == 0 || strcmp(text, "null") == 0))
		return refuse(r, event->start_mark, "a value is missing; leave its key out");
	*ret = strdup(text);
	return *ret ? 0 : err_oom(r->err);
}

static int read_key(struct reader *r, const yaml_event_t *event, const struct yaml_node *map,
		    char **ret)
{
	if (event->type != YAML_SCALAR_EVENT)
		return refuse(r, event->start_mark, "a key must be text");
	if (yaml_get(map, (const char *)event->data.scalar.value))
		return refuse(r, event->start_mark, "the key is there already");
	return read_text(r, event, ret);
}

static void set_place(struct yaml_node *node, yaml_mark_t at)
{
	node->line = at.line + 1;
	node->column = at.column + 1;
}

static struct yaml_node *add_item(struct yaml_node *to, yaml_mark_t at)
{
	struct yaml_node *items = realloc(to->items, (to->count + 1) * sizeof(*items));

	if (!items)
		return NULL;
	to->items = items;
	items[to->count] = (struct yaml_node){0};
	set_place(&items[to->count], at);
	return &items[to->count++];
}

static int read_node(struct reader *r, const yaml_event_t *event, unsigned depth,
		     struct yaml_node *ret);

static int read_items(struct reader *r, yaml_event_type_t end, unsigned depth,
		      struct yaml_node *ret)
{
	for (;;) {
		CLEANUP(yaml_event_delete) yaml_event_t event = {0};
		AUTO_FREE char *key = NULL;
		struct yaml_node *item;
		int rc = next_event(r, &event);
		yaml_mark_t at = event.start_mark;

		if (rc == 0 && event.type == end)
			return 0;
		if (rc == 0 && ret->kind == YAML_MAP) {
			rc = read_key(r, &event, ret, &key);
			yaml_event_delete(&event);
			if (rc == 0)
				rc = next_event(r, &event);
		}
		if (rc < 0)
			return rc;
		item = add_item(ret, at);
		if (!item)
			return err_oom(r->err);
		item->key = steal_ptr(key);
		rc = read_node(r, &event, depth, item);
		if (rc < 0)
			return rc;
	}
}

static int read_node(struct reader *r, const yaml_event_t *event, unsigned depth,
		     struct yaml_node *ret)
{
	ret->what = r->what;
	if (++r->nodes > YAML_NODES_MAX)
		return refuse(r, event->start_mark, "the document has too many parts");
	switch (event->type) {
	case YAML_SCALAR_EVENT:
		ret->kind = YAML_TEXT;
		return read_text(r, event, &ret->text);
	case YAML_SEQUENCE_START_EVENT:
		ret->kind = YAML_LIST;
		if (event->data.sequence_start.anchor || event->data.sequence_start.tag)
			return refuse(r, event->start_mark, "anchors and tags are not used here");
		break;
	case YAML_MAPPING_START_EVENT:
		ret->kind = YAML_MAP;
		if (event->data.mapping_start.anchor || event->data.mapping_start.tag)
			return refuse(r, event->start_mark, "anchors and tags are not used here");
		break;
	default:
		return refuse(r, event->start_mark, "aliases are not used here");
	}
	if (depth == YAML_DEPTH_MAX)
		return refuse(r, event->start_mark, "nested too deep");
	return read_items(r,
			  ret->kind == YAML_MAP ? YAML_MAPPING_END_EVENT : YAML_SEQUENCE_END_EVENT,
			  depth + 1, ret);
}

static int read_document(struct reader *r, struct yaml_node *ret)
{
	CLEANUP(yaml_event_delete) yaml_event_t event = {0};
	int rc = expect_event(r, YAML_STREAM_START_EVENT, "not a document");

	if (rc == 0)
		rc = expect_event(r, YAML_DOCUMENT_START_EVENT, "the document is empty");
	if (rc == 0)
		rc = next_event(r, &event);
	set_place(ret, event.start_mark);
	if (rc == 0)
		rc = read_node(r, &event, 0, ret);
	if (rc == 0)
		rc = expect_event(r, YAML_DOCUMENT_END_EVENT, "the document goes on");
	if (rc == 0)
		rc = expect_event(r, YAML_STREAM_END_EVENT, "a second document begins");
	return rc;
}

int yaml_parse(struct span text, const char *what, struct yaml_node *ret, struct err *err)
{
	struct reader r = {.what = what, .text = text, .err = err};
	AUTO_YAML root = {0};
	int rc;

	if (text.len > YAML_MAX)
		return err_set(err, EMSGSIZE, "%s: longer than %zu bytes", what, YAML_MAX);
	if (!yaml_parser_initialize(&r.parser))
		return err_oom(err);
	yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&r.parser, text.p, text.len);
	rc = read_document(&r, &root);
	yaml_parser_delete(&r.parser);
	if (rc == 0) {
		*ret = root;
		root = (struct yaml_node){0};
	}
	return rc;
}

void yaml_done(struct yaml_node *node)
{
	for (size_t i = 0; i < node->count; i++)
		yaml_done(&node->items[i]);
	free(node->items);
	free(node->key);
	free(node->text);
	*node = (struct yaml_node){0};
}

int yaml_error(const struct yaml_node *node, struct err *err, const char *fmt, ...)
{
	char text[ERR_MSG_MAX];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return err_set(err, EINVAL, "%s:%zu:%zu: %s", node->what, node->line, node->column, text);
}

static const char *kind_name(enum yaml_kind kind)
{
	static const char *const names[] = {"text", "a list", "a map"};

	return names[kind];
}

const struct yaml_node *yaml_get(const struct yaml_node *map, const char *key)
{
	for (size_t i = 0; i < map->count; i++)
		if (map->items[i].key && strcmp(map->items[i].key, key) == 0)
			return &map->items[i];
	return NULL;
}

static int get(const struct yaml_node *map, const char *key, enum yaml_kind kind,
	       const struct yaml_node **ret, struct err *err)
{
	const struct yaml_node *node = yaml_get(map, key);

	if (node && node->kind != kind)
		return yaml_error(node, err, "%s is %s, expected %s", key, kind_name(node->kind),
				  kind_name(kind));
	if (node)
		*ret = node;
	return 0;
}

int yaml_get_text(const struct yaml_node *map, const char *key, const char **ret, struct err *err)
{
	const struct yaml_node *node = NULL;
	int r = get(map, key, YAML_TEXT, &node, err);

	if (node)
		*ret = node->text;
	return r;
}

int yaml_get_list(const struct yaml_node *map, const char *key, const struct yaml_node **ret,
		  struct err *err)
{
	return get(map, key, YAML_LIST, ret, err);
}

static bool is_one_of(const char *key, const char *const *keys)
{
	while (*keys && strcmp(*keys, key) != 0)
		keys++;
	return *keys;
}

int yaml_check_map(const struct yaml_node *node, const char *const *keys, struct err *err)
{
	if (node->kind != YAML_MAP)
		return yaml_error(node, err, "%s, expected a map", kind_name(node->kind));
	for (size_t i = 0; i < node->count; i++)
		if (!is_one_of(node->items[i].key, keys))
			return yaml_error(&node->items[i], err, "unknown key %s",
					  node->items[i].key);
	return 0;
}
