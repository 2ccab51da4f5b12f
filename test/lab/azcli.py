# SPDX-License-Identifier: MIT
"""The documented commands, typed into the real azure-cli, which talks to the fake Resource Manager.

What az sends is what the fake hands to the real guest agent, and what the agent reports is what az prints.  azure-cli is
Debian trixie's, in a root of its own (2 GB), in a network of its own with the two names that it asks.

The old product's extension is a STAND-IN: it installs an empty package named aadlogin, and removes it.  `az ssh` is an
extension of az that Debian has not: it is not tried.

usage: azcli.py [--build DIR] [--dir DIR] [--sample] [--if-made]    as root
"""

import argparse
import fcntl
import json
import re
import shlex
import sys
import zipfile
from itertools import takewhile
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence

sys.path[:0] = [str(Path(__file__).resolve().parents[1]), str(Path(__file__).resolve().parents[1] / "fakes")]

from azure.client import Azure  # noqa: E402
from azure.packages import Package, make_deb  # noqa: E402
from lab import layer, roots  # noqa: E402
from lab.agent import Agent  # noqa: E402
from lab.install import FIRST, FOLDER, NAME, NEXT, zip_of  # noqa: E402
from lab.login import Person, as_person, check_refused, check_sudo  # noqa: E402
from lab.machine import Machine, Result  # noqa: E402
from lab.place import DOMAIN, MEMORY, NEIGHBOUR, NOT_OURS, WATCHED  # noqa: E402
from lab.snapshot import Snapshot, difference  # noqa: E402
from lab.teller import Teller, expect  # noqa: E402

SUITE = "trixie"
SETUP = """
export DEBIAN_FRONTEND=noninteractive
printf '#!/bin/sh\\nexit 101\\n' >/usr/sbin/policy-rc.d
chmod 755 /usr/sbin/policy-rc.d
apt-get -qq -o Dpkg::Use-Pty=0 -o DPkg::Options::=--force-unsafe-io install --no-install-recommends azure-cli ca-certificates
apt-get clean
rm /usr/sbin/policy-rc.d
"""
AUTHORITY = "/etc/ssl/lab.pem"
PATIENCE = 300  # seconds for a command of az

PUBLISHER, TYPE = NAME.rsplit(".", 1)
OLD_PUBLISHER, OLD_TYPE = "Microsoft.Azure.ActiveDirectory.LinuxSSH", "AADLoginForLinux"
OURS = ["--publisher", PUBLISHER, "--name", TYPE]
OLD = ["--publisher", OLD_PUBLISHER, "--name", OLD_TYPE]
GROUP = ["--resource-group", "lab"]
VM = [*GROUP, "--vm-name", "vm1"]
SCALE_SET = [*GROUP, "--vmss-name", "web"]
WARNINGS = "manifest/azure/queries/warnings.sh"
OF_ACCOUNTS = ("local-accounts", "authorized-keys")

VERBS = ("install", "enable", "disable", "update", "uninstall")
OLD_HANDLER = """#!/bin/sh
# STAND-IN for the handler of the old product
case $1 in
install) dpkg -i aadlogin.deb ;;
uninstall) dpkg --purge aadlogin ;;
esac
"""


class Desk:
    """Where somebody sits who has azure-cli, and reaches the cloud but no machine."""

    def __init__(self, root: Path, azure: Azure) -> None:
        self.machine, self.azure = Machine(hostname="desk", root=root), azure
        self.typed: List[Sequence[str]] = []  # the words of each command of az

    def __enter__(self) -> "Desk":
        self.machine.start()
        self.azure.serve(self.machine.pid)
        self.machine.write(AUTHORITY, self.azure.ca.read_text(encoding="ascii"))
        return self

    def __exit__(self, *_: object) -> None:
        self.machine.stop()

    def run(self, *words: str) -> Result:
        """Never raises for its exit code."""
        self.typed.append(words)
        return self.machine.run(["az", *words], env={"REQUESTS_CA_BUNDLE": AUTHORITY}, check=False, timeout=PATIENCE)

    def play(self, script: str, cwd: str) -> Result:
        """A page's commands, by a shell, which ends at the first that fails."""
        self.typed += [each["words"] for each in commands_of(script)]
        return self.machine.sh(script, env={"REQUESTS_CA_BUNDLE": AUTHORITY}, check=False, cwd=cwd, timeout=4 * PATIENCE)

    def ask(self, *words: str) -> Any:
        """What a command that must succeed prints."""
        result = self.run(*words)
        expect(result.returncode == 0, result)
        return json.loads(result.stdout or "null")

    def refused(self, *words: str, code: int = 1) -> str:
        """What a command that must fail prints.  code: az's own, 3 is for what does not exist"""
        result = self.run(*words)
        expect(result.returncode == code and not result.stdout.strip(), result)
        return result.stderr


