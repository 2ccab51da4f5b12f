# SPDX-License-Identifier: MIT
"""Where packages come from: the zip, a repository of ours, Microsoft's; and from each to each.

The fake Azure serves signed repositories; real apt and dpkg read them, and rpm, dnf and zypper on machines that
userland.py makes like those of Red Hat, SUSE and Azure Linux, with its shims for yum and tdnf.  Most rows run the
handler as the guest agent would run it; the first chapter has the agent itself.  Microsoft's packages are STAND-INS:
standins.py.

usage: sources.py [--build DIR] [--dir DIR] [--list] [--only TEXT] [--on NAME] [--sample]    as root; exit status 1 if a row
does not hold
"""

import dataclasses
import json
import shutil
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import Callable, Dict, Iterator, List, NamedTuple, Optional, Sequence

sys.path[:0] = [str(Path(__file__).resolve().parents[1]), str(Path(__file__).resolve().parents[1] / "fakes")]

from azure import packages  # noqa: E402
from azure.client import Azure  # noqa: E402
from azure.model import PACKAGE_HOSTS, PROXY_PORT, ExtensionStatus, Extension as Goal  # noqa: E402
from azure.packages import Signer  # noqa: E402
from lab import distros, layer, rows, standins  # noqa: E402
from lab.install import FIRST, NAME, Extension, settings, zip_of  # noqa: E402
from lab.login import Person, as_person, check_local, check_no_sudo, check_sudo, ssh  # noqa: E402
from lab.machine import Machine, Result  # noqa: E402
from lab.place import DOMAIN, MEMORY, NOT_OURS, SETTINGS, WATCHED, Place  # noqa: E402
from lab.schema import check_schema  # noqa: E402
from lab.snapshot import Snapshot, difference  # noqa: E402
from lab.teller import NotHere, Teller, expect  # noqa: E402
from lab.userland import (AZURE_LINUX, MANAGERS, RED_HAT_7, RED_HAT_9, RED_HAT_10, SUSE_15_6, Userland, os_release,  # noqa: E402
                          put_on)

HOST = PACKAGE_HOSTS[0]
UNLISTED = "unlisted.contoso.com"  # leads to the fake, but is not in its certificate
SECRET = "s3sam" "S3sam"  # not in one piece, so that a search for it does not find this file
REPOSITORY = "/var/cache/aadsshlogin-repository"
SSHD_CONFIG = "/etc/ssh/sshd_config"
# pam-auth-update and debconf keep what they were told of a profile that is gone again.
BOOKS = ["/var/lib/pam", "/var/lib/pam/*"]
CACHES = ["/var/cache/debconf*", "/var/cache/ldconfig*", "/var/cache/man*"]
PATIENCE = 240


class Kind(NamedTuple):
    """What differs between deb and rpm."""

    publish: Callable[..., None]
    metadata: str  # what must be signed, below the repository
    words: Sequence[str]  # in it, and others of that length
    query: Sequence[str]
    remove: str  # whatever a row left


KINDS = {
    "deb": Kind(packages.deb, "InRelease", ("Origin: Lab", "Origin: Bad"),
                ["dpkg-query", "-W", "-f", "${db:Status-Abbrev} ${Version}"], "dpkg --purge"),
    "rpm": Kind(packages.rpm, "repodata/repomd.xml", ("<revision>1", "<revision>2"),
                ["rpm", "-q", "--qf", "ii %{EPOCHNUM}:%{VERSION}"], "rpm -e --noscripts"),
}


class Where(NamedTuple):
    """A machine whose package manager is tried."""

    name: str
    userland: Optional[Userland] = None  # None: Debian's, as this machine is
    release: str = ""  # a file of test/data/osrelease
    microsoft: str = ""  # where Microsoft's packages for it are
    suite: str = ""  # of Debian, whose root lies below; "": this machine
    tool: str = ""  # the program that reads repositories, if not of that name
    wrong_key: str = "GPG"  # what is said when somebody else signed
    script: str = ""  # what its machine needs besides

    @property
    def manager(self) -> str:
        return self.tool or self.name

    @property
    def kind(self) -> str:
        return "rpm" if self.userland else "deb"


# What insists on the file of roots that Debian's libcurl was built for finds the distribution's there.
CURL_OF_DEBIAN = "ln -s {} /etc/ssl/certs/ca-certificates.crt"

