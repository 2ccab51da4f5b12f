# SPDX-License-Identifier: MIT
"""The first process of a machine of the lab.

It starts in namespaces of its own (machine.py and layer.py call unshare), puts a root together from
an overlay of "/", moves into it, and then either runs one command there and saves what it changed
(a layer is made so) or stays as process 1 of the machine: reaps, collects what is sent to /dev/log,
and ends, and with it everything in the machine, when its standard input does.

All is mounted on a tmpfs that only this mount namespace sees, so there is nothing to clean up.
"""

import ctypes
import dataclasses
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Dict, List, Optional, Union

# Mounts of the host below these are part of the machine that is copied; all others (media, scratch
# disks, containers) are not.
HOST_TREES = ("/etc", "/home", "/opt", "/root", "/srv", "/usr", "/var")
HOST_FILE_SYSTEMS = ("btrfs", "ext2", "ext3", "ext4", "f2fs", "overlay", "xfs", "zfs")

# A layer's files came by tar, so the kernel must not look for inode numbers it remembered in them.
OVERLAY_OPTIONS = "index=off,metacopy=off,redirect_dir=off"

ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/root",
    "LC_ALL": "C.UTF-8",
}

MNT_DETACH = 2  # mount.h
CLONE_NEWNS, CLONE_NEWUSER = 0x20000, 0x10000000  # sched.h

# How the kernel knows programs of another architecture (binfmt_misc): by the first bytes of ELF.  F: qemu is opened when
# this is told, so it need not be in the root; C: with the rights of the program, as sudo wants.
FOREIGN = {
    "aarch64": (
        r":aarch64:M::\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00"
        r":\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff:/run/qemu:OCF"
    )
}
BINFMT = "/proc/sys/fs/binfmt_misc"

DEVICES = {
    "null": (1, 3),
    "zero": (1, 5),
    "full": (1, 7),
    "random": (1, 8),
    "urandom": (1, 9),
    "tty": (5, 0),
}
LINKS = {
    "fd": "/proc/self/fd",
    "stdin": "/proc/self/fd/0",
    "stdout": "/proc/self/fd/1",
    "stderr": "/proc/self/fd/2",
    "ptmx": "pts/ptmx",
}


@dataclasses.dataclass(frozen=True)
class Config:
    """What machine.py and layer.py ask for."""

    scratch: str  # an empty directory of the host to mount the tmpfs on
    hostname: str = "lab"
    base: str = "/"  # what lies below the overlay: this machine, or a root of roots.py
    emulate: str = ""  # the architecture of the root, if it is not the kernel's
    layer: Optional[str] = None  # a tar archive that layer.py made
    hosts: Dict[str, str] = dataclasses.field(default_factory=dict)  # name -> address
    addresses: List[str] = dataclasses.field(default_factory=list)  # on lo, besides 127.0.0.1
    read_only: Dict[str, str] = dataclasses.field(default_factory=dict)  # binds, host -> inside
    read_write: Dict[str, str] = dataclasses.field(default_factory=dict)
    command: Optional[str] = None  # a shell script to run instead of staying
    save: Optional[str] = None  # where the archive of the changes goes
    not_saved: List[str] = dataclasses.field(default_factory=list)

    def dump(self) -> str:
        return json.dumps(dataclasses.asdict(self))


# What a layer keeps beside contents: the overlay's mark of a replaced directory, and capabilities.
TAR_ATTRIBUTES = [
    "--xattrs",
    "--xattrs-include=trusted.overlay.opaque",
    "--xattrs-include=security.capability",
    "--numeric-owner",
]


def call(*argv: Union[str, Path]) -> None:
    subprocess.run(argv, check=True)


def mount(kind: str, options: str, target: Path) -> None:
    call("mount", "-t", kind, "-o", options, kind, target)


def host_mounts() -> List[str]:
    """The directories of HOST_TREES that are file systems of their own, parents first."""
    found = []
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        fields, _, tail = line.partition(" - ")
        point = fields.split()[4].encode().decode("unicode_escape")
        inside = any(point == tree or point.startswith(tree + "/") for tree in HOST_TREES)
        if inside and tail.split()[0] in HOST_FILE_SYSTEMS and os.path.isdir(point):
            found.append(point)
    return sorted(set(found))


def bind(source: Union[str, Path], target: Path, access: str) -> None:
    """access: rw or ro"""
    call("mount", "--bind", source, target)
    call("mount", "-o", f"remount,bind,{access}", target)


