#!/bin/sh
# SPDX-License-Identifier: MIT
# Search with libFuzzer: search.sh SECONDS [NAME...], in a build configured by CC=clang --enable-fuzz.
# Each fuzzer starts from its committed corpus and keeps what it finds in corpus/NAME of this
# directory; a finding is a file crash-*, timeout-*, oom-* or leak-* there.  One line each, exit
# status 1 for a finding.
set -eu
source=$(cd "$(dirname "$0")/../.." && pwd)
seconds=${1:?how many seconds each}
shift
if [ $# -eq 0 ]; then
	for fuzzer in "$source"/test/fuzz/fuzz_*.c; do
		name=${fuzzer##*/fuzz_}
		set -- "$@" "${name%.c}"
	done
fi

failed=0
for name; do
	mkdir -p "corpus/$name"
	if "test/fuzz/fuzz_$name" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 \
		-print_final_stats=1 -artifact_prefix="corpus/$name/" \
		"corpus/$name" "$source/test/data/fuzz/$name" >"corpus/$name.log" 2>&1; then
		runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "corpus/$name.log")
		echo "fuzz_$name: no finding in $seconds s, $runs runs"
	else
		echo "fuzz_$name: A FINDING: see corpus/$name.log"
		failed=1
	fi
done
exit "$failed"
