# SPDX-License-Identifier: MIT
"""Something else lies where the product reads and writes: links, pipes, devices, huge files, files of others.

usage: hostile.py [--build DIR] [--list] [--only TEXT] [--sample] [--counts FILE]    as root; exit status 1 if anything is lost

Which files these are, a trace of the verbs and of a login tells.  Each shape of disguise.py takes the place of each file
while a verb runs.  Always: it ends, with an exit code of the table and a status that tells cause and remedy; nothing is
written or changed through a link; sshd and a local user's sudo work as before; where the file decides about people of
the tenant, nobody of it gets in.  Then the file is put back, and the next enable leaves the machine as it was before.

The last rows look at the processes themselves: what they may do.
"""

import json
import os
import re
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Callable, Dict, Iterator, List, Optional

sys.path[:0] = [str(Path(__file__).resolve().parents[2]), str(Path(__file__).resolve().parents[2] / "fakes")]

from azure.client import Azure  # noqa: E402
from lab.faults import disguise  # noqa: E402
from lab.faults.tally import ADMITTED, CONVERGED, DISGUISED, RESTORED, TOLD, Tally, options  # noqa: E402
from lab.install import FIRST, SEQUENCE, Extension, settings, zip_of  # noqa: E402
from lab.login import Person, uid_of  # noqa: E402
from lab.machine import Machine, Result  # noqa: E402
from lab.place import SETTINGS, in_cloud  # noqa: E402
from lab.teller import Teller, expect  # noqa: E402

AT_ONCE = 2  # machines
TABLE = {0, 19, 20, 21, 22, 23, 24, 25, 26, 27, 51, 52, 53}
TRACED = "openat,openat2,open,rename,renameat,renameat2,execve,clone,clone3,fork,vfork"
# What the product does not judge, since it is not its own, the package manager's or the kernel's.
BESIDE = ("/usr/", "/lib", "/proc/", "/sys/", "/dev/", "/var/lib/dpkg/", "/var/cache/debconf", "/etc/ld.so", "/etc/ssl/certs",
          "/var/log/dpkg", "/var/lib/apt", "/etc/dpkg", "/tmp/", "/run/lab")
OUR_PROGRAMS = ("aadssh-handler", "aadssh-shim", "aad_certhandler", "aad_authorize", "aadsshlogin")
# They say who somebody is and whom to believe: in the wrong hands nobody of the tenant may get in by them.
DECIDING = {"/etc/aadsshlogin.conf", "/etc/aadpasswd", "/etc/passwd"}
# Made anew of others: what it holds is told by their times, or by the next decision.
DERIVED = {"/etc/aadpasswd.db", "/etc/aadadmins"}
# In another order when the package's user went and came.
ACCOUNTS = {"/etc/passwd-", "/etc/group-", "/etc/shadow-", "/etc/gshadow", "/etc/gshadow-"}
# CAP_CHOWN, DAC_OVERRIDE, DAC_READ_SEARCH, FOWNER, FSETID, KILL, SETGID, SETUID, SETPCAP, SYS_PTRACE
ROLE_CHECK_MAY = 0x1ff | 1 << 19
# Where these block, every program of libc's does, whatever anybody judges; sudo -V is given 60 s.
LIBCS = {"/etc/passwd", "/etc/group", "/etc/shadow", "/etc/gshadow", "/etc/nsswitch.conf", "/etc/hosts", "/etc/resolv.conf"}
BLOCKING = ("a FIFO", "a device")
FEW = 1  # of a folder
# The owner's, with our words in them: in force while root alone can write them.
EDITED = {"/etc/pam.d/sshd", "/etc/pam.d/sudo"}
THEIRS = ("a link to a user's file", "a file of a user's", "a file that all can write")
SHARED = ("a huge file", "an immutable file", "an append-only file")  # still root's own
# What the product writes, or goes by in a decision: every shape.  The others: one of each kind.
OURS = r"/aad[^/]*(/[^/]*)?$|/aadsshlogin/(private|decisions)/|/etc/(passwd|group|nsswitch\.conf|ssh/sshd_config|pam\.d/(sshd|sudo))$|AADSSH[^/]*/(config|status|mrseq|Handler|handler\.log)"
OTHERS_SHAPES = ("a link to a user's file", "a FIFO", "a directory", "a file of a user's", "a file that all can write")
SAMPLE_FILES = r"/etc/(aadsshlogin\.conf|aadpasswd|nsswitch\.conf|pam\.d/sshd|ssh/sshd_config\.d/20-.*)$|/(state\.json|7\.settings)$|/keys-[^.]*$"
SAMPLE_SHAPES = ("a link to a user's file", "a FIFO", "a file that all can write")


