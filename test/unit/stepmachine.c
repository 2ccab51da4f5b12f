/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "lib/core/cleanup.h"
#include "lib/sys/fs.h"
#include "test/unit/stepmachine.h"

struct stepmachine sm;

int stepmachine_open(void **state)
{
	char line[128];

	(void)state;
	sm = (struct stepmachine){0};
	scratch_open(&sm.scratch);
	fakeprograms_start(&sm.scratch);
	sm.machine = (struct machine){.sys = &sm.scratch.sys, .log_fd = -1};
	assert_int_equal(conf_defaults(&sm.machine.conf, &sm.err), 0);
	scratch_mkdir(&sm.scratch, "/run", 0755);
	scratch_mkdir(&sm.scratch, "/var/lib", 0755);
	scratch_mkdir(&sm.scratch, "/var/cache", 0755);
	/* Whoever runs the test is the service user, so that files can be given to it. */
	(void)snprintf(line, sizeof(line),
		       "root:x:0:0::/root:/bin/sh\naadsshlogin:x:%u:%u::/:/bin/false\n"
		       "alice:x:1000:1000::/home/alice:/bin/sh\n",
		       geteuid() ? geteuid() : 998, geteuid() ? getegid() : 997);
	stepmachine_write("/etc/passwd", line);
	stepmachine_write("/etc/nsswitch.conf", "passwd: files\ngroup: files\nshadow: files\n");
	stepmachine_write("/etc/pam.d/sshd",
			  "@include common-auth\naccount required pam_nologin.so\n");
	stepmachine_write("/etc/pam.d/sudo", "@include common-account\n");
	stepmachine_write("/etc/pam.d/sudo-i", "@include common-account\n");
	stepmachine_write("/etc/sudoers", "root ALL=(ALL:ALL) ALL\n@includedir /etc/sudoers.d\n");
	scratch_mkdir(&sm.scratch, "/etc/sudoers.d", 0755);
	stepmachine_write("/usr/bin/sudo", "");
	stepmachine_write("/usr/sbin/sshd", "");
	stepmachine_write("/etc/ssh/sshd_config",
			  "Include /etc/ssh/sshd_config.d/*.conf\nUsePAM yes\n");
	scratch_mkdir(&sm.scratch, "/etc/ssh/sshd_config.d", 0755);
	return 0;
}

int stepmachine_close(void **state)
{
	(void)state;
	machine_done(&sm.machine);
	fakeprograms_done();
	scratch_done(&sm.scratch);
	return 0;
}

static struct run run_of(const struct step *const *step)
{
	sm.err = (struct err){0};
	return (struct run){
		.machine = &sm.machine, .steps = step, .count = 1, .results = &sm.result};
}

int stepmachine_apply(const struct step *step)
{
	struct run run = run_of(&step);

	return run_apply(&run, &sm.err);
}

int stepmachine_revert(const struct step *step)
{
	struct run run = run_of(&step);

	return run_revert(&run, &sm.err);
}

void stepmachine_must_apply(const struct step *step, enum step_state state)
{
	if (stepmachine_apply(step) < 0)
		fail_msg("%s: %s", step->name, sm.err.msg);
	assert_int_equal(sm.err.code, 0);
	if (sm.result.state != state)
		fail_msg("%s: %s, %s", step->name, step_state_name(sm.result.state),
			 sm.result.message);
}

void stepmachine_must_revert(const struct step *step, enum step_state state)
{
	if (stepmachine_revert(step) < 0)
		fail_msg("%s: %s", step->name, sm.err.msg);
	assert_int_equal(sm.err.code, 0);
	if (sm.result.state != state)
		fail_msg("%s: %s, %s", step->name, step_state_name(sm.result.state),
			 sm.result.message);
}

void stepmachine_must_refuse(const struct step *step, int code, int outcome, const char *word)
{
	if (stepmachine_apply(step) != -code || sm.err.outcome != outcome ||
	    !strstr(sm.err.msg, word))
		fail_msg("%s: %d, exit %d, %s", step->name, sm.err.code, sm.err.outcome,
			 sm.err.msg);
	assert_int_equal(sm.result.state, STEP_FAILED);
}

void stepmachine_write(const char *path, const char *text)
{
	scratch_write(&sm.scratch, path, text, 0644);
}

bool stepmachine_exists(const char *path)
{
	return fs_exists(&sm.scratch.sys, path);
}

void stepmachine_expect(const char *path, const char *text)
{
	AUTO_FREE char *found = scratch_text(&sm.scratch, path);

	if (!text && found)
		fail_msg("%s is there", path);
	if (text && (!found || strcmp(found, text) != 0))
		fail_msg("%s is\n%s\ninstead of\n%s", path, found ? found : "(missing)", text);
}

void stepmachine_expect_meta(const char *path, mode_t mode, uid_t uid, gid_t gid)
{
	struct stat st;

	assert_int_equal(fs_lstat(&sm.scratch.sys, path, &st, &sm.err), 0);
	if ((st.st_mode & 07777) != mode || st.st_uid != uid || st.st_gid != gid)
		fail_msg("%s is %o of %u:%u", path, st.st_mode & 07777, st.st_uid, st.st_gid);
}
