#!/bin/bash
# SPDX-License-Identifier: MIT
# nativepackages.sh BUILD WORK [PACKAGES...]: the packages with the distribution's own libraries, from a clean
# checkout and from make dist's tarball, by dpkg-buildpackage and rpmbuild; then lintian and rpmlint on them and on
# the PACKAGES of the extension.  Every finding fails it that no override answers.  `make check-packages` runs this.
# What rpm calls the libraries of the build cannot be asked on Debian, so rpmbuild does not.
set -euo pipefail
export LC_ALL=C.UTF-8
source=$(cd "${0%/*}/../.." && pwd)
build=$(cd "$1" && pwd)
mkdir -p "$2"
work=$(cd "$2" && pwd)
shift 2
debs=() rpms=()
for package; do
	case $package in
	*.deb) debs+=("$(realpath "$package")") ;;
	*.rpm) rpms+=("$(realpath "$package")") ;;
	esac
done
failures=0

say() { printf '%s\n' "check-packages: $*"; }

# quietly LOG COMMAND...
quietly()
{
	local log=$work/$1.log
	shift
	say "$*"
	if ! "$@" >"$log" 2>&1; then
		tail -n 40 "$log" >&2
		say "failed: $* (all of it: $log)"
		exit 1
	fi
}

# findings LOG END COMMAND...: what a checker of packages says as E: or W:; END is what it says when it came to its end.
# An answer that was not needed is none: the extension's packages may be those of dpkg alone.
findings()
{
	local log=$work/$1.log end=$2
	shift 2
	say "$*"
	{ "$@" || true; } >"$log" 2>&1
	if grep -E '^(E|W): |: (E|W): ' "$log" | grep -v ': unused-rpmlintrc-filter ' || ! grep -qE "$end" "$log"; then
		say "look at $log"
		failures=$((failures + 1))
	fi
}

for tool in dpkg-buildpackage dh rpmbuild lintian rpmlint; do
	command -v $tool >/dev/null || { say "$tool is needed" && exit 1; }
done
rm -rf "${work:?}"/*

# dpkg's, with all tests, from a clean checkout; where the sources are none, from the tarball alone.
quietly dist make -C "$build" dist
tarball=$(ls -t "$build"/aadsshlogin-*.tar.xz | head -n 1)
mkdir "$work/tarball"
tar -xJf "$tarball" -C "$work/tarball" --strip-components 1
if git -C "$source" rev-parse 2>/dev/null; then
	git clone -q "$source" "$work/checkout"
	cd "$work/checkout"
	quietly deb-checkout dpkg-buildpackage -us -uc -b
	mkdir "$work/deb"
	mv "$work"/*.deb "$work"/*.changes "$work"/*.buildinfo "$work/deb"
fi
cd "$work/tarball"
DEB_BUILD_OPTIONS='nocheck terse' quietly deb-tarball dpkg-buildpackage -us -uc -b
mkdir -p "$work/deb"
mv "$work"/*.deb "$work"/*.changes "$work"/*.buildinfo "$work/deb"

quietly rpm env HOME="$work" rpmbuild -ta --nodeps --define "_topdir $work/rpmbuild" --define "_dbpath $work/rpmdb" "$tarball"
mkdir "$work/rpm"
find "$work/rpmbuild" -name '*.rpm' -exec mv {} "$work/rpm" \;

findings lintian "^N: .*hints? overridden" lintian --allow-root --display-info --tag-display-limit 0 "$work"/deb/*.changes "${debs[@]}"
findings rpmlint "packages and [0-9]+ specfiles checked" rpmlint -r "$source/rpm/rpmlintrc" "$work"/rpm/*.rpm "${rpms[@]}"
[ "$failures" -eq 0 ] && say 'no finding without an answer'
[ "$failures" -eq 0 ]
