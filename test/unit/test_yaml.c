/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "lib/core/buf.h"
#include "lib/core/cleanup.h"
#include "lib/core/yaml.h"

static void a_tree_remembers_where_its_parts_stood(void **state)
{
	static const char text[] = "# heading\n"
				   "list:\n"
				   "  - id: one\n"
				   "    versions: [16.04, '9 a']\n"
				   "  - plain text\n";
	const struct yaml_node *list = NULL, *versions = NULL;
	const char *id = NULL;
	AUTO_YAML root = {0};
	struct err err = {0};

	(void)state;
	assert_int_equal(yaml_parse(span_of(text), "t.yaml", &root, &err), 0);
	assert_int_equal(yaml_get_list(&root, "list", &list, &err), 0);
	assert_int_equal(list->count, 2);
	assert_int_equal(list->line, 2);
	assert_int_equal(list->column, 1);
	assert_int_equal(list->items[0].kind, YAML_MAP);
	assert_int_equal(list->items[0].line, 3);
	assert_int_equal(list->items[0].column, 5);
	assert_int_equal(yaml_get_text(&list->items[0], "id", &id, &err), 0);
	assert_string_equal(id, "one");
	assert_int_equal(yaml_get_list(&list->items[0], "versions", &versions, &err), 0);
	assert_string_equal(versions->items[0].text, "16.04");
	assert_string_equal(versions->items[1].text, "9 a");
	assert_int_equal(versions->items[1].line, 4);
	assert_int_equal(versions->items[1].column, 23);
	assert_string_equal(list->items[1].text, "plain text");
}

/* clang-format off */
static const struct bad {
	const char *name, *text, *message;
	size_t len; /* of text when it has a NUL */
} bad[] = {
	{"an_empty_document", "", "t.yaml:1:1: the document is empty", 0},
	{"a_comment_alone", "# nothing\n", "t.yaml:2:1: the document is empty", 0},
	{"a_second_document", "a: 1\n---\nb: 2\n", "t.yaml:2:1: a second document begins", 0},
	{"an_unclosed_list", "a: [1, 2\nb: 3\n", "t.yaml:2:", 0},
	{"an_unclosed_quote", "a: 'x\n", "t.yaml:2:1: found unexpected end of stream", 0},
	{"a_tab_as_indent", "a:\n\tb: 1\n", "t.yaml:2:1: ", 0},
	{"a_repeated_key", "a: 1\nb: 2\na: 3\n", "t.yaml:3:1: the key is there already", 0},
	{"a_missing_value", "a:\nb: 2\n", "a value is missing; leave its key out", 0},
	{"a_tilde", "a: ~\n", "t.yaml:1:4: a value is missing", 0},
	{"a_null", "- null\n", "t.yaml:1:3: a value is missing", 0},
	{"an_anchor_on_text", "a: &x 1\n", "t.yaml:1:4: anchors and tags", 0},
	{"an_anchor_on_a_list", "a: &x [1]\n", "t.yaml:1:4: anchors and tags", 0},
	{"an_anchor_on_a_map", "&x {a: 1}\n", "t.yaml:1:1: anchors and tags", 0},
	{"an_alias", "a: *x\n", "t.yaml:1:4: aliases are not used here", 0},
	{"an_alias_as_key", "*x : 1\n", "t.yaml:1:1: a key must be text", 0},
	{"a_list_as_key", "[a]: 1\n", "t.yaml:1:1: a key must be text", 0},
	{"a_tag", "a: !!int 1\n", "t.yaml:1:4: anchors and tags", 0},
	{"a_tagged_map", "!x {a: 1}\n", "t.yaml:1:1: anchors and tags", 0},
	{"an_escaped_NUL", "a: \"b\\0c\"\n", "t.yaml:1:4: the text has a NUL character", 0},
	{"an_escaped_NUL_in_a_key", "\"a\\0\": b\n", "t.yaml:1:1: the text has a NUL character", 0},
	{"a_raw_NUL", "a: b\nc: \0d\n", "t.yaml:2:4: control characters are not allowed", 10},
	{"bytes_that_are_not_UTF_8", "a: b\nc: \xff\n", "t.yaml:2:4: invalid", 0},
	{"nesting_too_deep", "[[[[[[[[[x]]]]]]]]]", "t.yaml:1:9: nested too deep", 0},
};
/* clang-format on */

