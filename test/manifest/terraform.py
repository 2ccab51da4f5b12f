# SPDX-License-Identifier: MIT
"""manifest/azure/terraform asks for the same as manifest/azure/arm, by what the provider azurerm makes of its arguments.

ARGUMENTS is from the provider's documentation: where an argument ends up in the resource.  One that is not in it is an
error.  Terraform itself, the provider's own defaults and its checks are not here, and so not proved.
"""

import json
import re
import uuid
from dataclasses import dataclass, field
from typing import Any, Dict, List, Optional, Tuple

from manifest.expr import Unknown
from manifest.hcl import Evaluator, read
from manifest.rows import AZURE, SAMPLES, Rows, load
from manifest.template import SUBSCRIPTION, below, group_id
from manifest.templates import TEMPLATES, deployed, place

FOLDER = AZURE / "terraform"
GROUP = "rg-linux"
COMPUTE, HYBRID = "Microsoft.Compute", "Microsoft.HybridCompute"

EXTENSION = {"publisher": "properties/publisher", "type": "properties/type",
             "type_handler_version": "properties/typeHandlerVersion",
             "auto_upgrade_minor_version": "properties/autoUpgradeMinorVersion",
             "automatic_upgrade_enabled": "properties/enableAutomaticUpgrade",
             "provision_after_extensions": "properties/provisionAfterExtensions",
             "settings": "json:properties/settings", "protected_settings": "json:properties/protectedSettings"}
FLEXIBLE_EXTENSION = {**{name: path for name, path in EXTENSION.items() if "upgrade" not in name and "after" not in name},
                      "auto_upgrade_minor_version_enabled": "properties/autoUpgradeMinorVersion",
                      "extensions_to_provision_after_vm_creation": "properties/provisionAfterExtensions"}
IMAGE = {name: name for name in ("publisher", "offer", "sku", "version")}
DISK = {"caching": "caching", "storage_account_type": "managedDisk/storageAccountType"}
KEY = {"username": "key:path", "public_key": "keyData"}
IDENTITY = {"type": "type", "identity_ids": "ids:userAssignedIdentities"}
NETWORK = {"name": "name", "primary": "properties/primary"}
ADDRESS = {"name": "name", "subnet_id": "properties/subnet/id", "primary": "drop:"}
ROLLING = {"max_batch_instance_percent": "maxBatchInstancePercent",
           "max_unhealthy_instance_percent": "maxUnhealthyInstancePercent",
           "max_unhealthy_upgraded_instance_percent": "maxUnhealthyUpgradedInstancePercent",
           "pause_time_between_batches": "pauseTimeBetweenBatches",
           "prioritize_unhealthy_instances_enabled": "prioritizeUnhealthyInstances"}
PROFILE = "properties/virtualMachineProfile/"
LINUX = "osProfile/linuxConfiguration/"
# A block: where it goes ("[]" at its end makes a list), its arguments, and what more it holds.
Block = Tuple[str, Dict[str, str], Dict[str, Any]]
SET_BLOCKS: Dict[str, Block] = {
    "rolling_upgrade_policy": ("properties/upgradePolicy/rollingUpgradePolicy", ROLLING, {}),
    "source_image_reference": (PROFILE + "storageProfile/imageReference", IMAGE, {}),
    "os_disk": (PROFILE + "storageProfile/osDisk", DISK, {"createOption": "FromImage"}),
    "identity": ("identity", IDENTITY, {}),
    "network_interface": (PROFILE + "networkProfile/networkInterfaceConfigurations[]", NETWORK, {}),
    "network_interface/ip_configuration": ("properties/ipConfigurations[]", ADDRESS, {}),
}


@dataclass
class Kind:
    type: str
    arguments: Dict[str, str]
    blocks: Dict[str, Block] = field(default_factory=dict)
    adds: Dict[str, Any] = field(default_factory=dict)
    parent: str = ""


