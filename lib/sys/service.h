/* SPDX-License-Identifier: MIT */
/* Making running services read their configuration again.  Nothing is ever started or restarted. */
#ifndef SYS_SERVICE_H
#define SYS_SERVICE_H

#include "lib/sys/sys.h"

/*
 * Reload every sshd that is running: by systemd its active units ssh.service and sshd.service;
 * where there is none, by SIGHUP the process of pid_file, when its executable is sshd; where that
 * is none either, since it runs as another unit or its pid file is gone, by SIGHUP every process of
 * root's, with our root directory, that is a listener by its executable, title and signal handler.
 * An sshd that reads another configuration than /etc/ssh/sshd_config is left alone: it would end if
 * that one has an error.
 * pid_file  as `sshd -T` tells it; "none" or NULL for no such file
 * Returns how many were reloaded (0: no listener runs), or -errno of the first that failed.
 */
int service_reload_sshd(struct sys *sys, const char *pid_file, struct err *err);

/*
 * Name the listeners that read another configuration, "123 (/usr/sbin/sshd -f /etc/ssh/other)",
 * separated by commas.  -errno when /proc cannot be read.
 */
int service_other_sshd(struct sys *sys, struct buf *ret, struct err *err);

/*
 * Tell what it would do, for a plan: each reload of a unit as the program that would run, each
 * signal as the kill that would send it.  Returns how many, -errno, or what tell returns.
 */
typedef int service_teller(const char *const *argv, void *arg, struct err *err);
int service_tell_sshd(struct sys *sys, const char *pid_file, service_teller *tell, void *arg,
		      struct err *err);

#endif