WHERE = [
    Where("apt", wrong_key="NO_PUBKEY"),
    Where("dnf", RED_HAT_9, "rhel-9.6", "rhel/9/prod"),
    Where("yum", RED_HAT_7, "rhel-7.9", "rhel/7/prod"),
    Where("zypper", SUSE_15_6, "sles-15.7", "sles/15/prod", wrong_key="Signature verification failed",
          script=CURL_OF_DEBIAN.format(SUSE_15_6.bundle)),
    Where("tdnf", AZURE_LINUX, "azurelinux-3.0", "azurelinux/3.0/prod/ms-non-oss/x86_64",
          wrong_key="is not signed with the repository's key"),
    Where("authselect", RED_HAT_10, "rhel-10.0", "rhel/10/prod", "trixie", "dnf",
          script=CURL_OF_DEBIAN.format(RED_HAT_10.bundle)),
]
SAMPLE = ("apt", "dnf")


class Shelf:
    """The repositories, which all machines of this run read."""

    def __init__(self, build: Path) -> None:
        layer.LAB.mkdir(parents=True, exist_ok=True)
        self.folder = Path(tempfile.mkdtemp(prefix="sources-", dir=layer.LAB))
        self.signer, self.stranger = Signer(self.folder / "signer"), Signer(self.folder / "stranger", "Stranger")
        made = build / "extension" / "packages"
        self.ours = {kind: sorted(made.glob(f"*.{kind}")) for kind in KINDS}
        expect(self.ours["deb"], f"there are no packages in {build}/extension: run ./bootstrap build")
        self.arch = subprocess.run(["dpkg", "--print-architecture"], stdout=subprocess.PIPE, text=True, check=True).stdout.strip()

    def close(self) -> None:
        for signer in (self.signer, self.stranger):
            signer.stop()
        shutil.rmtree(self.folder)

    def signed(self, contents: Sequence[Path], signer: Signer) -> List[Path]:
        """Copies that are signed one by one."""
        folder = self.folder / f"signed-{signer.name}"
        folder.mkdir(exist_ok=True)
        made = [Path(shutil.copy(path, folder)) for path in contents]
        for path in made:
            packages.sign_rpm(path, signer)
        return made


# Without an init system that holds its socket, sshd refuses connections for a moment while it reads its files.
WATCH = """refused=0
while [ ! -e /run/stop ]; do
	said=$("$@" 2>&1) || said="$said LOCKED OUT"
	case $said in
	*"Connection refused"*)
		refused=$((refused + 1))
		[ $refused -lt 20 ] || echo "$said"
		sleep 0.05 ;;
	*)
		refused=0
		echo "$said" ;;
	esac
done >/run/watched"""


