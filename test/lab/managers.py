# SPDX-License-Identifier: MIT
"""Package managers and repositories, row by row: real apt, dnf, zypper, dpkg and rpm read the fake Azure's repository.

What is asked of them is lib/sys/repo.h and lib/sys/pkg.h, through test/lab/pkgdriver.c; no handler and no guest agent
are in between.

usage: managers.py [--build DIR] [--dir DIR] [--list] [--only TEXT] [--on NAME] [--host | --sample]    as root; exit status 1 if a row does not hold
"""

import dataclasses
import fcntl
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Callable, Dict, Iterator, List, NamedTuple, Optional, Sequence

sys.path[:0] = [str(Path(__file__).resolve().parents[1]), str(Path(__file__).resolve().parents[1] / "fakes")]

from azure import packages  # noqa: E402
from azure.client import Azure  # noqa: E402
from azure.model import PACKAGE_HOSTS, PROXY_PORT  # noqa: E402
from azure.packages import Package, Signer  # noqa: E402
from lab import distros, layer, rows  # noqa: E402
from lab.machine import Machine, Result  # noqa: E402
from lab.snapshot import Snapshot, difference  # noqa: E402
from lab.teller import NotHere, Teller, expect  # noqa: E402
from lab.userland import MANAGERS, arrange  # noqa: E402

HOST = PACKAGE_HOSTS[0]
UNLISTED = "unlisted.contoso.com"  # leads to the fake, but is not in its certificate
HERE = "/var/cache/aadsshlogin-repository"
DRIVER = "/run/lab/driver"  # where the machine sees the folder that driver_of makes
WORK = "/run/lab/work"
SECRET = "s3sam" "S3sam"  # not in one piece, so that a search for it does not find this file
OLD, NEW = "1.0", "1.1"

# Whatever the repository leaves must be below HERE; what an installation leaves is named by the row.
WATCHED = ["/etc", "/usr", "/lib", "/opt", "/root", "/srv", "/home", "/var"]
# The databases and logs of dpkg and rpm, which say what was installed.
NOT_OURS = ["/var/lib/dpkg*", "/var/log/*", "/var/lib/rpm*", "/usr/lib/sysimage/rpm*"]


class Made(NamedTuple):
    """What the driver said and how it ended."""

    name: str  # of the errno value, "" after success
    outcome: int
    text: str  # of the error, or the output


def driver_of(build: Path, label: str) -> Path:
    """The driver with the libraries that it is linked with, since a root may have older ones or none."""
    folder = layer.LAB / f"driver-{label}"
    program = build.resolve() / "test" / "lab" / "pkgdriver"
    subprocess.run(["make", "-s", "-C", str(build), "test/lab/pkgdriver"], check=True)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    shutil.copy(program, folder)
    listed = subprocess.run(["ldd", str(program)], stdout=subprocess.PIPE, text=True, check=False).stdout
    for path in re.findall(r"(/\S+) \(0x", listed):
        shutil.copy(path, folder)
    return folder


class Kind(NamedTuple):
    """What differs between deb and rpm."""

    name: str
    make: Callable[..., Path]
    publish: Callable[..., None]
    metadata: str  # what must be signed, below the repository
    words: Sequence[str]  # in it, and others of that length
    versions: str  # how a version is told


KINDS = {
    "deb": Kind("deb", packages.make_deb, packages.deb, "InRelease", ("Origin: Lab", "Origin: Bad"), "1:{}"),
    "rpm": Kind("rpm", packages.make_rpm, packages.rpm, "repodata/repomd.xml", ("<revision>1", "<revision>2"), "1:{}"),
}


