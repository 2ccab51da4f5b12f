# SPDX-License-Identifier: MIT
"""The one zip on every distribution: a machine a row, with the extension's whole life and logins in the middle.

A row is data: which os-release, which root of Debian below, which family's userland on top (userland.py says what of it
is real), and who runs the commands: the real guest agent, or this script with the agent's environment and folders.  The
sample lies over this machine and needs nothing but its apt; all rows lie over roots made by debootstrap.

usage: distros.py [--build DIR] [--dir DIR] [--sample] [--list] [--only TEXT] [--table]    as root
"""

import fcntl
import os
import re
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Dict, List, NamedTuple, Optional, Sequence

sys.path[:0] = [str(Path(__file__).resolve().parents[1]), str(Path(__file__).resolve().parents[1] / "fakes")]

from azure import model  # noqa: E402
from lab import install, layer, roots, rows  # noqa: E402
from lab.install import FIRST, NAME, NEXT, zip_of  # noqa: E402
from lab.login import Person, as_person, check_no_sudo, check_refused, check_sudo, uid_of  # noqa: E402
from lab.machine import Machine  # noqa: E402
from lab.place import DOMAIN, MEMORY, NOT_OURS, SETTINGS, WATCHED, Place  # noqa: E402
from lab.snapshot import Snapshot, difference  # noqa: E402
from lab.teller import NotHere, Skip, Teller, expect  # noqa: E402
from lab.userland import (AZURE_LINUX, DEBIAN, DEBIAN_OLD, MANAGERS, RED_HAT_7, RED_HAT_8, RED_HAT_9, RED_HAT_10,  # noqa: E402
                          SUSE_12, SUSE_15, SUSE_15_6, SUDO_RS, Userland, os_release, put_on)

AT_ONCE = 2
SUDO = {name: command for name, command in {"sudo": "sudo -n id -u", "sudo -i": "sudo -n -i id -u"}.items()}
CLEAN = "\nrm /usr/sbin/policy-rc.d\napt-get clean\n"
SETUP = layer.commands([*MANAGERS, "authselect"]) + CLEAN
# Without the guest agent: its Python takes minutes to install under qemu.
SETUP_FOREIGN = layer.SETUP.replace(layer.PACKAGES, "ca-certificates iproute2 openssh-client openssh-server openssl sudo") + CLEAN


class Row(NamedTuple):
    """One distribution."""

    release: str  # a file of test/data/osrelease
    suite: str  # the release of Debian whose root lies below
    userland: Userland
    version: str = ""  # if it is another release's than the file's, see os_release()
    agent: bool = False  # the real guest agent runs the commands
    exit_code: int = 0  # of install
    words: Sequence[str] = ()  # in the message of the status
    spoilt: str = ""  # what the machine lacks
    script: str = ""  # that makes it so

    @property
    def title(self) -> str:
        foreign = f" on {self.arch}" if self.arch else ""
        name, version = re.fullmatch(r"(.*?)(?:-([0-9.]+|sid|rolling))?", self.release).groups()
        return f"{name} {self.version or version or ''}".rstrip() + foreign + (f": {self.spoilt}" if self.spoilt else "")

    @property
    def arch(self) -> str:
        """That of the root's programs, if it is another than usual: qemu runs them."""
        return self.suite.partition("-")[2]


# ---- the extension's life


class ByAgent:
    """The guest agent downloads the zip and runs the commands."""

    def __init__(self, place: Place) -> None:
        self.place = place
        place.agent.start()
        place.azure.goal_state([])
        place.azure.settle()

    def install(self, version: str) -> dict:
        report = self.place.install(version)
        expect(report and (report.handler, report.version, report.status) == ("Ready", version, "success"), report)
        return self.place.handler_status()

    update = install

    def enable_again(self, version: str) -> None:
        ran = self.place.agent.times_run(NAME, "enable")
        report = self.place.ask(model.Extension(NAME, version, public=SETTINGS, seq=self.place.seq))
        expect(self.place.agent.times_run(NAME, "enable") > ran, "the agent did not run enable")
        expect((report.handler, report.status) == ("Ready", "success"), report)

    def uninstall(self, version: str) -> None:
        self.place.ask(model.Extension(NAME, version, public=SETTINGS, seq=self.place.seq, state="uninstall"))
        expect(self.place.azure.extension(NAME) is None, self.place.azure.extension(NAME))


