#!/bin/sh
# SPDX-License-Identifier: MIT
# What kills a program at one of its system calls, or has one fail: test/lab/faults/interrupt.c.
set -eu

interrupt=$PWD/test/lab/faults/interrupt
. "${srcdir:-.}/test/script/work.sh"

# ends CODE OPTION...: the script in $script, run so, ends with this code, and with these files
ends()
{
	code=$1
	shift
	rm -rf place
	mkdir place
	got=0
	(cd place && exec "$interrupt" --log ../log "$@" -- /bin/sh -c "$script") >out 2>&1 || got=$?
	[ "$got" = "$code" ] || fail "$script with $* ends with $got: $(cat out log)"
	files=$(ls place)
}

# point NAME FILE: the first call of this name that the log has for this file
point() { grep -P "^[0-9.:]+\t$1\t.*/$2(\t|$)" log | head -n 1 | cut -f 1; }

script='echo old >file; mv file moved; (cat moved; echo more >other)'
ends 0
[ "$files" = "moved
other" ] || fail "files: $files"
[ "$(cut -f 1,2,3 log | grep -v -e fork -e clone | sort)" = "$(printf '%s\t%s\t%s\n' 0.1:1 execve 0 0.2.1:1 execve 0 \
	0.2:2 openat 3 0.2:3 write 5 0:1 execve 0 0:2 openat 3 0:3 write 4)" ] || fail "the calls: $(cat log)"
grep -qP "\topenat\t3\t$work/place/file\t\d+\t0666$" log || fail "arguments: $(cat log)"
grep -q rename log && fail "the children's calls are told"
cp log first
ends 0
cut -f 1,2 first | sort >one
cut -f 1,2 log | sort | cmp -s one - || fail "a second run is another: $(cat log)"

ends 0 --children
rename=$(point renameat2 moved)
[ "${rename%:*}" = 0.1 ] || fail "no rename: $(cat log)"

# Nothing of a call happens when it is killed before it, all of it after it; and nothing comes later.
ends 137 --children --before "$rename"
[ "$files" = file ] || fail "killed before: $files"
grep -qP "^$rename\trenameat2\t\?\t" log || fail "the call is not told: $(cat log)"
ends 137 --children --after "$rename"
[ "$files" = moved ] || fail "killed after: $files"
ends 137 --after 0:2
[ "$files" = file ] && [ ! -s place/file ] || fail "killed after opening: $files"

# What it started is killed with it, in a session of its own too, unless it is killed alone.
script='setsid sh -c "sleep 1; echo >late" & sleep 0.3; echo >here; sleep 3'
ends 0
here=$(point openat here)
ends 137 --after "$here"
sleep 1.2
[ "$(ls place)" = here ] || fail "it went on: $(ls place)"
ends 137 --after "$here" --alone
sleep 1.2
[ "$(ls place)" = "here
late" ] || fail "killed alone: $(ls place)"

# What outlives the command goes on.
script='setsid sh -c "sleep 0.5; echo >late" & sleep 0.1; echo >here'
ends 0 --children
sleep 1
[ "$(ls place)" = "here
late" ] || fail "it was not let go: $(ls place)"

# A call that fails is not made; by its name all of them do.
script='echo >new || echo no new one; touch newer || echo no newer one'
ends 0 --children --fail openat=ENOSPC
[ "$(grep -c '^no new' out)" = 2 ] && [ -z "$files" ] || fail "no error: $(cat out) $files"
script='echo >file; rm file || echo kept'
ends 0 --children --fail unlinkat=EROFS
grep -q 'Read-only' out && [ "$files" = file ] || fail "unlink: $(cat out) $files"
grep -qP "\tunlinkat\t-30\t" log || fail "its result: $(cat log)"
ends 0 --children --every
read=$(grep -P '\tread\t' log | grep '^0\.1:' | head -n 1 | cut -f 1)
ends 0 --children --every --fail "$read=EINTR"
grep -qP "^$read\tread\t-4\t" log || fail "$read did not fail: $(cat log)"

# One of several that are alike, whatever comes before it.
script='echo >a1; echo >b1; echo >a2; echo >a3'
ends 0 --fail "0:openat:2:$work/place/a*=ENOSPC"
[ "$files" = "a1
a3
b1" ] || fail "the second a: $files $(cat log)"
ends 99 --fail "0:openat:4:$work/place/a*=ENOSPC"
ends 99 --fail "0.1:openat:1:$work/place/a*=ENOSPC"
ends 98 --fail '0:openat:0:*=ENOSPC'
ends 98 --fail '0:openat:1=ENOSPC'

# A point that it never came to, and what cannot be asked.
script='exit 3'
ends 3
ends 99 --before 0:1000
ends 98 --fail 0:1=EBLUE
ends 98 --fail 0:1
ends 98 --nonsense
script='kill -TERM $$'
ends 143
