/* SPDX-License-Identifier: MIT */
/*
 * Home directories.  Made in a hidden directory beside the final place, with mode 0700, and renamed
 * when complete: a crash leaves no half-made home, and nobody sees one.
 */
#ifndef LOGIN_HOME_H
#define LOGIN_HOME_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/sys/sys.h"

#define HOME_SKELETON "/etc/skel"

/*
 * Is there a home that this uid can have?  *ret_exists false: there is nothing of that name yet.
 * -EACCES (reason home-owned): a directory of another uid, or no directory.
 * -EPERM, -ENOENT (reason provision-failed): the directory above is missing, or others than root
 * can write it.
 */
int home_look(struct sys *sys, const char *home, uint32_t id, bool *ret_exists, struct err *err);

/*
 * Have the home there: one that home_look accepts stays as it is; otherwise it is made from
 * HOME_SKELETON, all of it owned by id:id, without set-id bits, links copied as links and
 * devices left out.  Errors of home_look; reason provision-failed for all others.
 */
int home_make(struct sys *sys, const char *home, uint32_t id, struct err *err);

/* Remove the home with all below it, if it is this uid's.  Errors of home_look; gone is success. */
int home_remove(struct sys *sys, const char *home, uint32_t id, struct err *err);

#endif
