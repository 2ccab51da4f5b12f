# SPDX-License-Identifier: MIT
"""Azure Policy: does a rule apply to a resource, is the resource compliant, what would be deployed or changed.

Source: Microsoft's documentation of policy rules, effects and applicability.  A condition, an alias, an effect or a
function that is not known is an error.  Aliases are those that published definitions or lists of aliases use: an alias
that Azure does not have would make a rule without effect, so there is no guessing here.
"""

import copy
import fnmatch
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Tuple

from manifest.expr import Expressions, Unknown
from manifest.rows import find
from manifest.template import TENANT, Place, Result, evaluate

NOT_APPLICABLE, COMPLIANT, NON_COMPLIANT = "not applicable", "compliant", "not compliant"

VM, SCALE_SET, ARC = ("microsoft.compute/virtualmachines", "microsoft.compute/virtualmachinescalesets",
                      "microsoft.hybridcompute/machines")
IMAGE = "storageProfile/imageReference/"
# Aliases that stand for one path: {type: {alias: path below properties}}.
ALIASES: Dict[str, Dict[str, str]] = {
    VM: {
        "Microsoft.Compute/imageId": IMAGE + "id",
        "Microsoft.Compute/imagePublisher": IMAGE + "publisher",
        "Microsoft.Compute/imageOffer": IMAGE + "offer",
        "Microsoft.Compute/imageSku": IMAGE + "sku",
        "Microsoft.Compute/virtualMachines/storageProfile.osDisk.osType": "storageProfile/osDisk/osType",
        "Microsoft.Compute/virtualMachines/virtualMachineScaleSet.id": "virtualMachineScaleSet/id",
    },
    SCALE_SET: {
        "Microsoft.Compute/imageId": "virtualMachineProfile/" + IMAGE + "id",
        "Microsoft.Compute/imagePublisher": "virtualMachineProfile/" + IMAGE + "publisher",
        "Microsoft.Compute/imageOffer": "virtualMachineProfile/" + IMAGE + "offer",
        "Microsoft.Compute/imageSku": "virtualMachineProfile/" + IMAGE + "sku",
        "Microsoft.Compute/virtualMachineScaleSets/virtualMachineProfile.storageProfile.osDisk.osType":
            "virtualMachineProfile/storageProfile/osDisk/osType",
    },
    ARC: {"Microsoft.HybridCompute/machines/osName": "osName"},
    **{f"{kind.lower()}/extensions": {f"{kind}/extensions/{name}": name for name in
                                      ("publisher", "type", "provisioningState", "settings", "typeHandlerVersion")}
       for kind in ("Microsoft.Compute/virtualMachines", "Microsoft.Compute/virtualMachineScaleSets", "Microsoft.HybridCompute/machines")},
    "microsoft.authorization/roleassignments": {
        f"Microsoft.Authorization/roleAssignments/{name}": name for name in
        ("roleDefinitionId", "principalId", "principalType", "scope")},
}
# Aliases of lists, in a count alone: {alias: (path below properties, {alias of a member: path in it})}.
IN_MODEL = "Microsoft.Compute/VirtualMachineScaleSets/extensionProfile.extensions[*]"
LISTS = {IN_MODEL: ("virtualMachineProfile/extensionProfile/extensions",
                    {f"{IN_MODEL}.{name}": f"properties/{name}" for name in ("publisher", "type", "settings")})}
ALIASES[f"{ARC}/extensions"]["Microsoft.HybridCompute/machines/extensions/instanceView.status.message"] = "instanceView/status/message"
EVERY_ALIAS = {alias for each in ALIASES.values() for alias in each}
# What every resource has; an extension's publisher and type are not these.
FIELDS = ("type", "name", "location", "id", "identity.type")
SCOPING = ("type", "name", "kind")

# What a rule may not call: the documentation's list, as far as the evaluator of templates would know it.
FORBIDDEN = ("copyindex", "deployment", "extensionresourceid", "managementgroup", "reference", "resourceid", "subscriptionresourceid",
             "tenantresourceid", "variables")

class Role(NamedTuple):
    name: str
    kinds: str          # the beginnings of the types that it can write
    deploys: bool       # Microsoft.Resources/deployments/write: without it no template is deployed, whatever is in it


# Of the built-in roles' published lists of actions.
ROLES = {
    "9980e02c-c2be-4d73-94e8-173b1dc7cf3c": Role("Virtual Machine Contributor", "Microsoft.Compute/virtualMachine", True),
    "cd570a14-e51a-42ad-bac8-bafd67325302": Role("Azure Connected Machine Resource Administrator",
                                                 "Microsoft.HybridCompute/machines", True),
    "f58310d9-a9f6-439a-9e8d-f62e7b41a168": Role("Role Based Access Control Administrator",
                                                 "Microsoft.Authorization/roleAssignments", False),
}


