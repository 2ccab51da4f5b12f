/* SPDX-License-Identifier: MIT */
/*
 * What a process gives up for good before it looks at bytes that others made.  Each layer stands
 * for itself; one that the kernel or a container lacks is passed over, and confine_probe tells
 * which these are:
 *
 *   calls    3.5   a list of system calls: none that starts a program, traces a process, mounts or
 *                  makes a namespace, and sockets of the IP families and AF_UNIX alone (seccomp)
 *   files    5.13  the places that may be read and written (Landlock, as what follows)
 *   ports    6.7   the TCP ports that may be connected to; none is listened on
 *   signals  6.12  no signal to and no abstract socket of a process outside
 *
 * MUST:
 *  1. no layer is a decision's only guard: the uid, file modes and signatures stand without them;
 *  2. nothing here is undone, and a child inherits all of it;
 *  3. a call that is not listed fails with ENOSYS, which libraries fall back from, and ends nobody.
 */
#ifndef SYS_CONFINE_H
#define SYS_CONFINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/core/buf.h"
#include "lib/sys/sys.h"

enum confine_layer {
	CONFINE_CALLS = 1,
	CONFINE_FILES = 2,
	CONFINE_PORTS = 4,
	CONFINE_SIGNALS = 8,
};
#define CONFINE_ALL ((unsigned)(CONFINE_CALLS | CONFINE_FILES | CONFINE_PORTS | CONFINE_SIGNALS))

#define CONFINE_PORTS_MAX 8

struct confine {
	/*
	 * Files, and directories with all below them, up to NULL; links are followed, and what is
	 * not there is passed over.  What may be written may be read, made and removed too.
	 */
	const char *const *reads, *const *writes;
	uint16_t ports[CONFINE_PORTS_MAX]; /* that it connects to by TCP */
	size_t port_count;
	bool any_port; /* they are not known */
};

/*
 * What every process may read, and where names, certificates and libraries are found.  Some are
 * links, often to elsewhere.
 */
#define CONFINE_PUBLIC 11
extern const char *const confine_public[CONFINE_PUBLIC];

#define CONFINE_PROXY_PORT 1080 /* what libcurl takes for a proxy without a port */

/* The port of name servers, which are asked by TCP for what is too long. */
void confine_add_names(struct confine *confine);

/* Another port to connect to, the one of a URL or, where it has none, the fallback. */
void confine_add_url(struct confine *confine, const char *url, uint16_t fallback);

/*
 * Through sys->ops->confine: no new privileges, not dumpable, then every layer that there is.
 * Returns the layers in force, or -errno when no_new_privs cannot be set.
 */
int confine_self(struct sys *sys, const struct confine *confine);
int confine_self_real(struct sys *sys, const struct confine *confine);

/* The layers that a child of this process gets in force; -errno without a child. */
int confine_probe(struct sys *sys, struct err *err);

/* Add "system calls, files, TCP ports, signals", as far as they are among the layers. */
void confine_tell(unsigned layers, struct buf *ret);

/*
 * Of root's capabilities keep these (a mask of 1 << CAP_...), here and in programs that are
 * started.  Who may not limit them, or has none, keeps what it has.
 */
void confine_capabilities(uint64_t keep);

#endif
