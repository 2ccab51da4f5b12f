# SPDX-License-Identifier: MIT
"""A machine on which SELinux enforces its policy: Debian with a kernel of its own, in QEMU without acceleration.

The image is made by debootstrap, labelled, and kept in a folder named by a hash of its recipe and of the suite's
Release file.  A second disk brings what is tested: the extension, and the lab with its fake Azure, which all run
inside, where there is no network but the loopback.  What the machine does is enforced.py; the image stays as it is.

usage: enforcing.py [--build DIR] [--dir DIR] [--suite SUITE]
"""

import argparse
import fcntl
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import List

sys.path[:0] = [str(Path(__file__).resolve().parents[1]), str(Path(__file__).resolve().parents[1] / "fakes")]

from lab import layer, roots  # noqa: E402
from lab.install import FIRST, zip_of  # noqa: E402

PATIENCE = 40 * 60  # seconds for the whole of it: every instruction is emulated
DISK_SIZE = "3G"  # sparse

PACKAGES = """auditd ca-certificates dbus e2fsprogs initramfs-tools iproute2 kmod linux-image-cloud-amd64
openssh-client openssh-server openssl policycoreutils policycoreutils-python-utils python3 selinux-policy-default selinux-utils sudo
systemd-sysv udev waagent zstd"""
# What the extension's packages depend on when they are built against this Debian's libraries.
LIBRARIES = "^(libarchive13|libcurl4|libjansson4|libssl3|libyaml-0-2)(t64)?$"

# Fewer drivers for the initial file system make it start sooner.
SETUP = f"""
export DEBIAN_FRONTEND=noninteractive
printf '#!/bin/sh\\nexit 101\\n' >/usr/sbin/policy-rc.d
chmod 755 /usr/sbin/policy-rc.d
mkdir -p /etc/initramfs-tools/conf.d
echo MODULES=list >/etc/initramfs-tools/conf.d/lab
printf '%s\\n' virtio_pci virtio_blk ext4 >/etc/initramfs-tools/modules
libraries=$(apt-cache --names-only search '{LIBRARIES}' | sed 's/ .*//')
apt-get -qq -o Dpkg::Use-Pty=0 -o DPkg::Options::=--force-unsafe-io install --no-install-recommends \\
	{' '.join(PACKAGES.split())} $libraries
printf '%s\\n' virtio_pci virtio_blk ext4 >/etc/initramfs-tools/modules
update-initramfs -u
apt-get clean
rm /usr/sbin/policy-rc.d
{layer.ADMINISTRATOR}
sed -i 's/^SELINUX=.*/SELINUX=enforcing/' /etc/selinux/config
mkdir -p /lab
echo '/dev/vda / ext4 defaults 0 1' >/etc/fstab
echo enforcing >/etc/hostname
# The agent's unit starts on Azure's hypervisor alone.
mkdir -p /etc/systemd/system/walinuxagent.service.d
printf '[Unit]\\nConditionVirtualization=\\n' >/etc/systemd/system/walinuxagent.service.d/lab.conf
systemctl disable walinuxagent.service
systemctl mask apt-daily.timer apt-daily-upgrade.timer e2scrub_all.timer dpkg-db-backup.timer fstrim.timer
cat >/usr/local/sbin/lab-start <<-'end'
	#!/bin/sh
	exec >/dev/ttyS1 2>&1
	mount -o context=system_u:object_r:usr_t:s0 /dev/vdb /lab && python3 /lab/test/lab/enforced.py
	echo "=== ended with $?"
	systemctl poweroff
end
chmod 755 /usr/local/sbin/lab-start
# As an administrator's shell would run it.
cat >/etc/systemd/system/lab.service <<-'end'
	[Unit]
	After=ssh.service auditd.service systemd-tmpfiles-setup.service
	[Service]
	Type=exec
	SELinuxContext=unconfined_u:unconfined_r:unconfined_t:s0-s0:c0.c1023
	ExecStart=/usr/local/sbin/lab-start
	[Install]
	WantedBy=multi-user.target
end
systemctl enable lab.service
"""

# Labels are plain attributes to a kernel without SELinux; nothing may be mounted over what gets them.
LABEL = """
mount --bind "$1" "$1"
mount -t proc proc "$1/proc"
chroot "$1" setfiles -F -e /proc /etc/selinux/default/contexts/files/file_contexts /
umount "$1/proc"
truncate -s "$3" "$2/disk"
mke2fs -q -F -t ext4 -d "$1" "$2/disk"
cp -L "$1/vmlinuz" "$2/kernel"
cp -L "$1/initrd.img" "$2/initrd"
"""


