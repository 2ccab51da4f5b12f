# SPDX-License-Identifier: MIT
"""The main job, played for real: a fake Azure, the real guest agent, the real sshd, PAM, NSS and sudo.

Three machines live at the same time.  On the first, the extension's whole life: installed by the agent, people
sign in, it is enabled again, updated, repaired, uninstalled, installed again.  On the second, an administrator
is demoted and the owner breaks things by hand.  On the third, what must fail fails and says why.

usage: story.py [--build DIR] [--shell]
"""

import argparse
import base64
import json
import secrets
import sys
import time
from functools import partial
from pathlib import Path
from typing import Sequence, Tuple

sys.path[:0] = [str(Path(__file__).resolve().parents[1]), str(Path(__file__).resolve().parents[1] / "fakes")]

from azure.model import Extension, ExtensionStatus  # noqa: E402
from lab import layer  # noqa: E402
from lab.install import FIRST, NAME, NEXT, zip_of  # noqa: E402
from lab.login import Person, as_person, check_no_sudo, check_refused, check_sudo, ssh, uid_of  # noqa: E402
from lab.machine import Machine  # noqa: E402
from lab.place import DOMAIN, MEMORY, NAMESAKE, NEIGHBOUR, NOT_OURS, SETTINGS, WATCHED, Place  # noqa: E402
from lab.schema import check_schema  # noqa: E402
from lab.snapshot import Snapshot, difference  # noqa: E402
from lab.teller import NotHere, Teller, expect  # noqa: E402

DECISION_LIFE = 60  # seconds that a grant is kept at the most

# Releases of sudo-rs that can edit bring a name for it.
SUDO_RS = {"sudo-rs": "sudo-rs -n id -u", "sudo-rs -i": "sudo-rs -n -i id -u", "sudo-rs -s": "sudo-rs -n -s id -u"}
SUDO_RS_EDIT = {"sudoedit-rs": "echo edited | SUDO_EDITOR='tee -a' sudoedit-rs -n /root/notes"}


def sudo_rs(machine: Machine) -> "dict[str, str]":
    """What it can do on this machine; nothing, where it is not there."""
    if not machine.exists("/usr/bin/sudo-rs"):
        return {}
    return {**SUDO_RS, **(SUDO_RS_EDIT if machine.exists("/usr/bin/sudoedit-rs") else {})}


def play_sudo_rs(tell: Teller, machine: Machine, admin: Person, user: Person) -> None:
    commands = sudo_rs(machine)
    with tell.step("sudo-rs lets the administrator, and refuses the user"):
        if not commands:
            raise NotHere("the package sudo-rs is not installed")
        check_sudo(as_person(admin), commands)
        check_no_sudo(as_person(user), commands=commands)