class Member:
    """A machine with the guest agent."""

    def __init__(self, machine: Machine) -> None:
        self.machine, self.agent = machine, Agent(machine)

    def begin(self, azure: Azure) -> None:
        self.machine.trust(azure.ca)
        self.machine.allow_refusals()
        self.machine.start_sshd()
        self.agent.start()

    def settings(self) -> Dict[str, Any]:
        """The newest that the agent wrote for the extension; {}: it has none."""
        text = self.machine.sh(f"cat $(ls -t {FOLDER}/config/*.settings | head -n 1)").stdout
        return json.loads(text)["runtimeSettings"][0]["handlerSettings"] if text else {}

    def snapshot(self) -> Snapshot:
        return self.machine.snapshot(WATCHED, NOT_OURS + MEMORY)


class World:
    """A virtual machine, a scale set of one instance, their cloud, and a desk."""

    def __init__(self, build: Path, root: Path) -> None:
        self.build, self.root = build, root
        self.vm, self.instance = Member(Machine(hostname="vm1")), Member(Machine(hostname="web000000"))

    def __enter__(self) -> "World":
        for member in (self.vm, self.instance):
            member.machine.start()
        self.azure = Azure.start(layer.LAB / "azure-azcli", prefix=self.vm.machine.network)
        self.azure.add_scale_set("web", mode="Manual")
        self.azure.add_vm("web_0", self.instance.machine.pid, scale_set="web")
        self.azure.publish(zip_of(self.build, FIRST), NAME, FIRST)
        self.azure.publish(old_product(self.azure.dir), f"{OLD_PUBLISHER}.{OLD_TYPE}", "1.0.0.0")
        for member in (self.vm, self.instance):
            member.begin(self.azure)
        self.desk = Desk(self.root, self.azure)
        self.desk.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self.desk.__exit__()
        self.azure.stop()
        for member in (self.vm, self.instance):
            member.machine.stop()

    def sent(self) -> Dict[str, Any]:
        """What az wrote last."""
        return self.azure.written()[-1]["body"]


def stand_in(folder: Path, name: str, handler: str, **files: bytes) -> Path:
    """The package of a STAND-IN for another extension: a script that gets the verb."""
    verbs = {f"{verb}Command": f"handler {verb}" for verb in VERBS}
    manifest = [{"version": 1.0, "handlerManifest": {**verbs, "reportHeartbeat": False, "rebootAfterInstall": False}}]
    path = folder / f"{name}.zip"
    with zipfile.ZipFile(path, "w") as package:
        package.writestr("HandlerManifest.json", json.dumps(manifest))
        package.writestr("handler", handler)
        for file, content in files.items():
            package.writestr(file, content)
    return path


def old_product(folder: Path) -> Path:
    return stand_in(folder, "old", OLD_HANDLER, **{"aadlogin.deb": make_deb(folder, Package("aadlogin", "1.0.0", epoch=0)).read_bytes()})


def expect_words(text: str, *words: str) -> None:
    for word in words:
        expect(word in text, f"{word!r} is not in {text!r}")


def remedy(text: str, command: str) -> List[str]:
    """The command that a message tells people to type."""
    found = re.search(rf"{command}[^\n'\"]*", text)
    expect(found, f"{text!r} tells nobody to type {command}")
    return found[0].split()


