# SPDX-License-Identifier: MIT
"""README's table of settings at work: an owner who chooses another value for each, and people who sign in.

The guest agent installs the extension with settings that are none of the defaults, on an sshd with a second port; what each
setting promises is seen in a login.  Then the owner goes back to the defaults, and takes the extension off.
Others have labs of their own: where packages come from (sources.py), role backends (backends.py), keys in homes and grace
(matrix.py), metrics.py, localaccounts.py.

usage: settings.py [--build DIR]
"""

import argparse
import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[1]), str(Path(__file__).resolve().parents[1] / "fakes")]

from azure.model import Extension  # noqa: E402
from lab.install import FIRST, LOGS, NAME  # noqa: E402
from lab.login import Person, as_person, check_no_sudo, check_refused, check_sudo, uid_of  # noqa: E402
from lab.machine import Machine  # noqa: E402
from lab.place import DOMAIN, Place  # noqa: E402
from lab.snapshot import difference  # noqa: E402
from lab.teller import Teller, expect  # noqa: E402

PORT = 2222
OTHER_DOMAIN, FOREIGN_DOMAIN = "fabrikam.com", "northwind.com"
FIRST_UID, LAST_UID = 20000000, 20999999
CHOSEN = {"userDomains": [DOMAIN, f"*.{OTHER_DOMAIN}"], "uidRange": f"{FIRST_UID}-{LAST_UID}", "homeTemplate": "/srv/people/%u",
          "shell": "/bin/sh", "adminGroup": "aad_wheel", "identityWait": 0, "logLevel": "debug"}
ACCOUNT = "id -un; id -u; pwd; getent passwd \"$(id -un)\" | cut -d: -f7; id -Gn"


def listen_twice(machine: Machine) -> None:
    machine.write("/etc/ssh/sshd_config.d/10-ports.conf", f"Port 22\nPort {PORT}\n")
    machine.run(["install", "-d", "-m", "755", "/srv/people"])


def check_chosen_account(person: Person, group: str, other: str) -> None:
    name, uid, home, shell, groups = person.run(ACCOUNT).stdout.splitlines()
    expect((name, home, shell) == (person.name, f"/srv/people/{person.name}", "/bin/sh"), (name, home, shell))
    expect(FIRST_UID <= int(uid) <= LAST_UID, uid)
    expect(group in groups.split() and other not in groups.split(), groups)


def play_chosen(tell: Teller, place: Place, admin: Person, user: Person, allowed: str) -> None:
    """allowed: a further tenant whose accounts may sign in"""
    machine, azure = place.machine, place.azure
    with tell.step("the account has its uid, home and shell where the owner wants them"):
        check_chosen_account(admin, "aad_wheel", "aad_admins")
        check_chosen_account(user, "aad_users", "aad_wheel")
    with tell.step("sudo is the chosen group's, and nobody else's"):
        check_sudo(as_person(admin))
        check_no_sudo(as_person(user))
        rules = machine.sh("cat /etc/sudoers.d/*").stdout
        expect("%aad_wheel" in rules and "aad_admins" not in rules, rules)
    with tell.step("a second port of sshd's takes people as the first does"):
        argv = user.argv("id -un")
        argv[1:1] = ["-p", str(PORT)]
        result = machine.run(argv, check=False)
        expect(result.stdout.strip() == user.name, result)
    with tell.step("names below a domain of the list are Entra's; the domain itself and others are not"):
        member = Person(machine, azure, f"dana@mail.{OTHER_DOMAIN}", "user")
        result = member.run("id -un")
        expect(result.stdout.strip() == member.name, result)
        for upn in (f"dana@{OTHER_DOMAIN}", f"dana@{FOREIGN_DOMAIN}"):
            check_refused(Person(machine, azure, upn, "admin").run("id"))
            expect(machine.run(["getent", "passwd", upn], check=False).returncode == 2, upn)
    with tell.step("a tenant of the list signs in, one that is not listed does not"):
        for tenant, listed in ((allowed, True), (azure.add_tenant(), False)):
            guest = Person(machine, azure, f"guest{int(listed)}@{DOMAIN}", "user")
            result = guest.run("id -un", certificate=guest.other_certificate("guest", tid=tenant))
            expect((result.stdout.strip() == guest.name) == listed, result)
    with tell.step("the handler's log has what debug adds"):
        expect(" debug " in machine.read(f"{LOGS}/handler.log"), "no line of debug")


def play(tell: Teller, place: Place) -> None:
    machine, azure = place.machine, place.azure
    place.agent.start()
    azure.goal_state([])
    azure.settle()
    before = place.snapshot()
    allowed = azure.add_tenant()
    admin, user = Person(machine, azure, f"Alice.Admin@{DOMAIN}", "admin"), Person(machine, azure, f"bob@{DOMAIN}", "user")
    with tell.step("the agent installs the extension with settings of the owner's: Ready, success", essential=True):
        report = place.install(**CHOSEN, allowedTenants=[allowed])
        expect((report.handler, report.status) == ("Ready", "success"), report)
    play_chosen(tell, place, admin, user, allowed)
    with tell.step("back to the defaults: sudo is the default group's, and new accounts are where they are by default", essential=True):
        report = place.install()
        expect((report.handler, report.status) == ("Ready", "success"), report)
        check_sudo(as_person(admin))
        late = Person(machine, azure, f"late@{DOMAIN}", "user")
        result = late.run("id -u; pwd")
        expect(result.stdout.split() == [str(uid_of(late.name)), f"/home/{late.name}"], result)
        check_refused(Person(machine, azure, f"eve@mail.{OTHER_DOMAIN}", "user").run("id"))
    with tell.step("who had an account before keeps the home, and its files are still theirs"):
        name, uid, home, *_ = user.run(ACCOUNT).stdout.splitlines()
        owner = machine.run(["stat", "-c", "%u", home]).stdout.strip()
        expect((name, owner) == (user.name, uid), (name, uid, home, owner))
    with tell.step("uninstalled, every file of /etc, /usr, /lib and /var/lib is as before, and local users get in"):
        place.ask(Extension(NAME, FIRST, seq=place.seq, state="uninstall"))
        changes = difference(before, place.snapshot())
        expect(not changes, "\n".join(changes))
        place.check_local_users()


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--build", type=Path, default=Path("build"), help="where the extension's zip is")
    arguments = parser.parse_args()
    tell = Teller(chapters=False)
    with Place(arguments.build, "settings", prepare=listen_twice) as place:
        tell.play({"all": lambda tell: play(tell, place)})
    return tell.summary("the settings of an owner")


if __name__ == "__main__":
    sys.exit(main())
