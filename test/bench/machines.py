# SPDX-License-Identifier: MIT
"""The two machines of the bench: one with our packages, one with what others package."""

import re
import subprocess
from pathlib import Path
from typing import Dict, List, Optional, Sequence

from azure.client import Azure
from frame import Contestant, NotMeasured, Turn
from lab import layer
from lab.install import install_package
from lab.login import Person
from lab.machine import CommandError, Machine, Result

DOMAIN = "contoso.com"
TOOLS = "/usr/local/lib/bench"
TOOL_NAMES = ("floor-dynamic", "floor-static", "nsstime", "pamtime", "spawn")
KEY_COMMAND = "/usr/sbin/aad_certhandler"
SERVICE_USER = "aadsshlogin"

OUR_LINE = ("account [success=ok new_authtok_reqd=ok ignore=ignore module_unknown=ignore default=die] "
            "pam_aad.so {}\naccount required pam_permit.so\n")


def put_tools(machine: Machine, build: Path) -> None:
    for name in TOOL_NAMES:
        machine.write(f"{TOOLS}/{name}", (build / "test/bench" / name).read_bytes(), 0o755)


def kind_of(program: Path) -> str:
    """How it is linked."""
    headers = subprocess.run(["readelf", "-lW", str(program)], stdout=subprocess.PIPE, text=True, check=True).stdout
    if "INTERP" not in headers:
        return "static"
    libraries = subprocess.run(["ldd", str(program)], stdout=subprocess.PIPE, text=True, check=True).stdout
    return f"dynamic, with {libraries.count('=>')} libraries"


class Place:
    """Our machine: packages installed, configured, nobody has signed in yet."""

    def __init__(self, build: Path, programs: Optional[Path]) -> None:
        self.machine = Machine(hostname="bench")
        self.build, self.programs = build, programs
        self._people: Dict[str, Person] = {}

    def __enter__(self) -> "Place":
        self.machine.start()
        self.azure = Azure.start(layer.LAB / "azure-bench", prefix=self.machine.network)
        self.machine.trust(self.azure.ca)
        put_tools(self.machine, self.build)
        self.machine.allow_refusals("MaxStartups 300", "MaxSessions 300")
        self.machine.start_sshd()
        self.install()
        return self

    def __exit__(self, *_: object) -> None:
        self.azure.stop()
        self.machine.stop()

    def install(self) -> None:
        install_package(self.machine, self.build)
        if self.programs:
            self.put_programs(self.programs)
        self.machine.run(["/usr/sbin/aadsshlogin", "configure", f"user_domains={DOMAIN}"])
        self.machine.write("/etc/pam.d/bench-login", OUR_LINE.format(""))
        self.machine.write("/etc/pam.d/bench-sudo", OUR_LINE.format("admin"))
        self.machine.write("/etc/pam.d/bench-floor", "account required pam_permit.so\n")

    def put_programs(self, folder: Path) -> None:
        """Put others in the place of the package's, stripped as those are: the program must be there, the modules may."""
        self.machine.write("/usr/sbin/aadsshlogin", (folder / "aadsshlogin").read_bytes(), 0o755)
        self.machine.run(["strip", "/usr/sbin/aadsshlogin"])
        for name in ("libnss_aad.so.2", "pam_aad.so"):
            if (folder / name).exists():
                path = self.machine.sh(f"dpkg -L aadsshlogin | grep /{name}").stdout.strip()
                self.machine.write(path, (folder / name).read_bytes(), 0o644)
                self.machine.run(["strip", "--strip-unneeded", path])

    def person(self, name: str) -> Person:
        if name not in self._people:
            self._people[name] = Person(self.machine, self.azure, f"{name}@{DOMAIN}", "admin")
        return self._people[name]

    def forget(self, *what: str) -> None:
        """Empty caches: keys, decisions, definitions, token."""
        files = {"keys": "/var/cache/aadsshlogin/keys-*", "decisions": "/run/aadsshlogin/decisions/*",
                 "definitions": "/var/cache/aadsshlogin/role-*", "token": "/run/aadsshlogin/private/*"}
        self.machine.sh("rm -f " + " ".join(files[word] for word in what))


def key_of(path: Path) -> str:
    """What sshd passes for %k."""
    return path.read_text(encoding="ascii").split()[1]


def run_tool(machine: Machine, tool: str, *arguments: str, prefix: Sequence[str] = ()) -> List[str]:
    """A tool's output, in lines.  prefix: a command to run it under."""
    try:
        return machine.run([*prefix, f"{TOOLS}/{tool}", *arguments], timeout=300).stdout.splitlines()
    except CommandError as error:
        raise NotMeasured(cause(error.result)) from error


def cause(result: Result) -> str:
    lines = (result.stderr + result.stdout).strip().splitlines() or [f"it ended with {result.returncode}"]
    return lines[-1][:160]


def spawned(name: str, machine: Machine, user: str, argv: Sequence[str], prints: str, **keywords: object) -> Contestant:
    """
    A command, run as a user.
    prints: a regular expression that the whole of its output must match
    """
    ids = machine.run(["id", "-u", user]).stdout.strip(), machine.run(["id", "-g", user]).stdout.strip()

    def take(runs: int) -> Turn:
        lines = run_tool(machine, "spawn", str(runs), *ids, *argv)
        end = lines.index("")
        words = [line.split() for line in lines[:end]]
        output = "\n".join(lines[end + 1:])
        if {word[2] for word in words} != {"0"}:
            raise NotMeasured(f"{argv[0]} ended with {words[-1][2]}")
        if not re.fullmatch(prints, output):
            raise NotMeasured(f"{argv[0]} printed {output[:80]!r}")
        return Turn([float(word[0]) for word in words], max(int(word[1]) for word in words))
    return Contestant(name, take, **keywords)


def floors(machine: Machine) -> List[Contestant]:
    return [spawned("an empty static program", machine, "root", [f"{TOOLS}/floor-static"], ""),
            spawned("an empty dynamic program", machine, "root", [f"{TOOLS}/floor-dynamic"], "")]


def calls_of(machine: Machine, user: str, argv: Sequence[str]) -> str:
    """The system calls of one run, in words: how many, and which of them are not the loader's."""
    if machine.run(["sh", "-c", "command -v strace"], check=False).returncode != 0:
        return "system calls: not counted, there is no strace"
    machine.sh("rm -f /tmp/calls")
    machine.run(["strace", "-f", "-u", user, "-o", "/tmp/calls", *argv], check=False)
    calls = re.findall(r"^\d+ +(\w+)\((.*)$", machine.read("/tmp/calls"), re.MULTILINE)
    opened = [text for call, text in calls if call.startswith("open") and not re.search(r'\.so[.\d]*"|ld\.so\.cache', text)]
    sent = [call for call, _ in calls if call in ("connect", "sendto", "sendmsg", "sendmmsg")]
    synced = [call for call, _ in calls if call in ("fsync", "fdatasync")]
    return f"{len(calls)} system calls; opens {len(opened)}, sends {len(sent)}, syncs {len(synced)}"
