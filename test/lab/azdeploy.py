# SPDX-License-Identifier: MIT
"""manifest/azure's templates and policies, deployed by the real azure-cli as its page says: what they make reaches the real guest
agent, and people sign in.  manifest/publish's document, too.

Resource Manager is faked, and evaluates templates and policies by test/manifest.  The machines that a template makes stand by
until then.  Application Health is a STAND-IN that does not look, az storage one that prints a word.  The root with azure-cli is
azcli.py's.

usage: azdeploy.py [--build DIR] [--dir DIR] [--if-made]    as root
"""

import argparse
import copy
import json
import re
import sys
from itertools import takewhile
from pathlib import Path
from typing import Any, Dict, List, Sequence

sys.path[:0] = [str(Path(__file__).resolve().parents[1]), str(Path(__file__).resolve().parents[1] / "fakes")]

from lab import azcli, layer  # noqa: E402
from lab.arc import ArcPlace  # noqa: E402
from lab.azcli import GROUP, OURS, SCALE_SET, TYPE, VM, Desk, Member, World, commands_of, expect_words, stand_in  # noqa: E402
from lab.install import FIRST, NAME, NEXT, zip_of  # noqa: E402
from lab.login import Person, as_person, check_refused, check_sudo  # noqa: E402
from lab.machine import Machine, Result  # noqa: E402
from lab.place import DOMAIN, NEIGHBOUR  # noqa: E402
from lab.teller import Teller, expect  # noqa: E402

PAGE, PUBLISHING = "manifest/azure/README.md", "manifest/publish/README.md"
REGION = "westeurope"
CHECKOUT = "/root/checkout"  # on the desk
ABOVE = "/providers/Microsoft.Management/managementGroups/corp"
OF_THE_SUBSCRIPTION = ("role", "initiative", "assignment")
NOT_PLAYED = ("graph query", "storage blob upload", "storage blob generate-sas")  # the pages say so, too
SUDO = {"sudo": "sudo -n id -u"}
SETTINGS = {"userDomains": [DOMAIN]}
OWNER_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILabLabLabLabLabLabLabLabLabLabLabLabLabLabLab owner"

HEALTH = "Microsoft.ManagedServices.ApplicationHealthLinux"
HEALTH_HANDLER = """#!/bin/sh
# STAND-IN for the handler of Application Health: it does not look, and says that all is well
[ "$1" = enable ] || exit 0
cd "${0%/*}"
seq=$(ls config | sed -n 's/^\\([0-9]*\\)\\.settings$/\\1/p' | sort -n | tail -n 1)
cat >"status/$seq.status" <<END
[{"version": 1.0, "timestampUTC": "2026-01-01T00:00:00Z", "status": {"operation": "enable", "name": "health", "status": "success",
  "code": 0, "formattedMessage": {"lang": "en-US", "message": "nobody looked"}}}]
END
"""
NO_STORAGE = 'az() { [ "$1" != storage ] || { echo signature; return; }; command az "$@"; }\n'


class Yard(World):
    """And machines that stand by, until a template makes one of their name."""

    def __enter__(self) -> "Yard":
        super().__enter__()
        self.spares = {name: Member(Machine(hostname=name.replace("_", ""))) for name in ("new1", "uni_0", "uni_1", "flex_0")}
        for name, member in self.spares.items():
            member.machine.start()
            self.azure.add_spare(name, member.machine.pid)
            member.begin(self.azure)
        self.azure.publish(stand_in(self.azure.dir, "health", HEALTH_HANDLER), HEALTH, "1.0.0.0")
        return self

    def __exit__(self, *_: object) -> None:
        super().__exit__()
        for member in self.spares.values():
            member.machine.stop()