class Place:
    """A machine, the fake Azure beside it, and a repository there."""

    def __init__(self, build: Path, where: "Where", root: Optional[Path] = None) -> None:
        self.where, self.kind = where, KINDS[where.kind]
        self.driver = driver_of(build, where.label)
        self.work = layer.LAB / f"managers-{where.label}"
        shutil.rmtree(self.work, ignore_errors=True)
        self.work.mkdir(parents=True)
        self.machine = Machine(hostname=where.label, root=root, hosts={UNLISTED: "127.0.0.1"},
                               optional=[] if where.kind == "deb" else MANAGERS,
                               shares={self.driver: DRIVER, self.work: WORK})

    def __enter__(self) -> "Place":
        self.signer, self.stranger = Signer(self.work / "signer"), Signer(self.work / "stranger", "Stranger")
        self.machine.start()
        self.azure = Azure.start(layer.LAB / f"azure-managers-{self.where.label}", prefix=self.machine.network)
        self.machine.trust(self.azure.ca)
        self.where.prepare(self)
        self.made = {name: self.make(package) for name, package in PACKAGES.items()}
        self.repository("good", ["one", "two", "other"])
        return self

    def __exit__(self, *_: object) -> None:
        self.azure.stop()
        self.machine.stop()
        for signer in (self.signer, self.stranger):
            signer.stop()

    def make(self, package: Package) -> Path:
        folder = self.work / "made"
        folder.mkdir(exist_ok=True)
        return self.kind.make(folder, package)

    def repository(self, name: str, contents: Sequence[str], signer: Optional[Signer] = None, login: Optional[str] = None,
                   unsigned: bool = False) -> Path:
        folder, by = self.work / "repositories" / name, None if unsigned else signer or self.signer
        files = [self.made[package] for package in contents]
        if self.where.manager == "tdnf":  # which may not look at the metadata: packages are signed, too
            made = self.work / f"made-{name}"
            made.mkdir(exist_ok=True)
            files = [packages.make_rpm(made, PACKAGES[package], by) for package in contents]
        self.kind.publish(folder, files, by)
        self.azure.show_packages(name, folder, login)
        return folder

    def key(self, signer: Optional[Signer] = None) -> str:
        """The key's file as the machine sees it."""
        return f"{WORK}/{(signer or self.signer).folder.name}/key.asc"

    def argv(self, *words: str, **keywords: object) -> List[str]:
        keywords = {"manager": self.where.manager, "url": f"https://{HOST}/good", "key": self.key(), "deadline": 300,
                    "log": "/run/lab/log", **keywords}
        start = [f"{DRIVER}/pkgdriver"]
        loader = next(self.driver.glob("ld-*"), None)
        if loader:
            start = [f"{DRIVER}/{loader.name}", "--library-path", DRIVER, *start]
        return [*start, *(f"{key}={value}" for key, value in keywords.items() if value), *words]

    def call(self, *words: str, **keywords: object) -> Made:
        """words: verbs with their arguments, "," between them"""
        result = self.machine.run(self.argv(*words, **keywords), check=False, timeout=400)
        return self.judge(result)

    @staticmethod
    def judge(result: Result) -> Made:
        if result.returncode == 0:
            return Made("", 0, result.stdout)
        match = re.fullmatch(r"(\S+) (\d+): (.*)\n", result.stderr)
        expect(match, result)
        return Made(match[1], int(match[2]), match[3])

    def right(self, *words: str, **keywords: object) -> str:
        made = self.call(*words, **keywords)
        expect(not made.name, made)
        return made.text

    def fails(self, name: str, outcome: int, pattern: str, *words: str, **keywords: object) -> None:
        made = self.call(*words, **keywords)
        expect((made.name, made.outcome) == (name, outcome) and re.search(pattern, made.text), made)

    def state(self, name: str = "lab-one") -> str:
        return self.right("query", name).strip()

    def version(self, number: str) -> str:
        return self.kind.versions.format(number)

    def clean(self) -> None:
        """As before the row, whatever it did."""
        self.azure.clear_faults()
        self.azure.set_proxy_login(None)
        self.machine.sh("rm -f /run/lab/log /run/lab/fail /run/lab/fast")
        self.right("off", ",", "remove", "lab-one", "lab-needy", "lab-broken", "lab-slow")


