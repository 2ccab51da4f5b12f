#!/bin/sh
# SPDX-License-Identifier: MIT
# tools/mkspdx: what the document says is so, by the tools of dpkg and rpm; what it must not pass over; and that
# the checker sees what is wrong.  Where make extension has packed a folder, its document too.
set -eu

top=$(cd "${srcdir:-.}" && pwd)
built=$PWD
mkspdx=$PWD/tools/mkspdx
check="python3 $top/test/script/spdxcheck.py"
. "${srcdir:-.}/test/script/work.sh"
for tool in dpkg-deb rpm2cpio cpio; do
	type $tool >/dev/null || { echo "SKIP: there is no $tool" >&2; exit 77; }
done

# A folder with a program of each architecture, by their ELF headers, and two packages of one more file each.
elf()
{
	{ printf '\177ELF\002\001\001\000\000\000\000\000\000\000\000\000\003\000'; printf "$1"; echo program; } >"$2"
}
make_folder()
{
	mkdir -p "$1/bin/x86_64" "$1/bin/aarch64" "$1/packages"
	elf '\076\000' "$1/bin/x86_64/prog"
	elf '\267\000' "$1/bin/aarch64/prog"
	echo '[]' >"$1/HandlerManifest.json"
	cp "$top/test/data/packed/small.deb" "$1/packages/small_1.0.0.0_all.deb"
	cp "$top/test/data/packed/small.rpm" "$1/packages/small-1.0.0.0-1.noarch.rpm"
}
hash=0123456789012345678901234567890123456789012345678901234567890123
cat >lock <<END
# kind suite package version file SHA-256
source trixie one 1:1.0+x-1~deb one_1.0.debian.tar.xz $hash
source trixie one 1:1.0+x-1~deb one_1.0.orig.tar.gz $hash
source trixie one 1:1.0+x-1~deb one_1.0.orig.tar.gz.asc $hash
source trixie two 2.0-1 two_2.0.orig.tar.xz $hash
binary bullseye start:amd64 2.31 start_2.31_amd64.deb $hash
binary bullseye start:arm64 2.31 start_2.31_arm64.deb $hash
END
cat >table <<'END'
libone.a one COPYING MIT
libtwo.a two - Zlib
sysroot:start.o start - LGPL-2.1-or-later
libgcc.a - - GPL-3.0-or-later WITH GCC-exception-3.1
END
echo MIT >one
cat >links-x86_64 <<'END'
x86_64 prog libone.a
x86_64 prog sysroot:start.o
x86_64 prog libgcc.a
x86_64 - gcc 12.2.0
END
sed 's/x86_64/aarch64/' links-x86_64 >links-aarch64

export SOURCE_DATE_EPOCH=1700000000
spdx=AADSSHLoginForLinux.spdx.json
make_folder one.d
(umask 077 && mkdir deep && make_folder deep/two.d)
TZ=UTC LC_ALL=C "$mkspdx" one.d 1.0.0.0 table lock links-x86_64 links-aarch64
TZ=Asia/Tokyo LC_ALL=C.UTF-8 "$mkspdx" deep/two.d 1.0.0.0 table lock links-x86_64 links-aarch64
cmp one.d/$spdx deep/two.d/$spdx || fail "the bytes depend on folder, time zone, umask or locale"
$check one.d/$spdx one.d lock table || fail "the document does not pass"
"$mkspdx" one.d 1.0.0.0 table lock links-x86_64 links-aarch64
cmp one.d/$spdx deep/two.d/$spdx || fail "it tells of itself"
grep -q '"licenseConcluded": "GPL-3.0-or-later WITH GCC-exception-3.1 AND LGPL-2.1-or-later AND MIT"' one.d/$spdx ||
	fail "the licences of a program are not joined"
grep -q 'pkg:deb/debian/one@1%3A1.0%2Bx-1~deb?arch=source' one.d/$spdx || fail "the address of a source"
grep -q '"created": "2023-11-14T22:13:20Z"' one.d/$spdx || fail "the time is not that of SOURCE_DATE_EPOCH"
[ "$(grep -c '"relationshipType": "STATIC_LINK"' one.d/$spdx)" = 6 ] || fail "what is linked"
# Native programs: nothing is known of what they are linked with, and nothing is said.
"$mkspdx" deep/two.d 1.0.0.0 table lock
$check deep/two.d/$spdx deep/two.d lock table || fail "the document of a native build does not pass"
echo x >>deep/two.d/HandlerManifest.json
"$mkspdx" deep/two.d 1.0.0.0 table lock links-x86_64 links-aarch64
[ "$(grep documentNamespace one.d/$spdx)" != "$(grep documentNamespace deep/two.d/$spdx)" ] ||
	fail "two contents have one namespace"