class ByHand:
    """The same commands in the same order, with the environment and the folders that the agent gives."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.extension: Optional[install.Extension] = None

    def unpack(self, version: str) -> install.Extension:
        extension = install.Extension(self.place.machine, zip_of(self.place.build, version), version)
        extension.write_settings(install.settings(SETTINGS))
        return extension

    def run(self, extension: install.Extension, verb: str, **environment: str) -> None:
        result = extension.run(verb, **environment)
        expect(result.returncode == 0, f"{verb}: {result.returncode}: {result.stdout}{result.stderr}")

    def install(self, version: str) -> dict:
        self.extension = self.unpack(version)
        self.run(self.extension, "install")
        return self.enable()

    def enable(self) -> dict:
        self.run(self.extension, "enable")
        status = self.extension.status()
        expect(status and status["status"] == "success", status)
        return status

    def enable_again(self, _: str) -> None:
        self.enable()

    def update(self, version: str) -> dict:
        """Old disable, new update, old uninstall, new install and enable: the order that looks wrong, and is the agent's."""
        old, self.extension = self.extension, self.unpack(version)
        self.run(old, "disable")
        self.place.machine.sh('cp -a "$1"/status/. "$2"/status/', old.folder, self.extension.folder)
        self.run(self.extension, "update", VERSION=version, AZURE_GUEST_AGENT_UPDATING_FROM_VERSION=old.version,
                 AZURE_GUEST_AGENT_DISABLE_CMD_EXIT_CODE="0")
        self.run(old, "uninstall")
        self.place.machine.run(["rm", "-r", old.folder])
        self.run(self.extension, "install", AZURE_GUEST_AGENT_UNINSTALL_CMD_EXIT_CODE="0")
        return self.enable()

    def uninstall(self, _: str) -> None:
        self.run(self.extension, "disable")
        self.run(self.extension, "uninstall")
        self.place.machine.run(["rm", "-r", self.extension.folder])


# ---- a row


def platform_message(status: dict) -> str:
    return [part for part in status["substatus"] if part["name"] == "platform"][0]["formattedMessage"]["message"]


def listed(place: Place, userland: Userland) -> str:
    """What the program that people use there says of the package."""
    commands: Dict[str, List[str]] = {
        "apt": ["apt-cache", "policy", "aadsshlogin"],
        "zypper": ["zypper", "--no-refresh", "search", "--installed-only", "--details", "aadsshlogin"],
    }
    return place.machine.run(commands.get(userland.manager, [userland.manager, "-C", "list", "--installed", "aadsshlogin"]),
                             check=False).stdout


def load_again(row: Row, place: Place) -> None:
    """What runs under qemu is qemu in /proc, so there the handler finds no sshd to reload: the script does it."""
    if row.arch:
        place.machine.stop_sshd()
        place.machine.start_sshd()


def sign_in(place: Place, people: Sequence[Person]) -> None:
    admin, user, nobody = people
    result = admin.run("id -un; id -u; id -Gn")
    expect(result.stdout.split()[:2] == [admin.name, str(uid_of(admin.name))], result)
    expect({"aad_users", "aad_admins"} <= set(result.stdout.split()), result)
    check_sudo(as_person(admin), SUDO)
    result = user.run("id -un; id -Gn")
    expect(result.stdout.split()[:1] == [user.name] and "aad_admins" not in result.stdout, result)
    check_no_sudo(as_person(user), commands=SUDO)
    check_refused(nobody.run("id"), "Microsoft.Compute/virtualMachines/login/action", nobody.oid)
    place.check_local_users()