def mount_overlays(scratch: Path, base: Path) -> Path:
    """Show the base, of "/" its file systems too, below scratch/root, with all changes in scratch/upper."""
    root, upper = scratch / "root", scratch / "upper"
    root.mkdir()
    for number, point in enumerate(["/"] + (host_mounts() if base == Path("/") else [])):
        changes = upper / point.lstrip("/")
        work = scratch / f"work{number}"
        changes.mkdir(parents=True, exist_ok=True)
        work.mkdir()
        layers = f"lowerdir={base / point[1:]},upperdir={changes},workdir={work}"
        mount("overlay", f"{layers},{OVERLAY_OPTIONS}", root / point.lstrip("/"))
    return root


def mount_kernel(root: Path) -> None:
    """/proc of this namespace, /sys to look at, a small /dev, fresh /run and /tmp."""
    proc, dev = root / "proc", root / "dev"
    mount("proc", "nosuid,nodev,noexec", proc)
    for knob in (proc / "sys", proc / "sysrq-trigger"):  # these reach the host's kernel
        if knob.exists():
            bind(knob, knob, "ro")
    mount("sysfs", "ro,nosuid,nodev,noexec", root / "sys")
    mount("tmpfs", "mode=755,nosuid,nodev", root / "run")
    mount("tmpfs", "mode=1777,nosuid,nodev", root / "tmp")
    (root / "run/lock").mkdir(mode=0o1777)
    mount("tmpfs", "mode=755,nosuid", dev)
    for name, (major, minor) in DEVICES.items():
        os.mknod(dev / name, 0o20666, os.makedev(major, minor))
        os.chmod(dev / name, 0o666)
    for name, target in LINKS.items():
        (dev / name).symlink_to(target)
    (dev / "pts").mkdir()
    mount("devpts", "newinstance,ptmxmode=666,mode=620,gid=5", dev / "pts")
    (dev / "shm").mkdir()
    mount("tmpfs", "mode=1777,nosuid,nodev", dev / "shm")


def write_names(root: Path, config: Config) -> None:
    """/etc/hostname, /etc/hosts and a resolver that asks nobody: the machine has no network."""
    etc = root / "etc"
    lines = ["127.0.0.1 localhost", "::1 localhost", f"127.0.1.1 {config.hostname}"]
    lines += [f"{address} {name}" for name, address in config.hosts.items()]
    texts = {
        "hostname": config.hostname + "\n",
        "hosts": "\n".join(lines) + "\n",
        "resolv.conf": "",
    }
    for name, text in texts.items():
        (etc / name).unlink(missing_ok=True)  # it may be a link
        (etc / name).write_text(text, encoding="utf-8")


def copy_names(root: Path) -> None:
    """A layer is made with the host's network; these may lie in /run, or be mounts themselves."""
    for name in ("/etc/resolv.conf", "/etc/hosts"):
        copy = root / os.path.realpath(name).lstrip("/")
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(Path(name).read_bytes() if os.path.exists(name) else b"")


def move_into(root: Path) -> None:
    old = root / ".old"
    old.mkdir()
    # Not by the program of that name, which the util-linux of sid no longer brings.
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.pivot_root(os.fsencode(root), os.fsencode(old)) != 0:
        raise OSError(ctypes.get_errno(), "pivot_root", str(root))
    os.chdir("/")
    if libc.umount2(b"/.old", MNT_DETACH) != 0:  # the root's own programs may be of another architecture
        raise OSError(ctypes.get_errno(), "umount", "/.old")
    os.rmdir("/.old")


def place_emulator(root: Path, arch: str) -> None:
    """For emulate(), which runs when the host's files are out of sight.  /run of the root is a tmpfs by now."""
    shutil.copy(f"/usr/bin/qemu-{arch}-static", root / "run/qemu")
    said = root / "proc/sys/kernel/arch"  # which qemu does not answer for the kernel
    if said.exists():
        (root / "run/arch").write_text(f"{arch}\n", encoding="utf-8")
        bind(root / "run/arch", said, "ro")


def check_call(result: int, what: str) -> None:
    if result != 0:
        raise OSError(ctypes.get_errno(), what)