def people(tell: Teller, place: Place) -> "tuple[Person, Person]":
    """Who gets in and who does not; returns two who do, an administrator and a user."""
    machine, azure = place.machine, place.azure
    admin = Person(machine, azure, f"Alice.Admin@{DOMAIN}", "admin")
    user = Person(machine, azure, f"bob@{DOMAIN}", "user")
    nobody = Person(machine, azure, f"carol@{DOMAIN}")

    with tell.step("an administrator signs in with a certificate; id shows the uid of the name", essential=True):
        uid = uid_of(admin.name)
        result = admin.run("id -un; id -u; id -g; id -Gn; pwd")
        expect(result.returncode == 0, result)
        name, number, group, groups, home = result.stdout.splitlines()
        expect((name, number, group, home) == (admin.name, str(uid), str(uid), f"/home/{admin.name}"), result)
        expect({"aad_users", "aad_admins"} <= set(groups.split()), groups)
    with tell.step("the administrator's sudo, sudo -i, sudo -s and sudoedit work"):
        check_sudo(as_person(admin))
        expect("edited" in machine.read("/root/notes"), "sudoedit changed nothing")
    with tell.step("a user signs in; sudo, sudo -i, sudo -s and sudoedit refuse"):
        result = user.run("id -un; id -Gn")
        expect(result.stdout.split()[0] == user.name and "aad_admins" not in result.stdout, result)
        check_no_sudo(as_person(user))
    play_sudo_rs(tell, machine, admin, user)
    with tell.step("an account without a role is refused and reads why"):
        check_refused(nobody.run("id"), "Microsoft.Compute/virtualMachines/login/action", nobody.oid)
    with tell.step("the extension's status names who signed in last, by which role, and who was refused, and why"):
        status = json.loads(machine.sh(f"/var/lib/waagent/{NAME}-{FIRST}/bin/aadssh-shim status --json").stdout)
        accepted, refused = status["logins"]["accepted"], status["logins"]["refused"]
        expect(accepted["user"] in (admin.name.lower(), user.name) and accepted["assignment"] and accepted["scope"], status)
        expect(refused["user"] == nobody.name and refused["reason"] == "role-missing", status)
        expect((status["installed"], status["owner"], status["unknown"]) == (True, FIRST, []), status)
        expect(["aadsshlogin", "installed"] in [[package["name"], package["state"]] for package in status["packages"]], status)
    with tell.step("a certificate of another CA is refused"):
        check_refused(user.run("id", certificate=user.other_certificate("ca", ca=azure.new_ca("stranger"))))
    with tell.step("a certificate of another tenant is refused"):
        other = "11111111-2222-3333-4444-555555555555"
        check_refused(user.run("id", certificate=user.other_certificate("tenant", tid=other)))
    with tell.step("an expired certificate is refused"):
        check_refused(user.run("id", certificate=user.other_certificate("old", valid="-2h:-1h")))
    with tell.step("a certificate for somebody else's name is refused"):
        check_refused(user.run("id", name=admin.name))
    with tell.step("a certificate does not open a local account that has the name"):
        check_refused(Person(machine, azure, NAMESAKE, "admin").run("id"))
        expect(told(machine, "explain", NAMESAKE).get("reason") == "local-account", "explain does not say why")
        machine.sh("install -D -m 644 /root/.ssh/local.pub /.ssh/authorized_keys")  # its home is /
        result = machine.run(ssh("/root/.ssh/local", NAMESAKE, ["id -un"]), check=False)
        machine.sh("rm -r /.ssh")
        expect(result.stdout.split() == [NAMESAKE], result)
    with tell.step(f"local users get in and keep sudo, {NEIGHBOUR} too"):
        place.check_local_users()
    return admin, user


def told(machine: Machine, verb: str, *words: str) -> dict:
    document = json.loads(machine.run(["aadsshlogin", verb, *words, "--json"], check=False).stdout)
    check_schema(f"aadsshlogin-{verb}", document)
    return document


def explained(machine: Machine, person: Person, certificate: Path) -> dict:
    return told(machine, "explain", person.name, "--cert", str(certificate))


def tools(tell: Teller, place: Place, user: Person) -> None:
    machine, azure = place.machine, place.azure
    with tell.step("status says that all is in force; explain says where a login ends, and why"):
        status = told(machine, "status")
        expect(user.name in [row["name"] for row in told(machine, "users")["users"]], "users does not name who signed in")
        expect(status["ok"] and user.name in [row["name"] for row in status["decisions"]], status)
        good = explained(machine, user, user.certificate)
        expect(good["ok"], good)
        for label, reason, how in (("late", "cert-expired", {"valid": "-2h:-1h"}),
                                   ("strange", "ca-not-trusted", {"ca": azure.new_ca("outsider")})):
            found = explained(machine, user, user.other_certificate(label, **how))
            expect(found.get("reason") == reason, found)
    with tell.step("a renamed account is told to log in again, and has its uid and home then"):
        erin, renamed = Person(machine, azure, f"erin@{DOMAIN}", "user"), f"erin.new@{DOMAIN}"
        expect(erin.run("true").returncode == 0, "before")
        certificate = erin.other_certificate("renamed", upn=renamed)
        check_refused(erin.run("id", name=renamed, certificate=certificate), "account-renamed", "Log in again")
        time.sleep(0.1)  # a login that begins within a few ticks of the renaming could have been told another uid
        result = erin.run("id -un; id -u; pwd", name=renamed, certificate=certificate)
        expect(result.stdout.split() == [renamed, str(uid_of(erin.name)), f"/home/{erin.name}"], result)
    with tell.step("who is given the former name gets neither the uid nor the home"):
        namesake = azure.add_user(erin.upn)
        azure.assign(namesake, "user")
        certificate = erin.other_certificate("successor", oid=namesake)
        check_refused(erin.run("id", certificate=certificate), "home-owned")
        machine.run(["mv", f"/home/{erin.name}", "/home/former"])
        result = erin.run("id -u", certificate=certificate)
        expect(result.returncode == 0 and result.stdout.strip() != str(uid_of(erin.name)), result)