# ---- the chapters


def sign_in(tell: Teller, world: World) -> None:
    world.azure.set_operator(f"operator@{DOMAIN}")
    with tell.step("az login --use-device-code finds the subscription", essential=True):
        found = world.desk.ask("login", "--use-device-code", "--output", "json")
        expect([one["id"] for one in found] == [world.azure.subscription], found)


def refuse(tell: Teller, world: World) -> None:
    """What fails is said by az as we say it, and what we tell people to type helps."""
    desk, azure, vm = world.desk, world.azure, world.vm
    azure.set_identity(False)
    with tell.step("a VM without identity: az ends with 1, our message and exit code 22"):
        said = desk.refused("vm", "extension", "set", *VM, *OURS, "--settings", json.dumps({"identityWait": 0}))
        expect_words(said, "VMExtensionHandlerNonTransientError", "exit code: 22", "no system-assigned managed identity")
        expect(vm.settings().get("publicSettings") == {"identityWait": 0}, vm.settings())
        show = desk.ask("vm", "extension", "show", *VM, "--name", TYPE)
        expect(show["provisioningState"] == "Failed", show)
    with tell.step("az runs the command that the message names, and the VM has an identity"):
        given = desk.ask(*remedy(said, "az vm identity assign")[1:])
        expect(given["systemAssignedIdentity"] == azure.identity, given)
    with tell.step("a setting that is none: az ends with 1, exit code 53 and the nearest name"):
        said = desk.refused("vm", "extension", "set", *VM, *OURS, "--settings", json.dumps({"userDomain": DOMAIN}))
        expect_words(said, "VMExtensionHandlerNonTransientError", "exit code: 53", "userDomain", "userDomains")
        expect(vm.settings().get("publicSettings") == {"userDomain": DOMAIN}, vm.settings())
    with tell.step("a version that nobody published: az says so, and the VM is not asked for anything"):
        asked = azure.requests().get("blob.package", 0)
        expect_words(desk.refused("vm", "extension", "set", *VM, *OURS, "--version", "7.0", code=3), "ArtifactNotFound", "7.0")
        expect(azure.requests().get("blob.package", 0) == asked, "the agent fetched a package")
    with tell.step("az vm extension delete takes what failed away again"):
        desk.ask("vm", "extension", "delete", *VM, "--name", TYPE)
        expect(desk.ask("vm", "extension", "list", *VM) == [], "it is still there")


def set_extension(tell: Teller, world: World) -> None:
    desk, azure, vm = world.desk, world.azure, world.vm
    before = vm.snapshot()
    with tell.step("az vm extension set without settings: Succeeded, and the machine gets none"):
        done = desk.ask("vm", "extension", "set", *VM, *OURS)
        expect((done["provisioningState"], done["typePropertiesType"]) == ("Succeeded", TYPE), done)
        expect("settings" not in world.sent()["properties"], world.sent())
        expect(vm.settings() == {}, vm.settings())
    admin = Person(vm.machine, azure, f"alice@{DOMAIN}", "admin")
    with tell.step("an administrator of the tenant signs in, and has sudo"):
        check_sudo(as_person(admin), {"sudo": "sudo -n id -u"})
    set_with_settings(tell, world)
    with tell.step("az vm extension show and list tell the same"):
        show = desk.ask("vm", "extension", "show", *VM, "--name", TYPE, "--instance-view")
        codes = {part["code"] for part in show["instanceView"]["substatuses"]}
        expect({f"ComponentStatus/{name}/success" for name in ("platform", "identity", "packages", "sshd")} <= codes, codes)
        listed = desk.ask("vm", "extension", "list", *VM)
        expect([(one["name"], one["provisioningState"]) for one in listed] == [(TYPE, "Succeeded")], listed)
    tell_accounts(tell, world)
    with tell.step("az vm extension delete: every file is as before, and nobody of the tenant gets in"):
        desk.ask("vm", "extension", "delete", *VM, "--name", TYPE)
        expect(not difference(before, vm.snapshot()), "\n".join(difference(before, vm.snapshot())))
        check_refused(admin.run("id"))


