#!/bin/sh
# SPDX-License-Identifier: MIT
# The SELinux module compiles on the least of policies: whatever a release may lack is optional.
set -eu

source=$(cd "${srcdir:-.}" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
if ! command -v secilc >/dev/null; then
	echo "secilc is missing"
	exit 77
fi
# The least with an sshd, and the same without one.
sed '/sshd_t/d' "$source/test/data/selinux/base.cil" >bare.cil
printf '(typeattributeset domain (kernel_t))\n' >>bare.cil
compile() {
	# shellcheck disable=SC2086 # an option and its value, or neither
	secilc $1 -o policy -f contexts "$2" "$source/payload/selinux/aadsshlogin.cil" \
		"$source/payload/selinux/aadsshlogin_any_port.cil" >log 2>&1 || {
		echo "FAIL: ${2##*/}, policy version ${1:-newest}: $(cat log)" >&2
		exit 1
	}
}
# The oldest version, and the newest that this compiler writes.
for version in '-c 30' ''; do
	compile "$version" bare.cil
	compile "$version" "$source/test/data/selinux/base.cil"
done
for path in /usr/sbin/aadsshlogin /usr/bin/aadsshlogin /etc/aadpasswd '/etc/aadpasswd\.db' /etc/aadadmins \
	'/etc/aadsshlogin\.secret' '/var/cache/aadsshlogin(/.*)?' '/run/aadsshlogin(/.*)?' \
	'/var/run/aadsshlogin(/.*)?' '/var/lib/aadsshlogin(/.*)?'; do
	awk -v path="$path" '$1 == path { found = 1 } END { exit !found }' contexts || {
		echo "FAIL: no context for $path" >&2
		exit 1
	}
done