def chapter_life(tell: Teller, build: Path) -> None:
    with Place(build, "life") as place:
        life(tell, place)


def life(tell: Teller, place: Place) -> None:
    machine, azure = place.machine, place.azure
    with tell.step("the fake Azure answers: wire server, IMDS, OpenID configuration and Resource Manager over TLS",
                   essential=True):
        for url in ("http://168.63.129.16/?comp=versions",
                    f"https://login.microsoftonline.com/{azure.tenant}/v2.0/.well-known/openid-configuration"):
            fetch = f"import urllib.request; print(urllib.request.urlopen('{url}', timeout=10).status)"
            expect(machine.run(["python3", "-c", fetch]).stdout.strip() == "200", url)
    with tell.step("the real guest agent starts and reports Ready", essential=True):
        place.agent.start()
        azure.goal_state([])
        azure.settle()
    before = place.snapshot()

    with tell.step("the agent downloads the extension, installs and enables it: Ready, success", essential=True):
        report = place.install()
        expect(report and (report.handler, report.status) == ("Ready", "success"), report)
        names = {substatus["name"] for substatus in report.substatus}
        expect({"platform", "identity", "packages", "sshd", "pam", "verify"} <= names, names)
    admin, user = people(tell, place)
    tools(tell, place, user)

    with tell.step("a second goal state: enable runs again, no file changes, no reload, the status stands"):
        files, log = place.snapshot(), len(machine.syslog())
        ran = place.agent.times_run(NAME, "enable")
        report = place.ask(Extension(NAME, FIRST, public=SETTINGS, seq=place.seq))
        expect(place.agent.times_run(NAME, "enable") > ran, "the agent did not run enable")
        expect((report.handler, report.status, report.seq) == ("Ready", "success", place.seq), report)
        expect(not difference(files, place.snapshot()), difference(files, place.snapshot()))
        expect(not [line for line in machine.syslog()[log:] if "SIGHUP" in line], "sshd was reloaded")

    with tell.step("update to the next version: signing in works before and after, what is open stays open"):
        session = admin.session()
        expect(admin.run("true").returncode == 0, "before")
        report = place.install(NEXT)
        expect((report.handler, report.version, report.status) == ("Ready", NEXT, "success"), report)
        expect(session.run("id -un") == (0, admin.name + "\n"), "the open session")
        check_sudo(session.run)
        expect(admin.run("true").returncode == 0 and user.run("true").returncode == 0, "after")
        place.check_local_users()
        session.close()

    with tell.step("verify: all is as it was packed; a program that was changed, in dpkg's record too, is found and named"):
        found = verified(machine)
        expect(found[0] == 0 and '"result": "ok"' in found[1], found)
        machine.sh("cp -a /usr/sbin/aadsshlogin /root/kept; cp -a /var/lib/dpkg/info/aadsshlogin.md5sums /root/sums; "
                   "echo >>/usr/sbin/aadsshlogin; "
                   "sed -i \"s/^[0-9a-f]*\\(  usr.sbin.aadsshlogin\\)$/$(md5sum </usr/sbin/aadsshlogin | cut -c 1-32)\\1/\" "
                   "/var/lib/dpkg/info/aadsshlogin.md5sums")
        expect(not machine.sh("dpkg --verify aadsshlogin").stdout, "dpkg sees it by itself")
        found = verified(machine)
        expect(found[0] == 21 and "/usr/sbin/aadsshlogin is not as it was packed" in found[2], found)
        machine.sh("mv /root/kept /usr/sbin/aadsshlogin; mv /root/sums /var/lib/dpkg/info/aadsshlogin.md5sums")
        expect(verified(machine)[0] == 0, "it stays so")

    uninstall_and_again(tell, place, before, admin)


def verified(machine: Machine) -> Tuple[int, str, str]:
    """Exit code, output and messages of verify, in the folder that the agent unpacked."""
    result = machine.sh(f"/var/lib/waagent/{NAME}-{NEXT}/bin/aadssh-shim verify --json", check=False)
    check_schema("verify", json.loads(result.stdout))
    return result.returncode, result.stdout, result.stderr