class Lab:
    """A machine with its cloud, on which the handler runs as the agent would run it."""

    def __init__(self, build: Path, shelf: Shelf, where: Where, root: Optional[Path] = None) -> None:
        self.build, self.shelf, self.where, self.kind = build, shelf, where, KINDS[where.kind]
        self.label = f"sources-{where.name}"
        self.machine = Machine(hostname=self.label, root=root, hosts={UNLISTED: "127.0.0.1"},
                               optional=MANAGERS if where.userland else [])
        self.ours = shelf.ours[where.kind]

    def __enter__(self) -> "Lab":
        self.machine.start()
        self.azure = Azure.start(layer.LAB / f"azure-{self.label}", prefix=self.machine.network)
        self.machine.trust(self.azure.ca)
        self.machine.allow_refusals()
        if self.where.userland:
            put_on(self.machine, self.where.userland, os_release(self.where.release))
            self.machine.sh(self.where.script)
        self.machine.start_sshd()
        self.codename = self.machine.sh(". /etc/os-release; echo ${VERSION_CODENAME-}").stdout.strip()
        self.extension = Extension(self.machine, zip_of(self.build, FIRST))
        self.repository("ours", self.ours)
        self.microsoft(self.standin())
        self.fresh = self.snapshot()
        return self

    def __exit__(self, *_: object) -> None:
        self.azure.stop()
        self.machine.stop()

    def repository(self, name: str, contents: Sequence[Path], signer: Optional[Signer] = None, login: Optional[str] = None,
                   suite: Optional[str] = None) -> Path:
        folder, by = self.shelf.folder / self.azure.dir.name / name, signer or self.shelf.signer
        if self.where.manager == "tdnf":  # which may not look at the metadata
            contents = self.shelf.signed(contents, by)
        self.kind.publish(folder, contents, by, **({"suite": suite} if suite else {}))
        shutil.copyfile(self.shelf.signer.armored, folder / "aadsshlogin.asc")
        self.azure.show_packages(name, folder, login)
        return folder

    def microsoft(self, *contents: Path) -> None:
        """As packages.microsoft.com has it."""
        keys = self.shelf.folder / self.azure.dir.name / "keys"
        keys.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(self.shelf.signer.armored, keys / "microsoft.asc")
        self.azure.show_packages("keys", keys)
        if self.where.kind == "deb":
            self.repository(f"repos/microsoft-debian-{self.codename}-prod", contents, suite=self.codename)
        else:
            self.repository(self.where.microsoft, contents)

    def standin(self, **how: object) -> Path:
        folder = self.shelf.folder / "standins"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        return standins.make(folder, self.where.kind, arch=self.shelf.arch, **how)

    def snapshot(self) -> Snapshot:
        return self.machine.snapshot([*WATCHED, "/var/cache"], [*NOT_OURS, *MEMORY, *BOOKS, *CACHES])

    def run(self, verb: str, **public: object) -> Result:
        """public: settings for this and what follows"""
        if public:
            self.extension.write_settings(settings({**SETTINGS, **public}))
        return self.extension.run(verb)

    def right(self, verb: str, **public: object) -> None:
        result = self.run(verb, **public)
        expect(result.returncode == 0, result)
        status = self.extension.status()
        expect(status and status["status"] == "success", status)

    def fails(self, code: int, words: Sequence[str], verb: str = "install", **public: object) -> None:
        result = self.run(verb, **public)
        status = self.extension.status()
        expect(result.returncode == code and status and (status["status"], status["code"]) == ("error", code), (result, status))
        message = status["formattedMessage"]["message"]
        expect("\n" in message, f"no remedy in {message!r}")
        for word in words:
            word = word.format(metadata=self.kind.metadata, wrong_key=self.where.wrong_key)
            expect(word in message, f"{word!r} is not in {message!r}")
        expect(SECRET not in result.stdout + result.stderr + message, "the secret is told")

    def installed(self) -> str:
        """The version of aadsshlogin, "" for none."""
        words = self.machine.run([*self.kind.query, "aadsshlogin"], check=False).stdout.split()
        return words[-1] if words[:1] == ["ii"] else ""

    def is_fresh(self) -> None:
        changes = difference(self.fresh, self.snapshot())
        expect(not changes, "\n".join(changes))
        check_local(self.machine)

    def clean(self) -> None:
        """As at first, whatever a row did."""
        self.azure.clear_faults()
        self.azure.set_proxy_login(None)
        self.run("uninstall", packageSource="embedded")
        self.machine.sh(f"for name in aadsshlogin aadsshlogin-selinux; do {self.kind.remove} $name >/dev/null 2>&1 || true; done; "
                        "rm -rf /var/lib/aadsshlogin")
        self.extension.forget()

    @contextmanager
    def watched(self) -> Iterator[None]:
        """The local administrator signs in again and again meanwhile, and nothing may keep him out."""
        watcher = self.machine.popen(["sh", "-c", WATCH, "sh", *ssh("/root/.ssh/local", "local", ["sudo", "-n", "id", "-u"])])
        try:
            yield
        finally:
            self.machine.sh("touch /run/stop")
            watcher.wait(timeout=60)
            said = self.machine.sh("cat /run/watched; rm -f /run/stop /run/watched").stdout
        lines = [line for line in said.splitlines() if not line.startswith("Warning: ")]
        expect(lines and set(lines) == {"0"}, f"a local administrator was locked out: {said[-2000:]}")


# Rows


@dataclasses.dataclass
class Row:
    """sample: it is one of ./bootstrap check's."""

    title: str
    play: Callable[[Lab], None]
    sample: bool = False


ROWS: List[Row] = []


def row(title: str, **keywords: object) -> Callable[[Callable[[Lab], None]], Callable[[Lab], None]]:
    def keep(play: Callable[[Lab], None]) -> Callable[[Lab], None]:
        ROWS.append(Row(title, play, **keywords))
        return play

    return keep


OURS: Dict[str, object] = {"packageSource": "repository", "repositoryUrl": f"https://{HOST}/ours"}
THEIRS: Dict[str, object] = {"packageSource": "microsoft"}
ZIP: Dict[str, object] = {"packageSource": "embedded"}


