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
# The oldest version, and the newest that this compiler writes.
for version in '-c 30' ''; do
	# shellcheck disable=SC2086 # an option and its value, or neither
	secilc $version -o policy -f contexts "$source/test/data/selinux/base.cil" \
		"$source/payload/selinux/aadsshlogin.cil" >log 2>&1 || {
		echo "FAIL: policy version ${version:-newest}: $(cat log)" >&2
		exit 1
	}
done
for path in /usr/sbin/aadsshlogin /etc/aadpasswd '/etc/aadpasswd\.db' /etc/aadadmins \
	'/var/cache/aadsshlogin(/.*)?' '/run/aadsshlogin(/.*)?' '/var/lib/aadsshlogin(/.*)?'; do
	awk -v path="$path" '$1 == path { found = 1 } END { exit !found }' contexts || {
		echo "FAIL: no context for $path" >&2
		exit 1
	}
done