PACKAGES = {
    "one": Package("lab-one", OLD),
    "two": Package("lab-one", NEW),
    "other": Package("lab-other", "7"),
    "needy": Package("lab-needy", "1", depends="lab-nonesuch"),
    "slow": Package("lab-slow", "1", scripts={"postinst": "[ -e /run/lab/fast ] || { echo $PPID $$ >/run/lab/in-script; sleep 100; }"}),
    "leaning": Package("lab-leaning", "1", depends="lab-other"),
    "broken": Package("lab-broken", "1", scripts={"postinst": "[ ! -e /run/lab/fail ] || { echo no such luck >&2; exit 3; }"}),
}


# Rows


@dataclasses.dataclass
class Row:
    """A check, on each place of these kinds.  sample: it is one of ./bootstrap check's."""

    title: str
    play: Callable[[Place], None]
    kinds: Sequence[str] = ("deb", "rpm")
    sample: bool = False


ROWS: List[Row] = []


def row(title: str, **keywords: object) -> Callable[[Callable[[Place], None]], Callable[[Place], None]]:
    def keep(play: Callable[[Place], None]) -> Callable[[Place], None]:
        ROWS.append(Row(title, play, **keywords))
        return play

    return keep


@row("the newest is installed, told, verified, removed; nothing else changes and nothing stays", sample=True)
def newest(p: Place) -> None:
    check_newest(p, p.machine.snapshot(WATCHED, NOT_OURS))


def programs(p: Place) -> List[str]:
    """The names of what runs there."""
    return p.machine.run(["sh", "-c", "cat /proc/[0-9]*/comm 2>/dev/null"], check=False).stdout.split("\n")


def check_newest(p: Place, before: Snapshot) -> None:
    told = p.right("add", ",", "refresh", ",", "versions", "lab-one", ",", "versions", "lab-nonesuch", ",", "install", "lab-one", ",",
                   "query", "lab-one", ",", "verify", "lab-one", ",", "off")
    expect(told.split("\n") == [p.version(NEW), p.version(OLD), f"installed {p.version(NEW)}", "as packed", ""], told)
    changed = difference(before, p.machine.snapshot(WATCHED, NOT_OURS))
    expect(all("/usr/share/lab-one" in line for line in changed) and changed, changed)
    p.right("remove", "lab-one", ",", "remove", "lab-one")
    changed = difference(before, p.machine.snapshot(WATCHED, NOT_OURS))
    expect(not changed, changed)
    # An agent of gpg that dnf leaves sees that its folder is gone.
    deadline = time.monotonic() + 10
    while "gpg-agent" in programs(p) and time.monotonic() < deadline:
        time.sleep(0.2)
    expect("gpg-agent" not in programs(p), "an agent of gpg is still there")


@row("an upgrade, a downgrade, the same once more; other packages of the repository stay out", sample=True)
def versions(p: Place) -> None:
    p.right("add", ",", "refresh")
    for number in (OLD, NEW, NEW, OLD):
        p.right("install", f"lab-one={p.version(number)}")
        expect(p.state() == f"installed {p.version(number)}", p.state())
    p.machine.sh("rm /usr/share/lab-one/version")
    expect("lab-one/version" in p.right("verify", "lab-one"), "damage is not seen")
    p.right("install", f"lab-one={p.version(OLD)}")
    expect(p.right("verify", "lab-one") == "as packed\n", "damage is not mended")
    expect(p.state("lab-other").startswith("absent"), p.state("lab-other"))


@row("a package or a version that the repository has not")
def not_there(p: Place) -> None:
    p.right("add", ",", "refresh")
    p.fails("ENODATA", 20, "lab-nonesuch", "install", "lab-nonesuch")
    p.fails("ENODATA", 20, "lab-one", "install", f"lab-one={p.version('9.9')}")