def set_with_settings(tell: Teller, world: World) -> None:
    desk, azure, vm = world.desk, world.azure, world.vm
    proxy = "http://somebody:lab-secret@127.0.0.1:3128"
    settings = {"userDomains": [DOMAIN], "shell": "/bin/sh"}
    with tell.step("with --settings and --protected-settings: the agent gets what az sent, the secret for its key alone"):
        azure.reset_counts()
        result = desk.run("vm", "extension", "set", *VM, *OURS, "--settings", json.dumps(settings),
                          "--protected-settings", json.dumps({"proxy": proxy}))
        expect(result.returncode == 0 and json.loads(result.stdout)["provisioningState"] == "Succeeded", result)
        expect(world.sent()["properties"]["protectedSettings"] == {"proxy": proxy}, world.sent())
        found = vm.settings()
        expect(found["publicSettings"] == settings == world.sent()["properties"]["settings"], found)
        expect(found["protectedSettings"] and "lab-secret" not in json.dumps(found), found)
        expect(proxy in vm.machine.read("/etc/aadsshlogin.secret"), "the secret did not arrive")
    with tell.step("nobody reads the secret back"):
        shown = desk.run("vm", "extension", "show", *VM, "--name", TYPE, "--instance-view").stdout
        shown += desk.run("vm", "show", *GROUP, "--name", "vm1", "--expand", "instanceView").stdout
        expect("userDomains" in shown and "lab-secret" not in shown + result.stdout + result.stderr, shown)


def told(world: World, *substatuses: str) -> List[str]:
    """What queries/warnings.sh prints of them, or of all, whose exit status must fit."""
    path = "/root/warnings.sh"
    world.desk.machine.write(path, (layer.CHECKOUT / WARNINGS).read_bytes())
    result = world.desk.machine.run(["sh", path, *substatuses], env={"REQUESTS_CA_BUNDLE": AUTHORITY}, check=False, timeout=PATIENCE)
    expect(result.returncode == (1 if result.stdout else 0), result)
    return result.stdout.splitlines()


def tell_accounts(tell: Teller, world: World) -> None:
    def approve(names: List[str]) -> None:
        world.desk.ask("vm", "extension", "set", *VM, *OURS, "--settings", json.dumps({"approvedLocalAccounts": names}))

    def substatus() -> Dict[str, str]:
        return {part["name"]: part["status"] for part in world.azure.extension(NAME).substatus}

    def message() -> str:
        show = world.desk.ask("vm", "extension", "show", *VM, "--name", TYPE, "--instance-view")
        return show["instanceView"]["statuses"][0]["message"]

    with tell.step("queries/warnings.sh tells of local accounts that nobody approved, and only of these"):
        approve([])
        lines = told(world, *OF_ACCOUNTS)
        expect(substatus()["local-accounts"] == "warning" and len(lines) == 1, (lines, substatus()))
        expect("Warning (local-accounts" in message(), message())
        expect(lines[0].startswith(f"{world.azure.resource_id}\t") and "can sign in" in lines[0] and "local (uid" in lines[0], lines)
        approve(["root", "local", NEIGHBOUR])
        lines = told(world, *OF_ACCOUNTS)
        expect(substatus()["local-accounts"] == "success" and not lines, (lines, substatus()))
        expect("Warning" not in message(), message())


def migrate(tell: Teller, world: World) -> None:
    desk, vm = world.desk, world.vm
    with tell.step("the old product's extension (a stand-in) is on the VM"):
        done = desk.ask("vm", "extension", "set", *VM, *OLD)
        expect(done["provisioningState"] == "Succeeded", done)
    with tell.step("beside it ours ends with exit code 23, and names it"):
        said = desk.refused("vm", "extension", "set", *VM, *OURS)
        expect_words(said, "VMExtensionHandlerNonTransientError", "exit code: 23", "AADLoginForLinux")
    with tell.step("as documented: az vm extension delete of the old one, then set of ours: Succeeded"):
        desk.ask("vm", "extension", "delete", *VM, "--name", OLD_TYPE)
        expect(not vm.machine.sh("dpkg -l aadlogin | grep ^ii", check=False).stdout, "the old package is there")
        done = desk.ask("vm", "extension", "set", *VM, *OURS)
        expect(done["provisioningState"] == "Succeeded", done)
        expect([one["name"] for one in desk.ask("vm", "extension", "list", *VM)] == [TYPE], "not ours alone")


