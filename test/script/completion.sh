#!/bin/bash
# SPDX-License-Identifier: MIT
# What the shells offer is what the programs say of themselves; and bash and, where it is there, zsh complete with it.
# make check runs this in the build directory and sets srcdir.
set -u
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
failures=0
script=${srcdir:?}/payload/completion/aadsshlogin
. "$script" || exit 1
for name in aaduseradd aaduserdel; do
	ln -s "$PWD/aadsshlogin" "$tmp/$name"
done

# same WHAT OFFERED EXPECTED: the same words, in any order
same()
{
	if [ -z "$2" ] || [ "$(tr -s ' ' '\n' <<<"$2" | sort)" != "$(tr -s ' ' '\n' <<<"$3" | sort)" ]; then
		echo "FAIL: $1: offered are"$'\n'"$2"$'\n'"expected"$'\n'"$3"
		failures=$((failures + 1))
	fi
}

# offered LINE: what bash offers behind it
offered()
{
	COMP_LINE=$1 COMP_POINT=${#1}
	_aadsshlogin_bash 2>/dev/null
	echo "${COMPREPLY[*]}"
}

# options VERB USAGE: the options that the usage names
options()
{
	sed -n "s/^  $1\( .*\)/\1/p" <<<"$2" | sed 's/  .*//' | grep -o -e '--[a-z-]*' | sort -u | tr '\n' ' ' | sed 's/ $//'
}

usage=$(./aadssh-handler help)
verbs=$(sed -n 's/^  \([a-z][a-z |]*\).*/\1/p' <<<"$usage" | tr -d '|' | tr -s '\n ' ' ' | sed 's/ $//')
same 'verbs of aadssh-handler' "$(offered 'aadssh-handler ')" "$verbs"
for verb in $verbs; do
	same "options of $verb" "$(offered "/x/aadssh-handler $verb ") -" "$(options "$verb" "$usage") -"
done
for verb in check plan; do
	same "$verb --only" "$(offered "aadssh-handler $verb --only ")" \
		"$(./aadssh-handler $verb --only x 2>&1 | sed 's/.*the [a-z]* are //')"
done
same 'plan --for' "$(offered 'aadssh-handler plan --for ')" \
	"$(./aadssh-handler plan --for x 2>&1 | sed -n 's/.*--for takes \(.*\), not: .*/\1/p' | sed 's/,//g; s/ or / /')"

usage=$(./aadsshlogin help)
verbs=$(sed -n 's/^  \([a-z]*\).*/\1/p' <<<"$usage" | tr '\n' ' ' | sed 's/ $//')
same 'verbs of aadsshlogin' "$(offered 'aadsshlogin ')" "$verbs"
for verb in status explain users; do
	same "options of $verb" "$(offered "aadsshlogin $verb -")" "$(options $verb "$usage")"
done
same 'keywords' "$(offered 'aadsshlogin configure ')" \
	"$(sed -n 's/^\.It Cm \([a-z_]*\) .*/\1=/p' "$srcdir/man/aadsshlogin.conf.5" | tr '\n' ' ' | sed 's/ $//')"
for name in aaduseradd aaduserdel; do
	same "options of $name" "$(offered "$name -")" "$("$tmp/$name" --help | grep -o -e '--[a-z]*' | tr '\n' ' ' | sed 's/ $//')"
done
# Names have an `@`, at which bash breaks a word: what is before it stands there.
same 'users' "$(_aadsshlogin_words() { echo alice@contoso.com; }; offered 'aadsshlogin explain alice@con')" 'contoso.com'
cd "$tmp" && : >os-release
same 'files' "$(offered 'aadssh-handler platform --os-release os-')" 'os-release'
cd "$OLDPWD" || exit 1

# In a shell that somebody sits at.
try()
{
	shell=$1 file=$2
	python3 "$srcdir/test/script/completioncheck.py" "$shell" "$file" 'aadssh-handler che\t' 'aadssh-handler plan --for=un\t' \
		'aadsshlogin configure user_d\t' 'aadssh-handler check --only \t\t' | tr -d '\0' >"$tmp/out"
	same "$shell" "$(sed -n '1,3p' "$tmp/out" | tr '\n' ' ' | sed 's/ $//')" \
		'aadssh-handler check aadssh-handler plan --for=uninstall aadsshlogin configure user_domains='
	for link in $(./aadssh-handler check --only x 2>&1 | sed 's/.*the links are //'); do
		if ! sed -n 4p "$tmp/out" | grep -qw -e "$link"; then
			echo "FAIL: $shell does not offer $link: $(sed -n 4p "$tmp/out")"
			failures=$((failures + 1))
		fi
	done
}
try bash "$script"
if command -v zsh >/dev/null; then
	cp "$script" "$tmp/_aadsshlogin"
	try zsh "$tmp/_aadsshlogin"
fi
exit $((failures != 0))
