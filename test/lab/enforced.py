# SPDX-License-Identifier: MIT
"""What the machine of enforcing.py does, inside it: the extension's life and sign-ins while SELinux enforces.

The kernel, systemd, journald, auditd, sshd, PAM, NSS, sudo and Debian's policy are the real ones; the extension's
commands run with the guest agent's environment, below systemd, and Azure is the fake one, on the loopback.  At the end the audit log is read: no denial may have a type of ours on either
side.  Others are listed, those from before the installation apart.
"""

import json
import re
import subprocess
import sys
from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Callable, Iterator, List, Optional, Sequence

sys.path[:0] = [str(Path(__file__).resolve().parents[1]), str(Path(__file__).resolve().parents[1] / "fakes")]

from lab import init, layer  # noqa: E402
from lab.install import FIRST, SEQUENCE, Extension, settings, zip_of  # noqa: E402
from lab.login import Person, as_person, check_no_sudo, check_refused, check_sudo, ssh, uid_of  # noqa: E402
from lab.machine import Machine, Result  # noqa: E402
from lab.place import DOMAIN, NAMESAKE, SETTINGS, Place  # noqa: E402
from lab.teller import Teller, expect  # noqa: E402

PATIENCE = 900  # seconds for a command of the extension

# Where the module's types must be, once people have signed in.
CONTEXTS = {
    "/usr/sbin/aadsshlogin": "aadsshlogin_exec_t",
    "/etc/aadpasswd": "aadsshlogin_users_t",
    "/etc/aadpasswd.db": "aadsshlogin_users_t",
    "/etc/aadadmins": "aadsshlogin_users_t",
    "/etc/sudoers.d/aad_admins": "etc_t",
    "/etc/aadsshlogin.conf": "etc_t",
    "/etc/ssh/sshd_config.d/20-aadsshlogin.conf": "etc_t",
    "/etc/pam.d/sshd": "etc_t",
    "/etc/pam.d/sudo-i": "etc_t",  # a copy of the vendor's
    "/var/cache/aadsshlogin": "aadsshlogin_cache_t",
    "/run/aadsshlogin/decisions": "aadsshlogin_run_t",
    "/run/aadsshlogin/handoff": "aadsshlogin_run_t",
    "/run/aadsshlogin/metrics": "aadsshlogin_run_t",
    "/var/lib/aadsshlogin/users": "aadsshlogin_state_t",
}

DENIAL = re.compile(r"avc:  denied  \{ (?P<rights>[^}]*) \}.*? scontext=(?P<source>\S+) tcontext=(?P<target>\S+) tclass=(?P<kind>\S+)")


class Here(Machine):
    """This machine itself, by the interface that the lab's machines have."""

    def start(self) -> "Here":
        init.start_network(self._config.addresses)
        with open("/etc/hosts", "a", encoding="ascii") as hosts:
            hosts.write("127.0.0.1 localhost enforcing\n")
            hosts.writelines(f"{address} {name}\n" for name, address in self._config.hosts.items())
        return self

    def stop(self) -> None:
        pass

    @property
    def network(self) -> List[str]:
        return []

    def _enter(self, argv: Sequence[str], user: Optional[str], cwd: str) -> List[str]:
        expect(user is None, "nobody else is needed")
        return ["env", f"--chdir={cwd}", *argv]

    def run(self, argv: Sequence[str], *, timeout: float = 0, **keywords: Any) -> Result:
        return super().run(argv, timeout=max(timeout, PATIENCE), **keywords)

    def start_sshd(self) -> None:
        self.run(["systemctl", "restart", "ssh"])

    def syslog(self) -> List[str]:
        return self.run(["journalctl", "--no-pager", "-o", "cat"]).stdout.splitlines()