def uninstall_and_again(tell: Teller, place: Place, before: Snapshot, admin: Person) -> None:
    machine, azure = place.machine, place.azure
    with tell.step("uninstall: every file of /etc, /usr, /lib and /var/lib is as before"):
        place.ask(Extension(NAME, NEXT, public=SETTINGS, seq=place.seq, state="uninstall"))
        expect(azure.extension(NAME) is None, azure.extension(NAME))
        changes = difference(before, place.snapshot())
        expect(not changes, "\n".join(changes))
    with tell.step("after it nobody of the tenant gets in, local users do"):
        check_refused(admin.run("id"))
        place.check_local_users()
    with tell.step("installed again: the same account has the same uid and home"):
        report = place.install(NEXT)
        expect((report.handler, report.status) == ("Ready", "success"), report)
        result = admin.run("id -u; stat -c %u .; pwd")
        expect(result.stdout.split() == [str(uid_of(admin.name))] * 2 + [f"/home/{admin.name}"], result)
    with tell.step("the same name with another object id is refused, and the log names the remedy"):
        namesake = azure.add_user(f"namesake@{DOMAIN}")
        azure.assign(namesake, "admin")
        check_refused(admin.run("id", certificate=admin.other_certificate("namesake", oid=namesake)))
        expect([line for line in machine.syslog() if namesake in line and "aaduserdel" in line],
               "the log does not name the remedy")


def chapter_owner(tell: Teller, build: Path) -> None:
    with Place(build, "owner") as place:
        owner(tell, place)


def owner(tell: Teller, place: Place) -> None:
    machine, azure = place.machine, place.azure
    place.agent.start()
    with tell.step("the agent installs the extension on a second machine", essential=True):
        report = place.install()
        expect(report and (report.handler, report.status) == ("Ready", "success"), report)
    user = Person(machine, azure, f"bob@{DOMAIN}", "user")
    demoted = Person(machine, azure, f"dora@{DOMAIN}", "admin")
    session = demoted.session()
    with tell.step("an administrator signs in and uses sudo; then the role is taken away"):
        check_sudo(session.run)
        check_sudo(session.run, sudo_rs(machine))
        decided = time.monotonic()
        expect(azure.unassign(demoted.oid) == 1, "there was no role")
    with tell.step("the owner deletes the PAM module alone: local users get in and keep sudo, others do not"):
        machine.run(["sh", "-c", "rm /usr/lib/*/security/pam_aad.so"])
        place.check_local_users()
        check_refused(user.run("id"))
    with tell.step("the next goal state repairs it, and says so"):
        report = place.install()
        expect((report.handler, report.status) == ("Ready", "success"), report)
        packages = [substatus for substatus in report.substatus if substatus["name"] == "packages"][0]
        expect("pam_aad.so" in packages["formattedMessage"]["message"], packages)
        expect(user.run("true").returncode == 0, user.run("id"))
    with tell.step("without our line in sshd's PAM file nobody of the tenant gets in, local users do"):
        ours = machine.read("/etc/pam.d/sshd")
        machine.write("/etc/pam.d/sshd", "".join(line for line in ours.splitlines(True) if "pam_aad.so" not in line))
        for person in (user, Person(machine, azure, f"carol@{DOMAIN}")):
            check_refused(person.run("id"))
        place.check_local_users()
        machine.write("/etc/pam.d/sshd", ours)
        expect(user.run("true").returncode == 0, "the line is back, and nobody gets in")
    with tell.step("a minute after the demotion sudo, sudo -i, sudo -s and sudoedit refuse in the open session, and say why"):
        time.sleep(max(0.0, decided + DECISION_LIFE + 1 - time.monotonic()))
        check_no_sudo(session.run, "virtualMachines/loginAsAdmin/action", demoted.oid)
        check_no_sudo(session.run, commands=sudo_rs(machine))
        session.close()
    with tell.step("the owner runs apt-get remove aadsshlogin: local users get in and keep sudo"):
        machine.run(["apt-get", "-y", "remove", "aadsshlogin"], env={"DEBIAN_FRONTEND": "noninteractive"})
        place.check_local_users()
        check_refused(user.run("id"))
        left = machine.run(["sh", "-c", "grep -rlE 'aad_certhandler|pam_aad|aad_admins' /etc/ssh /etc/pam.d /etc/sudoers.d; "
                                        "grep -w aad /etc/nsswitch.conf"], check=False).stdout
        expect(not left, f"dead lines stay behind: {left}")