def traced_files(text: str) -> "Dict[str, bool]":
    """The files that processes of ours opened or put in place, by strace -f -y, and whether they wrote them."""
    program: Dict[str, str] = {}
    found: Dict[str, bool] = {}
    for line in text.splitlines():
        match = re.match(r"(\d+) +(\w+)\((.*)\) += (\S+)", line)
        if not match:
            continue
        pid, call, arguments, result = match.groups()
        if call == "execve":
            program[pid] = os.path.basename(arguments.split('"')[1])
        elif call in ("clone", "clone3", "fork", "vfork"):
            program[result] = program.get(pid, "")
        elif program.get(pid) in OUR_PROGRAMS:
            if call.startswith("rename"):
                names = re.findall(r'(?:<([^>]*)>, )?"([^"]*)"', arguments)
                folder, name = names[-1]
                found[os.path.normpath(os.path.join(folder or "/", name.lstrip("/") if folder else name))] = True
            elif "O_PATH" not in arguments and "O_DIRECTORY" not in arguments:
                opened = re.match(r"\d+<([^>]+)>", result)
                if opened:
                    writes = "O_WRONLY" in arguments or "O_RDWR" in arguments
                    found[opened.group(1)] = found.get(opened.group(1), False) or writes
    return {path: written for path, written in found.items() if not path.startswith(BESIDE)}


def chosen(found: "Dict[str, bool]") -> List[str]:
    """Those that are written or are ours, and a few of each folder of the others: these are treated alike."""
    few: Dict[str, int] = {}
    files = []
    for path in sorted(found):
        folder = os.path.dirname(path)
        alike = not found[path] and not re.search("aad|sudo|sshd|passwd$|group$", os.path.basename(path))
        if alike or re.search("/(accounts|original|packages|events)$", folder):
            few[folder] = few.get(folder, 0) + 1
            if few[folder] > FEW:
                continue
        files.append(path)
    return files


