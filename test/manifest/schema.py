# SPDX-License-Identifier: MIT
"""The published schemas of Resource Manager: ../shared/schemas beside the checkout, or $ARM_SCHEMAS.

They are stricter here than as published: a member that an object's schema does not name is an error, since a
misspelt one would be silently without effect.
"""

import json
import os
import warnings
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional

from manifest.expr import Unknown

PREFIX = "https://schema.management.azure.com/schemas/"
SECTIONS = ("resourceDefinitions", "subscription_resourceDefinitions")
# Documents that are referred to and were not published with the others, and what stands in.
ABSENT = {
    "2024-11-01/Microsoft.Compute.Extensions.json": "2024-11-01/Microsoft.Compute.json#/definitions/"
                                                    "VirtualMachineExtensionProperties",
    "2018-05-01/Microsoft.Resources.Deployments.json": "",
}


def folder() -> Optional[Path]:
    beside = Path(__file__).resolve().parents[2].parent / "shared" / "schemas"
    found = Path(os.environ.get("ARM_SCHEMAS", beside))
    return found if (found / "2019-04-01/deploymentTemplate.json").is_file() else None


def _closed(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    ref = schema.get("$ref", "")
    for absent, instead in ABSENT.items():
        if isinstance(ref, str) and ref.startswith(PREFIX + absent):
            return {"$ref": PREFIX + instead} if instead else {}
    if {} in schema.get("oneOf", []):
        return {}  # "anything, or an expression": an expression would be both
    closed = {name: _closed(each) for name, each in schema.items()}
    if isinstance(schema.get("properties"), dict) and schema["properties"]:
        closed.setdefault("additionalProperties", False)
    return closed


class Schemas:
    def __init__(self, where: Path):
        self.store = {}
        for path in where.glob("*/*.json"):
            name = str(path.relative_to(where))
            document = json.loads(path.read_text())
            closing = name.split("/")[1].startswith("Microsoft.")
            self.store[PREFIX + name] = _closed(document) if closing else document
        self._narrow()

    def _narrow(self) -> None:
        """The template's schema lists each resource of Azure: resources are checked one by one instead."""
        template = self.store[PREFIX + "2019-04-01/deploymentTemplate.json"]
        template["definitions"]["resource"] = {"$ref": "#/definitions/ARMResourceBase"}
        policy = self.store[PREFIX + "2020-10-01/policyDefinition.json"]
        details = policy["definitions"]["ifNotExistsDetails"]["properties"]
        details["deployment"] = {"type": "object", "required": ["properties"]}

    def errors(self, value: Any, ref: str) -> List[str]:
        """What is wrong with a value, by a schema: DOCUMENT#/PATH."""
        root = PREFIX + ref.split("#")[0]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # newer versions would rather have another resolver, which older ones lack
            from jsonschema import Draft4Validator, RefResolver
            resolver = RefResolver(root, self.store[root], store=self.store)
            schema = {"$ref": PREFIX + ref}
            found = Draft4Validator(schema, resolver=resolver).iter_errors(value)
            return sorted({line for error in found for line in [*_deepest(error)] or [error.message[:200]]})

    def resource(self, resource: Dict) -> List[str]:
        """What is wrong with a resource after evaluation."""
        provider, _, kinds = resource["type"].partition("/")
        document = f"{resource['apiVersion']}/{provider}.json"
        if PREFIX + document not in self.store:
            raise Unknown(f"no schema of {resource['type']} at {resource['apiVersion']}")
        whole = {name: value for name, value in resource.items() if name != "id"}
        key = kinds.replace("/", "_")
        for section in SECTIONS:
            if key in self.store[PREFIX + document].get(section, {}):
                return self.errors(whole, f"{document}#/{section}/{key}")
        child = f"{key}_childResource"
        if child not in self.store[PREFIX + document]["definitions"]:
            raise Unknown(f"{document} does not know {resource['type']}")
        whole["type"], whole["name"] = kinds.split("/")[-1], whole["name"].split("/")[-1]
        return self.errors(whole, f"{document}#/definitions/{child}")

    def template(self, template: Dict) -> List[str]:
        return self.errors(template, "2019-04-01/deploymentTemplate.json#")

    def policy(self, definition: Dict) -> List[str]:
        """A definition as it is put to Resource Manager, and the rule in it."""
        whole = {**definition, "type": "Microsoft.Authorization/policyDefinitions", "apiVersion": "2023-04-01"}
        where = "2023-04-01/Microsoft.Authorization.json#/subscription_resourceDefinitions/policyDefinitions"
        rule = definition["properties"]["policyRule"]
        return self.errors(whole, where) + self.errors(rule, "2020-10-01/policyDefinition.json#")


def _deepest(error: Any) -> Iterator[str]:
    """What is wrong at the bottom; but not that an object might have been an expression instead."""
    if error.context:
        for each in error.context:
            yield from _deepest(each)
    elif not (error.validator == "type" and error.validator_value == "string"
              and isinstance(error.instance, (dict, list))):
        yield f"{'/'.join(str(part) for part in error.absolute_path) or '.'}: {error.message[:200]}"
