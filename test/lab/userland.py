# SPDX-License-Identifier: MIT
"""What of a distribution's userland the product meets, put onto a machine that lies over a root of Debian.

Real are the package managers (Debian packages rpm, dnf and zypper), authselect, sshd, PAM and its modules, sudo, glibc.  Of the
distribution are os-release, the PAM stacks, nsswitch.conf, sshd_config, sudoers, and where modules, the rpm database and
the roots of TLS lie.  Those files are in test/data/userland, a folder a tree; a later tree of a list wins.

Shims, since nothing else is to be had: `yum` is a link to dnf, `tdnf` a script that calls dnf, and a package lab-base
tells the rpm database of what an image of the distribution has.
"""

import io
import re
import shutil
import tarfile
from pathlib import Path
from typing import Callable, NamedTuple, Sequence

from lab.layer import CHECKOUT
from lab.machine import Machine

DATA = CHECKOUT / "test" / "data"
MANAGERS = ["rpm", "dnf", "zypper"]  # Debian's packages
KEPT = "/usr/libexec/lab"  # where programs are that go by another name on the machine

# What the oldest images have.
BASE_SPEC = """
Name: lab-base
Version: 1
Release: 1
Summary: Stands for the packages of an image
License: MIT
BuildArch: noarch
Provides: /bin/sh /bin/bash /usr/sbin/useradd /usr/sbin/userdel /usr/sbin/groupdel
Provides: glibc = 2.17 pam = 1.1.8 openssh-server = 6.9p1 shadow-utils shadow sudo systemd
%description
Stands for the packages of an image.
%files
"""

# rpm of Debian keeps its database in its caller's home, and signs with a program that it does not have.
RPM = """
mkdir -p /etc/rpm "$1" /tmp/lab-base /usr/share/licenses
printf '%s\\n' "%_dbpath $1" '%__gpg /usr/bin/gpg' >/etc/rpm/macros
[ "$1" = /var/lib/rpm ] || { rm -r /var/lib/rpm; ln -s "../..$1" /var/lib/rpm; }
rpm --initdb
cat >/tmp/lab-base.spec
rpmbuild -bb --quiet --define '_topdir /tmp/lab-base' /tmp/lab-base.spec >/tmp/lab-base/said 2>&1 || { cat /tmp/lab-base/said; exit 1; }
rpm --install --nosignature /tmp/lab-base/RPMS/noarch/lab-base-1-1.noarch.rpm
rm -r /tmp/lab-base /tmp/lab-base.spec
"""

# The machine is none of Debian's: what it knows of packages goes, with the programs.
HIDE_DEBIAN = """
rm -rf /var/lib/dpkg /var/lib/apt /etc/apt /etc/dpkg /usr/lib/apt
find /usr/bin /usr/sbin -name 'apt*' -o -name 'dpkg*' | xargs rm -f
"""

# yum 3 and tdnf are in no release of Debian: a link, and a script, stand for them.
ARRANGE_MANAGERS = f"""
keep_dnf() {{ mkdir -p {KEPT}; mv "$(readlink -f /usr/bin/dnf)" {KEPT}/dnf; rm -f /usr/bin/dnf*; }}
case $1 in
zypper) rm -f /usr/bin/dnf* ;;
dnf) rm -f /usr/bin/zypper ;;
yum) rm -f /usr/bin/zypper; keep_dnf; ln -s {KEPT}/dnf /usr/bin/yum ;;
tdnf)
	rm -f /usr/bin/zypper
	keep_dnf
	cat >/usr/bin/tdnf
	chmod 755 /usr/bin/tdnf ;;
esac
"""