class UnitExtension(Extension):
    """Its commands run as the guest agent's do: below systemd, in the domain of what that starts."""

    def run(self, verb: str, **more: str) -> Result:
        environment = {"AZURE_GUEST_AGENT_EXTENSION_PATH": self.folder, "AZURE_GUEST_AGENT_EXTENSION_VERSION": self.version,
                       "ConfigSequenceNumber": str(SEQUENCE), "AZURE_GUEST_AGENT_UNINSTALL_CMD_EXIT_CODE": "NOT_RUN", **more}
        words = [f"--setenv={name}={value}" for name, value in environment.items()]
        # Not by a pipe: Debian's policy lets dbus-daemon pass no descriptor of an administrator's on.
        said = "/var/log/lab-said"
        self.machine.run(["rm", "-f", said])
        result = self.machine.run(["systemd-run", "--quiet", "--wait", f"--property=WorkingDirectory={self.folder}", *words,
                                   f"--property=StandardOutput=append:{said}", f"--property=StandardError=append:{said}",
                                   "/bin/sh", "-c", f"{self.folder}/bin/aadssh-shim {verb}"], check=False)
        return result._replace(stdout=self.machine.read(said) if self.machine.exists(said) else "")

    def must(self, verb: str) -> None:
        result = self.run(verb)
        expect(result.returncode == 0, result)
        print(f"     {verb}: {(self.status() or {}).get('formattedMessage', {}).get('message', '')[:150]}", flush=True)


class EnforcingPlace(Place):
    versions = ()  # nobody downloads it


def context(machine: Machine, path: str) -> str:
    return machine.run(["stat", "-c", "%C", path]).stdout.strip()


def type_of(text: str) -> str:
    return text.split(":")[2]


def denials() -> "Counter[str]":
    """What the audit log says was denied, each kind once, with how often."""
    found: "Counter[str]" = Counter()
    for path in sorted(Path("/var/log/audit").glob("audit.log*")):
        for match in DENIAL.finditer(path.read_text(errors="replace")):
            what = f"{type_of(match['source'])} -> {type_of(match['target'])} {match['kind']} {{ {match['rights']} }}"
            found[what] += 1
    return found


def show_ours() -> None:
    """The audit log's own words for what was denied of ours: who it was, and at what."""
    for path in sorted(Path("/var/log/audit").glob("audit.log*")):
        for line in path.read_text(errors="replace").splitlines():
            if DENIAL.search(line) and "aadsshlogin" in line:
                print(f"     {line[:400]}", flush=True)


def list_denials(title: str, found: "Counter[str]") -> None:
    for what, count in sorted(found.items()):
        print(f"     {title}: {what} x{count}", flush=True)


def modules(machine: Machine) -> List[str]:
    return [line for line in machine.run(["semodule", "-lfull"], timeout=300).stdout.splitlines() if "aadsshlogin" in line]


def check_contexts(machine: Machine, types: "dict[str, str]") -> None:
    wrong = {path: context(machine, path) for path, kind in types.items() if type_of(context(machine, path)) != kind}
    expect(not wrong, wrong)


def domains(machine: Machine, *matches: str) -> "set[str]":
    """Of those who wrote decisions to the journal, as the kernel told it."""
    programs = ["-t", "aad_certhandler", "-t", "aad_authorize"]
    lines = machine.run(["journalctl", "--no-pager", "-o", "json", *programs, *matches]).stdout
    entries = [json.loads(line) for line in lines.splitlines()]
    return {type_of(entry["_SELINUX_CONTEXT"]) for entry in entries if "AADSSH_DECISION" in entry}


def patiently(person: Person, command: str) -> Result:
    """Sign in; once more where a deadline passed, as it may on an emulated processor.  That is told."""
    for _ in range(6):
        result = person.run(command)
        slow = person.machine.run(["journalctl", "--no-pager", "-o", "cat", "-n", "1", "-t", "aad_certhandler", "-t", "aad_authorize"]).stdout
        if result.returncode == 0 or not re.search(r'Timeout was reached|reason="deadline"|no answer in time', slow):
            break
        print(f"     too slow, once more: {re.sub('.* reason=', 'reason=', slow).strip()}", flush=True)
    return result


def explore(place: Place) -> None:
    """After a failure: what else would be denied?  Not enforced any more, so that all of it is seen."""
    place.machine.run(["setenforce", "0"])
    for name, role in (("alice.admin", "admin"), ("bob", "user"), ("carol", "user")):
        person = Person(place.machine, place.azure, f"{name}@{DOMAIN}", role)
        print(f"     permissive: {patiently(person, 'id; id -Z; sudo -n id')}"[:800], flush=True)