KINDS = {
    "azurerm_virtual_machine_extension": Kind(f"{COMPUTE}/virtualMachines/extensions", EXTENSION,
                                              parent="virtual_machine_id"),
    "azurerm_virtual_machine_scale_set_extension": Kind(f"{COMPUTE}/virtualMachineScaleSets/extensions", EXTENSION,
                                                        parent="virtual_machine_scale_set_id"),
    # The provider has no argument for autoUpgradeMinorVersion.
    "azurerm_arc_machine_extension": Kind(f"{HYBRID}/machines/extensions", {
        **{name: path for name, path in EXTENSION.items() if name != "auto_upgrade_minor_version"},
        "location": "location"}, parent="arc_machine_id"),
    "azurerm_role_assignment": Kind("Microsoft.Authorization/roleAssignments", {
        "role_definition_id": "properties/roleDefinitionId", "principal_id": "properties/principalId",
        "principal_type": "properties/principalType", "description": "properties/description"}, parent="scope"),
    "azurerm_role_definition": Kind("Microsoft.Authorization/roleDefinitions", {
        "name": "properties/roleName", "description": "properties/description",
        "assignable_scopes": "properties/assignableScopes"}, {
            "permissions": ("properties/permissions[]", {
                "actions": "actions", "not_actions": "notActions", "data_actions": "dataActions",
                "not_data_actions": "notDataActions"}, {})}, {"properties/type": "CustomRole"}, parent="scope"),
    "azurerm_linux_virtual_machine": Kind(f"{COMPUTE}/virtualMachines", {
        "location": "location", "size": "properties/hardwareProfile/vmSize",
        "admin_username": "properties/osProfile/adminUsername", "network_interface_ids":
            "interfaces:properties/networkProfile/networkInterfaces", "disable_password_authentication":
            f"properties/{LINUX}disablePasswordAuthentication"}, {
                "admin_ssh_key": (f"properties/{LINUX}ssh/publicKeys[]", KEY, {}),
                "source_image_reference": ("properties/storageProfile/imageReference", IMAGE, {}),
                "os_disk": ("properties/storageProfile/osDisk", DISK, {"createOption": "FromImage"}),
                "identity": ("identity", IDENTITY, {})}),
    "azurerm_linux_virtual_machine_scale_set": Kind(f"{COMPUTE}/virtualMachineScaleSets", {
        "location": "location", "sku": "sku/name", "instances": "sku/capacity",
        "admin_username": PROFILE + "osProfile/adminUsername",
        "computer_name_prefix": PROFILE + "osProfile/computerNamePrefix",
        "disable_password_authentication": PROFILE + LINUX + "disablePasswordAuthentication",
        "overprovision": "properties/overprovision", "single_placement_group": "properties/singlePlacementGroup", "upgrade_mode": "properties/upgradePolicy/mode"}, {
            **SET_BLOCKS, "admin_ssh_key": (PROFILE + LINUX + "ssh/publicKeys[]", KEY, {}),
            "extension": (PROFILE + "extensionProfile/extensions[]", {"name": "name", **EXTENSION}, {})},
        {"properties/orchestrationMode": "Uniform"}),
    "azurerm_orchestrated_virtual_machine_scale_set": Kind(f"{COMPUTE}/virtualMachineScaleSets", {
        "location": "location", "sku_name": "sku/name", "instances": "sku/capacity",
        "platform_fault_domain_count": "properties/platformFaultDomainCount",
        "network_api_version": PROFILE + "networkProfile/networkApiVersion",
        "upgrade_mode": "properties/upgradePolicy/mode"}, {
            **SET_BLOCKS, "os_profile": ("", {}, {}),
            "os_profile/linux_configuration": (PROFILE + "osProfile", {
                "admin_username": "adminUsername", "computer_name_prefix": "computerNamePrefix",
                "disable_password_authentication": "linuxConfiguration/disablePasswordAuthentication"}, {}),
            "os_profile/linux_configuration/admin_ssh_key": ("linuxConfiguration/ssh/publicKeys[]", KEY, {}),
            "extension": (PROFILE + "extensionProfile/extensions[]", {"name": "name", **FLEXIBLE_EXTENSION}, {})},
        {"properties/orchestrationMode": "Flexible"}),
}
DATA = {"azurerm_virtual_machine": f"{COMPUTE}/virtualMachines", "azurerm_arc_machine": f"{HYBRID}/machines",
        "azurerm_virtual_machine_scale_set": f"{COMPUTE}/virtualMachineScaleSets"}
# Of the template's parameters these have other names, or none where the provider decides.
NAMES = {"enableAutomaticUpgrade": "automatic_upgrade_enabled"}
WITHOUT = {"vm": {"location"}, "arc": {"location"}, "vmss-flexible": {"enableAutomaticUpgrade"}}
# What the provider does not let one say.
UNSAID = {f"{COMPUTE}/virtualMachines/extensions": ["location"],
          f"{HYBRID}/machines/extensions": ["properties/autoUpgradeMinorVersion"],
          f"{COMPUTE}/virtualMachines": ["properties/osProfile/computerName"]}