class Templates:
    """What somebody at the desk has of this project, and deploys."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.files: Dict[str, str] = {}
        for path in (*layer.CHECKOUT.glob("manifest/azure/**/*.json"), *layer.CHECKOUT.glob("manifest/azure/policy/*.sed"),
                     layer.CHECKOUT / "manifest/publish/publish.json"):
            self.files[path.stem] = f"{CHECKOUT}/{path.relative_to(layer.CHECKOUT)}"
            desk.machine.write(self.files[path.stem], path.read_text(encoding="utf-8"))

    def words(self, name: str, *parameters: str, **values: Any) -> List[str]:
        given = [*parameters, *(f"{key}={value if isinstance(value, str) else json.dumps(value)}" for key, value in values.items())]
        where = ["sub", "create", "--location", REGION] if name in OF_THE_SUBSCRIPTION else ["group", "create", *GROUP]
        return ["deployment", *where, "--template-file", self.files[name], *(["--parameters", *given] if given else [])]

    def deploy(self, name: str, **values: Any) -> Any:
        done = self.desk.ask(*self.words(name, **values))["properties"]
        expect(done["provisioningState"] == "Succeeded", done)
        return done

    def refused(self, name: str, **values: Any) -> str:
        return self.desk.refused(*self.words(name, **values))

    def invalid(self, name: str, **values: Any) -> str:
        """What az says of a template that is refused before anything is made.  2.74 loses the service's words, but for --debug."""
        return self.desk.refused(*self.words(name, **values), "--debug")

    def role(self) -> str:
        return self.deploy("role")["outputs"]["roleReaderId"]["value"]

    def play(self, page: str, words: str, before: str = "", **names: str) -> Result:
        """The block of a page that holds these words, as it stands but for names in capitals, and shorter waits."""
        text = (layer.CHECKOUT / page).read_text(encoding="utf-8")
        (block,) = [each for each in re.findall(r"^```\n(.*?)^```$", text, re.M | re.S) if words in each]
        for name, value in names.items():
            block = re.sub(rf"\b{name}\b", lambda _, value=value: value, block)
        result = self.desk.play(before + block.replace("sleep 30", "sleep 1"), CHECKOUT)
        expect(result.returncode == 0, result)
        return result


def of_people(*people: Person) -> List[Any]:
    return [{"principalId": person.oid, "principalType": "User"} for person in people]


def at(person: Person, machine: Machine) -> Person:
    there = copy.copy(person)
    there.machine = machine
    return there


# ---- the chapters


def not_compliant(templates: Templates) -> Dict[str, int]:
    """By policy."""
    said = templates.desk.ask("policy", "state", "summarize", "--policy-assignment", "aadsshlogin")
    return {each["policyDefinitionReferenceId"]: each["results"]["nonCompliantResources"]
            for each in said["policyAssignments"][0]["policyDefinitions"]}