def refused(title: str, code: int, words: Sequence[str], prepare: Callable[[Lab], Optional[Dict[str, object]]],
            base: Dict[str, object] = OURS, sample: bool = False) -> None:
    """prepare: returns settings to add"""
    def play(lab: Lab) -> None:
        more = prepare(lab) or {}
        lab.fails(code, words, **{**base, **more})
        expect(lab.installed() == "", "it was installed")
        lab.is_fresh()

    ROWS.append(Row(f"{title}: exit {code}, and the machine is as before", play, sample))


def url(address: str) -> Callable[[Lab], Dict[str, object]]:
    return lambda lab: {"repositoryUrl": address}


def fault(endpoint: str, **how: object) -> Callable[[Lab], None]:
    return lambda lab: lab.azure.fault(f"packages.{endpoint}", **how)


def tamper(lab: Lab) -> None:
    if lab.where.manager == "tdnf":
        raise NotHere("tdnf here does not look at it, and its packages are what is checked")
    metadata = lab.repository("ours", lab.ours) / lab.kind.metadata
    text = metadata.read_text(encoding="utf-8")
    expect(lab.kind.words[0] in text, text)
    metadata.write_text(text.replace(*lab.kind.words), encoding="utf-8")


refused("no repositoryUrl", 53, ["packageSource is repository, but repositoryUrl is missing"], lambda lab: {"repositoryUrl": None})
refused("a repository by http", 53, ["repositoryUrl", "https"], url(f"http://{HOST}/ours"))
refused("a repository whose name is not resolved", 20, ["nonesuch.invalid", "a name is not resolved"], url("https://nonesuch.invalid/ours"))
refused("a port that nobody listens on", 20, ["no connection"], url(f"https://{HOST}:9/ours"))
refused("a certificate of another name", 20, ["TLS fails", "certificate"], url(f"https://{UNLISTED}/ours"))
refused("metadata that is forbidden", 20, ["it is forbidden (403)"], fault("metadata", status=403))
refused("metadata that is not there", 20, ["https://packages.contoso.com/ours/{metadata}", "(404)"], fault("metadata", status=404))
refused("a server that is broken", 20, ["it is not handed out (503)"], fault("metadata", status=503))
refused("a page in place of metadata", 20, ["it is no metadata of packages"], fault("metadata", status=200, body="<html>log in</html>"))
refused("metadata that is endless", 20, ["too long"], fault("metadata", status=200, body="x" * (5 << 20)))
refused("a key that is not there", 20, ["the repository's key", "(404)"], fault("key", status=404))
refused("a page in place of a key", 20, ["the repository's key", "something else is there"], fault("key", status=200, body="<html>"))
refused("a repository that wants to know who asks", 20, ["(401)", "repositoryToken"],
        lambda lab: lab.repository("ours", lab.ours, login=f"token:{SECRET}") and None)
refused("a proxy that wants to know who asks", 20, ["the proxy wants to know who asks (407)", f"127.0.0.1:{PROXY_PORT}"],
        lambda lab: lab.azure.set_proxy_login(f"u:{SECRET}") or {"proxy": f"http://127.0.0.1:{PROXY_PORT}"})
refused("a key of somebody else's", 20, ["{wrong_key}"],
        lambda lab: shutil.copyfile(lab.shelf.stranger.armored, lab.repository("ours", lab.ours) / "aadsshlogin.asc") and None,
        sample=True)
refused("metadata that was changed after it was signed", 20, ["the repository cannot be read"],
        tamper)
refused("a repository of another version", 20, ["does not offer aadsshlogin", "this version of the extension"],
        lambda lab: lab.repository("ours", []) and None)
refused("a package that is not there", 20, ["cannot download aadsshlogin"], fault("package", status=404))
refused("a package that needs what is missing", 52, ["lab-nonesuch"],
        lambda lab: lab.microsoft(lab.standin(depends="lab-nonesuch")), base=THEIRS)
refused("a package of Microsoft's whose script fails", 24, ["aadsshlogin"],
        lambda lab: lab.microsoft(lab.standin(postinst="exit 3")), base=THEIRS)
refused("no repository of Microsoft's for this release", 20, ["(404)"],
        lambda lab: {"repositoryUrl": f"https://{PACKAGE_HOSTS[1]}/nothing"}, base=THEIRS)
