dnl SPDX-License-Identifier: MIT
dnl MODULE_CC builds the PAM and NSS modules.  Programs may be linked against another libc (musl, statically); the
dnl hosts of the modules are not, so a libc without name service modules needs a second compiler for them.
AC_DEFUN([AADSSH_MODULES], [
  AC_ARG_VAR([MODULE_CC], [C compiler for the PAM and NSS modules, by default CC])
  AC_CHECK_HEADER([nss.h], [aadssh_static=no], [aadssh_static=yes])
  AM_CONDITIONAL([STATIC], [test "$aadssh_static" = yes])
  AS_IF([test -n "$MODULE_CC"], [],
    [test "$aadssh_static" = yes], [AC_MSG_ERROR([$CC has no nss.h: set MODULE_CC for the modules])],
    [MODULE_CC=$CC])
  AC_ARG_VAR([EMULATOR], [runs programs of another architecture in the tests, as qemu-aarch64-static does])
  AM_CONDITIONAL([EMULATED], [test -n "$EMULATOR"])
  aadssh_saved=$CC
  CC=$MODULE_CC
  AC_CHECK_HEADER([security/pam_modules.h], [], [AC_MSG_ERROR([the headers of libpam are needed])])
  CC=$aadssh_saved
])
