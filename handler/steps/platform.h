/* SPDX-License-Identifier: MIT */
/* What the product needs of a machine, and whether this one has it. */
#ifndef HANDLER_STEPS_PLATFORM_H
#define HANDLER_STEPS_PLATFORM_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/core/distro.h"
#include "lib/core/err.h"
#include "lib/sys/sys.h"

struct volume {
	bool read_only;
	uint64_t free_bytes; /* for root */
	bool no_inodes; /* few more files can be made, however small */
};

struct platform_facts {
	struct platform platform; /* what the table says; id is "" when os-release cannot be read */
	bool loader; /* glibc's dynamic loader of this architecture */
	bool package_manager; /* dpkg or rpm with a database */
	bool sshd, pam, getent;
	bool cluster_node; /* of the Azure Kubernetes Service */
	unsigned sshd_version; /* OpenSSH 7.4 is 704; 0 when it does not say */
	uint64_t memory_kb; /* 0 when unknown */
	struct volume usr, var, etc;
};

/*
 * Refuse a machine that lacks something: -EOPNOTSUPP with outcome EXIT_UNSUPPORTED when nothing can
 * be done about it, -ENOPKG with outcome EXIT_DEPENDENCY when something can; both with a remedy.
 */
int platform_judge(const struct platform_facts *facts, struct err *err);

/* Only what is about space and write access: fills usr, var and etc.  -EIO and the like further. */
int platform_volumes(struct sys *sys, struct platform_facts *ret, struct err *err);

/* What the machine's own os-release says.  The errors of fs_read and osrelease_parse. */
int platform_os_release(struct sys *sys, struct osrelease *ret, struct err *err);

#endif
