# SPDX-License-Identifier: MIT
"""The SELinux module in the policies that Debian's releases bring: does it load, and what does it allow then?

For each suite a root is made by debootstrap with its policy, semodule and setools, and kept as roots.py keeps its own.
Over it, semodule builds that release's policy anew: as it is, with the module, with types that it lacks (a stand-in
for the policies of Fedora and RHEL 10, made here, labelled so), and without the module again.  policycheck.py looks into
each; a line is printed for each assertion that does not hold, and one for each policy.

usage: policies.py [--dir DIR] [SUITE...]
"""

import argparse
import fcntl
import os
import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[1])]

from lab import layer, roots  # noqa: E402

# The policy's own script fails in some releases (sid of November 2026 disables a module that it does not have): the
# store is filled by PLAY in any case.
SETUP = """
export DEBIAN_FRONTEND=noninteractive
printf '#!/bin/sh\\nexit 101\\n' >/usr/sbin/policy-rc.d
chmod 755 /usr/sbin/policy-rc.d
apt-get -qq -o Dpkg::Use-Pty=0 -o DPkg::Options::=--force-unsafe-io install --no-install-recommends \\
	policycoreutils python3-setools selinux-utils
apt-get -qq -o Dpkg::Use-Pty=0 -o DPkg::Options::=--force-unsafe-io install --no-install-recommends \\
	selinux-policy-default || test -e /usr/share/selinux/default/base.pp.bz2
apt-get clean
"""

# What policies of 2024 and later have, for those of Debian that do not.
SPLIT_SSHD = """
(type sshd_session_t)
(roletype system_r sshd_session_t)
(typeattributeset domain (sshd_session_t))
(type sshd_auth_t)
(roletype system_r sshd_auth_t)
(typeattributeset domain (sshd_auth_t))
"""

PLAY = """
has_type() { python3 /checkout/test/lab/policycheck.py /etc/selinux/default/policy/policy.* --type "$1"; }
modules=/checkout/payload/selinux
store() { semodule -n -s default "$@" 2>&1 | grep -Ev 'user .* not in password file|Removing last' || true; }
built() { cat /etc/selinux/default/policy/policy.* /etc/selinux/default/contexts/files/file_contexts | sha256sum; }
check() {
	what=$1
	shift
	if python3 /checkout/test/lab/policycheck.py /etc/selinux/default/policy/policy.* "$@"; then
		echo "held: $suite, $what"
	else
		echo "BROKEN: $suite, $what"
	fi
}
suite=$1
if [ -z "$(ls /etc/selinux/default/policy 2>/dev/null)" ]; then
	echo "note: $suite's package did not build its policy; built here of its modules"
	store -X 100 $(sed 's,^,-i /usr/share/selinux/default/,; s,$,.pp.bz2,' /usr/share/selinux/default/.modules)
fi
echo "note: $suite has $(dpkg-query -W selinux-policy-default), $(ls /etc/selinux/default/policy)"
store -B
before=$(built)
start=$(date +%s)
store -X 400 -i $modules/aadsshlogin.cil
echo "note: $suite's semodule loads the module in $(($(date +%s) - start)) s"
semodule -s default -lfull | grep -q '^400 aadsshlogin *cil' || echo "BROKEN: $suite, semodule does not list the module"
check 'the module in its policy' module
if ! has_type sshd_session_t; then
	printf '%s\\n' "$2" >/tmp/split_sshd.cil
	set -- -i /tmp/split_sshd.cil
else
	set --
fi
store -X 400 -i $modules/aadsshlogin_any_port.cil "$@"
check 'with the module for any port, and the types of a split sshd (a stand-in)' any-port split-sshd
store -X 400 -r aadsshlogin_any_port -r aadsshlogin
[ $# = 0 ] || store -X 400 -r split_sshd
[ "$(built)" = "$before" ] && echo "held: $suite, without the module its policy is what it was" ||
	echo "BROKEN: $suite, a trace of the module is left in its policy"
"""

# An overlay over the root, so that this stays what it is; semodule renames directories of it.
ENTER = """
mount -t tmpfs tmpfs "$1"
mkdir "$1/upper" "$1/work" "$1/root"
mount -t overlay overlay -o "lowerdir=$2,upperdir=$1/upper,workdir=$1/work,redirect_dir=on" "$1/root"
mount --bind "$3" "$1/root/checkout"
mount -t proc proc "$1/root/proc"
exec chroot "$1/root" /bin/bash -euc "$4" bash "$5" "$6"
"""


class Policies(roots.Root):
    """One release of Debian, with its policy."""

    def __init__(self, suite: str, folder: Path) -> None:
        super().__init__(suite, folder, SETUP)

    def play(self) -> bool:
        """Print what was found; returns whether all of it held."""
        self.ensure()
        scratch = self.folder / "mnt"
        scratch.mkdir(exist_ok=True)
        argv = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--propagation=private", "--", "sh", "-euc",
                ENTER, "sh", str(scratch), str(self.root), str(layer.CHECKOUT), PLAY, self.name, SPLIT_SSHD]
        code, said = self.logged(argv)
        print(said.rstrip(), flush=True)
        if code != 0:
            print(f"BROKEN: {self.name} broke off", flush=True)
        return code == 0 and "BROKEN" not in said and "held: " in said


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("suites", metavar="SUITE", nargs="*", help=f"by default {' '.join(roots.SUITES)}")
    parser.add_argument("--dir", type=Path, default=layer.CHECKOUT / "build" / "policies", help="where roots are kept")
    arguments = parser.parse_args()
    folder = arguments.dir.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        held = [Policies(name, folder).play() for name in arguments.suites or roots.SUITES]
    print(f"{sum(held)} passed, {len(held) - sum(held)} failed")
    return 0 if all(held) else 1


if __name__ == "__main__":
    os.umask(0o022)
    sys.exit(main())