def check_report_of_failure(place: Place, report: ExtensionStatus, code: int, words: Sequence[str]) -> None:
    expect(report.handler == "NotReady" and f"exit code: {code}" in report.message.lower(), report)
    status = place.handler_status()
    expect((status["status"], status["code"]) == ("error", code), status)
    for word in words:
        expect(word in status["formattedMessage"]["message"], f"{word!r} is not in {status}")
        expect(word in report.message, f"{word!r} is not in the agent's report: {report.message}")


def check_log_of_failure(place: Place, code: int, words: Sequence[str]) -> None:
    """Agent 2.2.47 removes the folder of what could not be installed, with its status file, and reports nothing."""
    expect(not place.machine.exists(f"/var/lib/waagent/{NAME}-{FIRST}"), "the agent reports nothing, and the folder is there")
    lines = place.machine.read(f"/var/log/azure/{NAME}/handler.log").splitlines()
    told = [line for line in lines if f"error {code} " in line]
    expect(told, "\n".join(lines))
    for word in words:
        expect(word in told[-1], f"{word!r} is not in {told[-1]!r}")


def chapter_refusals(tell: Teller, build: Path) -> None:
    with Place(build, "refusals") as place:
        machine, azure = place.machine, place.azure
        place.agent.start()
        azure.goal_state([])
        azure.settle()

        def refused_snapshot() -> Snapshot:
            return machine.snapshot(WATCHED, NOT_OURS + MEMORY)

        before = refused_snapshot()

        def must_fail(title: str, code: int, *words: str, **settings: object) -> None:
            with tell.step(f"{title}: exit {code}, with cause and remedy in an error status"):
                report = place.install(**settings)
                if report is None:
                    check_log_of_failure(place, code, words)
                else:
                    check_report_of_failure(place, report, code, words)
                changes = difference(before, refused_snapshot())
                expect(not changes, "\n".join(changes))

        azure.set_identity(False)
        must_fail("a machine without identity", 22, "identity", "az vm identity assign", identityWait=0)
        azure.set_identity(True)
        must_fail("wrong settings", 53, "userDomain", "userDomains", userDomain="contoso.com")

        keep_a_secret(tell, place)
        with tell.step("an identity that may not read roles: success, with a warning that says who needs which role where"):
            expect(azure.unassign(azure.identity) == 1, "the identity had no role")
            report = place.install()
            expect((report.handler, report.status) == ("Ready", "success"), report)
            verify = [substatus for substatus in report.substatus if substatus["name"] == "verify"][0]
            for word in (azure.identity, "Reader", azure.resource_id):
                expect(word in verify["formattedMessage"]["message"], verify)
                expect(word in report.status_message.partition(" Warning (verify): ")[2], report.status_message)
            azure.assign(azure.identity, "reader")
        place.ask(Extension(NAME, FIRST, public=SETTINGS, seq=place.seq, state="uninstall"))
        use_vendors_file(tell, place)

        install_old_product(machine)
        before = refused_snapshot()
        must_fail("a machine with the old product", 23, "aadlogin", "AADLoginForLinux")
        machine.run(["dpkg", "--purge", "aadlogin"])

        hide_package_managers(machine)
        before = refused_snapshot()
        must_fail("a machine without a known package manager", 51, "package manager")


def keep_a_secret(tell: Teller, place: Place) -> None:
    machine, password = place.machine, secrets.token_hex(8)
    proxy = f"http://somebody:{password}@127.0.0.1:3128"
    with tell.step("a proxy in protected settings reaches one private file and nothing else"):
        place.seq += 1
        report = place.ask(Extension(NAME, FIRST, public=SETTINGS, protected={"proxy": proxy}, seq=place.seq))
        expect((report.handler, report.status) == ("Ready", "success"), report)
        expect(proxy in machine.read("/etc/aadsshlogin.secret"), "the secret file lacks it")
        owner = machine.run(["stat", "-c", "%a %U %G", "/etc/aadsshlogin.secret"]).stdout.split()
        expect(owner == ["640", "root", "aadsshlogin"], owner)
        told = "".join(machine.sh(f"/var/lib/waagent/{NAME}-{FIRST}/bin/aadssh-shim {verb} --json", check=False).stdout
                       for verb in ("plan", "status", "check"))
        expect(password not in told and told.count("{") > 3, told)
        files = machine.run(["grep", "-rls", password, "/etc", "/run", "/var/cache/aadsshlogin", "/var/lib/aadsshlogin",
                             "/var/lib/waagent", "/var/log"], check=False).stdout.split()
        expect(files == ["/etc/aadsshlogin.secret"], files)
    place.ask(Extension(NAME, FIRST, public=SETTINGS, seq=place.seq, state="uninstall"))


