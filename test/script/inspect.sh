#!/bin/sh
# SPDX-License-Identifier: MIT
# What aadssh-handler platform and verify print as JSON is what their schemas say.
# make check runs this in the build directory and sets srcdir.
set -u
# shellcheck source=test/script/conforms.sh
. "$(dirname "$0")/conforms.sh"
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
unset AZURE_GUEST_AGENT_EXTENSION_PATH AZURE_GUEST_AGENT_EXTENSION_VERSION ConfigSequenceNumber
ext=$tmp/Publisher.Type-7.8.9.10
handler=$ext/bin/any/aadssh-handler
mkdir -p "$ext/bin/any" || exit 1
cp aadssh-handler "$handler" || exit 1
cp -R "$schemas" "$ext/manifest"
cd "$tmp" || exit 1
failures=0

fail()
{
	printf 'FAIL: %s\n' "$*"
	failures=$((failures + 1))
}

# document STATUS SCHEMA WORDS ARGUMENT...
document()
{
	status=$1 schema=$2 words=$3
	shift 3
	"$handler" "$@" --json >json 2>messages
	[ $? -eq "$status" ] || fail "$*: $(cat json messages)"
	grep -q -e "$words" json || fail "$*, without $words: $(cat json messages)"
	conforms "$schema"
}

# Every distribution of the table, with and without a version, and what is in none.
sed -n 's/^  - id: //p' "$ext/manifest/distros.yaml" >ids
[ -s ids ] || fail 'no distribution is in the table'
while read -r id; do
	for version in '' 1 9 99; do
		printf 'ID=%s\nVERSION_ID=%s\n' "$id" "$version" >os-release
		document 0 platform "\"id\": \"$id\"" platform --os-release os-release
	done
done <ids
printf 'ID=strange\nVERSION_ID=1-A_b.c\n' >os-release
document 0 platform '"packageManager": ""' platform --os-release os-release
printf 'ID=no/id\n' >os-release
document 53 platform '"code": 53' platform --os-release os-release

# verified RESULT STATUS WORDS: by the folder; a package that this machine has may differ on its own
verified()
{
	"$handler" verify --json >json 2>messages
	case $? in
		"$2" | 21) ;;
		*) fail "verify: $(cat json messages)" ;;
	esac
	conforms verify
	python3 - "$1" "$3" <<'END' || fail "verify is not $1 with \"$3\": $(cat json messages)"
import json, sys
told = json.load(open("json"))
findings = told["parts"][0]["findings"]
sys.exit(bool(findings) != (sys.argv[1] == "modified") or sys.argv[2] not in json.dumps(told["parts"][0]))
END
}
verified modified 21 SHA256SUMS
if [ "$(id -u)" -eq 0 ]; then
	(cd "$ext" && find bin manifest -type f -exec sha256sum {} + >SHA256SUMS && chmod -R go-w .) || exit 1
	verified ok 0 '"files": '
	echo >>"$ext/manifest/clouds.yaml"
	verified modified 21 'clouds.yaml", "what": "is not as it was packed'
fi

# What should be there cannot be told.
mkdir "$ext/config" "$ext/status"
printf '[{"version": 1.0, "handlerEnvironment": {"logFolder": "%s", "configFolder": "%s", "statusFolder": "%s"}}]' \
	"$tmp" "$ext/config" "$ext/status" >"$ext/HandlerEnvironment.json"
printf '{"runtimeSettings": [{"handlerSettings": {"publicSettings": {"no": 1}}}]}' >"$ext/config/0.settings"
document 53 verify '"code": 53' verify
[ "$failures" -eq 0 ]