# refused WHAT WORDS COMMAND: it fails, says so, and leaves no document
refused()
{
	what=$1 words=$2
	shift 2
	rm -rf bad bad.d
	make_folder bad
	mkdir bad.d
	cp table lock links-x86_64 links-aarch64 bad.d
	sh -c "$*"
	"$mkspdx" bad 1.0.0.0 bad.d/table bad.d/lock bad.d/links-x86_64 bad.d/links-aarch64 2>err && fail "$what passes"
	grep -q "$words" err || fail "$what: $(cat err)"
	[ ! -e bad/$spdx ] || fail "$what leaves a document"
}
refused 'a library without a licence' 'no licence is known of: libone.a' sed -i /libone/d bad.d/table
refused 'a library that is not locked' 'the lock has no source: one' "sed -i '/ one /d' bad.d/lock"
refused 'a library of the other architecture alone' 'the lock has no source: start' sed -i /arm64/d bad.d/lock
refused 'a program of which nothing is known' 'of unknown making: /bin/more' cp bad/bin/x86_64/prog bad/bin/more
refused 'a program that is not there' 'linked, but not in the folder: prog' rm bad/bin/aarch64/prog
refused 'a compiler without a version' 'the lock has no source: -' sed -i /gcc.12/d bad.d/links-x86_64
refused 'a package of another version' 'not the version of the extension: small_2' \
	mv bad/packages/small_1.0.0.0_all.deb bad/packages/small_2.0.0.0_all.deb
refused 'a package that is none' 'no whole package' 'echo >bad/packages/small_1.0.0.0_all.deb'
refused 'two names that are one id' 'two elements would be called: SPDXRef-File-a-b' 'echo >bad/a-b; echo >bad/a_b'
refused 'a line that is cut' 'bad.d/lock' "sed -i 's/ [^ ]*$//' bad.d/lock"
refused 'a link' 'bad/link is not a regular file' ln -s x bad/link
SOURCE_DATE_EPOCH=x "$mkspdx" one.d 1.0.0.0 table lock 2>/dev/null && fail "a time that is none"

# seen WHAT FROM TO: the checker refuses the document with this change
seen()
{
	cp one.d/$spdx changed
	sed -i "$2" changed
	cmp -s one.d/$spdx changed && fail "nothing was changed: $1"
	cp one.d/$spdx kept
	cp changed one.d/$spdx
	$check one.d/$spdx one.d lock table >/dev/null 2>&1 && fail "the checker does not see: $1"
	cp kept one.d/$spdx
}
for key in spdxVersion dataLicense documentNamespace creationInfo downloadLocation fileName checksums algorithm \
	packageVerificationCode relationshipType; do
	seen "$key is missing" "s/\"$key\"/\"x$key\"/"
done
seen 'another hash of a file' 's/"checksumValue": "./&0/'
seen 'a licence that is no expression' 's/"licenseConcluded": "MIT"/"licenseConcluded": "MIT or so"/'
seen 'an id that is none' 's/SPDXRef-Library-one/SPDXRef-Library_one/'
seen 'a relationship with nobody' '0,/"relatedSpdxElement": "SPDXRef-File/s//"relatedSpdxElement": "SPDXRef-Nobody/'
seen 'a time with an offset' 's/22:13:20Z/22:13:20+00:00/'
seen 'a licence that the table does not say' 's/"licenseConcluded": "LGPL-2.1-or-later"/"licenseConcluded": "0BSD"/'
seen 'a version that is not locked' 's/"versionInfo": "2.31"/"versionInfo": "2.32"/'
seen 'a file that is told of twice' 's/"SPDXRef-File-bin-aarch64-prog"/"SPDXRef-File-bin-x86-64-prog"/'
sed 's/one_1.0.orig.tar.gz 0/one_1.0.orig.tar.gz 9/' lock >other
$check one.d/$spdx one.d other table >/dev/null 2>&1 && fail "the checker does not see another lock"
echo more >one.d/more
$check one.d/$spdx one.d lock table >/dev/null 2>&1 && fail "the checker does not see a file more"

cd "$built"
if [ -e extension/$spdx ]; then
	$check extension/$spdx extension "$top/tools/static/inputs.lock" "$top/tools/static/licences/table" ||
		fail "the document of the extension"
fi
exit 0
