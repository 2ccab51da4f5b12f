#!/bin/sh
# SPDX-License-Identifier: MIT
# usage: aside.sh BUILD NAME OPTION...
# Play test/lab/NAME.py beside others: what it says is shown in one piece when it has ended, and stays in
# BUILD/labs/*.broken if it did not end well.
set -u
build=$1 name=$2
shift 2
said=$(mktemp -p "$build/labs")
python3 "$(dirname "$0")/$name.py" --build "$build" "$@" >"$said" 2>&1
code=$?
[ "$code" = 0 ] || echo "broken: $name.py $* ended with $code" >>"$said"
flock "$(dirname "$0")" cat "$said"
if [ "$code" = 0 ]; then
	rm "$said"
else
	mv "$said" "$said.broken"
fi
exit "$code"
