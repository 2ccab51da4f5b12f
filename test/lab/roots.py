# SPDX-License-Identifier: MIT
"""The build, the unit tests and the lab on other releases of Debian.

For each suite a root is made by debootstrap, from the mirror of this machine's own apt, with what building and testing
need.  It is kept in a folder named by a hash of its recipe and of the suite's Release file, and made again when either
changes.  A copy of the committed tree is built in it and tested, with the suite's own compiler, libraries, Python,
sshd, PAM and sudo.

A root is entered in namespaces of its own: nothing is mounted that outlives a process, the root itself is read-only,
and there is no network but the loopback.

usage: ./bootstrap roots [--dir DIR] [--shell] [SUITE...]
"""

import argparse
import fcntl
import hashlib
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import List, Optional, Sequence

sys.path[:0] = [str(Path(__file__).resolve().parents[1])]

from lab import init, layer  # noqa: E402

SUITES = ["bullseye", "bookworm", "trixie", "sid"]
SCRIPTS = ["test/lab/story.py", "test/lab/matrix.py", "test/lab/badinput.py"]

# What a script of the lab, or automake's harness, says of its rows at the end.
ROWS = [
    re.compile(r"^(?P<passed>\d+) passed, (?P<failed>\d+) failed", re.MULTILINE),
    re.compile(r"^# PASS: +(?P<passed>\d+)$.*^# FAIL: +(?P<failed>\d+)$", re.MULTILINE | re.DOTALL),
]
SKIPPED = re.compile(r"^# SKIP: +(?P<skipped>[1-9][0-9]*)$", re.MULTILINE)

# The line of a failed stage's output that tells why, if there is one of this kind.
TELLING = re.compile(r"^.*(?: error: |\bE: |^broken: |^(?:FAIL|ERROR): ).*$", re.MULTILINE)

CHECKOUT = "/checkout"  # where a root shows its copy of the tree

SETUP = """
export DEBIAN_FRONTEND=noninteractive
printf '#!/bin/sh\\nexit 101\\n' >/usr/sbin/policy-rc.d
chmod 755 /usr/sbin/policy-rc.d
optional=$(apt-cache --names-only search '^({optional})$' | sed 's/ .*//')
apt-get -qq -o Dpkg::Use-Pty=0 -o DPkg::Options::=--force-unsafe-io install --no-install-recommends {packages} $optional
apt-get clean
rm /usr/sbin/policy-rc.d
"""


DEB_ARCH = {"aarch64": "arm64"}

# What debootstrap does in a root of another architecture, where it may neither mount nor make devices: it says so of /proc
# by a link, and takes "lxc" for an answer.
PREPARE_SECOND = "if [ -L {root}/proc ]; then rm {root}/proc; mkdir {root}/proc; fi"
SECOND_STAGE = """
container=lxc /debootstrap/debootstrap --second-stage
printf 'force-unsafe-io\\n' >/etc/dpkg/dpkg.cfg.d/lab
"""


class Failure(Exception):
    """A stage that did not do what it is for; the text is its cause."""


STAGES = {"build": "PROGRAMS=native ./bootstrap build", "units": 'make -C build -j "$(nproc)" check'}
STAGES.update({Path(script).stem: f"python3 {script} --build build" for script in SCRIPTS})
ESSENTIAL = ["root", "build"]


def mirror() -> str:
    """Where this machine's apt gets Debian from."""
    argv = ["apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages", "Label: Debian"]
    found = subprocess.run(argv, stdout=subprocess.PIPE, text=True, check=True).stdout.split()
    if not found:
        raise Failure("apt knows no mirror of Debian: add one to its sources, and run apt-get update")
    return found[0]


def release(suite: str) -> bytes:
    url = f"{mirror()}dists/{suite}/InRelease"
    try:
        with urllib.request.urlopen(url, timeout=60) as answer:
            return answer.read()
    except OSError as error:
        raise Failure(f"cannot download the suite's InRelease: {error}") from error


