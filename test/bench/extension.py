# SPDX-License-Identifier: MIT
"""The extension: how large it is, what the agent's commands cost that find nothing to do, and an installation."""

import platform
import re
import statistics
import subprocess
import tempfile
import zipfile
from pathlib import Path
from typing import Dict, List

from azure.client import Azure
from frame import Contestant, Measure, NotMeasured, Row, Turn, measure, race
from lab import layer
from lab.install import FIRST, LOGS, Extension, settings, zip_of
from lab.machine import Machine
from machines import TOOLS, put_tools, run_tool, spawned

ZIP_KB = 9_000_000 / 1024
MB = 1024  # in KB
NOTHING = "Sign-in with Entra ID over SSH is in force, version .*: nothing to do"
INSTALLATIONS = 10
MANAGERS = ("dpkg", "dpkg-query")  # what the handler starts of them
MANAGER, OWNERS, SERVICE = "the package manager", "the owner's other programs", "the metadata service"
SPENT = re.compile(r"\S+ \[\d+\] debug (\S+) took (\d+\.\d+) ms$")


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

def outside(log: str) -> Dict[str, float]:
    """What the handler's log says that it waited for, in ns: by kind, and by program."""
    found: Dict[str, float] = {}
    for line in log.splitlines():
        match = SPENT.match(line)
        if not match:
            continue
        name = match[1].rpartition("/")[2]
        kind = SERVICE if match[1].startswith("http") else MANAGER if name in MANAGERS else OWNERS
        for key in (kind, name):
            found[key] = found.get(key, 0.0) + 1e6 * float(match[2])
    return found


class Installations:
    """From the embedded packages, by the agent's variables; the log says what each run waited for."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.all: List[float] = []
        self.others: Dict[str, List[float]] = {}

    def take(self, runs: int) -> Turn:
        extension, machine = self.site.extension, self.site.machine
        handler, own = f"{extension.folder}/bin/{platform.machine()}/aadssh-handler", []
        agents = [word for word in extension.environment() if not word.startswith("PATH=")]
        for _ in range(runs):
            machine.run([handler, "uninstall", "--purge"])
            machine.sh(f"rm -f {LOGS}/handler.log")
            line = run_tool(machine, "spawn", "1", "0", "0", *agents, handler, "install")[0].split()
            if line[2] != "0":
                raise NotMeasured(f"install ended with {line[2]}")
            spent = outside(machine.read(f"{LOGS}/handler.log"))
            if not {SERVICE, MANAGER, OWNERS} <= spent.keys():
                raise NotMeasured("the log does not say what was waited for")
            for name, value in spent.items():
                self.others.setdefault(name, []).append(value)
            self.all.append(float(line[0]))
            own.append(self.all[-1] - sum(spent[kind] for kind in (SERVICE, MANAGER, OWNERS)))
        return Turn(own)

    def beside(self, name: str, note: str = "") -> Measure:
        times = self.others[name] if name in self.others else self.all
        return Measure(name, statistics.median(times) / 1e6, sorted(times)[len(times) // 10] / 1e6, "ms", runs=len(times), note=note)


def installation(site: Site) -> Row:
    site.extension.write_settings(settings({"logLevel": "debug"}))
    counted = Installations(site)
    ours = Contestant("an installation: our own time", counted.take, requests=site.azure.counts)
    race([ours], rounds=INSTALLATIONS, samples=INSTALLATIONS)
    measured = measure(ours, "ms")
    if measured.why:
        return Row(ours.name, measured, 50.0)
    inside = ", ".join(f"{name} {statistics.median(times) / 1e6:.0f} ms" for name, times in sorted(counted.others.items())
                       if name in ("sshd", "sudo", "visudo", "getent", "aad_certhandler"))
    return Row(ours.name, measured, 50.0, None, [counted.beside(OWNERS, inside), counted.beside(SERVICE), counted.beside(MANAGER),
                                                 counted.beside("all of it")])


def rows(build: Path, programs: Path) -> List[Row]:
    zipped = zip_of(programs, FIRST)
    with Site(build, zipped) as site:
        return [*sizes(zipped), *idle(site), installation(site)]
