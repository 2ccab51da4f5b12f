# SPDX-License-Identifier: MIT
"""
Deployments of templates: test/manifest evaluates them, as it does in the tests of manifest/azure, and the resources become
machines and scale sets (of the spare machines), their extensions, roles and their assignments, initiatives and theirs.
Other kinds of resources are refused.

Source: Microsoft.Resources, api-version 2022-09-01 and later.  A template that is not valid is answered with 400, code and
message: azure-cli 2.74 and some later ones print of that only that "the content for this response was already consumed",
but for --debug (github.com/Azure/azure-cli/issues/31581).
"""

import copy
import json
import re
from typing import Any, Callable, Dict, List, Optional, Tuple

from azure.arm import failure, refusal
from azure.cloud import Assignment, Cloud
from azure.compute import Json, accepted, lookup, scale_set_of, show_scale_set, show_vm, vm_of
from azure.http import Answer, Request, Response
from azure.model import REGION, Role
from azure.operations import Operation, Refused, serving
from azure.vm import Vm
from manifest.expr import Unknown
from manifest.template import LEVELS, Place, Result, evaluate, principal_of

SCOPE = r"/subscriptions/[^/]+|/providers/Microsoft\.Management/managementGroups/[^/]+"
PATH = rf"({SCOPE})(?:/resourceGroups/([^/]+))?/providers/Microsoft\.Resources/deployments/([^/]+)"


def properties_of(body: bytes) -> Json:
    """azure-cli writes the template's name without quotes, which the service takes."""
    text = body.decode()
    unquoted = text.find(", template:{")
    if unquoted >= 0:
        text = f'{text[:unquoted]}, "template":{text[unquoted + len(", template:"):]}'
    return json.loads(text)["properties"]


def machines(cloud: Cloud) -> List[Json]:
    """What Resource Manager knows: virtual machines and scale sets; or the machine of Arc."""
    if cloud.arc:
        identity = {"type": "SystemAssigned", "principalId": cloud.vm.identity, "tenantId": cloud.tenant}
        return [{"id": cloud.vm.resource_id, "type": "Microsoft.HybridCompute/machines", "name": cloud.vm.resource_id.rpartition("/")[2],
                 "location": REGION, "identity": identity, "properties": {"osName": "linux"}}]
    return [show_vm(cloud, vm, False) for vm in cloud.vms.values() if not vm.is_uniform] + [
        show_scale_set(cloud, each) for each in cloud.compute.scale_sets.values()]


def place(cloud: Cloud, group: str) -> Place:
    world = {each["id"].lower(): each for each in machines(cloud)}
    return Place(group=group, location=REGION, world=world, subscription=cloud.subscription, tenant=cloud.tenant)


def evaluated(cloud: Cloud, request: Request, scope: str, group: Optional[str]) -> Result:
    sent, there = properties_of(request.body), place(cloud, group or "")
    given = {name: each["value"] for name, each in (sent.get("parameters") or {}).items()}
    level = "group" if group else "subscription" if scope.startswith("/subscriptions/") else "management group"
    if LEVELS.get(sent["template"]["$schema"]) != level:
        raise Refused(400, "InvalidTemplate", f"The schema '{sent['template']['$schema']}' is not that of a deployment to a {level}.")
    if level == "management group":
        there.management_group = scope
    try:
        return evaluate(sent["template"], given, there)
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
        cloud.assignments.append(Assignment(resource["name"], properties["principalId"], role, scope, properties.get("condition")))


def spare(cloud: Cloud, name: str) -> Vm:
    vm = cloud.take_spare(name)
    if vm is None:
        raise Refused(409, "AllocationFailed", f"There is no machine for {name} here: the lab has to start it first.")
    return vm