def entered(root: Path, checkout: Optional[Path], command: str, arch: str = "") -> List[str]:
    """
    The command line that runs a shell script in the root.
    checkout: the copy of the tree to work in; without one the root can be written, and has the network
    arch: that of the root's programs, if not this machine's
    """
    kinds = ["--mount", "--pid", "--ipc"] + (["--net"] if checkout else [])
    inner = [sys.executable, __file__, "--enter", str(root), str(checkout or ""), command, arch]
    return ["unshare", *kinds, "--fork", "--kill-child", "--propagation=private", "--", *inner]


def enter(root: Path, checkout: str, command: str, arch: str) -> None:
    """What entered() starts: move into the root, and become the shell.  An overlay needs a root that is mounted."""
    init.call("mount", "--bind", root, root)
    init.mount_kernel(root)
    if checkout:
        init.bind(checkout, root / CHECKOUT.lstrip("/"), "rw")
    if arch:
        init.place_emulator(root, arch)
    init.move_into(root)
    if arch:
        init.emulate(arch)
    if checkout:
        init.call("mount", "-o", "remount,bind,ro", "/")
        init.start_network([])
        os.chdir(CHECKOUT)
    os.execve("/bin/bash", ["bash", "-euc", command], {**init.ENVIRONMENT, "TERM": os.environ.get("TERM", "dumb")})


class Root:
    """The root of one release of Debian, with what a script installs there, and its log."""

    def __init__(self, name: str, folder: Path, setup: str, arch: str = "") -> None:
        """
        name: the suite, and with another architecture than this machine's that one too: SUITE-ARCH
        setup: a shell script to run in the root, which has the network then
        """
        self.name, self.folder, self.setup, self.arch = name, folder, setup, arch
        self.suite = name.partition("-")[0]
        self.root = folder / f"{name}-root"
        self.log_path = folder / f"{name}.log"

    def ensure(self) -> Path:
        """Returns the root's folder, of which there is one that is up to date."""
        digest = hashlib.sha256(self.setup.encode() + release(self.suite)).hexdigest()[:16]
        self.root = self.folder / f"{self.name}-root-{digest}"
        for other in self.folder.glob(f"{self.name}-root-*"):
            if other != self.root:
                shutil.rmtree(other)
        if not self.root.exists():
            self.make_root(self.root.with_suffix(".part"))
        return self.root

    def make_root(self, part: Path) -> None:
        namespaces = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--propagation=private", "--"]
        foreign = ["--foreign", f"--arch={DEB_ARCH[self.arch]}"] if self.arch else []
        debootstrap = ["debootstrap", "--variant=minbase", *foreign, self.suite, str(part), mirror()]
        second = [PREPARE_SECOND.format(root=shlex.quote(str(part)))] if self.arch else []
        setup = (SECOND_STAGE if self.arch else "") + self.setup
        for argv in (namespaces + debootstrap, *(["sh", "-euc", script] for script in second),
                     entered(part, None, setup, self.arch)):
            code, said = self.logged(argv)
            if code != 0:
                raise Failure(f"the root cannot be made: {telling_line(said)}")
        (part / CHECKOUT.lstrip("/")).mkdir()
        part.rename(self.root)

    def versions_of(self, *names: str) -> str:
        """"NAME VERSION, ..." of those of the packages that are there."""
        argv = ["dpkg-query", f"--admindir={self.root}/var/lib/dpkg", "-W", "-f", "${db:Status-Abbrev}${Package} ${Version}\n",
                *names]
        done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False)
        return ", ".join(line[3:] for line in done.stdout.splitlines() if line.startswith("ii "))

    def logged(self, argv: Sequence[str]) -> "tuple[int, str]":
        """
        Run to the end, at a low priority and no longer than this process lives, with the log for its output.
        Returns the exit code and what it said.
        """
        command = ["setpriv", "--pdeathsig", "KILL", "nice", "-n", "10", *argv]
        self.log_path.parent.mkdir(parents=True, exist_ok=True)
        with open(self.log_path, "a+", encoding="utf-8", errors="replace") as log:
            print(f"+ {shlex.join(argv)}", file=log, flush=True)
            start = log.seek(0, os.SEEK_END)
            code = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, check=False).returncode
            log.seek(start)
            return code, log.read()