for part, words in {"nsswitch": ["does not name aad"], "pam": ["does not ask pam_aad.so"], "sudo": ["/etc/sudoers.d/aad_admins"],
                    "sshd": ["does not ask aad_certhandler"]}.items():
    refused(f"packages of Microsoft's that leave out {part}", 21, ["Microsoft's packages are installed, but", *words],
            lambda lab, part=part: lab.microsoft(lab.standin(without=[part])), base=THEIRS, sample=part == "pam")


def check_ours(lab: Lab) -> None:
    expect(lab.installed() == f"1:{FIRST}", lab.installed())
    expect(not lab.machine.exists(REPOSITORY), "the repository stays")
    expect(lab.machine.exists("/etc/aadsshlogin.conf"), "nothing is configured")
    expect("AuthorizedKeysCommandUser root" not in lab.machine.read(SSHD_CONFIG), "their block stays")
    check_local(lab.machine)


def check_theirs(lab: Lab) -> None:
    expect(lab.installed().endswith(standins.VERSION), lab.installed())
    expect(not lab.machine.exists(REPOSITORY), "the repository stays")
    expect(not lab.machine.exists("/etc/aadsshlogin.conf"), "our configuration stays")
    lines = [line.strip() for line in lab.machine.read(SSHD_CONFIG).splitlines()]
    expect(lines[-1] == "Match all" and any("Added by aadsshlogin installer" in line for line in lines), lines[-8:])
    check_local(lab.machine)


SOURCES = {"the zip": (ZIP, check_ours), "a repository": (OURS, check_ours), "Microsoft's": (THEIRS, check_theirs)}


def switch(before: str, after: str, sample: bool = False) -> None:
    def play(lab: Lab) -> None:
        lab.right("install", **SOURCES[before][0])
        SOURCES[before][1](lab)
        with lab.watched():
            lab.right("enable", **SOURCES[after][0])
        SOURCES[after][1](lab)
        settled = lab.snapshot()
        lab.right("enable")
        changes = difference(settled, lab.snapshot())
        expect(not changes, "\n".join(changes))
        lab.right("uninstall")
        lab.is_fresh()

    ROWS.append(Row(f"from {before} to {after}, and off again without a trace; a local administrator is never out", play, sample))


for before in SOURCES:
    for after in SOURCES:
        if before != after:
            switch(before, after, sample=(before, after) == ("the zip", "Microsoft's"))


@row("ours stay in force when Microsoft's cannot be reached")
def unreachable(lab: Lab) -> None:
    lab.right("install", **ZIP)
    before = lab.snapshot()
    lab.azure.fault("packages.metadata", status=403)
    lab.fails(20, ["(403)"], "enable", **THEIRS)
    changes = difference(before, lab.snapshot())
    expect(not changes, "\n".join(changes))
    check_ours(lab)


@row("ours are back in force when Microsoft's do not do their part")
def put_back(lab: Lab) -> None:
    lab.right("install", **ZIP)
    before = lab.snapshot()
    lab.microsoft(lab.standin(without=["sshd"]))
    lab.fails(21, ["does not ask aad_certhandler"], "enable", **THEIRS)
    changes = [line for line in difference(before, lab.snapshot()) if "/etc/aadpasswd" not in line]
    expect(not changes, "\n".join(changes))
    check_ours(lab)


@row("Microsoft's are back in force when ours cannot be configured")
def put_back_theirs(lab: Lab) -> None:
    nsswitch = lab.machine.read("/etc/nsswitch.conf")
    lab.machine.write("/etc/nsswitch.conf", "".join(line for line in nsswitch.splitlines(True) if not line.startswith("group")))
    lab.right("install", **THEIRS)
    before = lab.snapshot()
    lab.fails(21, ["nsswitch.conf", "group"], "enable", **ZIP)
    changes = difference(before, lab.snapshot())
    expect(not changes, "\n".join(changes))
    check_theirs(lab)
    lab.right("uninstall")
    lab.machine.write("/etc/nsswitch.conf", nsswitch)
    lab.is_fresh()