def scale_set(tell: Teller, world: World) -> None:
    desk, instance = world.desk, world.instance
    machine = instance.machine
    before = instance.snapshot()
    settings = {"userDomains": [DOMAIN], "approvedLocalAccounts": []}
    with tell.step("az vmss extension set changes the model, and no instance of a scale set that is upgraded by hand"):
        done = desk.ask("vmss", "extension", "set", *SCALE_SET, *OURS, "--settings", json.dumps(settings))
        expect(done["provisioningState"] == "Succeeded", done)
        sent = world.sent()["properties"]["virtualMachineProfile"]["extensionProfile"]["extensions"]
        expect([one["properties"]["settings"] for one in sent] == [settings], sent)
        expect(not machine.exists(FOLDER), "the instance has it")
    with tell.step("az vmss update-instances brings it to the instance"):
        desk.run("vmss", "update-instances", *GROUP, "--name", "web", "--instance-ids", "*")
        expect(instance.settings().get("publicSettings") == settings, instance.settings())
        expect(machine.run(["aadsshlogin", "status", "--json"]).returncode == 0, "it is not in force")
    with tell.step("queries/warnings.sh tells of the instance's accounts"):
        lines = told(world, *OF_ACCOUNTS)
        expect(len(lines) == 1 and "/virtualMachineScaleSets/web/virtualMachines/0\t" in lines[0] and "local (uid" in lines[0], lines)
    with tell.step("az vmss extension list and show tell it"):
        expect([one["name"] for one in desk.ask("vmss", "extension", "list", *SCALE_SET)] == [TYPE], "list")
        expect(desk.ask("vmss", "extension", "show", *SCALE_SET, "--name", TYPE)["settings"] == settings, "show")
    with tell.step("a model with a setting that is none: update-instances ends with 1 and our message"):
        desk.ask("vmss", "extension", "set", *SCALE_SET, *OURS, "--settings", json.dumps({"sheII": "/bin/sh"}))
        said = desk.refused("vmss", "update-instances", *GROUP, "--name", "web", "--instance-ids", "0")
        expect_words(said, "VMExtensionProvisioningError", "sheII", "shell")
    with tell.step("az vmss extension delete and update-instances: every file of the instance is as before"):
        desk.ask("vmss", "extension", "delete", *SCALE_SET, "--name", TYPE)
        desk.run("vmss", "update-instances", *GROUP, "--name", "web", "--instance-ids", "*")
        expect(not difference(before, instance.snapshot()), "\n".join(difference(before, instance.snapshot())))
    upgrade_by_itself(tell, world)


def upgrade_by_itself(tell: Teller, world: World) -> None:
    desk, instance = world.desk, world.instance
    with tell.step("az vmss update makes it a scale set that upgrades its instances by itself"):
        done = desk.ask("vmss", "update", *GROUP, "--name", "web", "--set", "upgradePolicy.mode=Automatic")
        expect(done["upgradePolicy"]["mode"] == "Automatic", done)
    with tell.step("instances without identity: az vmss extension set ends with 22, and what the message names helps"):
        desk.ask("vmss", "identity", "remove", *GROUP, "--name", "web", "--identities", "[system]")
        said = desk.refused("vmss", "extension", "set", *SCALE_SET, *OURS, "--settings", json.dumps({"identityWait": 0}))
        expect_words(said, "VMExtensionHandlerNonTransientError", "exit code: 22", "no system-assigned managed identity")
        given = desk.ask(*remedy(said, "az vmss identity assign")[1:])
        expect(given["systemAssignedIdentity"], given)
    with tell.step("there az vmss extension set waits for the instances: a setting that is none ends it with our message"):
        said = desk.refused("vmss", "extension", "set", *SCALE_SET, *OURS, "--settings", json.dumps({"userDomain": DOMAIN}))
        expect_words(said, "VMExtensionHandlerNonTransientError", "exit code: 53", "userDomains")
    with tell.step("and a right one is on the instance when az has printed Succeeded"):
        settings = {"userDomains": [DOMAIN]}
        done = desk.ask("vmss", "extension", "set", *SCALE_SET, *OURS, "--settings", json.dumps(settings))
        expect(done["provisioningState"] == "Succeeded", done)
        expect(instance.settings().get("publicSettings") == settings, instance.settings())
        expect(instance.machine.run(["aadsshlogin", "status", "--json"]).returncode == 0, "it is not in force")