class Image(roots.Root):
    """The machine's disk, kernel and initial file system."""

    def __init__(self, suite: str, folder: Path) -> None:
        super().__init__(suite, folder, SETUP)

    def prepare_image(self) -> Path:
        """Returns the folder of the three, made unless they are there."""
        self.ensure()
        recipe = hashlib.sha256((self.root.name + LABEL + DISK_SIZE).encode()).hexdigest()[:16]
        folder = self.folder / f"{self.name}-image-{recipe}"
        for other in self.folder.glob(f"{self.name}-image-*"):
            if other != folder:
                shutil.rmtree(other)
        if not folder.exists():
            part = folder.with_suffix(".part")
            part.mkdir()
            namespaces = ["unshare", "--mount", "--propagation=private", "--"]
            code, said = self.logged([*namespaces, "sh", "-euc", LABEL, "sh", str(self.root), str(part), DISK_SIZE])
            if code != 0:
                raise roots.Failure(f"the image cannot be made: {said[-400:]}")
            part.rename(folder)
        return folder


def pack(build: Path, disk: Path) -> None:
    """A disk with what is tested."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for part in ("lab", "fakes", "manifest"):
            shutil.copytree(layer.CHECKOUT / "test" / part, folder / "test" / part,
                            ignore=shutil.ignore_patterns("__pycache__"))
        (folder / "build").mkdir()
        shutil.copy(zip_of(build, FIRST), folder / "build")
        subprocess.run(["mke2fs", "-q", "-F", "-t", "ext4", "-d", name, str(disk), "256M"], check=True)


def command(image: Path, disk: Path, console: Path) -> List[str]:
    kernel = "root=/dev/vda rw console=ttyS0 security=selinux selinux=1 enforcing=1 audit=1 audit_backlog_limit=8192 quiet"
    return ["qemu-system-x86_64", "-accel", "tcg,thread=multi,tb-size=512", "-cpu", "max", "-m", "1536", "-smp", "2",
            "-display", "none", "-monitor", "none", "-no-reboot", "-nic", "none", "-snapshot",
            "-kernel", str(image / "kernel"), "-initrd", str(image / "initrd"), "-append", kernel,
            "-drive", f"file={image / 'disk'},if=virtio,format=raw", "-drive", f"file={disk},if=virtio,format=raw",
            "-serial", f"file:{console}", "-serial", "stdio"]


def play(image: Path, disk: Path, console: Path) -> int:
    """Boot, print what the machine tells, and judge by how its job ended."""
    argv = ["setpriv", "--pdeathsig", "KILL", *command(image, disk, console)]
    machine = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, errors="replace")
    watch = threading.Timer(PATIENCE, machine.send_signal, [signal.SIGKILL])
    watch.start()
    ended = ""
    for line in machine.stdout:
        if line.startswith("=== ended with "):
            ended = line.split()[-1]
        else:
            print(line.rstrip(), flush=True)
    machine.wait()
    watch.cancel()
    if not ended:
        print(f"the machine did not come to an end; its console: {console}", file=sys.stderr)
    return 0 if ended == "0" else 1


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--build", type=Path, default=layer.CHECKOUT / "build", help="where the extension was built")
    parser.add_argument("--dir", type=Path, default=layer.CHECKOUT / "build" / "enforcing", help="where images are kept")
    parser.add_argument("--suite", default="bookworm", help="of Debian, for the machine")
    arguments = parser.parse_args()
    missing = [name for name in ("qemu-system-x86_64", "debootstrap", "mke2fs") if not shutil.which(name)]
    if missing:
        parser.error(f"install the packages that bring {', '.join(missing)}")
    started = time.monotonic()
    folder = arguments.dir.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        image = Image(arguments.suite, folder).prepare_image()
        print(f"the image was there or made after {time.monotonic() - started:.0f} s: {image}", flush=True)
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
            disk = Path(scratch) / "disk"
            pack(arguments.build, disk)
            code = play(image, disk, folder / f"{arguments.suite}.console")
    print(f"all took {time.monotonic() - started:.0f} s")
    return code


if __name__ == "__main__":
    os.umask(0o022)
    sys.exit(main())