FLEXIBLE_UNSAID = PROFILE + "extensionProfile/extensions/1/properties/enableAutomaticUpgrade"


def put(target: Dict, path: str, value: Any) -> None:
    """Into nested objects; a list is appended to where the path ends in []."""
    *way, last = path.split("/")
    for part in way:
        target = target.setdefault(part, {})
    if last.endswith("[]"):
        target.setdefault(last[:-2], []).append(value)
    elif last in target:
        target[last].update(value)
    else:
        target[last] = value


def _json(text: Any) -> Any:
    if not isinstance(text, str):
        raise Unknown(f"{text!r} is no JSON in a string")
    return json.loads(text)


CONVERTERS = {
    "json": _json,
    "key": lambda name: f"/home/{name}/.ssh/authorized_keys",
    "ids": lambda ids: {each: {} for each in ids},
    "interfaces": lambda ids: [{"id": each} for each in ids],
}


class Plan:
    """What one folder asks for."""

    def __init__(self, text: str, given: Dict[str, Any], world: Dict[str, Dict]):
        self.body, self.world = read(text), world
        self.names: Dict[str, Any] = {"data": {}}
        self.evaluate = Evaluator(self.names)
        self.resources: Dict[str, Dict] = {}
        self.after: Dict[str, List[str]] = {}
        self.ids: Dict[Tuple[str, str], List[str]] = {}
        blocks = self.body["blocks"]
        known = {"terraform", "variable", "locals", "data", "resource", "output"}
        if self.body["attributes"] or {kind for kind, _, _ in blocks} - known:
            raise Unknown(f"{sorted({kind for kind, _, _ in blocks} - known)} is not known")
        self.names["var"] = self._variables([each for each in blocks if each[0] == "variable"], given)
        for kind, _, body in blocks:
            if kind == "locals":
                self.names["local"] = {name: self.evaluate.tree(tree) for name, tree in body["attributes"].items()}
        for kind, labels, body in blocks:
            if kind in ("data", "resource"):
                {"data": self._data, "resource": self._resource}[kind](*labels, body)

    def _variables(self, blocks: List, given: Dict) -> Dict:
        declared = {labels[0]: body for _, labels, body in blocks}
        if set(given) - set(declared):
            raise Unknown(f"there is no variable {sorted(set(given) - set(declared))}")
        self.names["var"] = values = {}
        for name, body in declared.items():
            if set(body["attributes"]) - {"description", "type", "default", "sensitive"}:
                raise Unknown(f"the variable {name} has {sorted(body['attributes'])}")
            if name not in given and "default" not in body["attributes"]:
                raise Unknown(f"the variable {name} has no value")
            values[name] = given[name] if name in given else self.evaluate.tree(body["attributes"]["default"])
            self._valid(name, body)
        return values

    def _valid(self, name: str, body: Dict) -> None:
        for kind, _, inner in body["blocks"]:
            if kind != "validation" or set(inner["attributes"]) != {"condition", "error_message"}:
                raise Unknown(f"the variable {name} has a block {kind}")
            if self.evaluate.tree(inner["attributes"]["condition"]) is not True:
                raise Unknown(self.evaluate.tree(inner["attributes"]["error_message"]))

    def _data(self, kind: str, label: str, body: Dict) -> None:
        arguments = {name: self.evaluate.tree(tree) for name, tree in body["attributes"].items()}
        found: Dict[str, Any]
        if kind == "azurerm_subscription" and not arguments:
            found = {"id": f"/subscriptions/{SUBSCRIPTION}"}
        elif kind == "azurerm_resource_group" and set(arguments) == {"name"}:
            found = {"id": group_id(arguments["name"])}
        elif kind in DATA and set(arguments) == {"name", "resource_group_name"}:
            found = self._found(below(group_id(arguments["resource_group_name"]), DATA[kind], arguments["name"]))
        else:
            raise Unknown(f"data {kind} with {sorted(arguments)}")
        self.names["data"].setdefault(kind, {})[label] = found

    def _found(self, where: str) -> Dict:
        if where.lower() not in self.world:
            raise Unknown(f"{where} is not there")
        identity = self.world[where.lower()].get("identity")
        return {"id": where, "location": self.world[where.lower()].get("location", "westeurope"),
                "identity": [{"principal_id": identity["principalId"]}] if identity else []}

    def _resource(self, kind: str, label: str, body: Dict) -> None:
        if kind not in KINDS:
            raise Unknown(f"the resource {kind}")
        attributes = dict(body["attributes"])
        count = attributes.pop("count", None)
        after = [self._label(each) for each in attributes.pop("depends_on", ("list", []))[1]]
        self.ids[kind, label] = []
        for at in range(1 if count is None else self.evaluate.tree(count)):
            self.names["count"], self.evaluate.used = {"index": at}, []
            made = self._made(KINDS[kind], {**body, "attributes": attributes})
            if made["id"] in self.resources:
                raise Unknown(f"{made['id']} is there twice")
            self.resources[made["id"]] = made
            self.ids[kind, label].append(made["id"])
            waits = {each for key in after + self.evaluate.used for each in self.ids[key]}
            self.after[made["id"]] = sorted(each.lower() for each in waits)
            self.names.setdefault(kind, {})[label] = self._attributes(made)

    @staticmethod
    def _label(tree: Tuple) -> Tuple[str, str]:
        return tree[1][1], tree[2]

    @staticmethod
    def _attributes(made: Dict) -> Dict:
        principal = str(uuid.uuid5(uuid.NAMESPACE_URL, made["id"].lower()))
        identity = [{"principal_id": principal}] if "SystemAssigned" in made.get("identity", {}).get("type", "") else []
        return {"id": made["id"], "identity": identity, "role_definition_resource_id": made["id"]}

    def _made(self, kind: Kind, body: Dict) -> Dict:
        resource: Dict[str, Any] = {"type": kind.type}
        attributes = dict(body["attributes"])
        name_of = "role_definition_id" if kind.type.endswith("/roleDefinitions") else "name"
        name = self.evaluate.tree(attributes.pop(name_of))
        scope = self.evaluate.tree(attributes.pop(kind.parent)) if kind.parent else \
            group_id(self.evaluate.tree(attributes.pop("resource_group_name")))
        self._block(resource, {**body, "attributes": attributes}, "", kind.arguments, kind)
        for path, value in kind.adds.items():
            put(resource, path, value)
        child = kind.type.split("/")[-1] if kind.type.count("/") == 2 else ""
        return {"id": f"{scope}/{child}/{name}" if child else below(scope, kind.type, name), **resource}

    def _block(self, target: Dict, body: Dict, prefix: str, arguments: Dict[str, str], kind: Kind) -> None:
        for name, tree in body["attributes"].items():
            if name not in arguments:
                raise Unknown(f"the argument {prefix}{name} of {kind.type}")
            value = self.evaluate.tree(tree)
            converter, _, path = arguments[name].rpartition(":")
            if value is not None and converter != "drop":
                put(target, path, CONVERTERS[converter](value) if converter else value)
        for name, _, inner in body["blocks"]:
            if prefix + name not in kind.blocks:
                raise Unknown(f"the block {prefix}{name} of {kind.type}")
            path, known, adds = kind.blocks[prefix + name]
            nested: Dict[str, Any] = {} if path else target
            self._block(nested, inner, f"{prefix}{name}/", known, kind)
            nested.update(adds)
            if path:
                put(target, path, nested)


