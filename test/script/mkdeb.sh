#!/bin/sh
# SPDX-License-Identifier: MIT
# debian/mkdeb: what goes into the packages, the same bytes each time; and, as root, that installing,
# updating and removing them leaves a machine as it was.
set -eu

if ! command -v dpkg-gencontrol >/dev/null; then
	echo "dpkg-dev is missing"
	exit 77
fi
# shellcheck source=test/script/packages.sh
. "$(dirname "$0")/packages.sh"
pack debian/mkdeb

main=one/aadsshlogin_1.2.3.4_$(dpkg --print-architecture).deb
selinux=one/aadsshlogin-selinux_1.2.3.4_all.deb
field()
{
	dpkg-deb --field "$@"
}
[ "$(field "$main" Version)" = 1:1.2.3.4 ] || fail "version $(field "$main" Version)"
[ "$(field "$main" Conflicts)" = aadlogin ] || fail "conflicts"
[ -z "$(field "$main" Source)" ] || fail "source $(field "$main" Source)"
field "$main" Depends | grep -q '^passwd, libc6 (>= [0-9.]*)$' || fail "$(field "$main" Depends)"
[ "$(field "$selinux" Depends)" = 'aadsshlogin (= 1:1.2.3.4)' ] || fail "$(field "$selinux" Depends)"

dpkg-deb --contents "$main" | awk '{print $1, $2, $6 $7 $8}' | sed 's|\./||' >contents
cat >expected <<END
drwxr-xr-x root/root
drwxr-xr-x root/root lib/
drwxr-xr-x root/root $lib/
-rw-r--r-- root/root $lib/libnss_aad.so.2
drwxr-xr-x root/root $lib/security/
-rw-r--r-- root/root $lib/security/pam_aad.so
drwxr-xr-x root/root usr/
drwxr-xr-x root/root usr/lib/
drwxr-xr-x root/root usr/lib/tmpfiles.d/
-rw-r--r-- root/root usr/lib/tmpfiles.d/aadsshlogin.conf
drwxr-xr-x root/root usr/libexec/
drwxr-xr-x root/root usr/libexec/aadsshlogin/
drwxr-xr-x root/root usr/sbin/
-rwxr-xr-x root/root usr/sbin/aadssh-handler
-rwxr-xr-x root/root usr/sbin/aadsshlogin
drwxr-xr-x root/root usr/share/
drwxr-xr-x root/root usr/share/aadsshlogin/
-rw-r--r-- root/root usr/share/aadsshlogin/clouds.yaml
drwxr-xr-x root/root usr/share/aadsshlogin/licences/
-rw-r--r-- root/root usr/share/aadsshlogin/licences/curl
drwxr-xr-x root/root usr/share/bash-completion/
drwxr-xr-x root/root usr/share/bash-completion/completions/
-rw-r--r-- root/root usr/share/bash-completion/completions/aadsshlogin
drwxr-xr-x root/root usr/share/doc/
drwxr-xr-x root/root usr/share/doc/aadsshlogin/
-rw-r--r-- root/root usr/share/doc/aadsshlogin/changelog.gz
-rw-r--r-- root/root usr/share/doc/aadsshlogin/copyright
drwxr-xr-x root/root usr/share/lintian/
drwxr-xr-x root/root usr/share/lintian/overrides/
-rw-r--r-- root/root usr/share/lintian/overrides/aadsshlogin
drwxr-xr-x root/root usr/share/man/
drwxr-xr-x root/root usr/share/man/man5/
-rw-r--r-- root/root usr/share/man/man5/aadsshlogin.conf.5.gz
drwxr-xr-x root/root usr/share/man/man8/
-rw-r--r-- root/root usr/share/man/man8/aadsshlogin.8.gz
drwxr-xr-x root/root usr/share/zsh/
drwxr-xr-x root/root usr/share/zsh/site-functions/
lrwxrwxrwx root/root usr/libexec/aadsshlogin/aad_authorize->../../sbin/aadsshlogin
lrwxrwxrwx root/root usr/sbin/aad_certhandler->aadsshlogin
lrwxrwxrwx root/root usr/sbin/aaduseradd->aadsshlogin
lrwxrwxrwx root/root usr/sbin/aaduserdel->aadsshlogin
lrwxrwxrwx root/root usr/share/bash-completion/completions/aadssh-handler->aadsshlogin
lrwxrwxrwx root/root usr/share/zsh/site-functions/_aadsshlogin->../../bash-completion/completions/aadsshlogin
END
sed 's| *$||' contents | diff expected - || fail "the contents of the package"

install_inside deb