def policies(tell: Teller, world: World, templates: Templates) -> None:
    azure, vm, desk = world.azure, world.vm, world.desk
    azure.unassign(azure.identity)
    azure.set_identity(False)
    role = templates.role()
    with tell.step("the page's commands define the policies and assign the initiative, which tells, and does nothing", essential=True):
        templates.play(PAGE, "policy/initiative.json", SUBSCRIPTION=azure.subscription)
        expect(not_compliant(templates) == {"aadsshlogin-identity": 1, "aadsshlogin-vmss": 1}, not_compliant(templates))
        expect(not vm.machine.exists(azcli.FOLDER), "the machine has the extension")
    with tell.step("what only tells has no remediation: az says so"):
        said = desk.refused("policy", "remediation", "create", "--name", "none", "--policy-assignment", "aadsshlogin",
                            "--definition-reference-id", "aadsshlogin-vmss", "--resource-discovery-mode", "ReEvaluateCompliance")
        expect_words(said, "InvalidCreateRemediationRequest", "AuditIfNotExists")
    with tell.step("assigned for remediation, the page's loop gives identity, role and extension: by the real agent, and to the model"):
        templates.deploy("assignment", remediate=True, assignRoles=True, roleReaderId=role, settings=SETTINGS)
        done = templates.play(PAGE, "remediations/$reference", SUBSCRIPTION=azure.subscription).stdout
        expect(re.findall(r"^(Succeeded|Failed|Canceled)$", done, re.M) == ["Succeeded"] * 5, done)
        expect(not_compliant(templates) == {}, not_compliant(templates))
        wanted = {**SETTINGS, "approvedLocalAccounts": ["azureuser"]}
        expect(vm.settings().get("publicSettings") == wanted, vm.settings())
        expect([one["settings"] for one in desk.ask("vmss", "extension", "list", *SCALE_SET)] == [wanted], "the model")
    with tell.step("with the role that the remediation assigned people sign in"):
        check_sudo(as_person(Person(vm.machine, azure, f"pat@{DOMAIN}", "admin")), SUDO)
    desk.ask("vm", "extension", "delete", *VM, "--name", TYPE)
    desk.ask("vmss", "extension", "delete", *SCALE_SET, "--name", TYPE)
    azure.unassign(azure.identity)
    azure.set_identity(False)
    to_it = ["deployment", "mg", "create", "--management-group-id", "corp", "--location", REGION, "--template-file"]
    with tell.step("the page's commands for a management group define and assign there; a subscription's template is refused"):
        azure.assign(azure.set_operator(f"operator@{DOMAIN}"), "owner", ABOVE)
        templates.play(PAGE, "deployment mg create", MANAGEMENT_GROUP="corp")
        expect_words(desk.refused(*to_it, templates.files["assignment"], "--debug"), "InvalidTemplate", "management group")
    with tell.step("its assignment gives the machine of a subscription an identity, by the roles that it got above it"):
        desk.ask(*to_it, f"{CHECKOUT}/assignment-above.json", "--parameters", "remediate=true")
        desk.ask("policy", "remediation", "create", "--name", "above", "--definition-reference-id", "aadsshlogin-identity", "--policy-assignment",
                 f"{ABOVE}/providers/Microsoft.Authorization/policyAssignments/aadsshlogin", "--resource-discovery-mode", "ReEvaluateCompliance")
        desk.play("until az policy remediation show --name above --query provisioningState --output tsv | grep -qx Succeeded; do sleep 1; done", "/")
        expect(desk.ask("vm", "show", *GROUP, "--name", "vm1")["identity"]["type"] == "SystemAssigned", "no identity")
    azure.set_identity(False)


def page(tell: Teller, world: World, templates: Templates) -> None:
    with tell.step("the page's commands for one machine: role, identity, extension, and a group that signs in"):
        user = Person(world.vm.machine, world.azure, f"gina@{DOMAIN}")
        templates.play(PAGE, "identity assign", GROUP="lab", VM="vm1", REGION=REGION, ROLE=templates.role(),
                       GROUP_OBJECT_ID=world.azure.add_group("linux", [user.oid]))
        expect(user.run("id -un").stdout.strip() == user.name, user.run("id -un"))
    world.desk.ask("vm", "extension", "delete", *VM, "--name", TYPE)


def machine(tell: Teller, world: World, templates: Templates) -> None:
    azure, vm = world.azure, world.vm
    azure.unassign(azure.identity)
    with tell.step("role.json: the role exists, and the deployment says its id"):
        reader = templates.role()
        expect(reader.startswith(f"/subscriptions/{azure.subscription}/providers/"), reader)
    azure.set_identity(False)
    with tell.step("vm.json on a machine without identity is refused before anything is made: az says why with --debug"):
        expect_words(templates.invalid("vm", vmName="vm1", roleReaderId=reader), "InvalidTemplate", "has no 'identity'")
        expect(not vm.machine.exists(azcli.FOLDER), "the machine has the extension")
    world.desk.ask("vm", "identity", "assign", *GROUP, "--name", "vm1")
    with tell.step("vm.json with a setting that is none: az ends with 1, exit code 53 and the nearest name"):
        said = templates.refused("vm", vmName="vm1", settings={"userDomain": DOMAIN})
        expect_words(said, "DeploymentFailed", "exit code: 53", "userDomain", "userDomains")
    with tell.step("vm.json: Succeeded, and the agent gets its settings, the secret for its key alone"):
        secret = {"proxy": "http://somebody:lab-secret@127.0.0.1:3128"}
        templates.deploy("vm", vmName="vm1", roleReaderId=reader, settings=SETTINGS, protectedSettings=secret)
        found = vm.settings()
        expect(found["publicSettings"] == SETTINGS and found["protectedSettings"], found)
        expect("lab-secret" not in json.dumps(found), found)
    with tell.step("vm.json once more, without the secret: Succeeded"):
        templates.deploy("vm", vmName="vm1", roleReaderId=reader, settings=SETTINGS)
        expect(vm.settings()["protectedSettings"] is None, vm.settings())