def lead_life(row: Row, place: Place) -> None:
    people = [Person(place.machine, place.azure, f"{name}@{DOMAIN}", role)
              for name, role in (("Alice.Admin", "admin"), ("bob", "user"), ("carol", None))]
    life = (ByAgent if row.agent else ByHand)(place)
    before = place.snapshot()
    message = platform_message(life.install(FIRST))
    for word in row.words:
        expect(word in message, f"{word!r} is not in {message!r}")
    expect(FIRST in listed(place, row.userland), listed(place, row.userland))
    load_again(row, place)
    sign_in(place, people)

    files, log = place.snapshot(), len(place.machine.syslog())
    life.enable_again(FIRST)
    expect(not difference(files, place.snapshot()), difference(files, place.snapshot()))
    expect(not [line for line in place.machine.syslog()[log:] if "SIGHUP" in line], "sshd was reloaded")

    life.update(NEXT)
    expect(NEXT in listed(place, row.userland), listed(place, row.userland))
    sign_in(place, people)
    life.uninstall(NEXT)
    changes = difference(before, place.snapshot())
    expect(not changes, "\n".join(changes))
    load_again(row, place)
    check_refused(people[0].run("id"))
    place.check_local_users()


def be_refused(row: Row, place: Place) -> None:
    def refused_snapshot() -> Snapshot:
        return place.machine.snapshot(WATCHED, NOT_OURS + MEMORY)

    if row.script:
        place.machine.sh(row.script)
    before = refused_snapshot()
    extension = ByHand(place).unpack(FIRST)
    result = extension.run("install")
    status = extension.status()
    expect(result.returncode == row.exit_code, result)
    expect(status and (status["status"], status["code"]) == ("error", row.exit_code), status)
    for word in row.words:
        expect(word in status["formattedMessage"]["message"], f"{word!r} is not in {status}")
    place.machine.run(["rm", "-r", extension.folder])
    changes = difference(before, refused_snapshot())
    expect(not changes, "\n".join(changes))
    if not row.spoilt:
        place.check_local_users()


def play(row: Row, build: Path, root: Optional[Path]) -> None:
    def prepare(machine: Machine) -> None:
        put_on(machine, row.userland, os_release(row.release, row.version))

    label = "distro-" + re.sub(r"[^a-z0-9]+", "-", row.title)
    with Place(build, label, Machine(hostname=label, optional=MANAGERS, root=root, arch=row.arch), prepare) as place:
        (be_refused if row.exit_code else lead_life)(row, place)


# ---- the rows


class Suite(NamedTuple):
    """A release of Debian: as which distribution it is itself, and what its root has, by the beginning of the version."""

    release: str
    versions: Dict[str, str]


SUITES = {
    "bullseye": Suite("debian-11", {"dpkg": "1.20", "rpm": "4.16", "dnf": "4.5", "zypper": "1.14.42", "openssh-server": "8.4"}),
    "bookworm": Suite("debian-12", {"dpkg": "1.21", "rpm": "4.18", "dnf": "4.14", "zypper": "1.14.42", "openssh-server": "9.2"}),
    "trixie": Suite("debian-13", {"dpkg": "1.22", "rpm": "4.20", "dnf": "4.23", "zypper": "1.14.89", "openssh-server": "10.0"}),
    "sid": Suite("debian-sid", {}),
    "bookworm-aarch64": Suite("debian-12", {"dpkg": "1.21", "openssh-server": "9.2"}),
}

READ_ONLY = ["read-only"]


def each(release: str, suite: str, userland: Userland, *versions: str) -> List[Row]:
    """Releases whose os-release differs in the number alone."""
    return [Row(release, suite, userland, version) for version in versions]


def refused(*releases: str, words: Sequence[str] = READ_ONLY) -> List[Row]:
    """What is said from os-release alone, whatever the machine can do."""
    return [Row(release, "bookworm", DEBIAN, exit_code=51, words=words) for release in releases]


def spoilt(release: str, what: str, script: str, exit_code: int, *words: str) -> Row:
    return Row(release, "bookworm", DEBIAN, spoilt=what, script=script, exit_code=exit_code, words=words)


NO_MANAGER = "for name in apt apt-get dpkg dpkg-query rpm dnf yum zypper tdnf; do rm -f /usr/bin/$name; done"
CLUSTER_NODE = """mkdir -p /etc/kubernetes
echo '{}' >/etc/kubernetes/azure.json
echo KUBELET_NODE_LABELS=kubernetes.azure.com/role=agent >/etc/default/kubelet"""

