# SPDX-License-Identifier: MIT
"""What `aadssh-handler plan` says is what the verb then does, byte by byte, and nothing else; and what status says then.

On a machine of dpkg and on one of rpm, for install, update (with what drifted meanwhile) and uninstall: the document is of
manifest/plan.schema.json; the real patch applies the text to copies of the files, which are what the files are then; modes,
owners, files of packages and command lines are those that were told; and nothing else of the machine changed.

usage: plan.py [--build DIR] [--sample] [--list] [--only TEXT]    as root
"""

import json
import os
import pty
import re
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import Callable, Dict, Iterator, List, NamedTuple, Sequence, Set

sys.path[:0] = [str(Path(__file__).resolve().parents[1]), str(Path(__file__).resolve().parents[1] / "fakes")]

from lab import rows  # noqa: E402
from lab.install import FIRST, NEXT, Extension, settings, zip_of  # noqa: E402
from lab.machine import Machine  # noqa: E402
from lab.place import MEMORY, NOT_OURS, WATCHED, in_cloud  # noqa: E402
from lab.schema import check_schema  # noqa: E402
from lab.snapshot import Snapshot, lookup  # noqa: E402
from lab.teller import Teller, expect  # noqa: E402
from lab.userland import MANAGERS, RED_HAT_9, os_release, put_on  # noqa: E402


COPIES = "/tmp/plan"
RAN = "/tmp/ran"
# What the packages' scripts and the package manager itself write: the note of the step packages tells of the user; and the
# extension's own records, which the last line of a plan tells of.
OTHERS = re.compile(r"/etc/(passwd|group|shadow|gshadow|subuid|subgid)-?|/etc/\.pwd\.lock|/etc/ld\.so\.cache|"
                    r"/var/lib/systemd/.*|/var/lib/aadsshlogin/.*")
SEEN = [*WATCHED, "/var/cache/aadsshlogin"]

# A shim: notes what it is called with, and hands over to the real program.
SHIM = """#!/bin/bash
for word; do printf '%q ' "$word"; done | sed 's/ $/\\n/' >>{ran}
exec -a {program} {program}.real "$@"
"""


HOLDER = """
import fcntl, time
with open("/var/lib/dpkg/lock-frontend", "a") as file:
    fcntl.lockf(file, fcntl.LOCK_EX)
    print("held", flush=True)
    time.sleep(4)
"""


class Row(NamedTuple):
    title: str
    program: str  # the package manager
    changes: str  # the words of it that change something
    prepare: "Callable[[Machine], None] | None" = None


def be_red_hat(machine: Machine) -> None:
    put_on(machine, RED_HAT_9, os_release("rhel-9.6"))


ROWS = [
    Row("dpkg", "/usr/bin/dpkg", "--install|--purge"),
    Row("rpm", "/usr/bin/rpm", "--upgrade|--erase", be_red_hat),
]


class Told(NamedTuple):
    """A plan in both of its forms."""

    text: str
    whole: dict

    @property
    def changes(self) -> List[dict]:
        return [change for step in self.whole["steps"] for change in step["changes"]]

    @property
    def files(self) -> List[dict]:
        return [file for change in self.changes for file in change.get("files", ())]

    @property
    def commands(self) -> List[List[str]]:
        return [command for change in self.changes for command in change.get("runs", ())]


