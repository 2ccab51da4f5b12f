/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <errno.h>

#include "test/unit/answers.h"

struct buf answers_commands;

static struct scratch *scratch;
static const struct answer *answers;
static size_t left;
static bool environs;

int answers_run(struct sys *sys, const struct proc_spec *spec, struct proc_result *ret,
		struct err *err)
{
	(void)sys;
	for (size_t i = 0; environs && spec->environ && spec->environ[i]; i++)
		buf_printf(&answers_commands, "%s ", spec->environ[i]);
	for (size_t i = 0; spec->argv[i]; i++)
		buf_printf(&answers_commands, "%s%s", spec->argv[i],
			   spec->argv[i + 1] ? " " : "\n");
	if (left == 0)
		return err_set(err, ENOENT, "cannot run %s", spec->argv[0]);
	ret->status = answers->status;
	buf_str(&ret->output, answers->output);
	if (answers->file)
		scratch_write(scratch, answers->file, "", 0644);
	answers++;
	left--;
	return 0;
}

void answers_start(struct scratch *machine, bool tell_environ)
{
	environs = tell_environ;
	scratch = machine;
	scratch->ops.run = answers_run;
	answers_give(NULL, 0);
}

void answers_done(void)
{
	buf_done(&answers_commands);
}

void answers_give(const struct answer *list, size_t count)
{
	answers = list;
	left = count;
	buf_done(&answers_commands);
}

size_t answers_left(void)
{
	return left;
}
