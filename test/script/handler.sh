#!/bin/sh
# SPDX-License-Identifier: MIT
# The command line of aadssh-handler: what it accepts, what it prints, how it ends.
# make check runs this in the build directory and sets srcdir.
set -u
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
unset AZURE_GUEST_AGENT_EXTENSION_PATH AZURE_GUEST_AGENT_EXTENSION_VERSION ConfigSequenceNumber
unset ConfigExtensionName VERSION

# An extension as the agent unpacks it.
ext=$tmp/Publisher.Type-7.8.9.10
mkdir -p "$ext/bin/any"
cp aadssh-handler "$ext/bin/any/aadssh-handler" || exit 1
cp -R "${srcdir:?}/manifest" "$ext/manifest"
handler=$ext/bin/any/aadssh-handler
failures=0

# expect CODE PATTERN ARGUMENTS...: output and errors together must hold a line with the pattern.
expect()
{
	code=$1 pattern=$2
	shift 2
	"$handler" "$@" >"$tmp/out" 2>&1
	got=$?
	if [ "$got" -ne "$code" ] || ! grep -q -e "$pattern" "$tmp/out"; then
		echo "FAIL: $* ended with $got, expected $code and \"$pattern\" in:"
		cat "$tmp/out"
		failures=$((failures + 1))
	fi
}

expect 0 '^usage: aadssh-handler' help
expect 0 '^usage: aadssh-handler' --help
expect 0 '^usage: aadssh-handler' -h
expect 0 '^usage: aadssh-handler' check --help
expect 0 '^usage: aadssh-handler' plan --json -h
expect 0 '^usage: aadssh-handler' install --help
expect 0 '^aadssh-handler 7\.8\.9\.10$' version
expect 0 '^aadssh-handler 7\.8\.9\.10$' --version
expect 19 '^usage: ' ''
expect 19 'unknown verb: frobnicate' frobnicate
expect 19 'no such option: --json' install --json
expect 19 'no such option: --purge' check --purge
expect 19 'no such option: extra' status extra
expect 19 'a value is missing after: --only' check --only
expect 19 'no link is called nothing; the links are agent .* confinement' check --only nothing
expect 19 'no step is called nothing; the steps are platform identity .* verify' plan --only nothing
expect 19 'takes install, update or uninstall, not: reboot' plan --for reboot
expect 19 'a value is missing after: --only' check --json --only
expect 19 'takes no value: --json=yes' check --json=yes
expect 19 'no step is called nothing' plan --only=nothing
expect 19 'takes install, update or uninstall, not: reboot' plan --for=reboot
expect 19 'no such option: --on=platform' plan --on=platform
expect 52 '^error 52 missing-dependency: /nonexistent: .*name an os-release' platform --os-release /nonexistent

"$handler" >"$tmp/out" 2>&1
[ $? -eq 19 ] && grep -q 'a verb is missing' "$tmp/out" || failures=$((failures + 1))

# The answer comes from that file alone, which may be named from the working directory.
printf 'ID=ubuntu\nVERSION_ID="24.04"\n' >"$tmp/os-release"
cd "$tmp" || exit 1
handler=$ext/bin/any/aadssh-handler
expect 0 '"id": "ubuntu"' platform --os-release os-release --json
expect 0 '"packageManager": "apt"' platform --os-release ./os-release --json
expect 0 '"packageType": "deb"' platform --json --os-release "$tmp/os-release"
expect 0 '"sshService": "ssh"' platform --os-release os-release --json
expect 0 '"supported": "yes"' platform --os-release os-release --json
expect 0 '^supported  *yes: ' platform --os-release os-release
expect 0 '^supported  *yes: ' platform --os-release=os-release
printf 'no os-release\n' >"$tmp/other"
expect 0 '^id  *linux$' platform --os-release other
printf 'ID=no/id\n' >"$tmp/bad"
expect 53 '^error 53 settings-invalid: bad: os-release, line 1: ' platform --os-release bad
expect 52 '^error 52 missing-dependency: ' platform --os-release .
expect 52 'is there already\. name\|run it as root' collect --output os-release
expect 52 'is there already\. name\|run it as root' collect --keep-names --output="$tmp/os-release"
expect 19 'takes no value: --keep-names=yes' collect --keep-names=yes
expect 19 'takes a name, not: ' collect --output=
expect 19 'no such option: --json' collect --json
cat os-release | "$handler" platform --os-release /dev/stdin | grep -q '^id  *ubuntu$' || {
	echo "FAIL: platform does not read a pipe"
	failures=$((failures + 1))
}

# What cannot be printed is no success.
for words in help version "platform --os-release os-release" "platform --json"; do
	if "$handler" $words >/dev/full 2>"$tmp/out" || ! grep -q 'standard output: ' "$tmp/out"; then
		echo "FAIL: $words succeeds without a word in a full output"
		failures=$((failures + 1))
	fi
done

# The agent's folder counts before that of the program, and a suffix that is a version.
mkdir -p "$tmp/agent-1.2.3.4/manifest" "$tmp/agent-1.2/manifest"
AZURE_GUEST_AGENT_EXTENSION_PATH=$tmp/agent-1.2.3.4
export AZURE_GUEST_AGENT_EXTENSION_PATH
expect 0 '^aadssh-handler 1\.2\.3\.4$' version
AZURE_GUEST_AGENT_EXTENSION_PATH=$tmp/agent-1.2
expect 0 '^aadssh-handler [0-9]*\.[0-9]*\.[0-9]' version
AZURE_GUEST_AGENT_EXTENSION_PATH=agent-1.2.3.4
expect 0 '^aadssh-handler 7\.8\.9\.10$' version
AZURE_GUEST_AGENT_EXTENSION_PATH=$tmp/none-1.2.3.4
expect 0 '^aadssh-handler 7\.8\.9\.10$' version
unset AZURE_GUEST_AGENT_EXTENSION_PATH

# Without a table the answer is an error that names it.
rm -r "$ext/manifest"
expect 52 'files are incomplete: .*manifest/distros.yaml' platform --os-release os-release

[ "$failures" -eq 0 ]
