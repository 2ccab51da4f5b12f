# SPDX-License-Identifier: MIT
"""Resource Manager, and the region's service that decides: who may do what at a scope.

Source: Microsoft.Authorization, api-version 2022-04-01; checkaccess 2018-09-01-preview, and its successor's
checkAccess 2021-06-01-preview.
"""

import base64
import json
import re
import time
from typing import Any, Dict, List, Optional, Sequence, Tuple
from urllib.parse import quote

from azure.cloud import Assignment, Cloud, Denial, covers
from azure.http import Answer, Request, Response
from azure.model import ARM_AUDIENCES, ARM_HOST, EVERYONE, PDP_AUDIENCE, PDP_HOST, Role

PROVIDER = "/providers/Microsoft.Authorization/"


def failure(status: int, code: str, message: str, **headers: str) -> Response:
    return Response.json({"error": {"code": code, "message": message}}, status, **headers)


def refusal(
    cloud: Cloud, request: Request, scope: str, action: str, audiences: Sequence[str] = ARM_AUDIENCES
) -> Optional[Response]:
    """401 for a bad token, 403 when its owner may not do this here.  action: "" for what everybody may do"""

    def challenge(code: str, message: str) -> Response:
        return failure(
            401,
            code,
            message,
            WWW_Authenticate=f'Bearer error="invalid_token", error_description="{message}"',
        )

    claims = cloud.tokens.get(request.headers.get("Authorization", "").removeprefix("Bearer "))
    if claims is None:
        return challenge("InvalidAuthenticationToken", "The access token is invalid.")
    if claims["aud"].rstrip("/") not in audiences:
        return challenge(
            "InvalidAuthenticationTokenAudience",
            "The access token has been obtained for wrong audience.",
        )
    if claims["exp"] <= time.time():
        return challenge("ExpiredAuthenticationToken", "The access token expiry is in the past.")
    if "api-version" not in request.query:
        return failure(
            400,
            "MissingApiVersionParameter",
            "The api-version query parameter (?api-version=) is required.",
        )
    if action and not cloud.allowed(claims["oid"], action, scope, data=False):
        return failure(
            403,
            "AuthorizationFailed",
            f"The client '{claims['appid']}' with object id '{claims['oid']}' does not have "
            f"authorization to perform action '{action}' over scope '{scope}' or the scope is "
            "invalid. If access was recently granted, please refresh your credentials.",
        )
    return None


def page(cloud: Cloud, request: Request, items: List[Dict[str, Any]]) -> Response:
    start = int(request.query.get("$skipToken", "0"))
    found: Dict[str, Any] = {"value": items[start : start + cloud.page_size]}
    if start + cloud.page_size < len(items):
        query = {**request.query, "$skipToken": str(start + cloud.page_size)}
        text = "&".join(f"{name}={quote(value)}" for name, value in query.items())
        found["nextLink"] = f"https://{ARM_HOST}{request.path}?{text}"
    return Response.json(found)


def principals(cloud: Cloud, request: Request) -> Optional[set]:
    """Who $filter=assignedTo('oid') is: the principal and its groups."""
    match = re.fullmatch(r"\s*assignedTo\('([^']*)'\)\s*", request.query.get("$filter", ""))
    return cloud.identities(match[1]) if match else None


def related(scope: str, asked: str) -> bool:
    """The service lists what is at, above and below the scope."""
    return covers(scope, asked) or covers(asked, scope)


def assignment(cloud: Cloud, item: Assignment) -> Dict[str, Any]:
    at = (
        ""
        if item.scope.lower().startswith("/providers/")
        else f"/subscriptions/{cloud.subscription}"
    )
    return {
        "properties": {
            "roleDefinitionId": f"{at}{PROVIDER}roleDefinitions/{item.role}",
            "principalId": item.principal,
            "principalType": cloud.principals.get(item.principal, "Unknown"),
            "scope": item.scope,
            "condition": item.condition,
            "conditionVersion": "2.0" if item.condition else None,
            "createdOn": "2026-01-01T00:00:00.0000000Z",
            "updatedOn": "2026-01-01T00:00:00.0000000Z",
            "delegatedManagedIdentityResourceId": None,
            "description": None,
        },
        "id": f"{item.scope}{PROVIDER}roleAssignments/{item.id}",
        "type": "Microsoft.Authorization/roleAssignments",
        "name": item.id,
    }


