# SPDX-License-Identifier: MIT
"""From a deployment template and its parameters to the resources that Resource Manager would be asked to make.

Nothing is passed over: a member, a function, a type of parameter, a resource in dependsOn that is not known is an error.
Nested deployments and copy loops inside of properties are not known.
"""

import re
import uuid
from dataclasses import dataclass, field
from typing import Any, Dict, List, Tuple

from manifest.expr import Expressions, Unknown, truth

SUBSCRIPTION = "11111111-2222-3333-4444-555555555555"
TENANT = "99999999-8888-7777-6666-555555555555"
MANAGEMENT_GROUP = "/providers/Microsoft.Management/managementGroups/corp"

LEVELS = {
    "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#": "group",
    "https://schema.management.azure.com/schemas/2018-05-01/subscriptionDeploymentTemplate.json#": "subscription",
    "https://schema.management.azure.com/schemas/2019-08-01/managementGroupDeploymentTemplate.json#": "management group",
}
TEMPLATE = {"$schema", "contentVersion", "metadata", "parameters", "variables", "resources", "outputs"}
PARAMETER = {"type", "defaultValue", "allowedValues", "metadata", "minLength", "maxLength", "minValue", "maxValue"}
RESOURCE = {"type", "apiVersion", "name", "location", "scope", "condition", "copy", "dependsOn", "tags", "identity",
            "sku", "zones", "properties"}
TYPES = {"string": str, "securestring": str, "int": int, "bool": bool, "array": list, "object": dict,
         "secureobject": dict}
VERSION = re.compile(r"\d{4}-\d\d-\d\d(-preview)?")


@dataclass
class Place:
    """Where a template is deployed to, and what is there already: resources by id in lower case."""

    group: str = "rg-linux"
    location: str = "westeurope"
    subscription: str = SUBSCRIPTION
    tenant: str = TENANT
    management_group: str = MANAGEMENT_GROUP
    world: Dict[str, Dict] = field(default_factory=dict)


@dataclass
class Result:
    resources: List[Dict]
    outputs: Dict[str, Any]
    after: Dict[str, List[str]]


def known(what: str, has: Any, allowed: set) -> None:
    if set(has) - allowed:
        raise Unknown(f"{what}: {sorted(set(has) - allowed)} is not known here")


def group_id(group: str, subscription: str = SUBSCRIPTION) -> str:
    return f"/subscriptions/{subscription}/resourceGroups/{group}"


def below(scope: str, kind: str, *names: str) -> str:
    """The id of a resource, by the segments of its type and of its name."""
    provider, *kinds = kind.split("/")
    segments = "/".join(names).split("/")
    if len(kinds) != len(segments) or not all(segments):
        raise Unknown(f"{kind} cannot have the name {'/'.join(names)!r}")
    path = "".join(f"/{each}/{name}" for each, name in zip(kinds, segments))
    return f"{scope.rstrip('/')}/providers/{provider}{path}"