def snake(name: str) -> str:
    return NAMES.get(name, re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower())


def planned(sample: Dict, row: Dict, text: str) -> Plan:
    given = {**sample["given"][row["template"]], **row.get("given", {})}
    given = {snake(name): value for name, value in given.items() if name not in WITHOUT.get(row["template"], set())}
    declared = {labels[0] for kind, labels, _ in read(text)["blocks"] if kind == "variable"}
    for name, value in (("resource_group_name", GROUP), ("location", "westeurope")):
        if name in declared:
            given.setdefault(name, value)
    return Plan(text, given, place({**sample["world"], **row.get("world", {})}).world)


def without(resource: Dict) -> Dict:
    """What the provider can be told, of what a template makes."""
    kept = json.loads(json.dumps({name: value for name, value in resource.items() if name not in ("apiVersion", "name")}))
    unsaid = list(UNSAID.get(resource["type"], []))
    if kept["properties"].get("orchestrationMode") == "Flexible":
        unsaid.append(FLEXIBLE_UNSAID)
    for path in unsaid:
        *way, last = path.split("/")
        inner = kept
        for part in way:
            inner = inner[int(part)] if isinstance(inner, list) else inner[part]
        inner.pop(last, None)
    return kept


def compare(sample: Dict, row: Dict, template: Dict, text: str) -> List[str]:
    plan, wanted = planned(sample, row, text), deployed(sample, row, template)
    ours = {each["id"]: without(each) for each in wanted.resources}
    lines = [f"{name}: {plan.resources.get(name)} is not {ours.get(name)}" for name in {*ours, *plan.resources}
             if ours.get(name) != plan.resources.get(name)]
    return lines + ([] if plan.after == wanted.after else [f"waits {plan.after} are not {wanted.after}"])