@row("lines that somebody adds behind Microsoft's block count for everybody, and stay")
def lines_behind(lab: Lab) -> None:
    def check() -> None:
        shown = lab.machine.sh("/usr/sbin/sshd -T -C user=root,host=h,addr=127.0.0.1").stdout
        expect("banner /etc/nowhere" in shown.lower(), "it does not count for root")

    before = lab.machine.read(SSHD_CONFIG)
    lab.right("install", **THEIRS)
    lab.machine.write(SSHD_CONFIG, lab.machine.read(SSHD_CONFIG) + "Banner /etc/nowhere\n")
    check()
    lab.right("enable")
    lab.right("uninstall")
    check()
    text = lab.machine.read(SSHD_CONFIG)
    expect(text.endswith("Banner /etc/nowhere\n") and "aad" not in text.replace("Closed by aadsshlogin", ""), text[-400:])
    lab.machine.write(SSHD_CONFIG, before)
    lab.is_fresh()


def kill_after(lab: Lab, seconds: float) -> bool:
    """Start enable and kill it with all that it started, as the guest agent does; was it still running?"""
    environment = f"AZURE_GUEST_AGENT_EXTENSION_PATH={lab.extension.folder} ConfigSequenceNumber=7"
    script = f"cd {lab.extension.folder}; {environment} timeout --signal=KILL {seconds} /bin/sh bin/aadssh-shim enable >/dev/null 2>&1 || echo $?"
    done = lab.machine.sh(script, timeout=120).stdout.strip() == "137"
    # A package manager that was cut off goes on by itself or is dead: both are waited for.
    lab.machine.sh("while pgrep -x 'apt-get|dpkg|rpm|dnf|yum|zypper|aadssh-handler' >/dev/null; do sleep 0.1; done", timeout=60)
    return done


def killed(before: str, after: str) -> None:
    def play(lab: Lab) -> None:
        lab.right("install", **SOURCES[before][0])
        lab.extension.write_settings(settings({**SETTINGS, **SOURCES[after][0]}))
        kills, seconds = 0, 0.2
        with lab.watched():
            while seconds < 20 and kill_after(lab, seconds):
                kills += 1
                seconds *= 1.35
            lab.right("enable")
        expect(kills >= 2, f"only {kills} runs were killed")
        SOURCES[after][1](lab)
        lab.right("uninstall")
        lab.is_fresh()

    ROWS.append(Row(f"from {before} to {after} with kills in between: the next run goes on, and nobody local is ever out", play))


killed("the zip", "Microsoft's")
killed("Microsoft's", "the zip")


# Kills the handler, alone or with all that it started, as soon as a process of a command line is there.
ASSASSIN = r"""import os, re, signal, sys, time
def processes():
    found = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/stat") as stat, open(f"/proc/{name}/cmdline", "rb") as line:
                parent = int(stat.read().rpartition(")")[2].split()[1])
                found[int(name)] = parent, line.read().replace(bytes(1), b" ").decode(errors="replace")
        except OSError:
            pass
    return found
def above(found, pid):
    while pid in found:
        yield pid
        pid = found[pid][0]
deadline = time.monotonic() + 60
while time.monotonic() < deadline:
    found = processes()
    for pid, (_, line) in found.items():
        handler = [one for one in above(found, pid) if found[one][1].startswith(sys.argv[3])]
        if not handler or not re.search(sys.argv[1], line):
            continue
        alone = sys.argv[2] == "alone"
        for one in handler if alone else [one for one in found if handler[-1] in above(found, one)]:
            os.kill(one, signal.SIGKILL)
        sys.exit(0)
sys.exit(1)
"""

# Where a run is killed: the command line of what runs then, and the endpoint that is slow so that it takes a while.
MOMENTS = {
    "the repository is read": (r" (update|makecache|refresh)\b", "metadata"),
    "packages are downloaded": (r"( download |--downloadonly)", "package"),
    "packages are installed": (r"/(dpkg --install|rpm --upgrade) ", None),
}


def kill_at(lab: Lab, pattern: str, whom: str) -> None:
    program = lab.machine.sh(f"ls {lab.extension.folder}/bin/$(uname -m)/aadssh-handler").stdout.strip()
    assassin = lab.machine.popen(["python3", "-c", ASSASSIN, pattern, whom, program])
    result = lab.run("install", **OURS)
    expect(assassin.wait(timeout=90) == 0, "what was waited for never ran")
    expect(result.returncode in (-9, 137), result)
    # What goes on by itself comes to an end.
    lab.machine.sh("while pgrep -x 'apt-get|dpkg|rpm|dnf|yum|zypper' >/dev/null; do sleep 0.1; done", timeout=60)
    check_local(lab.machine)