# How the server can fail: title, keywords of add, fault, the error, words in its text.
SERVERS = [
    ("a name that is not resolved", {"url": "https://nonesuch.invalid/good"}, None, "EHOSTUNREACH", "nonesuch.invalid"),
    ("a port that nobody listens on", {"url": f"https://{HOST}:9/good"}, None, "ECONNREFUSED", ""),
    ("a certificate of another name", {"url": f"https://{UNLISTED}/good"}, None, "EPROTO", ""),
    ("status 401", {}, {"status": 401}, "EACCES", "401"),
    ("status 403", {}, {"status": 403}, "EACCES", "403"),
    ("status 404", {}, {"status": 404}, "EREMOTEIO", "404"),
    ("status 500", {}, {"status": 500}, "EREMOTEIO", "500"),
    ("a page in place of the metadata", {}, {"status": 200, "body": "<html>sign in</html>"}, "", ""),
    ("metadata that is cut short", {}, {"truncate": 20}, "", ""),
]


def server_row(title: str, keywords: Dict[str, str], fault: Optional[Dict[str, object]], name: str, words: str) -> None:
    @row(f"the server: {title}", sample=title in ("status 404", "a name that is not resolved"))
    def play(p: Place) -> None:
        if fault:
            p.azure.fault("packages.metadata", **fault)
        made = p.call("add", ",", "refresh", **keywords)
        # zypper has words of its own for what a server answers, and says them without the number.
        said = words in made.text or (words.isdigit() and p.where.manager == "zypper")
        expect(made.outcome == 20 and (made.name == name or not name) and said, made)


for server in SERVERS:
    server_row(*server)


@row("a server that says nothing until the deadline")
def hanging(p: Place) -> None:
    p.azure.fault("packages.metadata", hang=True)
    started = time.monotonic()
    made = p.call("add", ",", "refresh", deadline=5)
    expect(made.name == "ETIMEDOUT" and time.monotonic() - started < 15, made)


def check_refused(p: Place, name: str) -> None:
    verbs = ["add", ",", "refresh"]
    if p.where.manager == "tdnf":
        verbs += [",", "install", "lab-one"]
    p.fails("EKEYREJECTED", 20, "", *verbs, url=f"https://{HOST}/{name}")
    expect(p.state().startswith("absent"), p.state())


@row("not signed", sample=True)
def unsigned(p: Place) -> None:
    p.repository("unsigned", ["one"], unsigned=True)
    check_refused(p, "unsigned")


@row("signed by a key that the repository itself offers, not by ours", sample=True)
def wrong_key(p: Place) -> None:
    p.repository("foreign", ["one"], signer=p.stranger)
    check_refused(p, "foreign")


@row("metadata that was changed after it was signed")
def changed_metadata(p: Place) -> None:
    if p.where.manager == "tdnf":
        raise NotHere("tdnf here does not look at it, and its packages are what is checked")
    metadata = p.repository("changed", ["one"]) / p.kind.metadata
    text = metadata.read_text(encoding="utf-8")
    expect(p.kind.words[0] in text, text)
    metadata.write_text(text.replace(*p.kind.words), encoding="utf-8")
    p.fails("EKEYREJECTED", 20, "", "add", ",", "refresh", url=f"https://{HOST}/changed")


@row("a package that is not the one that was signed for")
def changed_package(p: Place) -> None:
    folder = p.repository("swapped", ["one"])
    package = next(folder.rglob(f"lab-one*.{p.kind.name}"))
    data = package.read_bytes()
    package.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    p.right("add", ",", "refresh", url=f"https://{HOST}/swapped")
    p.fails("EKEYREJECTED", 20, "", "install", "lab-one")
    expect(p.state().startswith("absent"), p.state())