@contextmanager
def confined_as_staff(machine: Machine, user: str) -> Iterator[None]:
    machine.run(["semanage", "login", "-N", "-a", "-s", "staff_u", user], timeout=PATIENCE)
    try:
        yield
    finally:
        machine.run(["semanage", "login", "-N", "-d", user], timeout=PATIENCE)


def check_confined(machine: Machine, user: str, sign_in: "Callable[[str], Result]") -> None:
    with confined_as_staff(machine, user):
        result = sign_in("id -Z; sudo -n id -u; sudo -n id -Z")
        words = result.stdout.split() + ["", ""]
        expect(":staff_t:" in words[0] and words[1] == "0", result)


def before(tell: Teller, machine: Machine) -> None:
    with tell.step("SELinux enforces Debian's policy; systemd and sshd are in their domains", essential=True):
        print("     " + machine.sh("uname -r; dpkg-query -W selinux-policy-default openssh-server").stdout.replace("\n", "; "))
        expect(machine.run(["getenforce"]).stdout.strip() == "Enforcing", "it does not")
        sshd = machine.sh("systemctl start ssh; cat /proc/$(systemctl show -P MainPID ssh)/attr/current").stdout
        expect(type_of(sshd) == "sshd_t", sshd)
        expect(type_of(machine.read("/proc/1/attr/current")) == "init_t", "systemd is not in init_t")


def life(tell: Teller, place: Place, extension: UnitExtension) -> "tuple[Person, Person]":
    machine, azure = place.machine, place.azure
    with tell.step("local users sign in and use sudo before anything is installed", essential=True):
        place.check_local_users()
    with tell.step("a local administrator whom SELinux confines uses sudo before anything is installed"):
        check_confined(machine, "local", lambda words: machine.run(ssh("/root/.ssh/local", "local", [words]), check=False))
    list_denials("denied before the installation", denials())
    # As where a distribution keeps its files of PAM apart from the owner's.
    machine.sh("mkdir -p /usr/lib/pam.d; mv /etc/pam.d/sudo-i /usr/lib/pam.d/; restorecon -R /usr/lib/pam.d")
    with tell.step("the extension's install and enable end with success", essential=True):
        extension.must("install")
        extension.must("enable")
        expect(extension.status()["status"] == "success", extension.status())
    with tell.step("enable again finds nothing to do"):
        files = machine.sh("stat -c '%n %i' /etc/ssh/sshd_config /etc/aadpasswd /etc/selinux/default/policy/policy.*").stdout
        extension.must("enable")
        expect(files == machine.sh("stat -c '%n %i' /etc/ssh/sshd_config /etc/aadpasswd /etc/selinux/default/policy/policy.*").stdout,
               files)
    with tell.step("semodule lists the module, and files have the contexts that it gives"):
        expect(modules(machine) and modules(machine)[0].split()[:2] == ["400", "aadsshlogin"], modules(machine))
        expect("pam_aad.so" in machine.read("/etc/pam.d/sudo-i"), "the vendor's file is not copied")
        check_contexts(machine, {path: kind for path, kind in CONTEXTS.items() if machine.exists(path)})
    admin = Person(machine, azure, f"Alice.Admin@{DOMAIN}", "admin")
    user = Person(machine, azure, f"bob@{DOMAIN}", "user")
    nobody = Person(machine, azure, f"carol@{DOMAIN}")
    with tell.step("an administrator signs in with a certificate, and gets a home with its contexts", essential=True):
        result = patiently(admin, "id -u; pwd; id -Z; stat -c %C . .bashrc")
        expect(result.returncode == 0, result)
        uid, home, shell, *files = result.stdout.split()
        expect((uid, home) == (str(uid_of(admin.name)), f"/home/{admin.name}"), result)
        expect([type_of(text) for text in files] == ["user_home_dir_t", "user_home_t"], result)
        print(f"     the session runs as {shell}", flush=True)
    with tell.step("the administrator's sudo, sudo -i, sudo -s and sudoedit work"):
        check_sudo(as_person(admin))
    with tell.step("a user signs in; sudo, sudo -i, sudo -s and sudoedit refuse"):
        expect(patiently(user, "id -un").stdout.split() == [user.name], "bob")
        check_no_sudo(as_person(user))
    with tell.step("an account without a role is refused and reads why"):
        check_refused(nobody.run("id"), "Microsoft.Compute/virtualMachines/login/action", nobody.oid)
    with tell.step("the key command and the question for the role ran in the module's domain"):
        expect("aadsshlogin_t" in domains(machine), domains(machine))
        print(f"     decisions were logged from {', '.join(sorted(domains(machine)))}", flush=True)
    with tell.step("a certificate does not open a local account that has the name"):
        check_refused(Person(machine, azure, NAMESAKE, "admin").run("id"))
    with tell.step("local users get in and keep sudo"):
        place.check_local_users()
    return admin, user