def killed_at(moment: str) -> None:
    def play(lab: Lab) -> None:
        pattern, slow = MOMENTS[moment]
        for whom, after in (("alone", "install"), ("all", "install"), ("all", "uninstall")):
            if slow:
                lab.azure.fault(f"packages.{slow}", delay=1)
            kill_at(lab, pattern, whom)
            lab.azure.clear_faults()
            if after == "install":
                lab.right("install", **OURS)
                check_ours(lab)
            expect(lab.run("uninstall").returncode == 0, "uninstall")
            expect(not lab.machine.exists(REPOSITORY), "the repository stays")
            lab.is_fresh()

    ROWS.append(Row(f"killed while {moment}, alone and with all that it started: the next run goes on, uninstall leaves no trace", play))


for moment in MOMENTS:
    killed_at(moment)


@row("uninstalling goes by what is on the machine, whatever the settings say")
def odd_uninstall(lab: Lab) -> None:
    lab.right("install", **THEIRS)
    lab.extension.write_settings("{nonsense")
    expect(lab.extension.run("uninstall").returncode == 0, "uninstall")
    lab.is_fresh()


def verified(lab: Lab) -> Result:
    result = lab.machine.run([f"{lab.extension.folder}/bin/aadssh-shim", "verify", "--json"], check=False)
    check_schema("verify", json.loads(result.stdout))
    return result


def finds(lab: Lab, what: str) -> None:
    found = verified(lab)
    findings = [finding for part in json.loads(found.stdout)["parts"] for finding in part["findings"]]
    expect(found.returncode == 21 and {"path": "/usr/sbin/aadsshlogin", "what": f"is not as {what}"} in findings, found)


@row("verify finds a program that was changed: by the package manager's word, and by the zip where that is the source", sample=True)
def verify(lab: Lab) -> None:
    change, mend = "cp -a /usr/sbin/aadsshlogin /root/kept; echo >>/usr/sbin/aadsshlogin", "mv /root/kept /usr/sbin/aadsshlogin"
    for source, what in ((OURS, "the package manager's record has it"), (ZIP, "it was packed")):
        lab.right("install", **source)
        expect(verified(lab).returncode == 0, verified(lab))
        lab.machine.sh(change)
        finds(lab, what)
        lab.machine.sh(mend)
        expect(verified(lab).returncode == 0, verified(lab))
    # Another package of this name and version, which the package manager finds unchanged.
    make, install = (packages.make_deb, "dpkg --install") if lab.where.kind == "deb" else \
        (packages.make_rpm, "rpm --upgrade --force --noscripts --nosignature")
    folder = lab.shelf.folder / "another"
    folder.mkdir(exist_ok=True)
    another = make(folder, packages.Package("aadsshlogin", FIRST, files={"/usr/sbin/aadsshlogin": "#!/bin/sh\n"}))
    lab.machine.write("/root/another", another.read_bytes())
    lab.machine.sh(f"{install} /root/another; rm /root/another")
    finds(lab, "it was packed")
    lab.run("uninstall")


@row("packages of Microsoft's that the owner installed keep what they wrote when the extension goes")
def owners_packages(lab: Lab) -> None:
    package = lab.standin()
    lab.machine.write(f"/root/{package.name}", package.read_bytes())
    lab.machine.sh(f"{'dpkg -i' if lab.where.kind == 'deb' else 'rpm -i --nosignature'} /root/{package.name}")
    before = lab.snapshot()
    lab.right("install", **THEIRS)
    check_theirs(lab)
    lab.right("uninstall")
    expect(lab.installed().endswith(standins.VERSION), lab.installed())
    changes = difference(before, lab.snapshot())
    expect(not changes, "\n".join(changes))
    check_local(lab.machine)
    # Whoever installed them now, they go with all that they wrote.
    lab.machine.sh(f"{lab.kind.remove} aadsshlogin")
    lab.right("install", **THEIRS)
    lab.right("uninstall")
    lab.is_fresh()


# The guest agent


