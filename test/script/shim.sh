#!/bin/sh
# SPDX-License-Identifier: MIT
# The extension's shim: it becomes the handler of this machine's architecture, and says so plainly where
# there is none.
set -eu

source=$(cd "${srcdir:-.}" && pwd)
. "${srcdir:-.}/test/script/work.sh"

bin="$work/with a blank/bin"
machine=$(uname -m)
mkdir -p "$bin/$machine"
cp "$source/manifest/aadssh-shim" "$bin"
cat >"$bin/$machine/aadssh-handler" <<'END'
#!/bin/sh
echo "$$ $#:$1:$2"
exit 7
END
chmod 0744 "$bin/aadssh-shim" "$bin/$machine/aadssh-handler"

# The same process, the same arguments, the handler's exit code.
said=$(sh -c 'echo $$; exec "$0" "$@"' "$bin/aadssh-shim" enable 'b c') && fail "the exit code is lost"
pid=${said%%
*}
[ "$said" = "$pid
$pid 2:enable:b c" ] || fail "said: $said"

# The first command becomes the handler too, when that starts.
cp "$bin/$machine/aadssh-handler" good
sed -i '2i[ "$1" != version ] || { echo 1.0.0.0; exit 0; }' "$bin/$machine/aadssh-handler"
[ "$("$bin/aadssh-shim" install x | sed 's/^[0-9]* //')" = 2:install:x ] || fail "install"

# The first of an update, too; disable ends well whatever becomes of the handler.
[ "$("$bin/aadssh-shim" update x | sed 's/^[0-9]* //')" = 2:update:x ] || fail "update"
"$bin/aadssh-shim" disable >out || fail "disable fails with its handler"
grep -q "ended with 7" out || fail "out: $(cat out)"

# status_says CODE TEXT: what the agent would report
status_says()
{
	python3 - "$bin/../status/5.status" "$@" <<-'END' || fail "the status is not right: $(cat "$bin/../status/5.status")"
	import json, sys
	path, code, text = sys.argv[1:]
	((entry,),) = [json.load(open(path))]
	status = entry["status"]
	assert (status["status"], status["code"]) == ("error", int(code)), status
	assert text in status["formattedMessage"]["message"] and "\n" in status["formattedMessage"]["message"], status
	END
	rm "$bin/../status/5.status"
}
mkdir "$bin/../status"

# A handler that cannot start, as the loader ends it (127 or 1) or the shell (126), is told in their words.
for status in 127 1 126; do
	printf '%s\n' '#!/bin/sh' 'echo "libx.so.1: \"cannot\\ open shared object file" >&2' "exit $status" \
		>"$bin/$machine/aadssh-handler"
	code=0
	ConfigSequenceNumber=5 "$bin/aadssh-shim" update >out 2>err || code=$?
	[ $code -eq 52 ] || fail "exit code $code for a handler that cannot start"
	status_says 52 'libx.so.1:  cannot  open shared object file'
	[ ! -s err ] || fail "err: $(cat err)"
	printf '%s\n' '#!/bin/sh' 'echo "libx.so.1: cannot open shared object file" >&2' "exit $status" \
		>"$bin/$machine/aadssh-handler"
	code=0
	"$bin/aadssh-shim" install >out 2>err || code=$?
	[ $code -eq 52 ] || fail "exit code $code for a handler that cannot start"
	grep -q "cannot start: libx.so.1: cannot open shared object file" out || fail "out: $(cat out)"
	grep -q "^Remedy: " out || fail "out: $(cat out)"
	[ ! -s err ] || fail "err: $(cat err)"
done
printf 'no program' >"$bin/$machine/aadssh-handler"
chmod 0644 "$bin/$machine/aadssh-handler"
code=0
"$bin/aadssh-shim" install >out 2>err || code=$?
[ $code -eq 52 ] || fail "exit code $code for a handler that may not be run"
grep -q "cannot start: .*denied" out || fail "out: $(cat out)"
for verb in enable uninstall update; do
	code=0
	ConfigSequenceNumber=5 "$bin/aadssh-shim" $verb >out 2>err || code=$?
	[ $code -eq 52 ] || fail "exit code $code for a handler that may not be run"
	status_says 52 'cannot start'
done
for number in '' ../../x 5x; do
	code=0
	ConfigSequenceNumber=$number "$bin/aadssh-shim" enable >out 2>err || code=$?
	[ $code -eq 52 ] || fail "exit code $code without a sequence number"
	[ -z "$(ls "$bin/../status")" ] || fail "a status for the sequence number $number"
done
"$bin/aadssh-shim" disable >out 2>err || fail "disable fails without its handler"
cp good "$bin/$machine/aadssh-handler"
chmod 0744 "$bin/$machine/aadssh-handler"

# Where the kernel does not tell its architecture in a file, uname does.
sed 's|/proc/sys/kernel/arch|/nonexistent|' "$source/manifest/aadssh-shim" >"$bin/aadssh-shim"
[ "$("$bin/aadssh-shim" x | sed 's/^[0-9]* //')" = 1:x: ] || fail "without the file"

cp "$source/manifest/aadssh-shim" "$bin/aadssh-shim"
mv "$bin/$machine" "$bin/other"
code=0
"$bin/aadssh-shim" install >out 2>err || code=$?
[ $code -eq 51 ] || fail "exit code $code for an unknown architecture"
grep -q "no program for the architecture $machine" out || fail "out: $(cat out)"
[ ! -s err ] || fail "err: $(cat err)"
ConfigSequenceNumber=5 "$bin/aadssh-shim" enable >out 2>err && fail "it ends well without a program"
status_says 51 "no program for the architecture $machine"
"$bin/aadssh-shim" disable >out 2>err || fail "disable fails without a program"

# What the guest agent will run: every command is a path that is in the zip, and a verb.
python3 - "$source/manifest/HandlerManifest.json" <<'END' || fail "HandlerManifest.json"
import json, sys
(entry,) = json.load(open(sys.argv[1]))
commands = entry["handlerManifest"]
for verb in "install", "enable", "disable", "update", "uninstall":
    assert commands[verb + "Command"] == "bin/aadssh-shim " + verb, verb
assert commands["updateMode"] == "UpdateWithInstall"
for key in "rebootAfterInstall", "reportHeartbeat", "continueOnUpdateFailure":
    assert isinstance(commands[key], bool), key
END
