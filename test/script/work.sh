# SPDX-License-Identifier: MIT
# shellcheck shell=sh
# Sourced by a test in the build directory: from here on it is in a folder of its own, $work, which goes when it ends.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
fail()
{
	echo "FAIL: $*" >&2
	exit 1
}