ROWS = [
    Row("debian-9", "bullseye", DEBIAN_OLD),
    Row("debian-10", "bullseye", DEBIAN_OLD),
    Row("debian-11", "bullseye", DEBIAN, agent=True),
    Row("debian-12", "bookworm", DEBIAN, agent=True),
    Row("debian-12", "bookworm-aarch64", DEBIAN),
    Row("debian-13", "trixie", DEBIAN, agent=True),
    Row("debian-sid", "sid", DEBIAN, words=["names no version"]),
    Row("ubuntu-16.04", "bullseye", DEBIAN_OLD),
    Row("ubuntu-18.04", "bullseye", DEBIAN_OLD),
    Row("ubuntu-20.04", "bullseye", DEBIAN),
    Row("ubuntu-22.04", "bookworm", DEBIAN),
    Row("ubuntu-24.04", "trixie", DEBIAN, agent=True),
    Row("ubuntu-25.10", "sid", SUDO_RS),
    Row("ubuntu-26.04", "sid", SUDO_RS),
    *each("rhel-7.9", "bullseye", RED_HAT_7, "7.4", "7.5", "7.6", "7.7", "7.8"),
    Row("rhel-7.9", "bullseye", RED_HAT_7, agent=True),
    *each("rhel-8.3", "bullseye", RED_HAT_8, "8.3", "8.4", "8.5", "8.6", "8.7", "8.8", "8.9", "8.10"),
    *each("rhel-9.6", "bookworm", RED_HAT_9, "9.0", "9.2", "9.4"),
    Row("rhel-9.6", "bookworm", RED_HAT_9, agent=True),
    *each("rhel-10.0", "trixie", RED_HAT_10, "10.0", "10.1"),
    Row("centos-7", "bullseye", RED_HAT_7),
    Row("centos-8", "bullseye", RED_HAT_8),
    Row("centos-9", "bookworm", RED_HAT_9),
    Row("centos-10", "trixie", RED_HAT_10),
    *each("almalinux-8.3", "bullseye", RED_HAT_8, "8.3", "8.10"),
    Row("almalinux-9.6", "bookworm", RED_HAT_9),
    Row("almalinux-10.0", "trixie", RED_HAT_10),
    *each("rocky-8.10", "bullseye", RED_HAT_8, "8.3", "8.10"),
    Row("rocky-9.3", "bookworm", RED_HAT_9),
    Row("rocky-10.0", "trixie", RED_HAT_10),
    *each("ol-7.9", "bullseye", RED_HAT_7, "7.4", "7.9"),
    *each("ol-8.10", "bullseye", RED_HAT_8, "8.3", "8.10"),
    Row("ol-9.6", "bookworm", RED_HAT_9),
    Row("ol-10.0", "trixie", RED_HAT_10),
    *each("sles-12.5", "bullseye", SUSE_12, "12.2", "12.3", "12.4", "12.5"),
    *each("sles-15.7", "bookworm", SUSE_15, "15.1", "15.2", "15.3", "15.4", "15.5"),
    Row("sles-15.7", "bookworm", SUSE_15_6, "15.6"),
    Row("sles-15.7", "bookworm", SUSE_15_6, agent=True),
    Row("opensuse-42.3", "bullseye", SUSE_12),
    *each("opensuse-leap-15.6", "bookworm", SUSE_15, "15.1", "15.2", "15.3", "15.4", "15.5"),
    Row("opensuse-leap-15.6", "bookworm", SUSE_15_6),
    Row("mariner-1.0", "bullseye", AZURE_LINUX),
    Row("mariner-2.0", "bookworm", AZURE_LINUX),
    Row("azurelinux-3.0", "trixie", AZURE_LINUX, agent=True),
    # By what they can do.
    Row("linuxmint-22", "trixie", DEBIAN, words=["like ubuntu"]),
    Row("kali-2025.2", "sid", DEBIAN, words=["like debian"]),
    Row("rhel-8.1", "bullseye", RED_HAT_8, words=["rhel 8.1 is not in the table"]),
    Row("fedora-42", "trixie", RED_HAT_10, words=["fedora 42 is not in the table"]),
    Row("fedora-42", "sid", RED_HAT_10, "43", words=["fedora 43 is not in the table"]),
    Row("amzn-2", "bullseye", RED_HAT_7, words=["like centos"]),
    Row("amzn-2023", "bookworm", RED_HAT_9, words=["like fedora"]),
    Row("openeuler-20.03", "bullseye", RED_HAT_8, words=["not in the table, nor like anything in it"]),
    Row("sles-15", "bookworm", SUSE_15, words=["sles 15 is not in the table"]),
    Row("sles-16.0", "trixie", SUSE_15_6, words=["sles 16.0 is not in the table"]),
    Row("opensuse-leap-16.0", "trixie", SUSE_15_6, words=["opensuse-leap 16.0 is not in the table"]),
    Row("opensuse-tumbleweed", "sid", SUSE_15_6, words=["like opensuse"]),
    Row("sle-hpc-15.5", "bookworm", SUSE_15, words=["like suse"]),
    Row("photon-4.0", "bullseye", AZURE_LINUX, words=["photon 4.0 is not in the table"]),
    # What is refused.
    *refused("debian-8", "ubuntu-14.04", "rhel-7.2", words=["too old"]),
    *refused("flatcar-2705.0.0", "coreos-766.3.0", "rhcos-4.13", "sle-micro-5.5", "sl-micro-6.1", "suse-microos-5.1",
             "opensuse-microos", "ubuntu-core-20"),
    *refused("alpine-3.22", words=["musl"]),
    spoilt("arch-rolling", "no package manager", NO_MANAGER, 51, "package manager"),
    spoilt("openwrt-22.03", "no package manager", NO_MANAGER, 51, "package manager"),
    spoilt("debian-12", "a node of the Azure Kubernetes Service", CLUSTER_NODE, 51, "Azure Kubernetes Service"),
    spoilt("debian-12", "no sshd", "rm /usr/sbin/sshd", 52, "sshd", "openssh-server"),
    spoilt("debian-12", "no PAM", "rm -r /etc/pam.d", 52, "/etc/pam.d"),
    spoilt("debian-12", "no getent", "rm /usr/bin/getent", 52, "getent"),
]

