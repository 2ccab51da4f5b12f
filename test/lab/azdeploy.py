# SPDX-License-Identifier: MIT
"""manifest/azure's templates, deployed by the real azure-cli: what they make reaches the real guest agent, and people sign in.

Resource Manager is faked, and evaluates the templates by test/manifest.  The root with azure-cli is azcli.py's.

usage: azdeploy.py [--build DIR] [--dir DIR] [--if-made]    as root
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any, List

sys.path[:0] = [str(Path(__file__).resolve().parents[1]), str(Path(__file__).resolve().parents[1] / "fakes")]

from lab import azcli, layer  # noqa: E402
from lab.azcli import GROUP, TYPE, World, expect_words  # noqa: E402
from lab.login import Person, as_person, check_refused, check_sudo  # noqa: E402
from lab.place import DOMAIN  # noqa: E402
from lab.teller import Teller, expect  # noqa: E402

ARM = layer.CHECKOUT / "manifest/azure/arm"
REGION = "westeurope"


class Templates:
    """What somebody at the desk deploys."""

    def __init__(self, world: World) -> None:
        self.desk = world.desk
        for path in ARM.glob("*.json"):
            self.desk.machine.write(f"/root/{path.name}", path.read_text(encoding="utf-8"))

    @staticmethod
    def words(name: str, *parameters: str, **values: Any) -> List[str]:
        given = [*parameters, *(f"{key}={value if isinstance(value, str) else json.dumps(value)}" for key, value in values.items())]
        where = ["sub", "create", "--location", REGION] if name == "role" else ["group", "create", *GROUP]
        return ["deployment", *where, "--template-file", f"/root/{name}.json", *(["--parameters", *given] if given else [])]

    def deploy(self, name: str, **values: Any) -> Any:
        done = self.desk.ask(*self.words(name, **values))["properties"]
        expect(done["provisioningState"] == "Succeeded", done)
        return done

    def refused(self, name: str, **values: Any) -> str:
        """What az says; of a template that is refused before anything is made it loses the service's words (2.74)."""
        return self.desk.refused(*self.words(name, **values))


def of_people(*people: Person) -> List[Any]:
    return [{"principalId": person.oid, "principalType": "User"} for person in people]


def machine(tell: Teller, world: World, templates: Templates) -> None:
    azure, vm = world.azure, world.vm
    azure.unassign(azure.identity)
    with tell.step("role.json: the role exists, and the deployment says its id"):
        reader = templates.deploy("role")["outputs"]["roleReaderId"]["value"]
        expect(reader.startswith(f"/subscriptions/{azure.subscription}/providers/"), reader)
    azure.set_identity(False)
    with tell.step("vm.json on a machine without identity is refused before anything is made"):
        templates.refused("vm", vmName="vm1", roleReaderId=reader)
        expect(not vm.machine.exists(azcli.FOLDER), "the machine has the extension")
    world.desk.ask("vm", "identity", "assign", *GROUP, "--name", "vm1")
    with tell.step("vm.json with a setting that is none: az ends with 1, exit code 53 and the nearest name"):
        said = templates.refused("vm", vmName="vm1", settings={"userDomain": DOMAIN})
        expect_words(said, "DeploymentFailed", "exit code: 53", "userDomain", "userDomains")
    with tell.step("vm.json: Succeeded, and the agent gets its settings, the secret for its key alone"):
        settings, secret = {"userDomains": [DOMAIN]}, {"proxy": "http://somebody:lab-secret@127.0.0.1:3128"}
        templates.deploy("vm", vmName="vm1", roleReaderId=reader, settings=settings, protectedSettings=secret)
        found = vm.settings()
        expect(found["publicSettings"] == settings and found["protectedSettings"], found)
        expect("lab-secret" not in json.dumps(found), found)
    with tell.step("vm.json once more, without the secret: Succeeded"):
        templates.deploy("vm", vmName="vm1", roleReaderId=reader, settings=settings)
        expect(vm.settings()["protectedSettings"] is None, vm.settings())


def people(tell: Teller, world: World, templates: Templates) -> None:
    admin, user, stranger = (Person(world.vm.machine, world.azure, f"{name}@{DOMAIN}") for name in ("alice", "bob", "carol"))
    with tell.step("nobody has a role yet: nobody gets in"):
        check_refused(stranger.run("id"), "login/action", stranger.oid)
    templates.deploy("people", users=of_people(user), administrators=of_people(admin))
    with tell.step("people.json: the administrator has sudo, the user signs in, others do not"):
        check_sudo(as_person(admin), {"sudo": "sudo -n id -u"})
        result = user.run("id -un; sudo -n true")
        expect(result.stdout.strip() == user.name and result.returncode not in (0, 255), result)
        check_refused(stranger.run("id"), "login/action")


def scale_set(tell: Teller, world: World, templates: Templates) -> None:
    instance, settings = world.instance, {"userDomains": [DOMAIN]}
    with tell.step("vmss-extension.json changes the model, and az vmss update-instances the instance"):
        templates.deploy("vmss-extension", vmssName="web", settings=settings)
        listed = world.desk.ask("vmss", "extension", "list", *azcli.SCALE_SET)
        expect([(one["name"], one["settings"]) for one in listed] == [(TYPE, settings)], listed)
        expect(not instance.machine.exists(azcli.FOLDER), "the instance has it already")
        world.desk.run("vmss", "update-instances", *GROUP, "--name", "web", "--instance-ids", "*")
        expect(instance.settings().get("publicSettings") == settings, instance.settings())


def refuse(tell: Teller, world: World, templates: Templates) -> None:
    with tell.step("a parameter that a template has not, or of another type, is refused: the machine is not asked for anything"):
        before = world.vm.settings()
        expect_words(templates.refused("vm", vmName="vm1", version="1.0"), "version")
        templates.refused("vm", vmName="vm1", settings=[1])
        expect(world.vm.settings() == before, world.vm.settings())


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
    with World(arguments.build, root) as world:
        azcli.sign_in(tell, world)
        templates = Templates(world)
        tell.play({"deployments": lambda tell: [chapter(tell, world, templates)
                                                for chapter in (machine, people, scale_set, refuse)]})
    return tell.summary("deployments by azure-cli")


if __name__ == "__main__":
    sys.exit(main())