def people(tell: Teller, world: World, templates: Templates) -> None:
    admin, user, stranger = (Person(world.vm.machine, world.azure, f"{name}@{DOMAIN}") for name in ("alice", "bob", "carol"))
    with tell.step("nobody has a role yet: nobody gets in"):
        check_refused(stranger.run("id"), "login/action", stranger.oid)
    templates.deploy("people", users=of_people(user), administrators=of_people(admin))
    with tell.step("people.json: the administrator has sudo, the user signs in, others do not"):
        check_sudo(as_person(admin), SUDO)
        result = user.run("id -un; sudo -n true")
        expect(result.stdout.strip() == user.name and result.returncode not in (0, 255), result)
        check_refused(stranger.run("id"), "login/action")


def scale_set(tell: Teller, world: World, templates: Templates) -> None:
    azure, instance = world.azure, world.instance
    azure.unassign(world.desk.ask("vmss", "show", *GROUP, "--name", "web")["identity"]["principalId"])
    with tell.step("vmss-extension.json changes the model, and az vmss update-instances the instance"):
        templates.deploy("vmss-extension", vmssName="web", roleReaderId=templates.role(), settings=SETTINGS)
        listed = world.desk.ask("vmss", "extension", "list", *SCALE_SET)
        expect([(one["name"], one["settings"]) for one in listed] == [(TYPE, SETTINGS)], listed)
        expect(not instance.machine.exists(azcli.FOLDER), "the instance has it already")
        world.desk.run("vmss", "update-instances", *GROUP, "--name", "web", "--instance-ids", "*")
        expect(instance.settings().get("publicSettings") == SETTINGS, instance.settings())
    with tell.step("with the role that it assigned at the scale set an administrator signs in to the instance"):
        admin = Person(world.vm.machine, azure, f"wanda@{DOMAIN}")
        azure.assign(admin.oid, "admin", f"/subscriptions/{azure.subscription}/resourceGroups/lab")
        check_sudo(as_person(at(admin, instance.machine)), SUDO)


def refuse(tell: Teller, world: World, templates: Templates) -> None:
    with tell.step("a parameter that a template has not, or of another type, is refused: the machine is not asked for anything"):
        before = world.vm.settings()
        expect_words(templates.refused("vm", vmName="vm1", version="1.0"), "version")
        expect_words(templates.invalid("vm", vmName="vm1", settings=[1]), "InvalidTemplate", "the parameter settings is [1]")
        expect(world.vm.settings() == before, world.vm.settings())


def first_run(member: Member, name: str, verb: str) -> int:
    """Line of the agent's log."""
    return next(at for at, line in enumerate(member.agent.log().splitlines()) if name in line and line.rstrip().endswith(f" {verb}]"))