def make_machine(cloud: Cloud, resource: Json) -> None:
    vm = spare(cloud, resource["name"])
    vm.set_identity(resource.get("identity", {}).get("type") == "SystemAssigned")
    vm.identity = principal_of(resource["id"])
    cloud.principals[vm.identity] = "ServicePrincipal"
    cloud.sent.append({"path": resource["id"], "body": resource})


def identity_of(cloud: Cloud, resource: Json) -> str:
    """Object id of a scale set's identity: its own, or the only one of the user's."""
    identity = resource["identity"]
    if identity["type"] == "SystemAssigned":
        oid = principal_of(resource["id"])
        cloud.principals[oid] = "ServicePrincipal"
        return oid
    (known,) = [cloud.user_identities.get(each.lower()) for each in identity["userAssignedIdentities"]]
    if known is None:
        raise Refused(400, "FailedIdentityOperation", "Identity operation failed: the user-assigned identity does not exist.")
    return known


def make_scale_set(cloud: Cloud, resource: Json) -> Callable[[], Optional[Json]]:
    """A new one takes the spare machines NAME_0, NAME_1 and so on; one that is there gets another model."""
    name, compute = resource["name"], cloud.compute
    is_new = name.lower() not in compute.scale_sets
    cloud.sent.append({"path": resource["id"], "body": resource})
    scale_set = compute.put_model(name, {key: resource[key] for key in ("properties", "identity", "sku")})
    if not is_new:
        return lambda: compute.upgrade_later(scale_set)
    scale_set.identity = identity_of(cloud, resource)
    vms = [spare(cloud, f"{name}_{number}") for number in range(resource["sku"]["capacity"])]
    for number, vm in enumerate(vms):
        if resource["properties"]["orchestrationMode"] == "Uniform":
            vm.resource_id = f"{resource['id']}/virtualMachines/{number}"
        compute.join(vm, name)
    return lambda: compute.made_later(scale_set)


def make_extension(cloud: Cloud, resource: Json) -> Callable[[], Optional[Json]]:
    machine, name = resource["name"].split("/")
    arc = cloud.vm if cloud.arc and resource["id"].startswith(f"{cloud.vm.resource_id}/") else None
    vm = arc if resource["type"].startswith("Microsoft.HybridCompute/") else vm_of(cloud, machine)
    lookup("machines", machine, vm)
    cloud.sent.append({"path": resource["id"], "body": resource})
    cloud.compute.write(vm, name, resource["properties"])
    cloud.compute.push(vm)
    return lambda: cloud.compute.settle_later(vm, name)


def make_scale_set_extension(cloud: Cloud, resource: Json) -> Callable[[], Optional[Json]]:
    name, extension = resource["name"].split("/")
    model = copy.deepcopy(scale_set_of(cloud, name).model)
    profile = model["properties"]["virtualMachineProfile"].setdefault("extensionProfile", {})
    others = [each for each in profile.get("extensions") or [] if each["name"] != extension]
    profile["extensions"] = [*others, {"name": extension, "properties": resource["properties"]}]
    scale_set = cloud.compute.put_model(name, model)
    return lambda: cloud.compute.upgrade_later(scale_set)


def keep(cloud: Cloud, resource: Json) -> None:
    cloud.kept[resource["id"].lower()] = resource


def make_initiative(cloud: Cloud, resource: Json) -> None:
    for each in resource["properties"]["policyDefinitions"]:
        if each["policyDefinitionId"].lower() not in cloud.kept:
            raise Refused(404, "PolicyDefinitionNotFound", f"The policy definition '{each['policyDefinitionId']}' could not be found.")
    keep(cloud, resource)


def make_policy_assignment(cloud: Cloud, resource: Json) -> None:
    if resource["properties"]["policyDefinitionId"].lower() not in cloud.kept:
        raise Refused(404, "PolicySetDefinitionNotFound", f"'{resource['properties']['policyDefinitionId']}' could not be found.")
    identity = {**resource["identity"], "principalId": principal_of(resource["id"]), "tenantId": cloud.tenant}
    cloud.principals[identity["principalId"]] = "ServicePrincipal"
    keep(cloud, {**resource, "identity": identity})


