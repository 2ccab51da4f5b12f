# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2154 # layers is of who sources it
# Sourced by a test in the build directory: from here on it is root in a mount namespace of its own, with layers in
# memory over the folders of $layers and an empty folder $tmp: nothing reaches the machine.  Skips without root.
if [ "$(id -u)" -ne 0 ]; then
	echo 'needs root'
	exit 77
fi
if [ "${1-}" != inside ]; then
	exec unshare --mount --propagation private "$0" inside
fi

tmp=$(mktemp -d) || exit 1
trap 'umount -l "$tmp"; rmdir "$tmp"' EXIT
mount -t tmpfs none "$tmp" || exit 77
for dir in $layers; do
	mkdir "$tmp/$dir" "$tmp/$dir.work"
	mount -t overlay overlay -o "lowerdir=/$dir,upperdir=$tmp/$dir,workdir=$tmp/$dir.work" "/$dir" || exit 77
done