def chapter_agent(tell: Teller, build: Path, shelf: Shelf) -> None:
    with Place(build, "sources-agent") as place:
        folder = shelf.folder / "agent"
        packages.deb(folder, shelf.ours["deb"], shelf.signer)
        shutil.copyfile(shelf.signer.armored, folder / "aadsshlogin.asc")
        place.azure.show_packages("ours", folder, f"token:{SECRET}")
        place.azure.set_proxy_login(f"someone:{SECRET}")
        place.agent.start()
        before = place.snapshot()
        proxy = f"http://someone:{SECRET}@127.0.0.1:{PROXY_PORT}"

        def ask(**public: object) -> ExtensionStatus:
            place.seq += 1
            return place.ask(Goal(NAME, FIRST, public={**SETTINGS, **public}, seq=place.seq,
                                  protected={"proxy": proxy, "repositoryToken": SECRET}))

        def snapshot() -> Snapshot:
            """Without what the handler remembers: protected settings are never encrypted to the same bytes again."""
            return place.machine.snapshot(WATCHED, [*NOT_OURS, *MEMORY])

        with tell.step("the agent installs from a repository behind a proxy and a token: Ready, success", essential=True):
            report = ask(**OURS, noProxy="login.microsoftonline.com,management.azure.com")
            expect(report and (report.handler, report.status) == ("Ready", "success"), report)
            counts = place.azure.counts()
            expect(counts.get("packages.package", 0) >= 1, counts)
            expect(not place.machine.exists(REPOSITORY), "the repository stays")
            expect('"packageSource":"repository"' in place.machine.read("/var/lib/aadsshlogin/state.json"), "the state does not know")
        with tell.step("token and password are in one private file, and in no other"):
            expect(place.machine.written(SECRET) == ["/etc/aadsshlogin.secret"], place.machine.written(SECRET))
            found = place.machine.run(["grep", "-rlsF", "--devices=skip", SECRET, "/run/aadsshlogin", "/tmp"], check=False).stdout
            expect(not found, found)
            expect(place.machine.sh("stat -c %a /etc/aadsshlogin.secret").stdout.strip() == "640", "its mode")
        with tell.step("an administrator and a user sign in"):
            admin = Person(place.machine, place.azure, f"Alice.Admin@{DOMAIN}", "admin")
            user = Person(place.machine, place.azure, f"bob@{DOMAIN}", "user")
            check_sudo(as_person(admin))
            expect(user.run("true").returncode == 0, user.run("true"))
            check_no_sudo(as_person(user))
            place.check_local_users()
        with tell.step("a second goal state asks the repository nothing and changes nothing"):
            middle, asked = snapshot(), place.azure.counts()["packages.metadata"]
            report = ask(**OURS, noProxy="login.microsoftonline.com,management.azure.com")
            expect((report.handler, report.status) == ("Ready", "success"), report)
            changes = difference(middle, snapshot())
            expect(not changes, "\n".join(changes))
            expect(place.azure.counts()["packages.metadata"] == asked, place.azure.counts())
        with tell.step("uninstalled, every file of /etc, /usr, /lib and /var/lib is as before"):
            place.ask(Goal(NAME, FIRST, public=SETTINGS, seq=place.seq, state="uninstall"))
            changes = difference(before, place.snapshot())
            expect(not changes, "\n".join(changes))


def play(lab: Lab, row: Row) -> None:
    try:
        row.play(lab)
    finally:
        lab.clean()
        lab.repository("ours", lab.ours)
        lab.microsoft(lab.standin())


def main() -> int:
    parser = rows.options(__doc__, "where the extension's zip is")
    parser.add_argument("--dir", type=Path, default=layer.CHECKOUT / "build" / "distros", help="where roots are kept")
    parser.add_argument("--on", default="", help="machines whose name begins so")
    arguments = parser.parse_args()
    chosen = rows.choose(parser, arguments, ROWS, lambda row: row.sample)
    tell = Teller(chapters=False)
    shelf = Shelf(arguments.build)
    try:
        if not arguments.only and "agent".startswith(arguments.on):
            chapter_agent(tell, arguments.build, shelf)
        for where in WHERE:
            if not where.name.startswith(arguments.on) or (arguments.sample and where.name not in SAMPLE):
                continue
            if not shelf.ours[where.kind]:
                with tell.step(f"{where.name}: every row"):
                    raise NotHere(f"there are no packages for {where.kind}")
                continue
            root = None
            if where.suite:
                with tell.step(f"{where.name}: the root of {where.suite}"):
                    root = distros.ensure_root(where.suite, arguments.dir.resolve())
                if not root:
                    continue
            with Lab(arguments.build, shelf, where, root) as lab:
                for row in chosen:
                    with tell.step(f"{where.name}: {row.title}"):
                        play(lab, row)
    finally:
        shelf.close()
    return tell.summary("the rows of sources")


if __name__ == "__main__":
    sys.exit(main())