def _word(value: Any) -> Any:
    """Text is compared without regard to case, and true is "true"."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.lower() if isinstance(value, str) else value


def _like(value: Any, pattern: Any) -> bool:
    if pattern.count("*") > 1 or any(mark in pattern for mark in "?["):
        raise Unknown(f"like {pattern!r}: one * at most")
    return isinstance(value, str) and fnmatch.fnmatchcase(value.lower(), pattern.lower())


def _in(value: Any, values: Any) -> bool:
    if not isinstance(values, list):
        raise Unknown(f"in {values!r}, which is no list")
    return _word(value) in [_word(each) for each in values]


def _part(value: Any, part: str) -> bool:
    if value is not None and not isinstance(value, str):
        raise Unknown(f"{value!r} contains")
    return value is not None and part.lower() in value.lower()


def _exists(value: Any, wanted: Any) -> bool:
    if _word(wanted) not in ("true", "false"):
        raise Unknown(f"exists {wanted!r}")
    return (value is not None) == (_word(wanted) == "true")


def _number(compare: Callable) -> Callable:
    def check(value: Any, other: Any) -> bool:
        if type(value) is not type(other) or not isinstance(value, (int, str)):
            raise Unknown(f"{value!r} cannot be compared with {other!r}")
        return compare(value, other)
    return check


OPERATORS: Dict[str, Callable[[Any, Any], bool]] = {
    "equals": lambda value, other: _word(value) == _word(other),
    "notEquals": lambda value, other: _word(value) != _word(other),
    "like": _like,
    "notLike": lambda value, pattern: not _like(value, pattern),
    "in": _in,
    "notIn": lambda value, values: not _in(value, values),
    "contains": _part,
    "notContains": lambda value, part: not _part(value, part),
    "containsKey": lambda value, key: isinstance(value, dict) and key.lower() in (each.lower() for each in value),
    "exists": _exists,
    "greater": _number(lambda one, other: one > other),
    "greaterOrEquals": _number(lambda one, other: one >= other),
    "less": _number(lambda one, other: one < other),
    "lessOrEquals": _number(lambda one, other: one <= other),
}


def field(resource: Dict, name: str) -> Any:
    """A field of a resource; None where it is not there."""
    if name.startswith("tags[") and name.endswith("]"):
        tags = {tag.lower(): value for tag, value in resource.get("tags", {}).items()}
        return tags.get(name[5:-1].strip("'").lower())
    if name == "identity.type":
        return resource.get("identity", {}).get("type")
    if name in FIELDS:
        return resource.get(name)
    if name not in EVERY_ALIAS:
        raise Unknown(f"the alias {name!r} is not known")
    path = ALIASES.get(resource["type"].lower(), {}).get(name)
    return find(resource, f"properties/{path}") if path else None


class Rule:
    """A definition with the parameters of an assignment, for one resource."""

    def __init__(self, definition: Dict, given: Dict[str, Any], resource: Dict):
        properties = definition["properties"]
        self.rule, self.resource = properties["policyRule"], resource
        self.parameters = _parameters(properties.get("parameters", {}), given)
        self.current: Dict[str, Any] = {}
        subscription, group = ("/".join(resource["id"].split("/")[:end]) for end in (3, 5))
        self.expressions = Expressions({
            "parameters": self._parameter,
            "field": lambda name: field(resource, name),
            "current": self._current,
            "subscription": lambda: {"id": subscription, "subscriptionId": subscription.split("/")[2], "tenantId": TENANT},
            "resourcegroup": lambda: {"id": group, "name": group.split("/")[-1]},
        }, FORBIDDEN)
        self.effect = self.expressions.value(self.rule["then"]["effect"])

    def _parameter(self, name: str) -> Any:
        if name not in self.parameters:
            raise Unknown(f"the parameter {name!r}")
        return self.parameters[name]

    def _current(self, name: str) -> Any:
        """Of a count of values by its name, of a count of a list by the alias of one of its members."""
        for alias, (_, members) in LISTS.items():
            if name in members and alias in self.current:
                return find(self.current[alias], members[name])
        if name not in self.current:
            raise Unknown(f"current({name!r}) outside of that count")
        return self.current[name]

    def holds(self, condition: Dict, resource: Dict, only: Tuple[str, ...] = ()) -> bool:
        """With only, other conditions are taken for true: so is found whether a rule applies at all."""
        results: Dict[str, Callable] = {
            "allOf": lambda inner: all([self.holds(each, resource, only) for each in inner]),
            "anyOf": lambda inner: any([self.holds(each, resource, only) for each in inner]),
        }
        for operator, combine in results.items():
            if set(condition) == {operator}:
                if not condition[operator]:
                    raise Unknown(f"an empty {operator}")
                return combine(condition[operator])
        if set(condition) == {"not"}:
            if only:
                raise Unknown("whether a rule with not applies")
            return not self.holds(condition["not"], resource)
        return self._leaf(condition, resource, only)

    def _leaf(self, condition: Dict, resource: Dict, only: Tuple[str, ...]) -> bool:
        subjects = {"field": self._field, "value": self._value, "count": self._count}
        subject = [name for name in condition if name in subjects]
        operator = [name for name in condition if name in OPERATORS]
        if len(subject) != 1 or len(operator) != 1 or len(condition) != 2:
            raise Unknown(f"the condition {sorted(condition)} is not known")
        if only and not (subject == ["field"] and condition["field"] in only):
            return True
        value = subjects[subject[0]](condition[subject[0]], resource)
        return OPERATORS[operator[0]](value, self.expressions.value(condition[operator[0]]))

    def _field(self, name: str, resource: Dict) -> Any:
        return self._current(name) if "[*]" in name else field(resource, self.expressions.text(name))

    def _value(self, value: Any, _: Dict) -> Any:
        return self.expressions.value(value)

    def _count(self, count: Dict, resource: Dict) -> int:
        """Of a list of values, or of a resource's members that an alias stands for."""
        name, values = self._counted(count, resource)
        if not isinstance(values, list) or name in self.current:
            raise Unknown(f"count of {values!r}")
        found = 0
        for self.current[name] in values:
            found += self.holds(count["where"], resource)
        self.current.pop(name, None)
        return found

    def _counted(self, count: Dict, resource: Dict) -> Tuple[str, Any]:
        if set(count) == {"value", "name", "where"}:
            return count["name"], self.expressions.value(count["value"])
        if set(count) != {"field", "where"} or count["field"] not in LISTS:
            raise Unknown(f"count of {count.get('field') or sorted(count)}")
        path, _ = LISTS[count["field"]]
        return count["field"], find(resource, f"properties/{path}") or []

    # ---- what comes of it

    def applies(self) -> bool:
        if self.effect == "Disabled":
            return False
        only = () if self.effect in ("AuditIfNotExists", "DeployIfNotExists") else SCOPING
        return self.holds(self.rule["if"], self.resource, only)

    def state(self, others: List[Dict]) -> str:
        """others: the resources that are related to this one."""
        outcomes = {"AuditIfNotExists": self._exists, "DeployIfNotExists": self._exists,
                    "Audit": self._matches, "Deny": self._matches, "Modify": self._matches}
        if self.effect != "Disabled" and self.effect not in outcomes:
            raise Unknown(f"the effect {self.effect!r}")
        if not self.applies():
            return NOT_APPLICABLE
        return COMPLIANT if outcomes[self.effect](others) else NON_COMPLIANT

    def _matches(self, _: List[Dict]) -> bool:
        return not self.holds(self.rule["if"], self.resource)

    def _exists(self, others: List[Dict]) -> bool:
        """Of a type below the resource's those below the resource count, of another all that are listed for its resource group."""
        details = self.rule["then"]["details"]
        child = details["type"].lower().startswith(self.resource["type"].lower() + "/")
        below = f"{self.resource['id']}/".lower() if child else "/"
        return any(self.holds(details["existenceCondition"], each) for each in others
                   if each["type"].lower() == details["type"].lower() and each["id"].lower().startswith(below))

    def deploy(self, place: Place) -> Result:
        """What DeployIfNotExists would make, in the resource group of the resource."""
        properties = self.rule["then"]["details"]["deployment"]["properties"]
        if properties["mode"] != "incremental" or set(properties) != {"mode", "parameters", "template"}:
            raise Unknown(f"a deployment with {sorted(properties)}")
        given = {name: self.expressions.value(each["value"]) for name, each in properties["parameters"].items()}
        place.group = self.resource["id"].split("/")[4]
        place.world = {**place.world, self.resource["id"].lower(): self.resource}
        return evaluate(properties["template"], given, place)

    def modify(self) -> Dict:
        """The resource as Modify would have it.  Only identity.type is known."""
        changed = copy.deepcopy(self.resource)
        for operation in self.rule["then"]["details"]["operations"]:
            if set(operation) != {"operation", "field", "value"} or operation["operation"] != "addOrReplace" \
                    or operation["field"] != "identity.type":
                raise Unknown(f"the operation {operation}")
            changed.setdefault("identity", {})["type"] = self.expressions.value(operation["value"])
        return changed

    def roles(self) -> List[Role]:
        found = []
        for role in self.rule["then"].get("details", {}).get("roleDefinitionIds", []):
            if role.split("/")[-1] not in ROLES or not role.startswith("/providers/Microsoft.Authorization/"):
                raise Unknown(f"the role {role}")
            found.append(ROLES[role.split("/")[-1]])
        return found


TYPES = {"String": str, "Array": list, "Object": dict, "Boolean": bool, "Integer": int}


def _parameters(declared: Dict, given: Dict) -> Dict:
    if set(given) - set(declared):
        raise Unknown(f"the parameters {sorted(set(given) - set(declared))} are not the policy's")
    values = {}
    for name, about in declared.items():
        values[name] = check_parameter(name, about, given.get(name, about.get("defaultValue")))
    return values


def check_parameter(name: str, about: Dict, value: Optional[Any]) -> Any:
    if set(about) - {"type", "metadata", "allowedValues", "defaultValue"}:
        raise Unknown(f"the parameter {name} has {sorted(about)}")
    if not isinstance(value, TYPES[about["type"]]):
        raise Unknown(f"the parameter {name} is {value!r}")
    if "allowedValues" in about and value not in about["allowedValues"]:
        raise Unknown(f"the parameter {name} may not be {value!r}")
    return value
