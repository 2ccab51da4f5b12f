/* SPDX-License-Identifier: MIT */
/* Making running services read their configuration again.  Nothing is ever started or restarted. */
#ifndef SYS_SERVICE_H
#define SYS_SERVICE_H

#include "lib/sys/sys.h"

/*
 * Reload every sshd that is running: by systemd its active units ssh.service and sshd.service;
 * where there is none, by SIGHUP the process of pid_file, when its executable is sshd.
 * pid_file  as `sshd -T` tells it; "none" or NULL for no such file
 * Returns how many were reloaded (0: no listener runs), or -errno of the first that failed.
 */
int service_reload_sshd(struct sys *sys, const char *pid_file, struct err *err);

#endif