def give_roles(tell: Teller, world: World) -> None:
    """The README's commands: the machine may read roles, and somebody has one."""
    desk, azure, vm = world.desk, world.azure, world.vm
    person = Person(vm.machine, azure, f"erin@{DOMAIN}")
    expect(azure.unassign(azure.identity) == 1, "the identity had no role")
    shown = desk.ask("vm", "show", *GROUP, "--name", "vm1")

    def assign(role: str, oid: str, kind: str) -> Result:
        return desk.run("role", "assignment", "create", "--role", role, "--scope", shown["id"], "--assignee-object-id", oid,
                        "--assignee-principal-type", kind)

    with tell.step("az role assignment create gives somebody a role; nobody gets in while the VM may not read roles"):
        done = assign("Virtual Machine Administrator Login", person.oid, "User")
        expect(done.returncode == 0 and json.loads(done.stdout)["scope"] == azure.resource_id, done)
        check_refused(person.run("id"))
    with tell.step("queries/warnings.sh tells of a machine to which nobody gets in"):
        desk.ask("vm", "extension", "set", *VM, *OURS, "--settings", json.dumps({"logLevel": "debug"}))  # nobody is told of the same ones
        lines = told(world)
        expect(len(lines) == 1 and lines[0].startswith(f"{azure.resource_id}\tComponentStatus/verify/warning: "), lines)
    with tell.step("with Reader for the VM's identity that person signs in, and has sudo"):
        done = assign("Reader", shown["identity"]["principalId"], "ServicePrincipal")
        expect(done.returncode == 0, done)
        check_sudo(as_person(person), {"sudo": "sudo -n id -u"})


def update(tell: Teller, world: World) -> None:
    with tell.step("a new version is published: the same az vm extension set again brings it, and people stay signed in"):
        admin = Person(world.vm.machine, world.azure, f"dora@{DOMAIN}", "admin")
        session = admin.session()
        world.azure.publish(zip_of(world.build, NEXT), NAME, NEXT)
        world.desk.ask("vm", "extension", "set", *VM, *OURS)
        show = world.desk.ask("vm", "extension", "show", *VM, "--name", TYPE, "--instance-view")
        expect(show["instanceView"]["typeHandlerVersion"] == NEXT == world.azure.extension(NAME).version, show)
        check_sudo(session.run, {"sudo": "sudo -n id -u"})
        session.close()
        check_sudo(as_person(admin), {"sudo": "sudo -n id -u"})


def automate(tell: Teller, world: World) -> None:
    client, secret = world.azure.add_application("pipeline")

    def login(password: str) -> List[str]:
        return ["login", "--service-principal", "--username", client, "--password", password, "--tenant", world.azure.tenant]

    with tell.step("a service principal with a wrong secret is refused, and az says why"):
        expect_words(world.desk.refused(*login("wrong")), "AADSTS7000215")
    with tell.step("with the right one it sees the same"):
        world.desk.ask(*login(secret))
        expect([one["name"] for one in world.desk.ask("vm", "extension", "list", *VM)] == [TYPE], "list")


# ---- what is written about az