def emulate(arch: str) -> None:
    """
    Let this process and its children run programs of another architecture.  The kernel is told in a user namespace of
    their own, with every user in it, so that nobody else's programs are touched (Linux 6.7 and later).
    """
    libc = ctypes.CDLL(None, use_errno=True)
    here, there = os.pipe()
    inside = os.getpid()
    outside = os.fork()
    if outside == 0:  # stays in the old namespace, which alone may map every user
        os.read(here, 1)
        for name in ("uid_map", "gid_map"):
            Path(f"/proc/{inside}/{name}").write_text("0 0 4294967295\n", encoding="utf-8")
        os._exit(0)
    check_call(libc.unshare(CLONE_NEWUSER | CLONE_NEWNS), "unshare")
    os.write(there, b".")
    check_call(os.waitpid(outside, 0)[1], "cannot map users")
    os.close(here)
    os.close(there)
    check_call(libc.mount(b"binfmt_misc", BINFMT.encode(), b"binfmt_misc", 0, None), "cannot mount binfmt_misc")
    Path(BINFMT, "register").write_text(FOREIGN[arch], encoding="utf-8")
    os.unlink("/run/qemu")


def start_network(addresses: List[str]) -> None:
    call("ip", "link", "set", "lo", "up")
    for address in addresses:
        call("ip", "address", "add", f"{address}/32", "dev", "lo")
        # An address of lo is in the table "local" alone; the guest agent wants a route in "main".
        call("ip", "route", "add", f"{address}/32", "dev", "lo")


def save_changes(config: Config, upper: int, archive: int) -> None:
    os.fchdir(upper)
    excludes = [f"--exclude=./{path}" for path in config.not_saved]
    subprocess.run(["tar", "--create", *TAR_ATTRIBUTES, *excludes, "."], stdout=archive, check=True)


def reap(*_: object) -> None:
    try:
        while os.waitpid(-1, os.WNOHANG)[0] > 0:
            pass
    except ChildProcessError:
        pass


def stay(host_pid: int, upper: int) -> None:
    """Be process 1 until standard input ends; first say where the host finds it and its changes."""
    signal.signal(signal.SIGCHLD, reap)
    log = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    log.bind("/dev/log")
    os.chmod("/dev/log", 0o666)
    with open("/var/log/syslog", "w", encoding="utf-8", errors="backslashreplace") as file:
        print(host_pid, upper, flush=True)
        while True:
            ready, _, _ = select.select([log, sys.stdin.fileno()], [], [])
            if log in ready:
                text = log.recv(65536).decode("utf-8", "backslashreplace")
                text = text.partition(">")[2]  # what follows the <priority>
                file.write(text.replace("\n", "\\n") + "\n")
                file.flush()
            elif not os.read(sys.stdin.fileno(), 512):
                return


def make_root(config: Config, scratch: Path) -> Path:
    root = mount_overlays(scratch, Path(config.base))
    mount_kernel(root)
    for shares, access in ((config.read_only, "ro"), (config.read_write, "rw")):
        for source, inside in shares.items():
            target = root / inside.lstrip("/")
            target.mkdir(parents=True, exist_ok=True)
            bind(source, target, access)
    return root


def main(config: Config) -> int:
    host_pid = int(os.readlink("/proc/self"))  # /proc is still the host's
    scratch = Path(config.scratch)
    mount("tmpfs", "mode=755", scratch)
    upper = scratch / "upper"
    upper.mkdir(mode=0o755)
    if config.layer:
        call("tar", "--extract", *TAR_ATTRIBUTES, "-p", "-f", config.layer, "-C", upper)
    # Both are reached by these after the move, which leaves the host's files behind.
    upper_fd = os.open(upper, os.O_RDONLY | os.O_DIRECTORY)
    archive_fd = os.open(config.save or os.devnull, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)

    root = make_root(config, scratch)
    if config.command:
        copy_names(root)
        move_into(root)
        status = subprocess.run(["/bin/sh", "-eu", "-c", config.command], check=False).returncode
        if status == 0:
            save_changes(config, upper_fd, archive_fd)
        return status
    socket.sethostname(config.hostname)
    write_names(root, config)
    start_network(config.addresses)
    if config.emulate:
        place_emulator(root, config.emulate)
        # The network is not of the namespace that emulate() makes, so nobody there is its root.
        Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").write_text("0", encoding="ascii")
    move_into(root)
    if config.emulate:
        emulate(config.emulate)
    stay(host_pid, upper_fd)
    return 0


if __name__ == "__main__":
    sys.exit(main(Config(**json.loads(sys.argv[1]))))