class Lab:
    """A machine with its cloud, the extension in force, and somebody of the tenant who signed in."""

    def __init__(self, machine: Machine, azure: Azure, build: Path) -> None:
        self.machine, self.azure = machine, azure
        self.extension = Extension(machine, zip_of(build, FIRST))
        self.extension.write_settings(settings(SETTINGS))
        self.person = Person(machine, azure, "hostile@contoso.com", "admin")
        self.handler = f"{self.extension.folder}/bin/{os.uname().machine}/aadssh-handler"

    @property
    def environment(self) -> Dict[str, str]:
        return {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8", "ConfigSequenceNumber": str(SEQUENCE),
                "AZURE_GUEST_AGENT_EXTENSION_PATH": self.extension.folder, "AZURE_GUEST_AGENT_EXTENSION_VERSION": FIRST}

    def trace(self, name: str, *argv: str, check: bool = True) -> Result:
        return self.machine.run(["env", *(f"{key}={value}" for key, value in self.environment.items()), "strace", "-f", "-qq", "-y",
                                 "-s", "4096", "-e", f"trace={TRACED}", "-o", f"/tmp/trace.{name}", *argv], check=check, timeout=300)

    def find_files(self) -> List[str]:
        """Install, enable and sign in under trace; those files that are there afterwards."""
        self.trace("install", self.handler, "install")
        self.machine.sh("mkdir -p /run/sshd; kill $(cat /run/sshd.pid); sleep 0.2; rm -f /run/sshd.pid")
        tracer = self.machine.popen(["strace", "-f", "-qq", "-y", "-s", "4096", "-e", f"trace={TRACED}", "-o", "/tmp/trace.login",
                                     "/usr/sbin/sshd", "-D"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.machine.sh("until [ -s /run/sshd.pid ]; do sleep 0.05; done", timeout=20)
        login = self.person.run("sudo -n id -u")
        expect(login.stdout.strip() == "0", login)
        self.machine.sh("kill $(cat /run/sshd.pid)")
        tracer.wait(timeout=20)
        self.machine.start_sshd()
        self.trace("enable", self.handler, "enable")
        self.trace("disable", self.handler, "disable")
        found: Dict[str, bool] = {}
        for name in ("install", "login", "enable", "disable"):
            for path, written in traced_files(self.machine.read(f"/tmp/trace.{name}")).items():
                found[path] = found.get(path, False) or written
        there = self.machine.sh('for path; do [ ! -f "$path" ] || [ -L "$path" ] || echo "$path"; done', *sorted(found)).stdout.split()
        return chosen({path: found[path] for path in there if not path.startswith(f"{self.extension.folder}/bin/")})

    def work(self, files: List[str], cases: List[List[str]]) -> dict:
        user = self.machine.run(["id", "-u", "aadsshlogin"]).stdout.strip()
        certificate = self.person.certificate.read_text(encoding="ascii").split()[1]
        local = self.machine.run(["id", "-u", "local"]).stdout.strip()
        return {
            "handler": self.handler, "folder": self.extension.folder, "environment": self.environment, "sequence": SEQUENCE,
            # What each run writes anew is not compared.
            "files": [path for path in files if path.startswith("/etc/") and path not in DERIVED] + ["/etc/shadow", "/etc/gshadow"],
            "ours": ["/etc/aadsshlogin.conf", "/etc/aadpasswd", "/etc/ssh/sshd_config.d/20-aadsshlogin.conf"],
            "people": {"key command": ["/usr/sbin/aad_certhandler", self.person.name, certificate], "key user": int(user),
                       "sudo": uid_of(self.person.upn), "local": int(local)},
            "cases": cases,
        }


# ---- what is wanted

class Wrong(Exception):
    """What a case lost, by the name of its count."""

    def __init__(self, count: str, text: object) -> None:
        super().__init__(f"{count}: {text}")
        self.count = count


def judge_verb(case: dict) -> None:
    verb, status, path = case["verb"], case["status"], case["path"]
    if verb["code"] is None:
        raise Wrong(DISGUISED, f"it hangs: {verb}")
    if verb["code"] not in TABLE:
        raise Wrong(TOLD, f"exit {verb['code']} is not of the table: {verb}")
    if "/status/" in path:
        return  # where it would tell it
    if status is None:
        raise Wrong(TOLD, f"there is no status: {verb}")
    if status["status"] != ("error" if verb["code"] else "success") or status["code"] != verb["code"]:
        raise Wrong(TOLD, f"{status} of exit {verb['code']}")
    message = status["formattedMessage"]["message"]
    if verb["code"] and ("\n" not in message or not message.split("\n")[1].strip()):
        raise Wrong(TOLD, f"no remedy: {message!r}")


def judge_people(case: dict) -> None:
    for what in ("local", "sshd"):
        if case[f"{what} before"] and not case[f"{what} after"]:
            raise Wrong(ADMITTED, f"{what} worked before, and does not now: {case['verb']}")
    # Where libc itself waits for a file, sudo hangs for everybody.
    if case["key"]["code"] is None or (case["sudo"]["code"] is None and case["local before"]):
        raise Wrong(DISGUISED, f"a login hangs: {case['key']} {case['sudo']}")
    # It was put in order before anybody came.
    mended = case["left"] and case["left"][0] == 0o100000 and case["verb"]["code"] == 0
    theirs = case["path"] in DECIDING and case["shape"] not in SHARED
    edited = case["path"] in EDITED and case["shape"] in THEIRS  # a session that is open had its login before
    if (theirs or edited) and not mended:
        if case["key"]["said"].startswith("cert-authority") or (theirs and case["sudo"]["code"] == 0):
            raise Wrong(DISGUISED, f"somebody of the tenant gets in: {case['key']} {case['sudo']}")


def judge(case: dict) -> None:
    if case["harmed"]:
        raise Wrong(DISGUISED, f"changed through it: {case['harmed']}")
    judge_verb(case)
    judge_people(case)
    if case["verb"]["code"] == 0 and case.get("gone"):
        raise Wrong(CONVERGED, f"uninstall left {case['gone']}")
    if case.get("again", case["mended"])["code"] != 0 or case.get("install", case["mended"])["code"] != 0:
        raise Wrong(CONVERGED, f"put back, and still: {case.get('again')} {case.get('install')}")
    if case["mended"]["code"] != 0 or not case["entra"]:
        raise Wrong(CONVERGED, f"put back, and enable ends so: {case['mended']}, a login works: {case['entra']}")
    changed = [path for path in case["changed"] if case["asked"] != "uninstall" or path not in ACCOUNTS]
    if changed:
        raise Wrong(RESTORED, f"other than before: {changed}")


def plan(files: List[str], sample: bool) -> List[List[str]]:
    """Path, shape, verb; uninstall, which takes long, for some files, with another shape for each."""
    cases: List[List[str]] = []
    if sample:
        files = [path for path in files if re.search(SAMPLE_FILES, path)]
    for number, path in enumerate(files):
        ours = re.search(OURS, path)
        shapes = SAMPLE_SHAPES if sample else tuple(disguise.SHAPES) if ours else OTHERS_SHAPES
        possible = [shape for shape in disguise.SHAPES if path not in LIBCS or shape not in BLOCKING]
        cases += [[path, shape, "enable"] for shape in shapes if shape in possible]
        if path.startswith("/etc/") and number % (len(files) if sample else 2) == 0:
            cases.append([path, possible[number % len(possible)], "uninstall"])
    for folder in sorted({os.path.dirname(path) for path in files}):
        first = next(path for path in files if os.path.dirname(path) == folder)
        cases += [[first, shape, "enable"] for shape in (list(disguise.FOLDERS)[-1:] if sample else disguise.FOLDERS)]
    return sorted(cases, key=lambda case: case[2])  # what uninstall takes away, later rows would miss


def play(lab: Lab, files: List[str], cases: List[List[str]], told: Callable[[dict], None]) -> None:
    driver = lab.machine.popen([sys.executable, disguise.__file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    driver.stdin.write(json.dumps(lab.work(files, cases)))
    driver.stdin.close()
    for line in driver.stdout:
        told(json.loads(line))
    expect(driver.wait() == 0, "the driver in the machine failed")


# ---- what processes may do

def processes(machine: Machine, name: str) -> "Iterator[Dict[str, str]]":
    """/proc/PID/status of those that run the program."""
    script = 'for p in /proc/[0-9]*; do case $(readlink $p/exe) in "$1"*) cat $p/status; echo;; esac; done 2>/dev/null; :'
    for text in machine.sh(script, name).stdout.split("\n\n"):
        lines = dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)
        if lines:
            yield lines


def wait_for(machine: Machine, program: str, uid: str) -> "Dict[str, str]":
    for _ in range(200):
        for found in processes(machine, program):
            if found["Uid"].split() == [uid] * 4:
                return found
        time.sleep(0.05)
    raise AssertionError(f"no process of {program} is the user {uid}")


def check_confined(status: "Dict[str, str]") -> None:
    for capabilities in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
        expect(int(status[capabilities], 16) == 0, status)
    expect(status["NoNewPrivs"] == "1" and status["Seccomp"] == "2", status)
    expect(status["Groups"].strip() in ("", status["Gid"].split()[0]), status)


def privileges(lab: Lab, teller: Teller) -> None:
    """While a service is silent, who waits for it is looked at."""
    machine, azure = lab.machine, lab.azure
    service = machine.run(["id", "-u", "aadsshlogin"]).stdout.strip()
    runtime, shown = "/usr/sbin/aadsshlogin", lab.machine.run([lab.handler, "check", "--json"], check=False).stdout

    def waiting(endpoint: str, script: str, look: Callable[[], None]) -> None:
        azure.fault(endpoint, hang=True)
        machine.sh(script)
        process = machine.popen(lab.person.argv("true"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            look()
        finally:
            azure.clear_faults()
            process.kill()
            process.wait()

    def role_check() -> None:
        wait_for(machine, runtime, "0")  # a key command of the row before may still wait
        check_confined(wait_for(machine, runtime, service))
        parents = [found for found in processes(machine, runtime) if found["Uid"].split()[0] == "0"]
        expect(parents and all(int(found["CapEff"], 16) & ~ROLE_CHECK_MAY == 0 for found in parents), parents)
        expect(all(int(found["CapBnd"], 16) & ~ROLE_CHECK_MAY == 0 for found in parents), parents)

    with teller.step("check and status say what the kernel has"):
        link = next(link for link in json.loads(shown)["links"] if link["id"] == "confinement")
        expect(link["state"] == "ok" and "system calls" in link["seen"], link)
    with teller.step("the key command that waits for Entra has no privilege"):
        waiting("entra.keys", "rm -f /var/cache/aadsshlogin/keys-*",
                lambda: check_confined(wait_for(machine, runtime, service)))
    with teller.step("the child that waits for the roles has no privilege, and its parent few"):
        waiting("arm.assignments", "rm -rf /run/aadsshlogin/decisions/*", role_check)
    with teller.step("the handler's child that waits for the metadata service has no privilege"):
        azure.fault("imds.*", hang=True)
        process = machine.popen([lab.handler, "check", "--only", "identity"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            check_confined(wait_for(machine, lab.handler, "65534"))
        finally:
            azure.clear_faults()
            process.kill()
            process.wait()


# ---- counting

class Count:
    def __init__(self, tally: Tally, teller: Teller) -> None:
        self.tally, self.teller, self.lock = tally, teller, threading.Lock()
        self.impossible: List[str] = []
        self.tried = 0

    def __call__(self, case: dict) -> None:
        title = f"{case['path']}: {case['shape']}, {case['asked']}"
        with self.lock:
            if "impossible" in case:
                self.impossible.append(f"{title}: {case['impossible']}")
                return
            self.tried += 1
            wrong: Optional[Wrong] = None
            try:
                judge(case)
            except Wrong as error:
                wrong = error
                with self.teller.step(title):
                    raise AssertionError(str(error))
            for name in (DISGUISED, TOLD, ADMITTED, CONVERGED, RESTORED):
                self.tally.add(name, lost=int(wrong is not None and wrong.count == name))


def share(cases: List[List[str]]) -> List[List[List[str]]]:
    """For each machine its part, by the golden section: what takes long comes again and again, as each path's FIFO does."""
    return [[case for place, case in enumerate(cases) if int(place * 0.6180339887 % 1 * AT_ONCE) == number]
            for number in range(AT_ONCE)]


def in_a_machine(number: int, build: Path, sample: bool, only: str, count: Count, teller: Teller, found: List[int]) -> None:
    with teller.step(f"machine {number + 1} played its part to the end"), in_cloud(f"hostile{number}") as (machine, azure):
        lab = Lab(machine, azure, build)
        files = lab.find_files()
        cases = [case for case in plan(files, sample) if only in f"{case[0]}: {case[1]}, {case[2]}"]
        found.append(len(files))
        if number == 0 and only in "privileges":
            privileges(lab, teller)
        play(lab, files, share(cases)[number], count)


def main() -> int:
    parser = options(__doc__)
    arguments = parser.parse_args()
    if arguments.list:
        print("the files are found by a trace; the shapes:", *disguise.SHAPES, *disguise.FOLDERS, sep="\n  ")
        return 0
    tally, teller = Tally(), Teller()
    count, found = Count(tally, teller), []
    threads = [threading.Thread(target=in_a_machine, args=(number, arguments.build, arguments.sample, arguments.only, count, teller, found))
               for number in range(AT_ONCE)]
    threads = threads[:1] if arguments.only == "privileges" else threads
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with teller.step(f"{count.tried} disguises of {found[:1]} files were seen through"):
        expect((count.tried or arguments.only) and len(found) == len(threads) and not tally.lost, f"{tally.lost} were not")
    with teller.step(f"all but {len(count.impossible)} disguises are possible here"):
        expect(len(count.impossible) <= count.tried / 10, "\n".join(count.impossible))
    tally.write(arguments.counts)
    return teller.summary("hostile files")


if __name__ == "__main__":
    sys.exit(main())
