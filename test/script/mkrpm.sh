#!/bin/sh
# SPDX-License-Identifier: MIT
# rpm/mkrpm: what goes into the packages, the same bytes each time; and, as root, that installing,
# updating and removing them leaves a machine as it was.
set -eu

if ! command -v rpmbuild >/dev/null; then
	echo "rpmbuild is missing"
	exit 77
fi
# shellcheck source=test/script/packages.sh
. "$(dirname "$0")/packages.sh"
# What of its own user's or machine's could get into a package.
echo '%packager somebody' >.rpmmacros
export HOME="$work"
pack rpm/mkrpm

machine=$(uname -m)
main=one/aadsshlogin-1.2.3.4-1.$machine.rpm
selinux=one/aadsshlogin-selinux-1.2.3.4-1.noarch.rpm
ask()
{
	rpm --query --package "$@"
}

# expect WHAT WANTED QUERY...
expect()
{
	what=$1 wanted=$2
	shift 2
	got=$(ask "$@" | sort)
	[ "$got" = "$wanted" ] || fail "$what: $got"
}

fields='%{EPOCH}:%{VERSION}-%{RELEASE} %{PAYLOADCOMPRESSOR} %{FILEDIGESTALGO} %{BUILDTIME} %{BUILDHOST}'
expect "what identifies it" "1:1.2.3.4-1 xz 8 1700000000 localhost (none) (none)" \
	--queryformat "$fields %{PACKAGER} %{VENDOR}\n" "$main"
expect "conflicts" aadlogin --conflicts "$main"
# The features of rpm itself are all of before 4.11: RHEL 7 and SLES 12 must read it.
rpmlib='rpmlib(CompressedFileNames) <= 3.0.4-1
rpmlib(FileDigests) <= 4.6.0-1
rpmlib(PayloadFilesHavePrefix) <= 4.0-1
rpmlib(PayloadIsXz) <= 5.2-1'
export LC_ALL=C
expect "what it needs" "/bin/sh
/bin/sh
/bin/sh
/usr/sbin/groupdel
/usr/sbin/useradd
/usr/sbin/userdel
glibc >= 2.17
pam
$rpmlib" --requires "$main"
expect "what the module's package needs" "/bin/sh
/bin/sh
aadsshlogin = 1:1.2.3.4-1
$rpmlib" --requires "$selinux"
expect "what the module's package holds" "/usr/share/licenses/aadsshlogin-selinux
/usr/share/licenses/aadsshlogin-selinux/LICENSE
/usr/share/selinux/packages/aadsshlogin.cil
/usr/share/selinux/packages/aadsshlogin_any_port.cil" --list "$selinux"
expect "what it holds" "-rw-r--r-- root:root /usr/lib/tmpfiles.d/aadsshlogin.conf>
-rw-r--r-- root:root /usr/share/aadsshlogin/clouds.yaml>
-rw-r--r-- root:root /usr/share/aadsshlogin/licences/curl>
-rw-r--r-- root:root /usr/share/bash-completion/completions/aadsshlogin>
-rw-r--r-- root:root /usr/share/licenses/aadsshlogin/LICENSE>
-rw-r--r-- root:root /usr/share/man/man5/aadsshlogin.conf.5.gz>
-rw-r--r-- root:root /usr/share/man/man8/aadsshlogin.8.gz>
-rwxr-xr-x root:root /lib64/libnss_aad.so.2>
-rwxr-xr-x root:root /lib64/security/pam_aad.so>
-rwxr-xr-x root:root /usr/sbin/aadssh-handler>
-rwxr-xr-x root:root /usr/sbin/aadsshlogin>
drwxr-xr-x root:root /usr/libexec/aadsshlogin>
drwxr-xr-x root:root /usr/share/aadsshlogin/licences>
drwxr-xr-x root:root /usr/share/aadsshlogin>
drwxr-xr-x root:root /usr/share/bash-completion/completions>
drwxr-xr-x root:root /usr/share/bash-completion>
drwxr-xr-x root:root /usr/share/licenses/aadsshlogin>
drwxr-xr-x root:root /usr/share/zsh/site-functions>
drwxr-xr-x root:root /usr/share/zsh>
lrwxrwxrwx root:root /usr/libexec/aadsshlogin/aad_authorize>../../sbin/aadsshlogin
lrwxrwxrwx root:root /usr/sbin/aad_certhandler>aadsshlogin
lrwxrwxrwx root:root /usr/sbin/aaduseradd>aadsshlogin
lrwxrwxrwx root:root /usr/sbin/aaduserdel>aadsshlogin
lrwxrwxrwx root:root /usr/share/bash-completion/completions/aadssh-handler>aadsshlogin
lrwxrwxrwx root:root /usr/share/zsh/site-functions/_aadsshlogin>../../bash-completion/completions/aadsshlogin" \
	--queryformat '[%{FILEMODES:perms} %{FILEUSERNAME}:%{FILEGROUPNAME} %{FILENAMES}>%{FILELINKTOS}\n]' "$main"

# The distribution's packages that it needs, as far as a rpm without any of them is concerned.
cat >base.spec <<'END'
Name: base
Version: 1
Release: 1
Summary: stands for a distribution
License: MIT
BuildArch: noarch
Provides: /bin/sh /usr/sbin/groupdel /usr/sbin/useradd /usr/sbin/userdel glibc = 2.17 pam
%description
%files
END
rpmbuild -bb --quiet --nodeps --define "_topdir $work/base" base.spec >log 2>&1 || fail "$(cat log)"
mv base/RPMS/noarch/*.rpm one
install_inside rpm
