#!/bin/sh
# SPDX-License-Identifier: MIT
# What people read: each program, module and file has a page that mandoc has nothing against; the pictures are XML,
# small, and draw from nowhere else; what README.md and CONTRIBUTING.md lead to, and name, is there.
set -u
cd "${srcdir:?}" || exit 1
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
failures=0
fail()
{
	echo "FAIL: $*"
	failures=$((failures + 1))
}

for name in aad_authorize.8 aad_certhandler.8 aadadmins.5 aadpasswd.5 aadssh-handler.8 aadsshlogin.8 aadsshlogin.conf.5 \
	aadsshlogin.roles.5 aadsshlogin.secret.5 aaduseradd.8 aaduserdel.8 libnss_aad.8 pam_aad.8; do
	[ -e "man/$name" ] || fail "there is no man/$name"
done
for page in man/*; do
	name=${page#man/}
	for installed in Makefile.am; do
		grep -q "man/$name" "$installed" || fail "$page is not installed"
	done
	# A page that is another's under its own name.
	if to=$(sed -n 's|^\.so man[58]/||p' "$page") && [ -n "$to" ]; then
		[ -e "man/$to" ] || fail "$page leads to $to"
		continue
	fi
	command -v mandoc >/dev/null || continue
	# Which other pages this machine has is not the page's affair.
	if mandoc -Tlint -W style "$page" | grep -v 'referenced manual not found\|mandoc.db' >"$tmp/lint"; [ -s "$tmp/lint" ]; then
		fail "$page: $(cat "$tmp/lint")"
	fi
	# Of ours there must be what is referred to.
	sed -n 's/^\.Xr \(aad[a-z_.-]*\|libnss_aad\|pam_aad\) \([58]\).*/\1.\2/p' "$page" | while read -r other; do
		[ -e "man/$other" ] || echo "$page refers to $other"
	done >"$tmp/missing"
	[ ! -s "$tmp/missing" ] || fail "$(cat "$tmp/missing")"
done

python3 - docs/*.svg <<'END' || failures=$((failures + 1))
import os, re, sys
from xml.etree import ElementTree

SVG = "{http://www.w3.org/2000/svg}"
for path in sys.argv[1:]:
    text = open(path, encoding="utf-8").read()
    root = ElementTree.fromstring(text)
    assert root.tag == f"{SVG}svg" and root.get("viewBox"), path
    assert os.path.getsize(path) < 20000, f"{path} is too large"
    assert "prefers-color-scheme: dark" in text, f"{path} has one set of colours"
    assert root.find(f"{SVG}title") is not None and len(root.findall(f"{SVG}text")) > 10, f"{path} has no text"
    known = {"svg", "title", "style", "defs", "marker", "path", "rect", "text"}
    assert {element.tag.replace(SVG, "") for element in root.iter()} <= known, path
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)|href|@import", text), f"{path} draws from elsewhere"
    _, _, width, height = map(float, root.get("viewBox").split())
    for element in [*root.iter(f"{SVG}rect"), *root.iter(f"{SVG}text")]:
        right = float(element.get("x")) + float(element.get("width", 0))
        bottom = float(element.get("y")) + float(element.get("height", 0))
        assert 0 <= right <= width and 0 <= bottom <= height, f"{path}: {element.attrib} is outside"
END

for page in README.md CONTRIBUTING.md docs/*.md; do
	grep -o '](\([^):]*\))' "$page" | sed 's/](//; s/[)#].*//' | sort -u | while read -r link; do
		[ -z "$link" ] || [ -e "$link" ] || echo "$page leads to $link"
	done >"$tmp/missing"
	[ ! -s "$tmp/missing" ] || fail "$(cat "$tmp/missing")"
done
python3 -B test/lab/readme.py --words || fail "README.md names what is not there"
# What takes longer than check is played before a release, and can be found.
for target in $(sed -n 's/^\.PHONY: \(check-[a-z-]*\|fleet\)$/\1/p' Makefile.am); do
	for page in manifest/publish/RELEASE.md docs/building.md bootstrap; do
		grep -qw -- "$target" "$page" || fail "$page does not name $target"
	done
done
[ "$(wc -l <CONTRIBUTING.md)" -le 60 ] || fail "CONTRIBUTING.md is more than a page"
exit $((failures != 0))
