# SPDX-License-Identifier: MIT
"""The extension: how large it is, what the agent's commands cost that find nothing to do, and an installation."""

import platform
import re
import subprocess
import tempfile
import zipfile
from pathlib import Path
from typing import Dict, List, Tuple

from azure.client import Azure
from frame import Contestant, Measure, NotMeasured, Row, Turn, measure, race
from lab import layer
from lab.install import FIRST, Extension, zip_of
from lab.machine import Machine
from machines import TOOLS, put_tools, spawned

ZIP_KB = 9_000_000 / 1024
MB = 1024  # in KB
NOTHING = "Sign-in with Entra ID over SSH is in force, version .*: nothing to do"
INSTALLATIONS = 10
MANAGERS = ("dpkg", "dpkg-query")  # what the handler starts of them
PROCESS = re.compile(r"(\d+) +(\d+\.\d+) (?:execve\(\"([^\"]+)\"|.*(\+\+\+ (?:exited|killed)))")


class Site:
    """A machine with the unpacked extension, and the fake Azure around it.

    build: where the tools are; zipped: the extension
    """

    def __init__(self, build: Path, zipped: Path) -> None:
        self.machine, self.build, self.zipped = Machine(hostname="bench-extension"), build, zipped

    def __enter__(self) -> "Site":
        self.machine.start()
        self.azure = Azure.start(layer.LAB / "azure-bench-extension", prefix=self.machine.network)
        self.machine.trust(self.azure.ca)
        put_tools(self.machine, self.build)
        self.machine.start_sshd()
        self.extension = Extension(self.machine, self.zipped)
        return self

    def __exit__(self, *_: object) -> None:
        self.azure.stop()
        self.machine.stop()

    def must(self, verb: str) -> None:
        result = self.extension.run(verb)
        if result.returncode != 0:
            raise NotMeasured(f"{verb}: {result.stderr.strip().splitlines()[-1:]}")


# ---- sizes

def size_row(what: str, size: int, target_kb: float, note: str) -> Row:
    return Row(what, Measure(what, size / 1024, unit="KB", note=note), target_kb)


def sizes(path: Path) -> List[Row]:
    with zipfile.ZipFile(path) as archive:
        kinds: Dict[str, int] = {}
        for entry in archive.infolist():
            kind = entry.filename.partition("/")[0] if "/" in entry.filename else "the rest"
            kinds[kind] = kinds.get(kind, 0) + entry.compress_size
        told = ", ".join(f"{kind} {size / 1024:.0f} KB" for kind, size in sorted(kinds.items()))
        found = [size_row("the zip", path.stat().st_size, ZIP_KB, told)]
        for entry in archive.infolist():
            if entry.filename.endswith("/aadssh-handler"):
                what = f"aadssh-handler, {entry.filename.split('/')[1]}"
                found.append(Row(what, Measure(what, entry.file_size / 1024, unit="KB",
                                               note=f"{entry.compress_size / 1024:.0f} KB in the zip")))
        for entry in archive.infolist():
            if re.search(r"aadsshlogin_.*\.deb$", entry.filename):
                found.append(runtime_size(archive.read(entry), entry.filename))
    return found


def runtime_size(package: bytes, name: str) -> Row:
    what = f"aadsshlogin, {name.rpartition('_')[2].partition('.')[0]}"
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "deb").write_bytes(package)
        subprocess.run(["dpkg-deb", "-x", f"{folder}/deb", folder], check=True)
        size = (Path(folder) / "usr/sbin/aadsshlogin").stat().st_size
    return Row(what, Measure(what, size / 1024, unit="KB", note=f"the package {len(package) / 1024:.0f} KB"))


# ---- nothing to do

def children_of(machine: Machine, variables: List[str], argv: List[str]) -> str:
    given = [word for variable in variables for word in ("-E", variable)]
    machine.sh("rm -f /tmp/calls")
    machine.run(["strace", "-f", *given, "-o", "/tmp/calls", *argv], check=False)
    calls = re.findall(r"^\d+ +(\w+)\(", machine.read("/tmp/calls"), re.MULTILINE)
    started = sum(call in ("clone", "clone3", "fork", "vfork") for call in calls)
    return f"{len(calls)} system calls, {started} processes started"


