dnl SPDX-License-Identifier: MIT
dnl Every flag is probed, so that old and new compilers both build; CFLAGS and LDFLAGS stay the builder's.

dnl AADSSH_ADD_CFLAGS(VARIABLE, FLAGS): add those that the compiler takes
AC_DEFUN([AADSSH_ADD_CFLAGS], [
  for flag in m4_normalize([$2]); do
    aadssh_saved=$CFLAGS
    CFLAGS="$CFLAGS -Werror $flag"
    AC_MSG_CHECKING([whether $CC takes $flag])
    AC_COMPILE_IFELSE([AC_LANG_PROGRAM()], [AC_MSG_RESULT([yes]); $1="$$1 $flag"], [AC_MSG_RESULT([no])])
    CFLAGS=$aadssh_saved
  done
  AC_SUBST([$1])
])

dnl AADSSH_ADD_LDFLAGS(VARIABLE, FLAGS)
AC_DEFUN([AADSSH_ADD_LDFLAGS], [
  for flag in m4_normalize([$2]); do
    aadssh_saved=$LDFLAGS
    LDFLAGS="$LDFLAGS $flag"
    AC_MSG_CHECKING([whether the linker takes $flag])
    AC_LINK_IFELSE([AC_LANG_PROGRAM()], [AC_MSG_RESULT([yes]); $1="$$1 $flag"], [AC_MSG_RESULT([no])])
    LDFLAGS=$aadssh_saved
  done
  AC_SUBST([$1])
])

AC_DEFUN([AADSSH_COMPILER_FLAGS], [
  AADSSH_ADD_CFLAGS([STD_CFLAGS], [-std=gnu11])
  AADSSH_ADD_CFLAGS([WARN_CFLAGS], [-Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes
    -Wold-style-definition -Wpointer-arith -Wcast-qual -Wwrite-strings -Wvla -Wundef -Wformat=2
    -Wimplicit-fallthrough -Wlogical-op -Wduplicated-cond -Wnull-dereference])
  dnl GCC 10 warns of designated initializers too when one of them is a call or a compound literal.
  aadssh_saved=$CFLAGS
  CFLAGS="$CFLAGS -Wextra -Werror"
  AC_MSG_CHECKING([whether $CC warns of designated initializers])
  AC_COMPILE_IFELSE([AC_LANG_PROGRAM([[struct a { int x; };
      struct b { struct a a; int y; };]], [[struct b b = {.a = ((struct a){.x = 1})}; return b.y;]])],
    [AC_MSG_RESULT([no])],
    [AC_MSG_RESULT([yes]); WARN_CFLAGS="$WARN_CFLAGS -Wno-missing-field-initializers"])
  CFLAGS=$aadssh_saved
  AC_ARG_ENABLE([werror], [AS_HELP_STRING([--enable-werror], [warnings are errors (for CI)])])
  AS_IF([test "x$enable_werror" = xyes], [WARN_CFLAGS="$WARN_CFLAGS -Werror"])
  AADSSH_ADD_CFLAGS([HARD_CFLAGS], [-fstack-protector-strong -fstack-clash-protection
    -fcf-protection -fvisibility=hidden -fno-common -ffunction-sections -fdata-sections])
  AADSSH_ADD_LDFLAGS([HARD_LDFLAGS], [-Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack -Wl,--as-needed
    -Wl,--gc-sections])
  AC_SUBST([PIE_CFLAGS], [-fPIE])
  AC_SUBST([PIE_LDFLAGS], [-pie])
])

dnl --enable-asan: AddressSanitizer and UndefinedBehaviorSanitizer.  --enable-fuzz: libFuzzer (clang).
AC_DEFUN([AADSSH_SANITIZERS], [
  AC_ARG_ENABLE([asan], [AS_HELP_STRING([--enable-asan], [build with ASan and UBSan])])
  AC_ARG_ENABLE([fuzz], [AS_HELP_STRING([--enable-fuzz], [build the fuzzers with libFuzzer; needs clang])])
  AS_IF([test "x$enable_fuzz" = xyes], [enable_asan=yes])
  AS_IF([test "x$enable_asan" = xyes],
    [SAN_CFLAGS="-fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer"
     SAN_LDFLAGS="-fsanitize=address,undefined"],
    [HARD_CFLAGS="$HARD_CFLAGS -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2"])
  AS_IF([test "x$enable_fuzz" = xyes],
    [SAN_CFLAGS="$SAN_CFLAGS -fsanitize=fuzzer-no-link"
     FUZZ_LDFLAGS="-fsanitize=fuzzer"
     AC_LINK_IFELSE([AC_LANG_SOURCE([int LLVMFuzzerTestOneInput(const unsigned char *d, unsigned long n) { return d && n ? 0 : 0; } int main(void) { return 0; }])],
       [], [AC_MSG_ERROR([--enable-fuzz needs clang])])])
  AM_CONDITIONAL([FUZZ], [test "x$enable_fuzz" = xyes])
  AM_CONDITIONAL([ASAN], [test "x$enable_asan" = xyes])
  AC_SUBST([SAN_CFLAGS])
  AC_SUBST([SAN_LDFLAGS])
  AC_SUBST([FUZZ_LDFLAGS])
])
