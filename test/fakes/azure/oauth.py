# SPDX-License-Identifier: MIT
"""
People and programs who sign in: the device code flow, refresh tokens, and secrets of applications.

A device code is approved at once, by whoever set_operator() named.  Sources: RFC 8628; the identity platform's reference
for its token endpoint.
"""

import json
import secrets
import time
from typing import Any, Dict
from urllib.parse import parse_qs

from azure.cloud import Cloud
from azure.crypto import b64url, jwt
from azure.http import Request, Response
from azure.model import LOGIN_HOST

LIFETIME = 3600


def form(request: Request) -> Dict[str, str]:
    return {name: values[-1] for name, values in parse_qs(request.body.decode()).items()}


def wrong(code: str, text: str) -> Response:
    return Response.json({"error": code, "error_description": text, "error_codes": []}, 400)


def device_code(cloud: Cloud, request: Request) -> Response:
    if cloud.operator is None:
        return wrong("access_denied", "AADSTS50000: nobody is there to approve.")
    code = secrets.token_urlsafe(32)
    cloud.grants[code] = cloud.operator
    return Response.json(
        {
            "user_code": "LABLABLAB",
            "device_code": code,
            "verification_uri": "https://microsoft.com/devicelogin",
            "expires_in": 900,
            "interval": 1,
            "message": "To sign in, open https://microsoft.com/devicelogin and enter the code LABLABLAB.",
        }
    )


def audience(scope: str) -> str:
    """Of the first that names one."""
    named = [word for word in scope.split() if "://" in word]
    return named[0].rpartition("/")[0] if named else ""


def grant(cloud: Cloud, oid: str, client_id: str, scope: str, person: bool) -> Response:
    claims = cloud.claims(audience(scope), oid, client_id, upn=cloud.names[oid], scp="user_impersonation")
    found: Dict[str, Any] = {
        "token_type": "Bearer",
        "scope": scope,
        "expires_in": LIFETIME,
        "ext_expires_in": LIFETIME,
        "access_token": cloud.signed(claims),
    }
    if person:
        token = secrets.token_urlsafe(32)
        cloud.grants[token] = oid
        found.update(refresh_token=token, foci="1", id_token=identity(cloud, oid, client_id))
        found["client_info"] = b64url(json.dumps({"uid": oid, "utid": cloud.tenant}).encode())
    return Response.json(found)


def identity(cloud: Cloud, oid: str, client_id: str) -> str:
    now = int(time.time())
    claims = {
        "aud": client_id,
        "iss": f"https://{LOGIN_HOST}/{cloud.tenant}/v2.0",
        "iat": now,
        "nbf": now,
        "exp": now + LIFETIME,
        "name": cloud.names[oid],
        "preferred_username": cloud.names[oid],
        "oid": oid,
        "sub": oid,
        "tid": cloud.tenant,
        "ver": "2.0",
    }
    return jwt(claims, cloud.pairs[cloud.signers[0]])


def token(cloud: Cloud, request: Request) -> Response:
    asked = form(request)
    client_id, scope = asked.get("client_id", ""), asked.get("scope", "")
    if asked.get("grant_type") == "client_credentials":
        oid = cloud.applications.get((client_id, asked.get("client_secret", "")))
        if oid is None:
            return wrong("invalid_client", "AADSTS7000215: Invalid client secret provided.")
        return grant(cloud, oid, client_id, scope, person=False)
    oid = cloud.grants.get(asked.get("device_code") or asked.get("refresh_token") or "")
    if oid is None:
        return wrong("invalid_grant", "AADSTS70000: The provided grant is invalid.")
    return grant(cloud, oid, client_id, scope, person=True)