TDNF = f"""#!/bin/sh
# A shim of the lab, over dnf: tdnf names a version with "=", its configuration calls reposdir otherwise, and it does not
# look at the signature of the metadata.
for word; do
	shift
	case $word in
	*/tdnf.conf)
		mkdir -p /run/lab/tdnf
		sed 's|^repodir=.*|reposdir=/run/lab/tdnf|' "$word" >/run/lab/tdnf.conf
		sed 's/^repo_gpgcheck=1/repo_gpgcheck=0/' "${{word%/*}}"/repos/*.repo >/run/lab/tdnf/x.repo
		set -- "$@" /run/lab/tdnf.conf ;;
	-*) set -- "$@" "$word" ;;
	*=*) set -- "$@" "${{word%%=*}}-${{word#*=}}" ;;
	*) set -- "$@" "$word" ;;
	esac
done
exec {KEPT}/dnf "$@"
"""


def arrange(machine: Machine, manager: str) -> None:
    """Of the package managers for rpm only that one."""
    machine.sh(ARRANGE_MANAGERS, manager, input=TDNF)


# Debian's files that say how people sign in; what else is in pam.d is of no matter here.
NO_CONFIGURATION = """
rm -rf /etc/ssh/sshd_config.d /etc/ssh/sshd_config /etc/sudoers /etc/nsswitch.conf
grep -l common- /etc/pam.d/* | xargs rm -f
rm -f /etc/pam.d/common-*
"""

# Ubuntu calls the other one sudo.ws.
USE_SUDO_RS = """
mv /usr/bin/sudo /usr/bin/sudo.ws
mv /usr/sbin/visudo /usr/sbin/visudo.ws
ln -s sudo-rs /usr/bin/sudo
ln -s ../bin/visudo-rs /usr/sbin/visudo
"""

RED_HAT_CERTS = """
mkdir -p /etc/pki/tls/certs
ln -s ../../ca-trust/extracted/pem/tls-ca-bundle.pem /etc/pki/tls/certs/ca-bundle.crt
"""

# See Machine.allow_refusals().
ALLOW_REFUSALS = """
! /usr/sbin/sshd -t -o 'PerSourcePenalties no' 2>/dev/null || echo 'PerSourcePenalties no' >>/etc/ssh/sshd_config
"""

# Debian has had it since trixie, without the folders that Fedora's package brings.
AUTHSELECT = """
mkdir -p /etc/authselect/custom
authselect select local --force
"""

NO_INCLUDE = "sed -i '/^Include/d' /etc/ssh/sshd_config; rm -r /etc/ssh/sshd_config.d"


class Userland(NamedTuple):
    """How the machines of one family differ from Debian's."""

    name: str  # for people
    manager: str  # the program that people use: apt, dnf, yum, zypper, tdnf
    trees: Sequence[str] = ()
    libraries: "Callable[[Machine], None] | None" = None  # how /lib64 and /usr/lib64 lie
    database: str = "/var/lib/rpm"
    bundle: str = ""  # where the roots of TLS are, if not where Debian has them
    script: str = ""  # to run there at the end


def links(machine: Machine) -> None:
    """
    /lib64 leads to /usr/lib64, as in Red Hat's; here that is Debian's folder, where libc and libpam look.  Done from
    outside, since no program starts while the loader is away.
    """
    usr = Path(f"/proc/{machine.pid}/root/usr")
    shutil.rmtree(usr / "lib64")
    (usr / "lib64").symlink_to("lib/x86_64-linux-gnu")


def links_to_lib(machine: Machine) -> None:
    """/lib64 and /usr/lib64 lead to /usr/lib, as in Azure Linux, and what is in its security to where libpam looks."""
    usr = Path(f"/proc/{machine.pid}/root/usr")
    (usr / "lib/ld-linux-x86-64.so.2").symlink_to("x86_64-linux-gnu/ld-linux-x86-64.so.2")
    (usr / "lib/security").symlink_to("x86_64-linux-gnu/security")
    shutil.rmtree(usr / "lib64")
    (usr / "lib64").symlink_to("lib")


def apart(machine: Machine) -> None:
    """/lib64 is a folder, and not that of /usr, as in SUSE's: Debian's is mounted there."""
    root = Path(f"/proc/{machine.pid}/root")
    (root / "lib64").unlink()
    (root / "lib64").mkdir()
    (root / "lib64/ld-linux-x86-64.so.2").symlink_to("/usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2")
    machine.run(["mount", "--bind", "/usr/lib/x86_64-linux-gnu", "/lib64"])