@row("a package that goes away after the metadata was read")
def lost_package(p: Place) -> None:
    p.right("add", ",", "refresh")
    p.azure.fault("packages.package", status=404)
    p.fails("EREMOTEIO", 20, "404|not found", "install", "lab-one")


def check_secret(p: Place, said: str) -> None:
    """It was in no argument, environment, output or file that others can read."""
    expect(SECRET not in said and SECRET not in p.machine.read("/run/lab/log"), "the secret was said")
    found = p.machine.run(["grep", "-rlF", SECRET, HERE], check=False).stdout.split()
    expect(found, "nothing was told at all")
    modes = p.machine.run(["stat", "-c", "%a %u %n", *found]).stdout.splitlines()
    expect(all(line.startswith("600 0 ") for line in modes), modes)
    changed = [path for path, entry in p.machine.snapshot(WATCHED).items() if entry and entry.kind == "file"]
    everywhere = p.machine.run(["grep", "-lF", SECRET, *changed], check=False).stdout.split()
    expect(set(everywhere) == set(found), everywhere)


def traced(p: Place, *words: str, **keywords: object) -> str:
    """Run the driver; returns what it said, and each argument and environment of what it started."""
    if p.machine.run(["sh", "-c", "command -v strace"], check=False).returncode != 0:
        return p.right(*words, **keywords)  # a root of another release: this host's machines have it
    # strace would wait for the agents of gpg that dnf leaves: it is sent away by its own child.
    ending = ["sh", "-c", '"$@"; echo $? >/run/lab/code; kill "$PPID"', "sh"]
    argv = ["strace", "-I1", "-f", "--seccomp-bpf", "-v", "-s", "100000", "-e", "trace=execve", "-o", "/run/lab/strace"]
    result = p.machine.run([*argv, *ending, *p.argv(*words, **keywords)], check=False, timeout=400)
    expect(p.machine.read("/run/lab/code") == "0\n", result)
    trace = p.machine.read("/run/lab/strace")
    p.machine.sh("rm /run/lab/strace")
    return result.stdout + result.stderr + trace


@row("a token opens the repository, and is told to nobody else", sample=True)
def token(p: Place) -> None:
    p.repository("closed", ["one"], login=f"token:{SECRET}")
    p.machine.write("/run/lab/token", SECRET, 0o600)
    url = f"https://{HOST}/closed"
    p.fails("EACCES", 20, "401", "add", ",", "refresh", url=url)
    said = traced(p, "add", ",", "refresh", ",", "install", "lab-one", url=url, token="/run/lab/token")
    check_secret(p, said)
    p.machine.write("/run/lab/token", "somebody:else", 0o600)
    p.fails("EACCES", 20, "401", "add", ",", "refresh", url=url, token="/run/lab/token")


@row("a proxy with a password, wrong and right, and a host that it is not for")
def proxy(p: Place) -> None:
    p.azure.set_proxy_login(f"bob:{SECRET}")
    p.azure.reset_counts()
    # The wrong one first, so that a secret that is found is one that was told to the tool.
    made = p.call("add", ",", "refresh", proxy=f"http://bob:wrong@127.0.0.1:{PROXY_PORT}")
    # zypper, and dnf before 4.14, do not say what the proxy answered.
    expect(made.name in (("EACCES",) if p.where.manager == "apt" else ("EACCES", "EREMOTEIO")), made)
    expect(p.azure.counts().get("proxy.refused"), p.azure.counts())
    # The driver's own argument has it: the handler reads it from a file.
    made = p.call("add", proxy=f"http://bob:{SECRET}@127.0.0.1:{PROXY_PORT}")
    expect(not made.name, made)
    said = traced(p, "refresh", ",", "install", "lab-one")
    check_secret(p, said)
    expect(p.azure.counts().get(f"proxy.{HOST}"), p.azure.counts())
    p.azure.reset_counts()
    p.right("add", ",", "refresh", proxy=f"http://127.0.0.1:{PROXY_PORT}", noproxy="x.example,contoso.com")
    expect(not p.azure.counts().get(f"proxy.{HOST}"), p.azure.counts())