static void is_refused_with_its_place(void **state)
{
	const struct bad *row = *state;
	size_t len = row->len ? row->len : strlen(row->text);
	struct span text = {.p = (const unsigned char *)row->text, .len = len};
	struct yaml_node root = {.line = 77};
	struct err err = {0};

	assert_int_equal(yaml_parse(text, "t.yaml", &root, &err), -EBADMSG);
	assert_int_equal(root.line, 77);
	if (!strstr(err.msg, row->message))
		fail_msg("\"%s\" lacks \"%s\"", err.msg, row->message);
}

static void the_deepest_nesting_is_accepted(void **state)
{
	AUTO_YAML root = {0};
	struct err err = {0};

	(void)state;
	assert_int_equal(yaml_parse(span_of("[[[[[[[[x]]]]]]]]"), "t.yaml", &root, &err), 0);
}

static void too_many_parts_are_refused(void **state)
{
	AUTO_YAML root = {0};
	AUTO_BUF text = {0};
	struct err err = {0};

	(void)state;
	for (int i = 0; i < YAML_NODES_MAX - 1; i++)
		buf_str(&text, "- x\n");
	assert_int_equal(yaml_parse(buf_bytes(&text), "t.yaml", &root, &err), 0);
	yaml_done(&root);
	buf_str(&text, "- x\n");
	assert_int_equal(yaml_parse(buf_bytes(&text), "t.yaml", &root, &err), -EBADMSG);
	assert_string_equal(err.msg, "t.yaml:4096:3: the document has too many parts");
}

static void too_long_a_document_is_refused(void **state)
{
	AUTO_FREE char *text = malloc(YAML_MAX + 2);
	struct yaml_node root = {0};
	struct err err = {0};

	(void)state;
	assert_non_null(text);
	memset(text, ' ', YAML_MAX + 1);
	text[YAML_MAX + 1] = '\0';
	assert_int_equal(yaml_parse(span_of(text), "t.yaml", &root, &err), -EMSGSIZE);
}

static void members_of_another_kind_are_errors_with_their_place(void **state)
{
	static const char *const keys[] = {"a", "b", NULL};
	const struct yaml_node *list = NULL;
	const char *text = "untouched";
	AUTO_YAML root = {0};
	struct err err = {0};

	(void)state;
	assert_int_equal(yaml_parse(span_of("a: x\nb: [y]\n"), "t.yaml", &root, &err), 0);
	assert_int_equal(yaml_get_list(&root, "a", &list, &err), -EINVAL);
	assert_string_equal(err.msg, "t.yaml:1:1: a is text, expected a list");
	assert_null(list);
	assert_int_equal(yaml_get_text(&root, "b", &text, &err), -EINVAL);
	assert_string_equal(err.msg, "t.yaml:2:1: b is a list, expected text");
	assert_int_equal(yaml_get_text(&root, "c", &text, &err), 0);
	assert_string_equal(text, "untouched");
	assert_int_equal(yaml_check_map(&root, keys, &err), 0);
	assert_int_equal(yaml_check_map(&root, keys + 1, &err), -EINVAL);
	assert_string_equal(err.msg, "t.yaml:1:1: unknown key a");
	assert_int_equal(yaml_check_map(yaml_get(&root, "b"), keys, &err), -EINVAL);
	assert_string_equal(err.msg, "t.yaml:2:1: a list, expected a map");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_tree_remembers_where_its_parts_stood),
		cmocka_unit_test(the_deepest_nesting_is_accepted),
		cmocka_unit_test(too_many_parts_are_refused),
		cmocka_unit_test(too_long_a_document_is_refused),
		cmocka_unit_test(members_of_another_kind_are_errors_with_their_place),
	};
	struct CMUnitTest rows[ARRAY_LEN(bad)] = {{.name = NULL}};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		rows[i].name = bad[i].name;
		rows[i].test_func = is_refused_with_its_place;
		rows[i].initial_state = (void *)(uintptr_t)&bad[i];
	}
	return cmocka_run_group_tests(tests, NULL, NULL) ||
	       cmocka_run_group_tests_name("refused", rows, NULL, NULL);
}
