#!/bin/sh
# SPDX-License-Identifier: MIT
# What a build of static programs adds to the extension, as it lies in the packages for dpkg and rpm: the programs
# need nothing of the machine that they run on, and the modules no symbol that a libc of 2012 has not.
# make check runs this in the build directory; $EMULATOR runs another architecture's.
set -u
failures=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
top=$(cd "${srcdir:-.}" && pwd)
toolchain=${CC:?}
toolchain=${toolchain%/bin/*}
case $(${CC:?} -dumpmachine) in
x86_64-*) deb_arch=amd64 rpm_arch=x86_64 machine='Advanced Micro Devices X86-64' ;;
aarch64-*) deb_arch=arm64 rpm_arch=aarch64 machine=AArch64 ;;
esac

# expect WHAT WANTED GOT
expect()
{
	if [ "$2" != "$3" ]; then
		printf 'FAIL: %s\nexpected:\n%s\ngot:\n%s\n' "$1" "$2" "$3"
		failures=$((failures + 1))
	fi
}

# check_object FILE: what holds for programs and modules; leaves what readelf says of it
check_object()
{
	name=${1#"$work/"}
	header=$(readelf -hW "$1")
	segments=$(readelf -lW "$1")
	entries=$(readelf -dW "$1")
	expect "$name: machine" "$machine" "$(echo "$header" | sed -n 's/^ *Machine: *//p')"
	expect "$name: position-independent" 1 "$(echo "$header" | grep -c 'Type: *DYN')"
	expect "$name: interpreter" 0 "$(echo "$segments" | grep -c INTERP)"
	expect "$name: stack" RW "$(echo "$segments" | awk '$1 == "GNU_STACK" { print $7 }')"
	expect "$name: memory to write and run" 0 "$(echo "$segments" | grep -c 'RWE')"
	expect "$name: read-only after relocation" 1 "$(echo "$segments" | grep -c GNU_RELRO)"
	expect "$name: bound when started" 1 "$(echo "$entries" | grep -c 'FLAGS_1.* NOW')"
	expect "$name: relocations in its text" 0 "$(echo "$entries" | grep -c TEXTREL)"
	expect "$name: paths to look for libraries in" 0 "$(echo "$entries" | grep -cE 'RPATH|RUNPATH')"
	expect "$name: stripped" 0 "$(readelf -SW "$1" | grep -cE '\.(symtab|debug)')"
	expect "$name: paths of the machine that built it" '' \
		"$(strings -a "$1" | grep -e "$top" -e "$toolchain" | head -n 3)"
}

check_program()
{
	check_object "$1"
	expect "$name: libraries" 0 "$(echo "$entries" | grep -c NEEDED)"
	expect "$name: where OpenSSL looks" 1 "$(strings -a "$1" | grep -c '^/dev/null/openssl$')"
}

# check_module FILE LIBRARIES: but for the loader, which is there before any program
check_module()
{
	check_object "$1"
	expect "$name: what depends on its debugging information" 0 "$(readelf -SW "$1" | grep -c build-id)"
	expect "$name: libraries" "$2" \
		"$(echo "$entries" | sed -n 's/.*NEEDED.*\[\(.*\)\]/\1/p' | grep -v '^ld-linux' | sort | tr '\n' ' ')"
	newest=$(readelf -VW "$1" | grep -o 'GLIBC_[0-9.]*' | sort -u -V | tail -n 1)
	expect "$name: newest symbol, $newest" GLIBC_2.17 "$(printf '%s\nGLIBC_2.17\n' "$newest" | sort -V | tail -n 1)"
}

# musl reads /etc/passwd, and not what the machine has beside it: nobody may decide by that.
for program in aadssh-handler aadsshlogin; do
	expect "$program: lookups of people" '' "$(nm $program | awk '{ print $NF }' |
		grep -xE '(get|set|end)(pw|gr|sp)(nam|uid|gid|ent)?(_r)?|getgrouplist|initgroups')"
done

# Whatever ran before left packages of these programs, or none.
if [ -z "$(find part -maxdepth 0 -newer aadsshlogin -newer aadssh-handler -newer pam_aad.so \
	-newer libnss_aad.so.2 2>/dev/null)" ]; then
	make -s part >"$work/log" 2>&1 || { cat "$work/log" && exit 1; }
fi
mkdir "$work/deb" "$work/rpm"
dpkg-deb -x part/packages/aadsshlogin_*_"$deb_arch".deb "$work/deb" || failures=$((failures + 1))
rpm2archive - <"$(ls part/packages/aadsshlogin-[0-9]*."$rpm_arch".rpm)" 2>/dev/null | tar -xz -C "$work/rpm" ||
	failures=$((failures + 1))
cp "part/bin/$rpm_arch/aadssh-handler" "$work"
for type in deb rpm; do
	nss=$(find "$work/$type" -name libnss_aad.so.2)
	pam=$(find "$work/$type" -name pam_aad.so)
	check_program "$work/$type/usr/sbin/aadsshlogin"
	check_module "${nss:-none}" 'libc.so.6 '
	check_module "${pam:-none}" 'libc.so.6 libpam.so.0 '
done
check_program "$work/aadssh-handler"
# shellcheck disable=SC2086 # none, or a word
expect "aadssh-handler: its version" 1 "$(env -i ${EMULATOR-} "$work/aadssh-handler" version | wc -l)"
# shellcheck disable=SC2086
expect "aadsshlogin: its version" 1 "$(env -i ${EMULATOR-} "$work/deb/usr/sbin/aadsshlogin" version | wc -l)"
for file in sbin/aadsshlogin libnss_aad.so.2 security/pam_aad.so; do
	expect "$file: the same in both packages" '' "$(cmp "$(find "$work/deb" -type f -path "*/$file")" \
		"$(find "$work/rpm" -type f -path "*/$file")" 2>&1)"
done
[ "$failures" -eq 0 ]