def bad_filter() -> Response:
    return failure(
        400,
        "UnsupportedFilter",
        "The filter is not supported here: only assignedTo('objectId') is.",
    )


def assignments(cloud: Cloud, request: Request, scope: str) -> Response:
    who = principals(cloud, request)
    if who is None:
        return bad_filter()
    return page(
        cloud,
        request,
        [
            assignment(cloud, item)
            for item in cloud.assignments
            if item.principal in who and related(item.scope, scope)
        ],
    )


def permissions(role: Role) -> Dict[str, List[str]]:
    return {
        "actions": role.actions,
        "notActions": role.not_actions,
        "dataActions": role.data_actions,
        "notDataActions": role.not_data_actions,
    }


def show_role(cloud: Cloud, role: Role, scope: str) -> Dict[str, Any]:
    at = f"/subscriptions/{cloud.subscription}" if scope else ""
    return {
        "properties": {
            "roleName": role.name,
            "type": role.kind,
            "description": role.name,
            "assignableScopes": ["/"],
            "permissions": [permissions(role)],
        },
        "id": f"{at}{PROVIDER}roleDefinitions/{role.id}",
        "type": "Microsoft.Authorization/roleDefinitions",
        "name": role.id,
    }


def definition(cloud: Cloud, request: Request, scope: str) -> Response:
    """One by its id, or those of a name."""
    last = request.path.rpartition("/")[2].lower()
    if last == "roledefinitions":
        match = re.fullmatch(r"roleName eq '(.*)'", request.query.get("$filter", ""))
        named = [role for role in cloud.roles.values() if not match or role.name == match[1]]
        return page(cloud, request, [show_role(cloud, role, scope) for role in named])
    if last not in cloud.roles:
        return failure(
            404, "RoleDefinitionDoesNotExist", "The specified role definition does not exist."
        )
    return Response.json(show_role(cloud, cloud.roles[last], scope))


def assign(cloud: Cloud, request: Request, scope: str) -> Response:
    sent = json.loads(request.body)["properties"]
    role = sent["roleDefinitionId"].rpartition("/")[2].lower()
    if role not in cloud.roles:
        return failure(
            404, "RoleDefinitionDoesNotExist", "The specified role definition does not exist."
        )
    if any((item.principal, item.role, item.scope) == (sent["principalId"], role, scope) for item in cloud.assignments):
        return failure(409, "RoleAssignmentExists", "The role assignment already exists.")
    cloud.assign(sent["principalId"], role, scope)
    return Response.json(assignment(cloud, cloud.assignments[-1]), 201)


def principal(cloud: Cloud, oid: str) -> Dict[str, str]:
    kind = "SystemDefined" if oid == EVERYONE else cloud.principals.get(oid, "Unknown")
    return {"id": oid, "type": kind}


def denials(cloud: Cloud, request: Request, scope: str) -> Response:
    who = principals(cloud, request)
    if who is None:
        return bad_filter()
    return page(
        cloud,
        request,
        [
            {
                "properties": {
                    "denyAssignmentName": "lab",
                    "description": None,
                    "scope": item.scope,
                    "permissions": [
                        {
                            "actions": [],
                            "notActions": [],
                            "dataActions": item.data_actions,
                            "notDataActions": item.not_data_actions,
                        }
                    ],
                    "doNotApplyToChildScopes": item.this_scope_only,
                    "isSystemProtected": False,
                    "excludePrincipals": [principal(cloud, oid) for oid in item.excluded],
                    "principals": [principal(cloud, item.principal)],
                },
                "id": f"{item.scope}{PROVIDER}denyAssignments/{item.id}",
                "type": "Microsoft.Authorization/denyAssignments",
                "name": item.id,
            }
            for item in cloud.denials
            if item.names(who) and related(item.scope, scope)
        ],
    )


