#!/bin/sh
# SPDX-License-Identifier: MIT
# What the two modules show to the processes that load them, and what they need.
# make check runs this in the build directory.
set -u
failures=0

# expect WHAT WANTED GOT
expect()
{
	if [ "$2" != "$3" ]; then
		printf 'FAIL: %s\nexpected:\n%s\ngot:\n%s\n' "$1" "$2" "$3"
		failures=$((failures + 1))
	fi
}

exported() { nm -D --defined-only "$1" | awk '{ print $3 }' | LC_ALL=C sort; }
dynamic() { readelf -dW "$1" | sed -n "s/.*($2).*\[\(.*\)\]/\1/p" | LC_ALL=C sort; }

expect 'entry points of the NSS module' "_nss_aad_endgrent
_nss_aad_endpwent
_nss_aad_getgrent_r
_nss_aad_getgrgid_r
_nss_aad_getgrnam_r
_nss_aad_getpwent_r
_nss_aad_getpwnam_r
_nss_aad_getpwuid_r
_nss_aad_initgroups_dyn
_nss_aad_setgrent
_nss_aad_setpwent" "$(exported libnss_aad.so.2)"
expect 'entry points of the PAM module' pam_sm_acct_mgmt "$(exported pam_aad.so)"

expect 'name of the NSS module' libnss_aad.so.2 "$(dynamic libnss_aad.so.2 SONAME)"
expect 'libraries of the NSS module' libc.so.6 "$(dynamic libnss_aad.so.2 NEEDED)"
expect 'libraries of the PAM module' "libc.so.6
libpam.so.0" "$(dynamic pam_aad.so NEEDED)"

for module in libnss_aad.so.2 pam_aad.so; do
	segments=$(readelf -lW $module)
	entries=$(readelf -dW $module)
	expect "$module: stack" RW "$(echo "$segments" | awk '$1 == "GNU_STACK" { print $7 }')"
	expect "$module: read-only after relocation" 1 "$(echo "$segments" | grep -c GNU_RELRO)"
	expect "$module: bound when loaded" 1 "$(echo "$entries" | grep -c 'FLAGS_1.* NOW')"
	expect "$module: relocations in its text" 0 "$(echo "$entries" | grep -c TEXTREL)"
	expect "$module: search paths" 0 "$(echo "$entries" | grep -c -e RPATH -e RUNPATH)"
done
[ "$failures" -eq 0 ]