@row("what a package needs and the machine has not is named", sample=True)
def dependency(p: Place) -> None:
    p.repository("needy", ["needy"])
    p.fails("ENOPKG", 52, "lab-nonesuch", "add", ",", "refresh", ",", "install", "lab-needy", url=f"https://{HOST}/needy")


@row("a script of the package that fails is seen, and mended by the next installation")
def script(p: Place) -> None:
    p.repository("broken", ["broken"])
    p.machine.sh("touch /run/lab/fail")
    url = f"https://{HOST}/broken"
    p.fails("EIO", 24, "script", "add", ",", "refresh", ",", "install", "lab-broken", url=url)
    p.machine.sh("rm /run/lab/fail")
    p.right("install", "lab-broken", url=url)
    expect(p.state("lab-broken").startswith("installed"), p.state("lab-broken"))


@row("an owner's repository that is broken, unreachable or not signed does not matter", sample=True)
def owners(p: Place) -> None:
    p.where.break_owners(p)
    newest(p)


@contextmanager
def killed_at_the_end(p: Place, *words: str) -> Iterator[None]:
    """The driver runs meanwhile, and then is killed, as the agent would."""
    p.machine.sh("rm -f /run/lab/pid")
    argv = ["sh", "-c", 'echo $$ >/run/lab/pid; exec "$@"', "sh", *p.argv(*words)]
    process = p.machine.popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        p.machine.sh("until [ -s /run/lab/pid ]; do sleep 0.1; done", timeout=60)
        yield
    finally:
        p.machine.sh("kill -9 $(cat /run/lab/pid)")
        process.wait()


@row("killed in the middle, and run again")
def killed(p: Place) -> None:
    before = p.machine.snapshot(WATCHED, NOT_OURS)
    p.right("add")
    p.azure.fault("packages.*", delay=3, times=1)
    with killed_at_the_end(p, "refresh", ",", "install", "lab-one"):
        time.sleep(1)
    check_newest(p, before)


LOCKS = {"deb": "/var/lib/dpkg/lock-frontend", "rpm": "/var/lib/rpm/.rpm.lock"}
HOLD = """import fcntl, sys, time
lock = open(sys.argv[1], "a+")
fcntl.lockf(lock, fcntl.LOCK_EX)
print("held", flush=True)
time.sleep(float(sys.argv[2]))
"""


@contextmanager
def held(p: Place, seconds: float) -> Iterator[None]:
    """A process of the machine holds the package manager's lock, as another one would."""
    holder = p.machine.popen(["python3", "-c", HOLD, LOCKS[p.where.kind], str(seconds)], stdout=subprocess.PIPE)
    try:
        expect(holder.stdout.readline() == "held\n", "the lock is not held")
        yield
    finally:
        os.killpg(holder.pid, signal.SIGKILL)  # nsenter and the holder
        holder.communicate()


def package_of(p: Place, name: str) -> str:
    """The file of a test package, as the machine sees it."""
    return f"{WORK}/made/{p.made[name].name}"


@row("a lock is waited for, and its holder told", sample=True)
def lock_waited_for(p: Place) -> None:
    with held(p, 3):
        started = time.monotonic()
        told = p.right("put", package_of(p, "one"))
        waited = time.monotonic() - started
    expect(re.search(r"waiting: process \d+ \(python3 -c.*\) holds " + LOCKS[p.where.kind], told) and waited > 2, told)
    expect(p.state().startswith("installed"), p.state())


@row("a lock that is held for too long ends with its holder's name")
def lock_held(p: Place) -> None:
    with held(p, 300):
        p.fails("EBUSY", 26, r"process \d+ \(python3 -c.*\) holds ", "put", package_of(p, "one"), deadline=63)
    expect(p.state().startswith("absent"), p.state())