def decisions(cloud: Cloud, asked: Dict[str, Any]) -> List[Dict[str, Any]]:
    """What one question gets; a KeyError or TypeError for what is no question."""
    subject, resource = asked["Subject"]["Attributes"], asked["Resource"]["Id"]
    # As in the real service, groups count only when it is asked to look for them.
    expand = subject.get("xms-pasrp-retrievegroupmemberships") is True
    who = cloud.identities(subject["ObjectId"]) if expand else {subject["ObjectId"]}
    found = []
    for action in asked["Actions"]:
        word, item = cloud.decide(who, action["Id"], resource, action["IsDataAction"])
        found.append(
            {
                "actionId": action["Id"],
                "isDataAction": action["IsDataAction"],
                "accessDecision": word,
                "roleAssignment": named(cloud, item) if word == "Allowed" else None,
                "denyAssignment": denial_named(item) if word == "Denied" else None,
            }
        )
        if cloud.decision_life is not None:
            found[-1]["timeToLiveInMs"] = cloud.decision_life
    return found


def named(cloud: Cloud, item: Assignment) -> Dict[str, Any]:
    whole = assignment(cloud, item)
    wanted = ("roleDefinitionId", "principalId", "principalType", "scope", "condition")
    return {"id": whole["id"], **{key: whole["properties"][key] for key in wanted}}


def denial_named(item: Denial) -> Dict[str, Any]:
    return {"id": f"{item.scope}{PROVIDER}denyAssignments/{item.id}", "scope": item.scope}


def bad_question() -> Response:
    return failure(400, "InvalidRequestContent", "The request content was invalid.")


def check_access(cloud: Cloud, request: Request, scope: str) -> Response:
    try:
        asked = json.loads(request.body)
        if asked["Resource"]["Id"].lower() != scope.lower():
            return bad_question()
        return Response.json(decisions(cloud, asked))
    except (ValueError, KeyError, TypeError, AttributeError):
        return bad_question()


def pdp(cloud: Cloud, request: Request) -> Response:
    """The first page answers a posted question; the link to the next one carries question and place."""
    try:
        token = request.query.get("$skipToken")
        asked = json.loads(base64.b64decode(token) if token else request.body)
        start = asked.pop("start", 0)
        refused = refusal(
            cloud,
            request,
            asked["Resource"]["Id"],
            "Microsoft.Authorization/roleAssignments/read",
            [PDP_AUDIENCE],
        )
        if refused or (request.method == "POST") == bool(token):
            return refused or bad_question()
        found = decisions(cloud, asked)
    except (ValueError, KeyError, TypeError, AttributeError):
        return bad_question()
    end = start + cloud.page_size
    reply: Dict[str, Any] = {"value": found[start:end], "nextLink": None}
    if end < len(found):
        place = base64.b64encode(json.dumps({**asked, "start": end}).encode()).decode()
        query = {**request.query, "$skipToken": place}
        text = "&".join(f"{name}={quote(value, safe='')}" for name, value in query.items())
        reply["nextLink"] = f"https://{PDP_HOST}{request.path}?{text}"
    return Response.json(reply)


def pdp_site(cloud: Cloud, request: Request) -> Optional[Tuple[str, Answer]]:
    if request.path.lower() == f"{PROVIDER}checkAccess".lower() and request.method in ("GET", "POST"):
        return "pdp.checkaccess", pdp
    return None


# What comes after PROVIDER -> endpoint, action that the caller needs, answer
OPERATIONS = {
    ("GET", "roleAssignments"): (
        "arm.assignments",
        "Microsoft.Authorization/roleAssignments/read",
        assignments,
    ),
    ("PUT", "roleAssignments"): (
        "arm.assign",
        "Microsoft.Authorization/roleAssignments/write",
        assign,
    ),
    ("GET", "roleDefinitions"): (
        "arm.definition",
        "Microsoft.Authorization/roleDefinitions/read",
        definition,
    ),
    ("GET", "denyAssignments"): (
        "arm.denies",
        "Microsoft.Authorization/denyAssignments/read",
        denials,
    ),
    ("POST", "checkaccess"): (
        "arm.checkaccess",
        "Microsoft.Authorization/roleAssignments/read",
        check_access,
    ),
}


def site(cloud: Cloud, request: Request) -> Optional[Tuple[str, Answer]]:
    scope, provider, rest = request.path.rpartition(PROVIDER)
    operation = OPERATIONS.get((request.method, rest.partition("/")[0]))
    if not provider or operation is None:
        return None
    endpoint, action, answer = operation

    def guarded(cloud: Cloud, request: Request) -> Response:
        return refusal(cloud, request, scope or "/", action) or answer(cloud, request, scope)

    return endpoint, guarded