KINDS: Dict[str, Callable[[Cloud, Json], Optional[Callable[[], Optional[Json]]]]] = {
    "Microsoft.Authorization/roleDefinitions": make_role,
    "Microsoft.Authorization/roleAssignments": make_assignment,
    "Microsoft.Authorization/policySetDefinitions": make_initiative,
    "Microsoft.Authorization/policyAssignments": make_policy_assignment,
    "Microsoft.Compute/virtualMachines": make_machine,
    "Microsoft.Compute/virtualMachines/extensions": make_extension,
    "Microsoft.Compute/virtualMachineScaleSets": make_scale_set,
    "Microsoft.Compute/sharedVMExtensions": keep,
    "Microsoft.Compute/sharedVMExtensions/versions": keep,
    "Microsoft.HybridCompute/machines/extensions": make_extension,
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


def refused_of(cloud: Cloud, request: Request, result: Result) -> Optional[Response]:
    """When one of the resources is not deployed here, or may not be by the sender."""
    for resource in result.resources:
        if resource["type"] not in KINDS:
            raise Refused(400, "InvalidTemplate", f"{resource['type']} is not deployed here.")
        refused = refusal(cloud, request, resource["id"], f"{resource['type']}/write")
        if refused:
            return refused
    return None


def shown_as(request: Request, name: str, result: Result) -> Json:
    outputs = {key: {"type": "String", "value": value} for key, value in result.outputs.items()}
    return {"id": request.path.removesuffix("/validate"), "name": name, "type": "Microsoft.Resources/deployments",
            "properties": {"provisioningState": "Running", "mode": "Incremental", "outputs": outputs,
                           "outputResources": [{"id": resource["id"]} for resource in result.resources]}}


def validate(cloud: Cloud, request: Request, scope: str, group: Optional[str], name: str) -> Response:
    result = evaluated(cloud, request, scope, group)
    return refused_of(cloud, request, result) or Response.json(shown_as(request, name, result))


def put(cloud: Cloud, request: Request, scope: str, group: Optional[str], name: str) -> Response:
    result = evaluated(cloud, request, scope, group)
    refused = refused_of(cloud, request, result)
    if refused:
        return refused
    cloud.deployments[request.path.lower()] = shown = shown_as(request, name, result)
    operation = cloud.compute.start(lambda: deploy_later(cloud, shown, result.resources))
    return accepted(cloud, request, operation, 201, shown)


def get(cloud: Cloud, request: Request, scope: str, group: Optional[str], name: str) -> Response:
    shown = cloud.deployments.get(request.path.lower())
    return Response.json(shown) if shown else failure(404, "DeploymentNotFound", f"{request.path} could not be found.")


def kept(cloud: Cloud, request: Request) -> Response:
    """What is only remembered is shown, and forgotten."""
    found = cloud.kept[request.path.lower()]
    refused = refusal(cloud, request, request.path, f"{found['type']}/{'read' if request.method == 'GET' else 'delete'}")
    if refused:
        return refused
    if request.method == "DELETE":
        del cloud.kept[request.path.lower()]
    return Response.json(found)


OPERATIONS: List[Operation] = [
    ("PUT", PATH, "arm.deployment", "Microsoft.Resources/deployments/write", put),
    ("POST", rf"{PATH}/validate", "arm.deployment", "Microsoft.Resources/deployments/validate/action", validate),
    ("GET", PATH, "arm.deployment", "Microsoft.Resources/deployments/read", get),
]
deployment = serving(OPERATIONS)


def site(cloud: Cloud, request: Request) -> Optional[Tuple[str, Answer]]:
    if request.method in ("GET", "DELETE") and request.path.lower() in cloud.kept:
        return "arm.kept", kept
    return deployment(cloud, request)
