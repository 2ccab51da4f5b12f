# SPDX-License-Identifier: MIT
"""Who a user is with the real nscd in between: nscd as root, as a user of its own, and none.

nscd keeps answers for minutes, so that whatever it keeps when an account comes or goes must be told to it; and it asks
for others under a uid of its own, so that root's sshd learns of a user whom nobody has seen.  Each row is played with
people of its own in each of the three.

usage: nscd.py [--build DIR]
"""

import argparse
import sys
from pathlib import Path
from typing import Callable, List, NamedTuple

sys.path[:0] = [str(Path(__file__).resolve().parents[1]), str(Path(__file__).resolve().parents[1] / "fakes")]

from azure.client import Azure  # noqa: E402
from lab.install import FIRST, Extension, zip_of  # noqa: E402
from lab.login import Person, uid_of  # noqa: E402
from lab.machine import Machine  # noqa: E402
from lab.place import in_cloud  # noqa: E402
from lab.teller import Teller, expect  # noqa: E402

OID = "1c0163c0-47e6-4577-8991-ea5c82e2{:04x}"
LOGIN, ADMIN = "user", "admin"
SERVER_USER = "nscd"


class Mode(NamedTuple):
    """Which nscd runs.  user: as whom, "" for none."""

    title: str
    user: str


MODES = [Mode("without nscd", ""), Mode("nscd as root", "root"), Mode("nscd as its own user", SERVER_USER)]


class Lab:
    def __init__(self, machine: Machine, azure: Azure) -> None:
        self.machine, self.azure, self.mode = machine, azure, MODES[0]

    def ask(self, database: str, key: object, user: str = "root") -> str:
        """The line of getent, "" for nobody."""
        result = self.machine.run(["getent", database, str(key)], user=None if user == "root" else user, check=False)
        expect(result.returncode in (0, 2), result)
        return result.stdout.strip()

    def name(self, of: str) -> str:
        return f"{of}.{MODES.index(self.mode)}@contoso.com"

    def person(self, of: str, role: str = LOGIN) -> Person:
        return Person(self.machine, self.azure, self.name(of), role)


def entry(name: str, uid: int) -> str:
    return f"{name}:!:{uid}:{uid}::/home/{name}:/bin/bash"


def provisional_for_root(lab: Lab) -> None:
    name = lab.name("seen")
    expect(lab.ask("passwd", name) == entry(name, uid_of(name)), lab.ask("passwd", name))
    expect(lab.ask("group", name) == f"{name}:*:{uid_of(name)}:", lab.ask("group", name))


def provisional_for_others(lab: Lab) -> None:
    """Others are told by nscd alone, which does not know who asks: the answer is no secret."""
    name = lab.name("unseen")
    told = entry(name, uid_of(name)) if lab.mode.user else ""
    expect(lab.ask("passwd", name, user="local") == told, lab.ask("passwd", name, user="local"))


def nothing_by_uid(lab: Lab) -> None:
    """Our module knows of nobody by uid before the first login; nscd remembers by uid what it was told by name."""
    name = lab.name("seen")
    told = lab.ask("passwd", uid_of(name))
    expect(told == "" or (lab.mode.user and told == entry(name, uid_of(name))), told)
    expect(lab.ask("passwd", uid_of(lab.name("never"))) == "", "a uid is answered")


def not_ours(lab: Lab) -> None:
    expect(lab.ask("passwd", "ghost") == "", "a name without our shape is answered")
    expect(lab.ask("passwd", "local") != "", "the local user is gone")


def first_login(lab: Lab) -> None:
    """The entry before it is the one after it, by nscd's memory or not."""
    person = lab.person("first")
    before = lab.ask("passwd", person.name)
    result = person.run("id -un; id -u; id -Gn; getent passwd $(id -un)")
    uid = uid_of(person.name)
    words = [person.name, str(uid), f"{person.name} aad_users", entry(person.name, uid)]
    expect(result.stdout.split("\n")[:4] == words, result)
    expect(before == words[3], before)
    expect(lab.ask("passwd", uid, user="local") == words[3], "another user is not told")


def first_login_after_a_miss(lab: Lab) -> None:
    """A miss that others got, which nscd would keep."""
    person = lab.person("missed")
    lab.ask("passwd", person.name, user="local")
    result = person.run("id -un; ls -ld . | cut -d ' ' -f 3")
    expect(result.stdout.split() == [person.name, person.name], result)


def promotion(lab: Lab) -> None:
    person = lab.person("risen")
    expect("aad_admins" not in person.run("id -Gn").stdout, "an administrator too early")
    lab.azure.assign(person.oid, ADMIN)
    lab.machine.sh("rm -f /run/aadsshlogin/decisions/*")
    expect("aad_admins" in person.run("id -Gn").stdout, "no administrator")
    expect(person.name in lab.ask("group", "aad_admins"), lab.ask("group", "aad_admins"))