DEBIAN = Userland("Debian", "apt")
SUDO_RS = Userland("Debian, sudo-rs in sudo's place", "apt", script=USE_SUDO_RS)
DEBIAN_OLD = Userland("Debian, sshd_config without Include", "apt", script=NO_INCLUDE)
RED_HAT_7 = Userland("Red Hat 7", "yum", ["redhat", "redhat-7"], links, bundle="/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
                     script=RED_HAT_CERTS)
RED_HAT_8 = RED_HAT_7._replace(name="Red Hat 8", manager="dnf", trees=["redhat", "redhat-8"])
RED_HAT_9 = RED_HAT_8._replace(name="Red Hat 9", trees=["redhat", "redhat-9"])
RED_HAT_10 = RED_HAT_9._replace(name="Red Hat 10, configured by authselect", database="/usr/lib/sysimage/rpm",
                                script=RED_HAT_9.script + AUTHSELECT)
SUSE_12 = Userland("SUSE 12", "zypper", ["suse"], apart, bundle="/var/lib/ca-certificates/ca-bundle.pem",
                   script="ln -s /var/lib/ca-certificates/ca-bundle.pem /etc/ssl/ca-bundle.pem")
SUSE_15 = SUSE_12._replace(name="SUSE 15", database="/usr/lib/sysimage/rpm")
SUSE_15_6 = SUSE_15._replace(name="SUSE 15.6", trees=["suse", "suse-include"])
AZURE_LINUX = Userland("Azure Linux", "tdnf", ["azurelinux"], links_to_lib, bundle="/etc/pki/tls/certs/ca-bundle.crt")


def add_trees(machine: Machine, trees: Sequence[str]) -> None:
    """Copy the trees' files, owned by root."""
    packed = io.BytesIO()

    def as_root(entry: tarfile.TarInfo) -> tarfile.TarInfo:
        entry.uid = entry.gid = 0
        entry.uname = entry.gname = "root"
        entry.mode = 0o440 if entry.name == "etc/sudoers" else 0o755 if entry.isdir() else 0o644
        return entry

    with tarfile.open(fileobj=packed, mode="w") as archive:
        for tree in trees:
            archive.add(DATA / "userland" / tree / "etc", "etc", filter=as_root)
    machine.write("/tmp/userland.tar", packed.getvalue())
    machine.sh("tar -x -C / -f /tmp/userland.tar --overwrite-dir; rm /tmp/userland.tar")


def put_on(machine: Machine, userland: Userland, os_release: str) -> None:
    """Make it a machine of that family and distribution; sshd does not run yet, and the cloud's root is trusted."""
    machine.write("/usr/lib/os-release", os_release)
    if userland.trees:
        machine.sh(RPM, userland.database, input=BASE_SPEC)
        arrange(machine, userland.manager)
        machine.sh(HIDE_DEBIAN + NO_CONFIGURATION)
        add_trees(machine, userland.trees)
        machine.sh(ALLOW_REFUSALS)
    if userland.libraries:
        userland.libraries(machine)
    if userland.bundle:
        machine.sh('mkdir -p "${1%/*}"; mv /etc/ssl/certs/ca-certificates.crt "$1"', userland.bundle)
    if userland.script:
        machine.sh(userland.script)


def os_release(name: str, version: str = "") -> str:
    """
    The text of test/data/osrelease/NAME, "ID-VERSION".  version: that of another release, whose text differs from it in
    nothing but the number.
    """
    text = (DATA / "osrelease" / name).read_text(encoding="utf-8")
    known = name.rpartition("-")[2]
    if not version:
        return text
    for old, new in ((known, version), *((f"{word}{known.partition('.')[2]}", f"{word}{version.partition('.')[2]}")
                                         for word in ("SP", "sp"))):
        text = re.sub(rf"(?<![0-9.]){re.escape(old)}(?![0-9])", new, text)
    return text