# The minor version of azurerm 4 that brought an argument, where that is not the first: of its changelog and its issue 30274.
SINCE = {"azurerm_orchestrated_virtual_machine_scale_set": {"upgrade_mode": 26, "rolling_upgrade_policy": 26, "network_api_version": 37}}


def provided(text: str) -> List[str]:
    since = max(SINCE.get(labels[0], {}).get(name, 0) for kind, labels, body in read(text)["blocks"] if kind == "resource"
                for name in [*body["attributes"], *(block[0] for block in body["blocks"])])
    wanted = f'source  = "hashicorp/azurerm"\n      version = "~> 4.{since}"\n'
    return [] if wanted in text else [f"not ~> 4.{since}"]


def module(text: str) -> Dict[str, Any]:
    """Names of a folder's variables and outputs."""
    blocks = read(text)["blocks"]
    return {"variables": {labels[0]: body for kind, labels, body in blocks if kind == "variable"},
            "outputs": {labels[0] for kind, labels, _ in blocks if kind == "output"}}


def on_the_page(page: str, texts: Dict[str, str]) -> List[str]:
    """The page's own example: a provider, and modules that plan with what they are given; each may ask for outputs of those before."""
    (example,) = [each for each in re.findall(r"^```\n(.*?)^```$", page, re.M | re.S) if each.startswith("provider")]
    names: Dict[str, Any] = {"module": {}}
    (_, labels, provider), *modules = read(example)["blocks"]
    lines = [] if labels == ["azurerm"] and ("features", [], {"attributes": {}, "blocks": []}) in provider["blocks"] else ["no provider"]
    world = {below(group_id("GROUP"), f"{COMPUTE}/virtualMachines", "VM").lower(): {"identity": {"principalId": "p"}}}
    for kind, (name,), body in modules:
        given = {key: Evaluator(names).tree(tree) for key, tree in body["attributes"].items()}
        folder = given.pop("source").removeprefix("./manifest/azure/terraform/")
        made = Plan(texts[folder], given, world).resources
        lines += [] if kind == "module" and made else [f"{kind} {name} makes nothing"]
        names["module"][name] = {each: f"{name}.{each}" for each in module(texts[folder])["outputs"]}
    return lines + ([] if len(modules) > 1 else ["no module takes another's output"])


def refusing(sample: Dict, rows: List[Dict], template: Dict, text: str) -> None:
    lines = [line for row in rows for line in compare(sample, row, template, text)]
    if lines:
        raise Unknown("; ".join(lines))


def play(rows: Rows, _: Optional[Any]) -> None:
    sample = load(SAMPLES / "templates.json")
    texts = {path.parent.name: path.read_text() for path in sorted(FOLDER.glob("*/main.tf"))}
    rows.play("Terraform", "is there for each template", lambda: sorted({path.stem for path in TEMPLATES} ^ {*texts}))
    for row in sample["rows"]:
        template = load(AZURE / f"arm/{row['template']}.json")
        if "refused" in row:
            rows.refused("Terraform", row["name"], "", lambda: planned(sample, row, texts[row["template"]]))
        else:
            rows.play("Terraform", row["name"], lambda: compare(sample, row, template, texts[row["template"]]))
    for name, text in texts.items():
        rows.play("Terraform", f"{name}: by a provider that knows it", lambda: provided(text))
    rows.play("Terraform", "README.md's example", lambda: on_the_page((AZURE / "README.md").read_text(), texts))
    for row in load(SAMPLES / "languages.json")["terraform"]:
        text = texts[row["template"]].replace(row["instead of"], row["there is"])
        template = load(AZURE / f"arm/{row['template']}.json")
        same = [each for each in sample["rows"] if each["template"] == row["template"] and "refused" not in each]
        rows.refused("broken Terraform", row["name"], row["refused"], lambda: refusing(sample, same, template, text))