def demotion(lab: Lab) -> None:
    person = lab.person("fallen", ADMIN)
    lab.azure.assign(person.oid, LOGIN)
    expect("aad_admins" in person.run("id -Gn").stdout, "no administrator")
    lab.azure.unassign(person.oid, ADMIN)
    lab.machine.sh("rm -f /run/aadsshlogin/decisions/*")
    expect("aad_admins" not in person.run("id -Gn").stdout, "still an administrator")
    expect(person.name not in lab.ask("group", "aad_admins"), lab.ask("group", "aad_admins"))


def no_stale_answer(lab: Lab) -> None:
    """An account whose uid is not the one that nscd was told before, and is again after."""
    name = lab.name("moved")
    uid = uid_of(name)
    expect(lab.ask("passwd", name) == entry(name, uid), lab.ask("passwd", name))
    for _ in range(40):  # enough for a copy of the index, if nscd kept one
        lab.ask("passwd", name)
        lab.ask("passwd", f"x{_}{name}")
    lab.machine.sh("groupadd -g $1 squatter", str(uid))
    lab.machine.run(["aaduseradd", name, OID.format(MODES.index(lab.mode))])
    for user in ("root", "local"):
        expect(lab.ask("passwd", name, user) == entry(name, uid + 1), lab.ask("passwd", name, user))
        expect(lab.ask("passwd", uid + 1, user) == entry(name, uid + 1), lab.ask("passwd", uid + 1, user))
    lab.machine.sh("groupdel squatter; aaduserdel --remove $1", name)
    expect(lab.ask("passwd", name) == entry(name, uid), lab.ask("passwd", name))
    for user in ("root", "local"):
        expect(lab.ask("passwd", uid + 1, user) == "", lab.ask("passwd", uid + 1, user))
    if not lab.mode.user:
        expect(lab.ask("passwd", name, "local") == "", lab.ask("passwd", name, "local"))


def the_index_is_there(lab: Lab) -> None:
    """All of it was answered with an index of the text in force."""
    text = lab.machine.sh("stat -c %s /etc/aadpasswd; stat -c '%s %a %U' /etc/aadpasswd.db").stdout.split()
    expect(int(text[1]) > int(text[0]) and text[2:] == ["644", "root"], text)
    whole = lab.machine.sh("tail -c $(stat -c %s /etc/aadpasswd) /etc/aadpasswd.db | cmp - /etc/aadpasswd", check=False)
    expect(whole.returncode == 0, whole)


ROWS: List["tuple[str, Callable[[Lab], None]]"] = [
    ("root is told of a user whom nobody has seen", provisional_for_root),
    ("others are told by nscd alone", provisional_for_others),
    ("nobody has the uid before the first login", nothing_by_uid),
    ("names of others are none of ours", not_ours),
    ("the first login finds the entry that it then has", first_login),
    ("the first login after a miss", first_login_after_a_miss),
    ("a new administrator is one at the next login", promotion),
    ("an administrator no longer is none at the next login", demotion),
    ("no stale answer after provisioning and deletion", no_stale_answer),
    ("the index is of the text in force", the_index_is_there),
]


def start_nscd(machine: Machine, user: str) -> None:
    line = "" if user == "root" else f"echo 'server-user {user}' >>/etc/nscd.conf;"
    machine.sh("cp -p /etc/nscd.conf /etc/nscd.conf.before; rm -f /var/cache/nscd/*; "
               f"{line} install -d -o {user} /run/nscd; exec /usr/sbin/nscd")
    machine.sh("for i in $(seq 50); do test -S /run/nscd/socket && exit 0; sleep 0.1; done; exit 1")
    owner = machine.sh("ps -o user= -C nscd").stdout.split()
    expect(owner == [user], f"nscd runs as {owner}")


def stop_nscd(machine: Machine) -> None:
    machine.sh("/usr/sbin/nscd -K; rm -rf /run/nscd; mv /etc/nscd.conf.before /etc/nscd.conf")


def play(lab: Lab, tell: Teller, mode: Mode) -> None:
    lab.mode = mode
    if mode.user:
        start_nscd(lab.machine, mode.user)
    for title, row in ROWS:
        with tell.step(f"{mode.title}: {title}"):
            row(lab)
    if mode.user:
        stop_nscd(lab.machine)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--build", type=Path, default=Path("build"), help="where the extension's zip is")
    arguments = parser.parse_args()
    tell = Teller()
    with in_cloud("nscd") as (machine, azure):
        machine.sh(f"useradd --system --no-create-home --shell /usr/sbin/nologin {SERVER_USER}")
        installed = Extension(machine, zip_of(arguments.build, FIRST)).run("install")
        expect(installed.returncode == 0, installed)
        lab = Lab(machine, azure)
        for mode in MODES:
            play(lab, tell, mode)
    return tell.summary("the rows of nscd")


if __name__ == "__main__":
    sys.exit(main())
