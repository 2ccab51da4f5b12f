# SPDX-License-Identifier: MIT
"""Resource Manager: who may do what at a scope.

Source: Microsoft.Authorization, api-version 2022-04-01; checkaccess 2018-09-01-preview.
"""

import json
import re
import time
from typing import Any, Dict, List, Optional, Tuple
from urllib.parse import quote

from azure.cloud import Assignment, Cloud, covers
from azure.http import Answer, Request, Response
from azure.model import ARM_AUDIENCE, ARM_HOST, Role

PROVIDER = "/providers/Microsoft.Authorization/"


def failure(status: int, code: str, message: str, **headers: str) -> Response:
    return Response.json({"error": {"code": code, "message": message}}, status, **headers)


def refusal(cloud: Cloud, request: Request, scope: str, action: str) -> Optional[Response]:
    """401 for a bad token, 403 when its owner may not do this here."""

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
    if claims["aud"].rstrip("/") != ARM_AUDIENCE:
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
    if not cloud.allowed(claims["oid"], action, scope, data=False):
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


def definition(cloud: Cloud, request: Request, scope: str) -> Response:
    role = cloud.roles.get(request.path.rpartition("/")[2].lower())
    if role is None:
        return failure(
            404, "RoleDefinitionDoesNotExist", "The specified role definition does not exist."
        )
    at = f"/subscriptions/{cloud.subscription}" if scope else ""
    return Response.json(
        {
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
    )


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
                            "notDataActions": [],
                        }
                    ],
                    "doNotApplyToChildScopes": False,
                    "isSystemProtected": False,
                    "excludePrincipals": [],
                    "principals": [
                        {
                            "id": item.principal,
                            "type": cloud.principals.get(item.principal, "Unknown"),
                        }
                    ],
                },
                "id": f"{item.scope}{PROVIDER}denyAssignments/{item.id}",
                "type": "Microsoft.Authorization/denyAssignments",
                "name": item.id,
            }
            for item in cloud.denials
            if item.principal in who and related(item.scope, scope)
        ],
    )


def check_access(cloud: Cloud, request: Request, scope: str) -> Response:
    asked = json.loads(request.body)
    oid, resource = asked["Subject"]["Attributes"]["ObjectId"], asked["Resource"]["Id"]
    return Response.json(
        [
            {
                "actionId": action["Id"],
                "isDataAction": action["IsDataAction"],
                "timeToLiveInMs": 300000,
                "accessDecision": (
                    "Allowed"
                    if cloud.allowed(oid, action["Id"], resource, action["IsDataAction"])
                    else "NotAllowed"
                ),
            }
            for action in asked["Actions"]
        ]
    )


# What comes after PROVIDER -> endpoint, action that the caller needs, answer
OPERATIONS = {
    ("GET", "roleAssignments"): (
        "arm.assignments",
        "Microsoft.Authorization/roleAssignments/read",
        assignments,
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
