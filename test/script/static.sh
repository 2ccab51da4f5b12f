#!/bin/sh
# SPDX-License-Identifier: MIT
# The programs need nothing of the machine that they run on, and the modules no symbol that a libc of 2012 has
# not.  make check runs this in the build directory when programs are static; $EMULATOR runs another
# architecture's.
set -u
failures=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
top=$(cd "${srcdir:-.}" && pwd)
toolchain=${CC:?}
toolchain=${toolchain%/bin/*}

# expect WHAT WANTED GOT
expect()
{
	if [ "$2" != "$3" ]; then
		printf 'FAIL: %s\nexpected:\n%s\ngot:\n%s\n' "$1" "$2" "$3"
		failures=$((failures + 1))
	fi
}

for program in aadssh-handler aadsshlogin; do
	header=$(readelf -hW $program)
	segments=$(readelf -lW $program)
	entries=$(readelf -dW $program)
	symbols=$(nm $program | awk '{ print $NF }')
	expect "$program: position-independent" 1 "$(echo "$header" | grep -c 'Type: *DYN')"
	expect "$program: interpreter" 0 "$(echo "$segments" | grep -c INTERP)"
	expect "$program: libraries" 0 "$(echo "$entries" | grep -c NEEDED)"
	expect "$program: stack" RW "$(echo "$segments" | awk '$1 == "GNU_STACK" { print $7 }')"
	expect "$program: memory to write and run" 0 "$(echo "$segments" | grep -c 'RWE')"
	expect "$program: read-only after relocation" 1 "$(echo "$segments" | grep -c GNU_RELRO)"
	expect "$program: bound when started" 1 "$(echo "$entries" | grep -c 'FLAGS_1.* NOW')"
	expect "$program: relocations in its text" 0 "$(echo "$entries" | grep -c TEXTREL)"
	# musl reads /etc/passwd, and not what the machine has beside it: nobody may decide by that.
	expect "$program: lookups of people" '' \
		"$(echo "$symbols" | grep -xE '(get|set|end)(pw|gr|sp)(nam|uid|gid|ent)?(_r)?|getgrouplist|initgroups')"

	"${STRIP:-strip}" -o "$work/$program" $program || failures=$((failures + 1))
	expect "$program: paths of the machine that built it" '' \
		"$(strings -a "$work/$program" | grep -e "$top" -e "$toolchain" | head -n 3)"
	expect "$program: where OpenSSL looks" 1 \
		"$(strings -a "$work/$program" | grep -c '^/dev/null/openssl$')"
	# shellcheck disable=SC2086 # none, or a word
	expect "$program: its version" 1 "$(env -i ${EMULATOR-} "$work/$program" version | wc -l)"
done

for module in libnss_aad.so.2 pam_aad.so; do
	newest=$(readelf -VW $module | grep -o 'GLIBC_[0-9.]*' | sort -u -V | tail -n 1)
	expect "$module: newest symbol, $newest" GLIBC_2.17 "$(printf '%s\nGLIBC_2.17\n' "$newest" | sort -V | tail -n 1)"
done
[ "$failures" -eq 0 ]