def made(tell: Teller, world: Yard, templates: Templates) -> None:
    azure, spares, role = world.azure, world.spares, templates.role()
    admin = Person(world.vm.machine, azure, f"frank@{DOMAIN}")
    azure.assign(admin.oid, "admin", f"/subscriptions/{azure.subscription}/resourceGroups/lab")
    common = {"sshPublicKey": OWNER_KEY, "settings": SETTINGS}

    def signs_in(name: str) -> None:
        expect(spares[name].settings().get("publicSettings") == SETTINGS, spares[name].settings())
        check_sudo(as_person(at(admin, spares[name].machine)), SUDO)

    with tell.step("vm-new.json: a machine with identity, role and extension, to which an administrator signs in"):
        templates.deploy("vm-new", vmName="new1", networkInterfaceId="/subscriptions/s/nic", roleReaderId=role, **common)
        signs_in("new1")
    with tell.step("vmss-uniform.json: two instances have the model, the extension after the one that it names, and the role"):
        uniform = {"vmssName": "uni", "subnetId": "/subscriptions/s/subnet", "roleReaderId": role, "instanceCount": 2, **common,
                   "maxBatchInstancePercent": 50, "provisionAfterExtensions": [HEALTH.rpartition(".")[2]]}
        templates.deploy("vmss-uniform", **uniform)
        for name in ("uni_0", "uni_1"):
            signs_in(name)
            expect(first_run(spares[name], HEALTH, "enable") < first_run(spares[name], NAME, "install"), spares[name].agent.log())
    with tell.step("deployed again with another setting: a rolling upgrade, instance by instance"):
        other = {**SETTINGS, "shell": "/bin/sh"}
        templates.deploy("vmss-uniform", **{**uniform, "settings": other})
        rolling = azure.rolling("uni")
        expect([each["instances"] for each in rolling["batches"]] == [["uni_0"], ["uni_1"]] and rolling["running"] == "Completed", rolling)
        expect(all(spares[name].settings()["publicSettings"] == other for name in ("uni_0", "uni_1")), "settings")
    flexible(tell, world, templates, admin, common, role)


def flexible(tell: Teller, world: Yard, templates: Templates, admin: Person, common: Dict[str, Any], role: str) -> None:
    instance, (identity, oid) = world.spares["flex_0"], world.azure.add_identity("linux")
    with tell.step("vmss-flexible.json: an instance with the user's identity, to which nobody signs in without identity.json"):
        templates.deploy("vmss-flexible", vmssName="flex", subnetId="/subscriptions/s/subnet", instanceCount=1,
                         userAssignedIdentityId=identity, **common)
        expect(instance.settings().get("publicSettings") == SETTINGS, instance.settings())
        check_refused(at(admin, instance.machine).run("id"))
    with tell.step("identity.json gives that identity the role, and an administrator signs in"):
        templates.deploy("identity", identityPrincipalId=oid, roleReaderId=role)
        check_sudo(as_person(at(admin, instance.machine)), SUDO)


def publish(tell: Teller, world: World, templates: Templates) -> None:
    names = {"PUBLISHING": "lab", "VERSION": FIRST}
    with tell.step("the page's commands publish a version by Resource Manager, and show it; az storage is a stand-in"):
        shown = templates.play(PUBLISHING, "publish.json", NO_STORAGE + "blob=https://account.blob.core.windows.net/extensions/a.zip\n", **names)
        expect_words(shown.stdout, '"isInternalExtension": true', "East US 2 EUAP", "signature", FIRST)
    with tell.step("of a version az sends the first two numbers, so that an older build cannot be asked for"):
        world.azure.publish(zip_of(world.build, NEXT), NAME, NEXT)
        world.desk.ask("vm", "extension", "set", *VM, *OURS, "--version", FIRST, "--no-auto-upgrade-minor-version")
        sent = world.sent()["properties"]
        expect((sent["typeHandlerVersion"], sent["autoUpgradeMinorVersion"]) == ("1.0", False), sent)
        show = world.desk.ask("vm", "extension", "show", *VM, "--name", TYPE, "--instance-view")
        expect((show["provisioningState"], show["instanceView"]["typeHandlerVersion"]) == ("Succeeded", NEXT), show)
    with tell.step("and withdraw it"):
        templates.play(PUBLISHING, "az resource delete", **names)
        expect_words(world.desk.refused("resource", "show", *GROUP, "--namespace", "Microsoft.Compute", "--parent",
                                        f"sharedVMExtensions/{NAME}", "--resource-type", "versions", "--name", FIRST,
                                        "--api-version", "2019-12-01", code=3), "Not Found")


