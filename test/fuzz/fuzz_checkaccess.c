/* SPDX-License-Identifier: MIT */
/* What the services that decide themselves answer: pages, with a zero byte between them. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "lib/core/checkaccess.h"

#define BASE "https://westeurope.authorization.azure.net"
#define VM                                                                                         \
	"/subscriptions/6f2a1d0c-3b58-4c1e-9d77-5a0e8f4b2c31/resourceGroups/web"                   \
	"/providers/Microsoft.Compute/virtualMachines/web-1"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct span next_page(struct span *in)
{
	const unsigned char *end = in->len ? memchr(in->p, 0, in->len) : NULL;
	struct span page = {in->p, end ? (size_t)(end - in->p) : in->len};
	size_t used = page.len + (end ? 1 : 0);

	*in = (struct span){in->p + used, in->len - used};
	return page;
}

/* A grant needs the very word, and each answer stays as it was first given. */
static void check(const struct access_answer *before, const struct access_answer *after,
		  struct span page)
{
	if (before->access != ACCESS_UNANSWERED && memcmp(before, after, sizeof(*before)) != 0)
		abort();
	if (before->access == ACCESS_UNANSWERED && after->access == ACCESS_GRANTED &&
	    !memmem(page.p, page.len, "Allowed", strlen("Allowed")) &&
	    !memchr(page.p, '\\', page.len)) /* perhaps escaped */
		abort();
	if (strlen(after->id) > ROLES_TEXT_MAX || strlen(after->scope) > ROLES_TEXT_MAX)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = {data, size};
	struct checkaccess answer = {.page_count = 0}, before;
	struct err err = {0};

	while (in.len) {
		struct span page = next_page(&in);

		before = answer;
		if (checkaccess_add(&answer, page, VM, BASE, &err) < 0) {
			if (memcmp(&before, &answer, sizeof(before)) != 0)
				abort();
			return 0;
		}
		if ((answer.next[0] && !url_same_host(answer.next, BASE)) ||
		    (answer.life_said && answer.life_ms < 0) ||
		    answer.page_count > CHECKACCESS_PAGES_MAX)
			abort();
		check(&before.login, &answer.login, page);
		check(&before.admin, &answer.admin, page);
	}
	if (checkaccess_whole(&answer, &err) == 0 && (!answer.login.access || !answer.admin.access))
		abort();
	return 0;
}