@row("a lock that a process outside of the machine holds")
def lock_outside(p: Place) -> None:
    with open(f"/proc/{p.machine.pid}/root{LOCKS[p.where.kind]}", "a+", encoding="ascii") as lock:
        fcntl.lockf(lock, fcntl.LOCK_EX)
        p.fails("EBUSY", 26, "another process holds ", "put", package_of(p, "one"), deadline=62)


@row("a package manager killed in a script, and run again", sample=True)
def killed_in_script(p: Place) -> None:
    with killed_at_the_end(p, "put", package_of(p, "slow")):
        p.machine.sh("until [ -s /run/lab/in-script ]; do sleep 0.1; done", timeout=60)
    p.machine.sh("kill -9 $(cat /run/lab/in-script) || true; rm /run/lab/in-script", timeout=60)
    p.machine.sh("touch /run/lab/fast")
    p.right("put", package_of(p, "slow"))
    expect(p.state("lab-slow") == f"installed {p.version('1')}", p.state("lab-slow"))
    p.right("remove", "lab-slow")


@row("somebody else's package that is half installed stays so, and does not matter", kinds=["deb"], sample=True)
def others_unfinished(p: Place) -> None:
    p.machine.run(["dpkg", "--unpack", package_of(p, "other")])
    p.right("put", package_of(p, "one"))
    expect(p.state().startswith("installed") and p.state("lab-other").startswith("broken"), p.state("lab-other"))
    p.machine.run(["dpkg", "--purge", "lab-other"])


@row("somebody else's package that was never finished is named when ours needs it", kinds=["deb"])
def needs_unfinished(p: Place) -> None:
    p.machine.run(["dpkg", "--unpack", package_of(p, "other")])
    p.fails("EIO", 0, "dependency problems.*lab-other was not finished: run /usr/bin/dpkg --configure -a", "put", package_of(p, "leaning"))
    p.machine.run(["dpkg", "--purge", "lab-leaning", "lab-other"])


@row("what an interrupted dpkg left in its journal: taken over when whole, named when broken", kinds=["deb"])
def journal(p: Place) -> None:
    path = "/var/lib/dpkg/updates/0000"
    p.machine.write(path, "Package: lab-ghost\nStatus: purge ok not-installed\nPriority: extra\nSection: x\n\n")
    p.right("put", package_of(p, "one"))
    expect(not p.machine.exists(path), "the journal is still there")
    p.machine.write(path, "Package lab-ghost\x00\x00")
    p.fails("EIO", 0, f"{path}.*remove the file that is named", "put", package_of(p, "one"))
    p.machine.sh(f"rm {path}")


# Places


def prepare_deb(p: Place) -> None:
    p.machine.sh("mkdir -p /run/lab")


# What stands for an image's packages, to rpm.
BASE_SPEC = """
Name: lab-base
Version: 9
Release: 1
Summary: Stands for the packages of an image
License: MIT
BuildArch: noarch
Provides: /bin/sh system-release(releasever) = 9
%description
Stands for the packages of an image.
%files
"""

# rpm of Debian keeps its database in its caller's home, and signs with a program that it does not have.
RPM = """
mkdir -p /run/lab /etc/rpm /var/lib/rpm
printf '%s\n' '%_dbpath /var/lib/rpm' '%__gpg /usr/bin/gpg' >/etc/rpm/macros
rpm --initdb
cat >/run/lab/base.spec
rpmbuild -bb --quiet --define '_topdir /run/lab/base' /run/lab/base.spec >/run/lab/said 2>&1
rpm --install --nosignature /run/lab/base/RPMS/noarch/*.rpm
rm -rf /var/lib/dpkg /usr/bin/dpkg* /usr/bin/apt*
"""

def prepare_rpm(p: Place) -> None:
    p.machine.sh(RPM, input=BASE_SPEC)
    arrange(p.machine, p.where.manager)