def use_vendors_file(tell: Teller, place: Place) -> None:
    """libpam reads /usr/lib/pam.d for what is not in /etc/pam.d; some distributions keep their files there."""
    machine, ours, vendors = place.machine, "/etc/pam.d/sudo", "/usr/lib/pam.d/sudo"
    with tell.step("a PAM file of the vendor's is copied for our line; local users keep sudo, and the copy goes again"):
        machine.sh('mkdir -p "${2%/*}"; mv "$1" "$2"', ours, vendors)
        before = place.snapshot()
        report = place.install()
        expect((report.handler, report.status) == ("Ready", "success"), report)
        expect("pam_aad.so" in machine.read(ours) and "pam_aad.so" not in machine.read(vendors), machine.read(ours))
        place.check_local_users()
        place.ask(Extension(NAME, FIRST, public=SETTINGS, seq=place.seq, state="uninstall"))
        changes = difference(before, place.snapshot())
        expect(not changes, "\n".join(changes))
    machine.sh('[ -e "$1" ] || mv "$2" "$1"; rm -f "$2"', ours, vendors)


def install_old_product(machine: Machine) -> None:
    machine.run(["sh", "-ec", """
        mkdir -p /tmp/aadlogin/DEBIAN
        printf 'Package: aadlogin\\nVersion: 1.0.0\\nArchitecture: all\\nMaintainer: a <a@example.com>\\nDescription: old\\n' \
            > /tmp/aadlogin/DEBIAN/control
        dpkg-deb --build /tmp/aadlogin /tmp/aadlogin.deb
        dpkg -i /tmp/aadlogin.deb"""])


def hide_package_managers(machine: Machine) -> None:
    release = base64.b64encode(b'ID=homegrown\nNAME="Home grown"\nVERSION_ID=1\n').decode()
    machine.run(["sh", "-ec", f"""
        for name in apt apt-get dpkg dpkg-query rpm dnf yum zypper tdnf; do rm -f /usr/bin/$name; done
        rm -f /etc/os-release; echo {release} | base64 -d > /etc/os-release"""])


def shell(build: Path) -> int:
    """A machine with the extension installed and an administrator ready to sign in."""
    with Place(build, "shell") as place:
        place.agent.start()
        report = place.install()
        expect(report and report.status == "success", report)
        admin = Person(place.machine, place.azure, f"Alice.Admin@{DOMAIN}", "admin")
        command = " ".join(admin.argv())
        place.machine.write("/usr/local/bin/alice", f'#!/bin/sh\nexec {command} "$@"\n', 0o755)
        print(f"""
This is a root shell in the sandbox; nothing that you do here reaches your machine.  Leave it with exit.

    alice                        signs in as {admin.name} (administrator): {command}
    aadsshlogin status           what is configured
    tail /var/log/syslog         what sshd, sudo and the runtime log
    waagent's work               /var/log/waagent.log, /var/lib/waagent, /var/log/azure

The cloud can be played with from here too (roles, faults, keys, counts):

    PYTHONPATH={layer.CHECKOUT}/test/fakes python3 -m azure.client {place.azure.dir} unassign oid={admin.oid}
    PYTHONPATH={layer.CHECKOUT}/test/fakes python3 -m azure.client {place.azure.dir} counts
""")
        return place.machine.shell()


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--build", type=Path, default=Path("build"), help="where the extension's zips are")
    parser.add_argument("--shell", action="store_true", help="install, then open a shell in the sandbox")
    arguments = parser.parse_args()
    for version in (FIRST, NEXT):
        if not zip_of(arguments.build, version).exists():
            parser.error(f"{zip_of(arguments.build, version)} is missing: run ./bootstrap build")
    layer.ensure()
    if arguments.shell:
        return shell(arguments.build)

    tell = Teller()
    chapters = {"life": chapter_life, "owner": chapter_owner, "refusals": chapter_refusals}
    tell.play({name: partial(chapter, build=arguments.build) for name, chapter in chapters.items()})
    return tell.summary("the story")


if __name__ == "__main__":
    sys.exit(main())