class Suite(Root):
    """One release of Debian to build and test on: its root, and its copy of the tree."""

    def __init__(self, name: str, folder: Path, packages: str) -> None:
        words = " ".join(f"{packages} {layer.PACKAGES}".split())
        super().__init__(name, folder, SETUP.format(packages=words, optional="|".join(layer.OPTIONAL)))
        self.versions = ""
        self.checkout = folder / f"{name}-checkout"

    def prepare(self) -> str:
        """The root, and what is committed of the tree, and nothing else."""
        self.ensure()
        self.versions = self.versions_of("openssh-server", "sudo", *layer.OPTIONAL)  # what decides how a login goes
        shutil.rmtree(self.checkout, ignore_errors=True)
        self.checkout.mkdir()
        archive = subprocess.run(["git", "-C", str(layer.CHECKOUT), "archive", "HEAD"], stdout=subprocess.PIPE, check=True)
        subprocess.run(["tar", "-x", "-C", str(self.checkout)], input=archive.stdout, check=True)
        return ""

    def run(self, command: str) -> str:
        """Returns how many rows passed and failed, where the command says so."""
        code, said = self.logged(entered(self.root, self.checkout, command))
        found = [match for pattern in ROWS for match in pattern.finditer(said)]
        rows = [f"{match['passed']} passed, {match['failed']} failed" for match in found[-1:]]
        rows += [f"{match['skipped']} skipped" for match in SKIPPED.finditer(said)]
        if code != 0:
            raise Failure("; ".join([*rows, telling_line(said)]))
        return ", ".join(rows)


def telling_line(text: str) -> str:
    found = TELLING.search(text)
    return found[0].strip() if found else (text.strip().splitlines() or ["it said nothing"])[-1]


def play(suite: Suite) -> bool:
    """Print a line for each stage; returns whether all of them held."""
    suite.log_path.write_text("", encoding="utf-8")
    held, missing = True, ""
    for name, command in [("root", ""), *STAGES.items()]:
        started, mark, result = time.monotonic(), "ok    ", f"not run: there is no {missing}"
        try:
            if missing:
                raise Failure(result)
            result = suite.run(command) if command else suite.prepare()
        except (Failure, OSError, subprocess.CalledProcessError) as error:
            held, mark, result = False, "FAILED", str(error)
            missing = missing or (name if name in ESSENTIAL else "")
        words = "; ".join(filter(None, [suite.versions, result]))
        print(f"{suite.name:9s} {name:9s} {mark} {words}  ({time.monotonic() - started:.0f} s)", flush=True)
    if not held:
        print(f"{suite.name:9s} what was said: {suite.log_path}", flush=True)
    return held


def main() -> int:
    if sys.argv[1:2] == ["--enter"]:
        enter(Path(sys.argv[2]), *sys.argv[3:6])
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("suites", metavar="SUITE", nargs="*", help=f"by default {' '.join(SUITES)}")
    parser.add_argument("--dir", type=Path, default=layer.CHECKOUT / "build" / "roots", help="where roots and logs are kept")
    parser.add_argument("--packages", required=True, help="what the build needs, for a root that is made")
    parser.add_argument("--shell", action="store_true", help="open a shell in the root of one suite instead")
    arguments = parser.parse_args()
    folder = arguments.dir.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        suites = [Suite(name, folder, arguments.packages) for name in arguments.suites or SUITES]
        if arguments.shell:
            suites[0].prepare()
            return subprocess.run(entered(suites[0].root, suites[0].checkout, "exec bash -i"), check=False).returncode
        return 0 if all([play(suite) for suite in suites]) else 1


if __name__ == "__main__":
    sys.exit(main())