def arc(tell: Teller, build: Path, root: Path) -> None:
    machine = ArcPlace(build, "arc-az")
    machine.versions = (FIRST,)
    with machine as place, Desk(root, place.azure) as desk:
        place.agent.start()
        templates, name = Templates(desk), place.azure.resource_id.rpartition("/")[2]
        place.azure.unassign(place.azure.identity)
        with tell.step("arc.json on a machine of Arc: the agent installs, with the role an administrator signs in"):
            place.azure.set_operator(f"operator@{DOMAIN}")
            desk.ask("login", "--use-device-code", "--output", "json")
            templates.deploy("arc", machineName=name, roleReaderId=templates.role(), settings=SETTINGS)
            found = Member.settings(place)
            expect(found["publicSettings"] == SETTINGS, found)
            check_sudo(as_person(Person(place.machine, place.azure, f"alice@{DOMAIN}", "admin")), SUDO)
        with tell.step("aadsshlogin-accounts-arc tells of accounts that nobody approved by what the extension says alone"):
            templates.play(PAGE, "policy/initiative.json", SUBSCRIPTION=place.azure.subscription)
            for approved, found in ([], 1), (["root", "local", NEIGHBOUR], None):
                templates.deploy("assignment", approvedLocalAccounts=approved)
                templates.deploy("arc", machineName=name, settings={**SETTINGS, "approvedLocalAccounts": approved})
                told = not_compliant(templates)
                expect(told.get("aadsshlogin-accounts-arc") == found, (approved, told))
        with tell.step("a setting that is none: az says our message"):
            expect_words(templates.refused("arc", machineName=name, settings={"userDomain": DOMAIN}), "DeploymentFailed", "userDomains")


def name_of(words: Sequence[str]) -> str:
    return " ".join(takewhile(lambda word: not word.startswith(("-", "$")), words))


def every_command(tell: Teller, desk: Desk) -> None:
    with tell.step("each command of az on the two pages was typed here, or is said not to be proved there"):
        typed = {name_of(words) for words in desk.typed}
        for page in (PAGE, PUBLISHING):
            text = (layer.CHECKOUT / page).read_text(encoding="utf-8")
            named = {name_of(each["words"]) for each in commands_of(text)} | {name for name in NOT_PLAYED if f"az {name}" in text}
            missing = sorted(named - typed - set(NOT_PLAYED))
            expect(not missing, f"{page}: {missing}")
            told = text[text.index("ot proved"):]
            expect(all(f"`az {name}`" in told for name in named & set(NOT_PLAYED)), f"{page} does not say what is not proved")


CHAPTERS = (policies, page, machine, people, scale_set, refuse, made, publish)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--build", type=Path, default=Path("build"), help="where the extension's zip is")
    parser.add_argument("--dir", type=Path, default=layer.CHECKOUT / "build" / "azcli", help="where the root with azure-cli is kept")
    parser.add_argument("--if-made", action="store_true", help="do nothing where that root was not made before")
    arguments = parser.parse_args()
    root = azcli.ensure_root(arguments.dir.resolve(), not arguments.if_made)
    if root is None:
        print(f"azdeploy.py: skipped, there is no root with azure-cli in {arguments.dir}: make check-az makes it (2 GB)")
        return 0
    tell = Teller(chapters=False)
    with Yard(arguments.build, root) as world:
        azcli.sign_in(tell, world)
        templates = Templates(world.desk)
        tell.play({"deployments": lambda tell: [chapter(tell, world, templates) for chapter in CHAPTERS]})
        every_command(tell, world.desk)
    tell.play({"arc": lambda tell: arc(tell, arguments.build, root)})
    return tell.summary("deployments by azure-cli")


if __name__ == "__main__":
    sys.exit(main())