def idle(site: Site) -> List[Row]:
    """As the agent runs it, by a shell; then what of that is the shell's, the shim's and the handler's."""
    machine, folder = site.machine, site.extension.folder
    handler = f"{folder}/bin/{platform.machine()}/aadssh-handler"
    site.must("install")
    site.must("enable")
    agents = [word for word in site.extension.environment() if not word.startswith("PATH=")]
    alone, shim = [handler, "enable"], ["/bin/sh", "-c", f"exec {folder}/bin/aadssh-shim enable"]
    ours = spawned("enable with nothing to do", machine, "root", [*agents, *alone], NOTHING,
                   requests=site.azure.counts, note=children_of(machine, agents, alone))
    by_shell = spawned("the handler by a shell", machine, "root",
                       [*agents, "/bin/sh", "-c", f"exec {handler} enable"], NOTHING)
    by_shim = spawned("the shim and the handler, by a shell", machine, "root", [*agents, *shim], NOTHING,
                      note=children_of(machine, agents, shim))
    floor = spawned("an empty static program", machine, "root", [f"{TOOLS}/floor-static"], "")
    race([ours, by_shell, by_shim, floor])
    within, without = measure(by_shim, "ms"), measure(by_shell, "ms")
    cost = Measure("the shim alone", unit="ms", runs=within.runs, note=by_shim.note, why=within.why or without.why)
    if within.value is not None and without.value is not None:
        cost.value, cost.peak_kb = within.value - without.value, within.peak_kb
    return [Row("enable with nothing to do", measure(ours, "ms"), 1.0, int(2.5 * MB), [measure(floor, "ms")]),
            Row("the shim alone", cost, 1.0, None, [within, without])]


# ---- an installation

def lifetimes(trace: str) -> Tuple[float, Dict[str, List[float]]]:
    """How long the first process took, and those that it and its children ran: program by program, in ms."""
    began: Dict[str, Tuple[float, str]] = {}
    took: Dict[str, List[float]] = {}
    total = 0.0
    for line in trace.splitlines():
        match = PROCESS.match(line)
        if not match:
            continue
        pid, when, program, end = match[1], float(match[2]), match[3], match[4]
        if program and "= -1" not in line:
            began[pid] = (when, program.rpartition("/")[2])
        elif end and pid in began:
            start, name = began.pop(pid)
            took.setdefault(name, []).append(1000 * (when - start))
            total = 1000 * (when - start)  # the last one to end is the first
    return total, took


def installation(site: Site) -> Row:
    """From the embedded packages, without the time that dpkg itself takes: strace stops at starts and ends alone."""
    machine, folder = site.machine, site.extension.folder
    handler = f"{folder}/bin/{platform.machine()}/aadssh-handler"
    told: Dict[str, List[float]] = {}

    def take(runs: int) -> Turn:
        ns = []
        for _ in range(runs):
            machine.run([handler, "uninstall", "--purge"])
            machine.run(["strace", "-f", "--seccomp-bpf", "-ttt", "-e", "trace=execve", "-e", "signal=none", "-o", "/tmp/trace",
                         handler, "install"])
            total, took = lifetimes(machine.read("/tmp/trace"))
            theirs = sum(sum(times) for name, times in took.items() if name in MANAGERS)
            ns.append(1e6 * (total - theirs))
            for name, times in took.items():
                told.setdefault(name, []).append(sum(times))
        return Turn(ns)

    ours = Contestant("an installation, but for the package manager", take, requests=site.azure.counts)
    race([ours], rounds=INSTALLATIONS, samples=INSTALLATIONS)
    inside = (*MANAGERS, "sshd", "sudo", "visudo", "getent", "aad_certhandler")
    ours.note = "of it and beside it: " + ", ".join(f"{name} {sum(told[name]) / INSTALLATIONS:.0f} ms"
                                                    for name in inside if name in told)
    return Row(ours.name, measure(ours, "ms"), 50.0)


def rows(build: Path, programs: Path) -> List[Row]:
    zipped = zip_of(programs, FIRST)
    with Site(build, zipped) as site:
        return [*sizes(zipped), *idle(site), installation(site)]
