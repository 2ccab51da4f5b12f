#!/bin/sh
# SPDX-License-Identifier: MIT
# tools/mkzip: the same bytes whoever packs, and what the guest agent's unzip makes of them.
set -eu

mkzip=$PWD/tools/mkzip
. "${srcdir:-.}/test/script/work.sh"

make_tree()
{
	mkdir -p "$1/bin/x86_64" "$1/packages"
	printf '#!/bin/sh\n' >"$1/bin/shim"
	head -c 300000 /dev/zero >"$1/bin/x86_64/handler"
	printf 'a' >"$1/packages/a_1.deb"
	: >"$1/HandlerManifest.json"
	chmod 0755 "$1/bin/shim" "$1/bin/x86_64/handler"
}

(umask 022 && make_tree one)
(umask 077 && make_tree two)
touch -d 2001-01-01 two/packages/a_1.deb
chmod 0744 two/bin/shim
export SOURCE_DATE_EPOCH=1700000000
TZ=UTC LC_ALL=C "$mkzip" one.zip one
TZ=Asia/Tokyo LC_ALL=C.UTF-8 "$mkzip" two.zip two
cmp one.zip two.zip || fail "the bytes depend on time zone, umask, times or locale"

# As the agent does: extractall, then u+x.
python3 - <<'END' || fail "what comes out is not what went in"
import pathlib, stat, zipfile
with zipfile.ZipFile("one.zip") as z:
    assert z.testzip() is None
    names = z.namelist()
    assert names == sorted(names) and len(names) == 4, names
    for info in z.infolist():
        mode = info.external_attr >> 16
        assert stat.S_IMODE(mode) == (0o755 if info.filename.startswith("bin/") else 0o644), info
        assert info.date_time == (2023, 11, 14, 22, 13, 20), info
    z.extractall("out")
for name in names:
    assert pathlib.Path("out", name).read_bytes() == pathlib.Path("one", name).read_bytes(), name
END

SOURCE_DATE_EPOCH=0 "$mkzip" old.zip one || fail "a time before 1980"
ln -s shim one/bin/link
"$mkzip" link.zip one 2>err && fail "a link was packed"
grep -q 'one/bin/link is not a regular file' err || fail "the link is not named: $(cat err)"
rm one/bin/link
"$mkzip" none.zip missing 2>/dev/null && fail "a missing directory was packed"
"$mkzip" no/where.zip one 2>/dev/null && fail "an output that cannot be written"
"$mkzip" one.zip 2>/dev/null && fail "one argument"
SOURCE_DATE_EPOCH=x "$mkzip" x.zip one 2>/dev/null && fail "a time that is none"
for zip in link none x; do
	[ ! -e $zip.zip ] || fail "a failure left $zip.zip"
done
exit 0