# A family and a package manager each, on roots that need no debootstrap.
SAMPLE = ["debian 12", "ubuntu 18.04", "rhel 7.9", "rhel 9.4", "sles 15.5", "azurelinux 3.0", "alpine 3.22"]


def check_coverage() -> None:
    """Each distribution of the table has rows, for both ends of each range of versions."""
    text = (layer.CHECKOUT / "manifest" / "distros.yaml").read_text(encoding="utf-8")
    titles = [row.title for row in ROWS]
    for part in re.split(r"^  - id: ", text, flags=re.MULTILINE)[1:]:
        name = part.split()[0]
        found = re.search(r"^    versions: \[(.*)\]", part, re.MULTILINE)
        ends = [end for span in (found[1].split(",") if found else []) for end in span.strip().split("-")]
        for end in ends:
            expect([title for title in titles if re.fullmatch(rf"{name} {re.escape(end)}(\..*)?", title)], f"no row is {name} {end}")
        known = [title for title in titles if title.partition(":")[0].split()[0] == name]
        like = [row for row in ROWS if f"like {name}" in " ".join(row.words)]
        expect(known or like, f"no row is {name}")


# ---- what the README says


PROVED = {
    "userland": "real userland",
    "manager": "real package manager in a Debian root",
    "os-release": "os-release only",
    "spoilt": "real userland that lacks it",
}


def proved(row: Row) -> str:
    if row.spoilt:
        return PROVED["spoilt"]
    if row.exit_code:
        return PROVED["os-release"]
    return PROVED["userland" if row.userland is DEBIAN and row.release == SUITES[row.suite].release else "manager"]