def principal_of(where: str) -> str:
    """Object id of the system-assigned identity that a resource with this id gets."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, where.lower()))


class Deployment:
    def __init__(self, template: Dict, given: Dict[str, Any], place: Place):
        known("the template", template, TEMPLATE)
        if template["$schema"] not in LEVELS:
            raise Unknown(f"the schema {template['$schema']}")
        self.level = LEVELS[template["$schema"]]
        self.subscription = f"/subscriptions/{place.subscription}"
        self.scope = {"group": group_id(place.group, place.subscription), "subscription": self.subscription,
                      "management group": place.management_group}[self.level]
        self.template, self.place = template, place
        self.copies: Dict[str, int] = {}
        self.made: Dict[str, Dict] = {}
        self.asked: set = set()
        self.waits = True
        self.after: Dict[str, List[str]] = {}
        self.expressions = Expressions(self._functions())
        self.parameters = self._parameters(template.get("parameters", {}), given)

    # ---- functions

    def _functions(self) -> Dict:
        functions = {
            "parameters": lambda name: self._named(self.parameters, name),
            "variables": self._variable,
            "copyindex": self._copy_index,
            "resourceid": self._resource_id,
            "tenantresourceid": lambda *names: below("", *names),
            "extensionresourceid": below,
            "reference": self._reference,
        }
        if self.level == "management group":
            functions["managementgroup"] = lambda: {"id": self.scope, "name": self.scope.split("/")[-1]}
        else:
            functions["subscriptionresourceid"] = lambda *names: below(self.subscription, *names)
            functions["subscription"] = lambda: {"id": self.subscription, "subscriptionId": self.place.subscription,
                                                 "tenantId": self.place.tenant}
        if self.level == "group":
            functions["resourcegroup"] = lambda: {"id": self.scope, "name": self.place.group,
                                                  "location": self.place.location}
        else:
            functions["deployment"] = lambda: {"location": self.place.location}
        return functions

    @staticmethod
    def _named(values: Dict, name: str) -> Any:
        if name not in values:
            raise Unknown(f"the parameter {name!r}")
        return values[name]

    def _variable(self, name: str) -> Any:
        if name not in self.template.get("variables", {}):
            raise Unknown(f"the variable {name!r}")
        return self.expressions.value(self.template["variables"][name])

    def _copy_index(self, *loop: str) -> int:
        if len(loop) != 1 or loop[0] not in self.copies:
            raise Unknown(f"copyIndex({loop}) outside of that loop")
        return self.copies[loop[0]]

    def _resource_id(self, *names: str) -> str:
        if self.level != "group" or "/" not in names[0]:
            raise Unknown(f"resourceId{names}")
        return below(self.scope, *names)

    def _reference(self, which: str, version: str, full: str) -> Dict:
        """Only of a whole resource, by its id: of one that this deployment makes, or of one that is there.

        A resource whose condition is false is looked up all the same, and before anything is made
        (github.com/Azure/azure-resource-manager-schemas/issues/535, github.com/Azure/bicep/issues/13251)."""
        if full != "Full" or not which.startswith((self.subscription, self.scope)) or not VERSION.fullmatch(version):
            raise Unknown(f"reference({which!r}, {version!r}, {full!r})")
        self.asked.add(which.lower())
        if self.waits and which.lower() in self.made:
            return self.made[which.lower()]
        if which.lower() not in self.place.world:
            raise Unknown(f"reference() to {which}, which is neither here nor made")
        return self.place.world[which.lower()]

    # ---- parameters

    def _parameters(self, declared: Dict, given: Dict) -> Dict:
        self.parameters = {}
        known("the parameters given", given, set(declared))
        for name, about in declared.items():
            known(f"the parameter {name}", about, PARAMETER)
            if name in given:
                self.parameters[name] = given[name]
            elif "defaultValue" in about:
                self.parameters[name] = self.expressions.value(about["defaultValue"])
            else:
                raise Unknown(f"the parameter {name} has no value")
            self._fits(name, about, self.parameters[name])
        return self.parameters

    @staticmethod
    def _fits(name: str, about: Dict, value: Any) -> None:
        wanted = TYPES.get(about["type"].lower())
        if wanted is None or not isinstance(value, wanted) or wanted is int and isinstance(value, bool):
            raise Unknown(f"the parameter {name} is {value!r}, no {about['type']}")
        if "allowedValues" in about and value not in about["allowedValues"]:
            raise Unknown(f"the parameter {name} may not be {value!r}")
        size = value if wanted is int else len(value) if wanted in (str, list) else 0
        low, high = ("minValue", "maxValue") if wanted is int else ("minLength", "maxLength")
        if size < about.get(low, size) or size > about.get(high, size):
            raise Unknown(f"the parameter {name} is too short, long, small or large: {value!r}")

    # ---- resources

    def _instances(self) -> List[Tuple[Dict, Dict[str, int]]]:
        found = []
        for resource in self.template["resources"]:
            known(f"the resource {resource.get('name')}", resource, RESOURCE)
            if "copy" not in resource:
                found.append((resource, {}))
                continue
            known("the copy", resource["copy"], {"name", "count"})
            count = self.expressions.value(resource["copy"]["count"])
            if not isinstance(count, int):
                raise Unknown(f"{count!r} copies")
            found += [(resource, {resource["copy"]["name"]: at}) for at in range(count)]
        return found

    def _identify(self, resource: Dict) -> Tuple[str, bool]:
        name = self.expressions.value(resource["name"])
        scope = self.expressions.value(resource.get("scope", self.scope))
        if not scope.startswith("/"):
            scope = below(self.scope, *_halves(scope))
        return below(scope, resource["type"], name), truth(self.expressions.value(resource.get("condition", True)))

    def _with_principal(self, resource: Dict, where: str) -> Dict:
        """What the platform adds that a template can ask for: the principal of a new identity."""
        identity = self.expressions.value(resource.get("identity", {}))
        if "SystemAssigned" in identity.get("type", ""):
            identity = {**identity, "principalId": principal_of(where)}
        return {"identity": identity} if identity else {}

    def run(self) -> Result:
        instances, declared = self._instances(), {}
        for resource, self.copies in instances:
            where, wanted = self._identify(resource)
            if where.lower() in declared:
                raise Unknown(f"{where} is there twice")
            declared[where.lower()] = wanted
            if wanted:
                self.made[where.lower()] = self._with_principal(resource, where)
        resources = [self._resource(resource, copies, declared) for resource, copies in instances]
        outputs = {name: self._output(name, about) for name, about in self.template.get("outputs", {}).items()}
        return Result([each for each in resources if each is not None], outputs, self.after)

    def _resource(self, resource: Dict, copies: Dict[str, int], declared: Dict[str, bool]) -> Any:
        self.copies = copies
        where, wanted = self._identify(resource)
        after = [self.expressions.value(each).lower() for each in resource.get("dependsOn", [])]
        for each in after:
            if each not in declared:
                raise Unknown(f"{where} depends on {each}, which is not in this template")
        self.asked, self.waits = set(), wanted
        final = _without_null({name: self.expressions.value(value) for name, value in resource.items()
                               if name not in ("condition", "copy", "dependsOn", "scope")})
        self.waits = True
        if not wanted:
            return None
        self.after[where] = sorted(each for each in after if declared[each])
        for each in self.asked & set(declared) - set(after):
            raise Unknown(f"{where} asks for {each}, and does not wait for it")
        return {"id": where, **final}

    def _output(self, name: str, about: Dict) -> Any:
        known(f"the output {name}", about, {"type", "value"})
        value = self.expressions.value(about["value"])
        self._fits(name, {"type": about["type"]}, value)
        return value


def _without_null(value: Any) -> Any:
    """A member that is null is as good as not there, to Resource Manager."""
    if isinstance(value, dict):
        return {name: _without_null(each) for name, each in value.items() if each is not None}
    return [_without_null(each) for each in value] if isinstance(value, list) else value


def _halves(relative: str) -> Tuple[str, str]:
    """provider/kind/name/kind/name, as a scope may be written, to the type and the name."""
    provider, *rest = relative.split("/")
    return "/".join([provider, *rest[::2]]), "/".join(rest[1::2])


def evaluate(template: Dict, given: Dict[str, Any], place: Place) -> Result:
    return Deployment(template, given, place).run()
