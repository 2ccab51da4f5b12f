# SPDX-License-Identifier: MIT
"""
Deployments of templates: test/manifest evaluates them, as it does in the tests of manifest/azure, and the resources become
extensions of machines and scale sets, roles and their assignments.  Other kinds of resources are refused.

Source: Microsoft.Resources, api-version 2022-09-01 and later.
"""

import copy
import json
import re
import sys
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Tuple

sys.path.append(str(Path(__file__).resolve().parents[2]))

from azure.arm import failure, refusal  # noqa: E402
from azure.cloud import Assignment, Cloud  # noqa: E402
from azure.compute import Json, Refused, accepted, scale_set_id, scale_set_of, show_vm, vm_of  # noqa: E402
from azure.http import Answer, Request, Response  # noqa: E402
from azure.model import REGION, Role  # noqa: E402
from manifest.expr import Unknown  # noqa: E402
from manifest.template import Place, Result, evaluate  # noqa: E402

PATH = r"(/subscriptions/[^/]+)(?:/resourceGroups/([^/]+))?/providers/Microsoft\.Resources/deployments/([^/]+)(/validate)?"


def properties_of(body: bytes) -> Json:
    """azure-cli writes the template's name without quotes, which the service takes."""
    text = body.decode()
    unquoted = text.find(", template:{")
    if unquoted >= 0:
        text = f'{text[:unquoted]}, "template":{text[unquoted + len(", template:"):]}'
    return json.loads(text)["properties"]


def evaluated(cloud: Cloud, request: Request, group: Optional[str]) -> Result:
    sent = properties_of(request.body)
    given = {name: each["value"] for name, each in (sent.get("parameters") or {}).items()}
    world = {vm.resource_id.lower(): show_vm(cloud, vm, False) for vm in cloud.vms.values()}
    world.update({scale_set_id(cloud, name).lower(): {} for name in cloud.compute.scale_sets})
    place = Place(group=group or "", location=REGION, world=world, subscription=cloud.subscription, tenant=cloud.tenant)
    try:
        return evaluate(sent["template"], given, place)
    except Unknown as error:
        raise Refused(400, "InvalidTemplate", f"Deployment template validation failed: '{error}'.") from error


# What a resource becomes: with the cloud's lock; returns what is to be waited for, without it


def make_role(cloud: Cloud, resource: Json) -> None:
    properties = resource["properties"]
    rights = properties["permissions"][0]
    cloud.roles[resource["name"]] = Role(resource["name"], properties["roleName"], rights["actions"], rights["notActions"],
                                         rights["dataActions"], rights["notDataActions"], "CustomRole")


def make_assignment(cloud: Cloud, resource: Json) -> None:
    properties = resource["properties"]
    role = properties["roleDefinitionId"].rpartition("/")[2]
    if role not in cloud.roles:
        raise Refused(404, "RoleDefinitionDoesNotExist", f"The specified role definition with ID '{role}' does not exist.")
    scope = resource["id"].rpartition("/providers/Microsoft.Authorization/")[0]
    same = [item for item in cloud.assignments if item.id == resource["name"]]
    if any(item.principal != properties["principalId"] for item in same):
        raise Refused(400, "RoleAssignmentUpdateNotPermitted", "Tenant ID, application ID, principal ID, and scope are not allowed "
                      "to be updated.")
    if not same:
        cloud.assignments.append(Assignment(resource["name"], properties["principalId"], role, scope))


def make_extension(cloud: Cloud, resource: Json) -> Callable[[], Optional[Json]]:
    machine, name = resource["name"].split("/")
    vm = vm_of(cloud, machine)
    cloud.sent.append({"path": resource["id"], "body": resource})
    cloud.compute.write(vm, name, resource["properties"])
    cloud.compute.push(vm)
    return lambda: cloud.compute.settle_later(vm, name)


def make_scale_set_extension(cloud: Cloud, resource: Json) -> None:
    name, extension = resource["name"].split("/")
    model = copy.deepcopy(scale_set_of(cloud, name).model)
    profile = model["properties"]["virtualMachineProfile"].setdefault("extensionProfile", {})
    others = [each for each in profile.get("extensions") or [] if each["name"] != extension]
    profile["extensions"] = [*others, {"name": extension, "properties": resource["properties"]}]
    cloud.compute.write_scale_set(name, model)


KINDS: Dict[str, Callable[[Cloud, Json], Optional[Callable[[], Optional[Json]]]]] = {
    "Microsoft.Authorization/roleDefinitions": make_role,
    "Microsoft.Authorization/roleAssignments": make_assignment,
    "Microsoft.Compute/virtualMachines/extensions": make_extension,
    "Microsoft.Compute/virtualMachineScaleSets/extensions": make_scale_set_extension,
}


def deploy_later(cloud: Cloud, shown: Json, resources: List[Json]) -> Optional[Json]:
    """One resource after the other, in the template's order."""
    error = None
    for resource in resources:
        try:
            with cloud.lock:
                wait = KINDS[resource["type"]](cloud, resource)
            error = wait() if wait else None
        except Refused as refused:
            error = {"code": refused.code, "message": str(refused)}
        if error:
            error = {"code": "DeploymentFailed", "message": "At least one resource deployment operation failed.", "details": [error]}
            break
    with cloud.lock:
        shown["properties"]["provisioningState"] = "Failed" if error else "Succeeded"
    return error


# Requests


def put(cloud: Cloud, request: Request, scope: str, group: Optional[str], name: str, validate: Optional[str]) -> Response:
    result = evaluated(cloud, request, group)
    for resource in result.resources:
        if resource["type"] not in KINDS:
            raise Refused(400, "InvalidTemplate", f"{resource['type']} is not deployed here.")
        refused = refusal(cloud, request, resource["id"], f"{resource['type']}/write")
        if refused:
            return refused
    outputs = {key: {"type": "String", "value": value} for key, value in result.outputs.items()}
    shown: Json = {"id": request.path.removesuffix("/validate"), "name": name, "type": "Microsoft.Resources/deployments",
                   "properties": {"provisioningState": "Running", "mode": "Incremental", "outputs": outputs,
                                  "outputResources": [{"id": resource["id"]} for resource in result.resources]}}
    if validate:
        return Response.json(shown)
    cloud.deployments[shown["id"].lower()] = shown
    operation = cloud.compute.start(lambda: deploy_later(cloud, shown, result.resources))
    return accepted(cloud, request, operation, 201, shown)


def get(cloud: Cloud, request: Request, *_: Optional[str]) -> Response:
    shown = cloud.deployments.get(request.path.lower())
    return Response.json(shown) if shown else failure(404, "DeploymentNotFound", f"{request.path} could not be found.")


ANSWERS = {"PUT": put, "POST": put, "GET": get}


def site(cloud: Cloud, request: Request) -> Optional[Tuple[str, Answer]]:
    match = re.fullmatch(PATH, request.path, re.IGNORECASE)
    if not match or request.method not in ANSWERS or (request.method == "POST") != bool(match[4]):
        return None

    def answer(cloud: Cloud, request: Request) -> Response:
        action = "read" if request.method == "GET" else "validate/action" if match[4] else "write"
        refused = refusal(cloud, request, request.path, f"Microsoft.Resources/deployments/{action}")
        if refused:
            return refused
        try:
            return ANSWERS[request.method](cloud, request, *match.groups())
        except Refused as error:
            return failure(error.status, error.code, str(error))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            return failure(400, "InvalidRequestContent", f"The request content was invalid: {error!r}.")

    return "arm.deployment", answer