def break_apt(p: Place) -> None:
    """Lines that apt refuses, a server that is not there, a pin against ours, settings that forbid all."""
    p.machine.write("/etc/apt/sources.list.d/lab-unreachable.list", "deb https://nonesuch.invalid/debian sid main\n")
    p.machine.write("/etc/apt/sources.list.d/lab-broken.list", "this is no source\n")
    p.machine.write("/etc/apt/preferences.d/lab", "Package: *\nPin: origin *\nPin-Priority: -1\n")
    p.machine.write("/etc/apt/apt.conf.d/99lab", 'Acquire::https::Proxy "http://127.0.0.1:9";\nDPkg::Pre-Invoke {"false";};\n')


UNREACHABLE = "[lab]\nname=lab\nbaseurl=https://nonesuch.invalid/\nenabled=1\ngpgcheck=1\nrepo_gpgcheck=1\n"


def break_rpm(p: Place) -> None:
    for folder in ("/etc/yum.repos.d", "/etc/zypp/repos.d"):
        p.machine.write(f"{folder}/lab.repo", UNREACHABLE)
        p.machine.write(f"{folder}/broken.repo", "this is no repository\n")
    p.machine.write("/etc/dnf/dnf.conf", "[main]\nexcludepkgs=lab-*\nproxy=http://127.0.0.1:9\n")
    p.machine.write("/etc/yum.conf", "[main]\nexclude=lab-*\nproxy=http://127.0.0.1:9\n")
    p.machine.write("/etc/zypp/locks", "type: package\nmatch_type: glob\ncase_sensitive: on\nsolvable_name: lab-*\n")


@dataclasses.dataclass
class Where:
    label: str
    manager: str
    suite: str = ""  # of Debian; "": as this machine

    @property
    def kind(self) -> str:
        return "deb" if self.manager == "apt" else "rpm"

    def prepare(self, p: Place) -> None:
        (prepare_deb if self.kind == "deb" else prepare_rpm)(p)

    def break_owners(self, p: Place) -> None:
        (break_apt if self.kind == "deb" else break_rpm)(p)


# The front ends that are played on each release of Debian; dnf and zypper left it after trixie.
SUITES = {
    "bullseye": ("apt", "dnf", "zypper"),
    "bookworm": ("apt", "dnf", "zypper", "yum", "tdnf"),
    "trixie": ("apt", "dnf", "zypper"),
    "sid": ("apt",),
}
SAMPLE = ("apt", "dnf", "zypper")  # on a machine like this one


def places(folder: Optional[Path]) -> Iterator[Where]:
    """folder: where the roots of the releases are kept; None: this machine's"""
    if folder is None:
        yield from (Where(f"host-{manager}", manager) for manager in SAMPLE)
        return
    for suite, managers in SUITES.items():
        yield from (Where(f"{suite}-{manager}", manager, suite) for manager in managers)


def main() -> int:
    parser = rows.options(__doc__, "where pkgdriver is made", "some rows, on machines like this one")
    parser.add_argument("--dir", type=Path, default=layer.CHECKOUT / "build" / "distros", help="where roots are kept")
    parser.add_argument("--on", default="", help="places whose name begins so")
    parser.add_argument("--host", action="store_true", help="on machines like this one alone")
    arguments = parser.parse_args()
    chosen = rows.choose(parser, arguments, ROWS, lambda one: one.sample)
    folder = None if arguments.host or arguments.sample else arguments.dir.resolve()
    tell = Teller(chapters=False)
    for where in places(folder):
        if not where.label.startswith(arguments.on):
            continue
        with Place(arguments.build, where, distros.ensure_root(where.suite, folder) if where.suite else None) as place:
            for one in chosen:
                if where.kind not in one.kinds:
                    continue
                with tell.step(f"{where.label}: {one.title}"):
                    place.clean()
                    one.play(place)
    return tell.summary("the rows of package managers")


if __name__ == "__main__":
    sys.exit(main())