class Place:
    def __init__(self, row: Row, machine: Machine) -> None:
        self.row, self.machine = row, machine
        machine.run(["mv", row.program, f"{row.program}.real"])
        machine.write(row.program, SHIM.format(ran=RAN, program=row.program), 0o755)

    def ask(self, extension: Extension, *words: str) -> str:
        result = self.machine.run([f"{extension.folder}/bin/aadssh-shim", "plan", *words], check=False, timeout=300)
        expect(result.returncode == 0, f"plan {words}: {result.returncode}: {result.stdout}{result.stderr}")
        return result.stdout

    def plan(self, extension: Extension, verb: str) -> Told:
        told = Told(self.ask(extension, "--for", verb), json.loads(self.ask(extension, "--for", verb, "--json")))
        check_schema("plan", told.whole)
        expect((told.whole["for"], "refusal" in told.whole) == (verb, False), told.text)
        untold = [step["name"] for step in told.whole["steps"] if "error" in step]
        expect(not untold, f"{untold} could not be told: {told.text}")
        return told

    def status(self, extension: Extension) -> dict:
        status = json.loads(self.machine.run([f"{extension.folder}/bin/aadssh-shim", "status", "--json"]).stdout)
        check_schema("status", status)
        return status

    def snapshot(self) -> Snapshot:
        return self.machine.snapshot(SEEN, NOT_OURS + MEMORY)

    def copy(self, told: Told) -> None:
        """Let the real patch make of copies what the plan tells; first a dry run over the files themselves."""
        self.machine.run(["patch", "--dry-run", "-s", "-F0", "-p1", "-d", "/"], input=told.text)
        self.machine.sh('rm -rf "$1"; mkdir "$1"', COPIES)
        for change in told.changes:
            if change["kind"] in ("write", "remove") and "before" in change:
                self.machine.run(["cp", "-L", "--parents", change["path"], COPIES])
        self.machine.run(["patch", "-s", "-F0", "-p1", "-d", COPIES], input=told.text)
        self.machine.run(["find", COPIES, "-name", "*.orig", "-delete"])

    def check_change(self, change: dict) -> None:
        path, kind = change.get("path"), change["kind"]
        if kind in ("remove", "rmdir"):
            expect(not self.machine.exists(path), f"{path} was not removed")
        if kind in ("write", "mkdir"):
            after = self.machine.run(["stat", "-L", "-c", "%a %U %G", path]).stdout.split()
            wanted = change["after"]
            expect([after[0].zfill(4), *after[1:]] == [wanted["mode"], wanted["owner"], wanted["group"]], (path, after, wanted))
        if kind == "write" and change["diff"]:
            self.machine.run(["cmp", f"{COPIES}{path}", path])
        elif kind == "write" and "before" not in change:
            expect(self.machine.read(path) == "", f"{path} is not empty")

    def check_files(self, told: Told, after: Snapshot) -> None:
        real = self.real([file["path"] for file in told.files])
        for file in told.files:
            entry = lookup(after, real[file["path"]])
            if file["state"] == "gone":
                expect(entry is None, f"{file['path']} is still there")
                continue
            expect(entry, f"{file['path']} is not there")
            if "target" in file:
                expect((entry.kind, entry.detail) == ("link", file["target"]), (file, entry))
            elif "sha256" in file:
                expect((entry.kind, entry.mode, entry.detail) == ("file", file["mode"], file["sha256"]), (file, entry))

    def differences(self, before: Snapshot, after: Snapshot) -> Set[str]:
        """Files alone: folders of packages come and go with what is in them."""
        changed = set()
        for path in before.keys() | after.keys():
            old, new = lookup(before, path), lookup(after, path)
            if old != new and not any(entry and entry.kind == "directory" for entry in (old, new)):
                changed.add(path)
        return changed

    def real(self, paths: Sequence[str]) -> Dict[str, str]:
        """Where they are, or were, or would be: folders can be links."""
        folders = sorted({os.path.dirname(path) for path in paths})
        if not folders:
            return {}
        names = dict(zip(folders, self.machine.run(["realpath", "-m", *folders]).stdout.splitlines()))
        return {path: f"{names[os.path.dirname(path)]}/{os.path.basename(path)}" for path in paths}

    def check_nothing_else(self, told: Told, before: Snapshot, after: Snapshot) -> None:
        foretold = set(self.real([file["path"] for file in told.files]).values())
        foretold |= {change["path"] for change in told.changes if change["kind"] in ("write", "remove")}
        happened = self.differences(before, after)
        others = {path for path in happened - foretold if not OTHERS.fullmatch(path)}
        expect(not others, f"not foretold: {sorted(others)}")
        idle = {path for path in foretold - happened if not path.startswith("/run/")}
        expect(not idle, f"foretold, but nothing came of it: {sorted(idle)}")

    def check_users(self, before: Dict[str, str]) -> None:
        """What the packages' scripts do to these files is the user of the note, and nothing else."""
        for path, text in before.items():
            lines = set(self.machine.read(path).splitlines()) ^ set(text.splitlines())
            expect(all(line.startswith("aadsshlogin:") for line in lines), (path, lines))

    def check_commands(self, told: Told) -> None:
        words = [" ".join(command[1:]) for command in told.commands if command[0] == self.row.program]
        ran = [line for line in self.machine.read(RAN).splitlines() if re.search(rf"(^|\s)({self.row.changes})\b", line)]
        expect(ran == words, f"foretold {words}, ran {ran}")
        signals = [command for command in told.commands if command[0] == "kill"]
        listener = self.machine.read("/run/sshd.pid").strip()
        expect(all(command == ["kill", "-HUP", listener] for command in signals), (signals, listener))

    def compare(self, extension: Extension, verb: str) -> Told:
        """Plan, do, and look."""
        told = self.plan(extension, verb)
        self.copy(told)
        users = {path: self.machine.read(path) for path in ("/etc/passwd", "/etc/group", "/etc/shadow", "/etc/gshadow")}
        before = self.snapshot()
        expect(told == self.plan(extension, verb), "two plans differ")
        self.machine.write(RAN, "")
        result = extension.run(verb, **({"VERSION": extension.version} if verb == "update" else {}))
        expect(result.returncode == 0, result.stdout + result.stderr)
        after = self.snapshot()
        for change in told.changes:
            self.check_change(change)
        self.check_files(told, after)
        self.check_nothing_else(told, before, after)
        self.check_users(users)
        self.check_commands(told)
        return told

    def drift(self) -> None:
        """What the update has to mend."""
        self.machine.sh("""
            sed -i '/pam_aad/d' /etc/pam.d/sudo
            sed -i 's/ aad\\b//' /etc/nsswitch.conf
            rm /etc/sudoers.d/aad_admins
            chmod 600 /etc/aadsshlogin.conf""")

    def on_terminal(self, argv: Sequence[str], stream: str, **environment: str) -> str:
        """What a person sees of standard output or standard error."""
        ours, theirs = pty.openpty()
        process = self.machine.popen(argv, env={"TERM": "xterm", **environment},
                                     **{"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, stream: theirs})
        os.close(theirs)
        shown = b""
        try:
            while chunk := os.read(ours, 65536):
                shown += chunk
        except OSError:  # its other end is closed
            pass
        os.close(ours)
        expect(process.wait() == 0, shown)
        return shown.decode()

    def plan_on_terminal(self, extension: Extension, **environment: str) -> str:
        return self.on_terminal([f"{extension.folder}/bin/aadssh-shim", "plan", "--only", "sudo"], "stdout", **environment)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """For the next seconds somebody else holds the package manager's lock."""
        holder = self.machine.popen(["python3", "-c", HOLDER], stdout=subprocess.PIPE)
        expect(holder.stdout.readline() == "held\n", "the lock could not be taken")
        yield
        holder.wait()
        holder.stdout.close()


def play(row: Row, build: Path, tell: Teller) -> None:
    label = f"plan-{row.title}"
    with in_cloud(label, row.prepare, MANAGERS if row.prepare else ()) as (machine, _):
        place = Place(row, machine)
        first = Extension(machine, zip_of(build, FIRST), FIRST)
        first.write_settings(settings({"userDomains": ["contoso.com"]}))
        with tell.step(f"{row.title}: status says that nothing is installed"):
            status = place.status(first)
            expect((status["installed"], status["packages"]) == (False, []), status)
        with tell.step(f"{row.title}: what install does was told before, and nothing else happens"):
            told = place.compare(first, "install")
            expect(len(told.files) > 10 and len(told.changes) > 10, told.text)
            expect(place.plan(first, "install").changes == [], "there is something left to do")
        with tell.step(f"{row.title}: what update does was told before, with what drifted meanwhile"):
            place.drift()
            second = Extension(machine, zip_of(build, NEXT), NEXT)
            second.write_settings(settings({"userDomains": ["contoso.com"]}))
            expect(json.loads(place.ask(second, "--json"))["for"] == "update", "it is not the update that is told")
            told = place.compare(second, "update")
            paths = {change.get("path") for change in told.changes}
            drifted = {"/etc/pam.d/sudo", "/etc/nsswitch.conf", "/etc/sudoers.d/aad_admins", "/etc/aadsshlogin.conf"}
            expect(paths >= drifted, paths)
        with tell.step(f"{row.title}: status says which version is in force, by which packages, and how that went"):
            status = place.status(second)
            expect((status["installed"], status["owner"], status["packageSource"]) == (True, NEXT, "embedded"), status)
            expect(f"1:{NEXT}" in [package["version"] for package in status["packages"]], status)
            expect((status["last"]["verb"], status["last"]["code"], status["unknown"]) == ("update", 0, []), status)
        with tell.step(f"{row.title}: a version that is not in force takes nothing away, and says so"):
            told = place.plan(first, "uninstall")
            expect((told.changes, told.whole["inForce"]) == ([], NEXT), told)
            expect(f"Version {NEXT} is in force; version {FIRST} takes nothing away" in told.text, told.text)
        with tell.step(f"{row.title}: what uninstall does was told before, and nothing else happens"):
            told = place.compare(second, "uninstall")
            expect(place.plan(second, "uninstall").changes == [], "there is something left to do")
        with tell.step(f"{row.title}: colours are for terminals, and for those alone who want them"):
            expect("\33[32m+%aad_admins" in place.plan_on_terminal(first), place.plan_on_terminal(first))
            expect("\33" not in place.plan_on_terminal(first, NO_COLOR="1"), place.plan_on_terminal(first, NO_COLOR="1"))
            expect("\33" not in place.ask(first, "--only", "sudo"), "redirected")
        if row.prepare:
            return
        with tell.step(f"{row.title}: of a repository the programs are told that would read it, download and install"):
            first.write_settings(settings({"packageSource": "repository", "repositoryUrl": "https://packages.contoso.com/x"}))
            told = place.plan(first, "install")
            first.write_settings(settings({"userDomains": ["contoso.com"]}))
            words = [" ".join(word for word in command if "=/" not in word) for command in told.commands]
            wanted = ["env /usr/bin/apt-get --quiet update", f"env /usr/bin/apt-get --quiet download aadsshlogin=1:{FIRST}"]
            expect(words[:2] == wanted and words[2].startswith("/usr/bin/dpkg --install /"), words)
        with tell.step(f"{row.title}: while the lock is held a terminal shows one line, who holds it and for how long"):
            verb = ["env", *first.environment(), f"{first.folder}/bin/aadssh-shim", "install"]
            with place.locked():
                shown = place.on_terminal(verb, "stderr")
            expect(re.search(r"\r\x1b\[Kprocess \d+ \(python3.* \(2 s, at most \d+ s\)\r\x1b\[K", shown), repr(shown))
            expect("\n" not in shown, repr(shown))
        with tell.step(f"{row.title}: without a terminal nothing is said while it is waited for"):
            expect(first.run("uninstall").returncode == 0, "uninstall")
            with place.locked():
                result = first.run("install")
            expect((result.returncode, result.stderr) == (0, ""), result)


def main() -> int:
    parser = rows.options(__doc__, "where the extensions are, with packages for dpkg and rpm")
    arguments = parser.parse_args()
    chosen = rows.choose(parser, arguments, ROWS, lambda row: row.prepare is None)
    tell = Teller()
    for row in chosen:
        play(row, arguments.build, tell)
    return tell.summary("what plans foretell")


if __name__ == "__main__":
    sys.exit(main())