PAGES = ("README.md", "docs/sources.md", "manifest/azure/README.md", "manifest/publish/README.md", WARNINGS)
EXTENSIONS = ("ssh", "graph", "network bastion")  # of az, which Debian has not
AZWORDS = "/root/azwords.py"
# Lines to type, what they hold, and what is named within a sentence, often without all its options.
TYPED = (re.compile(r"^[ \t]*(?:\w+=\$\(|until )?az (.*)", re.M), re.compile(r'"\$\(az ([^)]*)\)"'))
NAMED = re.compile(r"`az ([^`]*)`")
MISTAKES = {"az has no vm extension put": "vm extension put -g GROUP", "vm show has no --vm-name": "vm show -g GROUP -n VM --vm-name VM",
            "vmss update-instances needs --instance-ids": "vmss update-instances -g GROUP -n NAME",
            "--query: ": "vm show -g GROUP -n VM --query '[?'"}


def words_of(command: str) -> List[str]:
    """Up to the end of the command, or to the dots that stand for the rest."""
    lexer = shlex.shlex(command, posix=True, punctuation_chars=True)
    lexer.whitespace_split, lexer.commenters = True, ""
    return list(takewhile(lambda word: word != "..." and not set(word) <= set("|;&()<>"), lexer))


def commands_of(text: str) -> List[Dict[str, Any]]:
    text = text.replace("\\\n", "")
    found = [(one, True) for each in TYPED for one in each.findall(text)] + [(one, False) for one in NAMED.findall(text)]
    return [{"words": words_of(command), "whole": whole} for command, whole in found
            if not f"{command} ".startswith(tuple(f"{each} " for each in EXTENSIONS))]


def documented(tell: Teller, world: World) -> None:
    machine = world.desk.machine

    def wrong(commands: List[Dict[str, Any]]) -> List[str]:
        return json.loads(machine.run(["python3", "-W", "ignore", "-B", AZWORDS], input=json.dumps(commands)).stdout)

    machine.write(AZWORDS, (layer.CHECKOUT / "test/lab/azwords.py").read_bytes())
    with tell.step("each command of az that the pages name exists, with these options; mistakes would be found"):
        commands = [each for page in PAGES for each in commands_of((layer.CHECKOUT / page).read_text(encoding="utf-8"))]
        expect(len(commands) >= 30, [each["words"] for each in commands])
        lines = wrong(commands)
        expect(not lines, lines)
        lines = wrong([{"words": words_of(command), "whole": True} for command in MISTAKES.values()])
        expect(len(lines) == len(MISTAKES) and all(map(str.startswith, lines, MISTAKES)), lines)


# ---- all of it


CHAPTERS = (sign_in, refuse, set_extension, migrate, give_roles, scale_set, update, automate, documented)
SAMPLE = (sign_in, refuse)


def ensure_root(folder: Path, make: bool) -> Optional[Path]:
    """None: there is none, and it is not to be made.  Others who want it wait meanwhile."""
    root = roots.Root(SUITE, folder, SETUP)
    if not make:
        return next(folder.glob(f"{SUITE}-root-*[0-9a-f]"), None)
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return root.ensure()


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--build", type=Path, default=Path("build"), help="where the extension's zip is")
    parser.add_argument("--dir", type=Path, default=layer.CHECKOUT / "build" / "azcli", help="where the root with azure-cli is kept")
    parser.add_argument("--sample", action="store_true", help="what fails alone, as ./bootstrap check plays it")
    parser.add_argument("--if-made", action="store_true", help="do nothing where that root was not made before")
    arguments = parser.parse_args()
    root = ensure_root(arguments.dir.resolve(), not arguments.if_made)
    if root is None:
        print(f"azcli.py: skipped, there is no root with azure-cli in {arguments.dir}: make check-az makes it (2 GB)")
        return 0
    tell = Teller(chapters=False)
    with World(arguments.build, root) as world:
        print(world.desk.machine.run(["dpkg-query", "-W", "azure-cli"]).stdout.strip())
        tell.play({"az": lambda tell: [chapter(tell, world) for chapter in (SAMPLE if arguments.sample else CHAPTERS)]})
    return tell.summary("azure-cli")


if __name__ == "__main__":
    sys.exit(main())