def more(tell: Teller, place: Place, extension: UnitExtension, admin: Person, user: Person) -> None:
    machine, azure = place.machine, place.azure
    with tell.step("what was written since has its contexts too"):
        check_contexts(machine, CONTEXTS)
    with tell.step("directories of /run that the boot makes get their contexts, and people sign in"):
        # As the boot's own unit does, which nobody may start by hand.
        machine.sh("rm -r /run/aadsshlogin; systemd-run --quiet --wait systemd-tmpfiles --create aadsshlogin.conf")
        check_contexts(machine, {path: kind for path, kind in CONTEXTS.items() if path.startswith("/run")})
        expect(patiently(user, "id -un").stdout.split() == [user.name], "bob")
    with tell.step("the root of the machine changes users by hand, and the files keep their contexts"):
        machine.run(["aaduseradd", f"dave@{DOMAIN}", "00000000-0000-0000-0000-00000000da5e"])
        check_contexts(machine, CONTEXTS)
        expect(patiently(user, "id -un").stdout.split() == [user.name], "bob")
    with tell.step("an administrator whom SELinux confines signs in, and the question of sudo runs in the module's domain"):
        confined = Person(machine, azure, f"erin@{DOMAIN}", "admin")
        check_confined(machine, confined.name, lambda words: patiently(confined, words))
        asked = domains(machine, f"AADSSH_USER={confined.name}", "AADSSH_SERVICE=sudo")
        expect(asked == {"aadsshlogin_t"}, asked)
    with tell.step("uninstall takes the module and its contexts away"):
        extension.must("disable")
        extension.must("uninstall")
        expect(not modules(machine), modules(machine))
        for path in ("/var/lib/aadsshlogin/users", "/etc/nsswitch.conf", "/etc/pam.d/sshd", f"/home/{admin.name}"):
            expect("aadsshlogin" not in context(machine, path) and "unlabeled" not in context(machine, path), context(machine, path))
    with tell.step("after it nobody of the tenant gets in, local users do"):
        check_refused(user.run("id"))
        place.check_local_users()


def main() -> int:
    machine, tell = Here(), Teller(chapters=False)
    try:
        before(tell, machine)
        with EnforcingPlace(layer.CHECKOUT / "build", "enforcing", machine) as place:
            extension = UnitExtension(machine, zip_of(place.build, FIRST))
            extension.write_settings(settings(SETTINGS))
            try:
                admin, user = life(tell, place, extension)
                more(tell, place, extension, admin, user)
            except Exception:
                explore(place)
                raise
    except Exception as error:  # told already, or told here; the audit log comes in any case
        print(f"     {type(error).__name__}: {error}", flush=True)
        tell.broken.append(f"broke off: {error}")
        subprocess.run(["sh", "-c", "tail -n 40 /var/log/azure/*AADSSH*/*.log; journalctl --no-pager -n 60 _TRANSPORT=syslog + _TRANSPORT=journal"], check=False)
    with tell.step("the audit log has no denial of ours"):
        found = denials()
        ours = Counter({what: count for what, count in found.items() if "aadsshlogin" in what})
        list_denials("denied, and not ours", found - ours)
        list_denials("DENIED, of ours", ours)
        show_ours()
        expect(not ours, f"{len(ours)} kinds")
        expect(machine.run(["getenforce"]).stdout.strip() == "Enforcing", "SELinux does not enforce any more")
    return tell.summary("the enforcing machine")


if __name__ == "__main__":
    sys.exit(main())