def manager(row: Row) -> str:
    """Which programs are real, and which stand for others."""
    have = SUITES[row.suite].versions

    def numbered(name: str) -> str:
        return f"{name} {have[name]}" if name in have else name

    shims = {"yum": f"{numbered('dnf')} as yum", "tdnf": f"{numbered('dnf')} behind a shim for tdnf"}
    if row.userland.manager == "apt":
        return numbered("dpkg")
    return f"{numbered('rpm')}, {shims.get(row.userland.manager, numbered(row.userland.manager))}"


def below(row: Row) -> str:
    if row.exit_code:
        return f"bookworm: refused, {row.exit_code}"
    return f"{row.suite}, as {row.userland.name}"


def named(rows: Sequence[Row]) -> str:
    """"rhel 7.4, **7.9**": by the agent in bold, by what it can do in italics."""
    if rows[0].spoilt:
        return rows[0].spoilt
    name = rows[0].title.split()[0]
    marks = {(True, False): "**", (False, True): "_"}
    versions = []
    for row in rows:
        mark = marks.get((row.agent, bool(row.words) and not row.exit_code), "")
        versions.append(f"{mark}{row.title[len(name):].strip() or 'rolling'}{mark}")
    return f"{name} {', '.join(versions)}"


def table() -> str:
    """The README's: a line for rows that are proved alike."""
    lines: Dict[Sequence[str], Dict[str, List[Row]]] = {}
    for row in ROWS:
        key = proved(row), below(row), "" if row.exit_code else manager(row)
        lines.setdefault(key, {}).setdefault(row.spoilt or row.title.split()[0], []).append(row)
    text = ["| proved with | root | programs | distributions |", "| --- | --- | --- | --- |"]
    for words, rows in lines.items():
        cells = [*words, "; ".join(named(group) for group in rows.values())]
        text.append(f"| {' | '.join(cells)} |")
    return "\n".join(text) + "\n"


def check_documents() -> None:
    readme = (layer.CHECKOUT / "README.md").read_text(encoding="utf-8")
    expect(table() in readme, "the table is another one: distros.py --table prints it")


def can_emulate() -> bool:
    return tuple(int(part) for part in re.findall(r"[0-9]+", os.uname().release)[:2]) >= (6, 7)


def ensure_root(suite: str, folder: Path) -> Path:
    """Made unless it is there; others who want it wait meanwhile."""
    arch = suite.partition("-")[2]
    root = roots.Root(suite, folder, SETUP_FOREIGN if arch else SETUP, arch)
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        root.ensure()
    have = SUITES[suite].versions
    found = root.versions_of(*have)
    for name, version in have.items():
        expect(re.search(rf"\b{name} ([0-9]+:)?{re.escape(version)}", found), f"{name} is not {version}: {found}")
    return root.root


def main() -> int:
    parser = rows.options(__doc__, "where the extension's zips are", "a few rows, over this machine in place of roots")
    parser.add_argument("--dir", type=Path, default=layer.CHECKOUT / "build" / "distros", help="where roots and logs are kept")
    parser.add_argument("--table", action="store_true", help="only print the README's table")
    arguments = parser.parse_args()
    if arguments.table:
        print(table(), end="")
        return 0
    chosen = rows.choose(parser, arguments, ROWS, lambda row: row.title in SAMPLE)
    tell = Teller(chapters=False)
    with tell.step("the table of distributions, these rows and the README agree"):
        check_coverage()
        check_documents()
    bases: Dict[str, Optional[Path]] = {row.suite: None for row in chosen}
    if not arguments.sample:
        for suite in bases:
            if "-" in suite and not can_emulate():
                continue
            with tell.step(f"the root of {suite}"):
                bases[suite] = ensure_root(suite, arguments.dir.resolve())

    def step(row: Row) -> None:
        with tell.step(row.title):
            if row.arch and not can_emulate():
                raise NotHere("the kernel cannot give one sandbox alone programs of another architecture, before Linux 6.7")
            if not arguments.sample and not bases[row.suite]:
                raise Skip(f"there is no root of {row.suite}")
            play(row, arguments.build, bases[row.suite])

    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(step, chosen))
    return tell.summary("the matrix of distributions")


if __name__ == "__main__":
    sys.exit(main())
