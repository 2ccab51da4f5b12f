# SPDX-License-Identifier: MIT
"""OpenID configuration and signing keys of the tenant, and the way to tokens for people.

As in the real service, one set mixes the keys of several clouds, of the consumer tenant and for
encryption.
"""

import base64
from typing import Any, Dict, Optional, Tuple

from azure import oauth
from azure.cloud import Cloud
from azure.crypto import KeyPair, b64url
from azure.http import Answer, Request, Response
from azure.model import CONSUMER_TENANT, LOGIN_HOST

MAX_AGE = 86400
ANY_TENANT = ("common", "organizations")


def tenant_of(request: Request) -> str:
    return request.path.split("/")[1]


def issuer_of(request: Request) -> str:
    tenant = tenant_of(request)
    return "{tenantid}" if tenant in ANY_TENANT else tenant


def unknown_tenant(cloud: Cloud, request: Request) -> Response:
    tenant = tenant_of(request)
    return Response.json(
        {
            "error": "invalid_tenant",
            "error_codes": [90002],
            "error_description": f"AADSTS90002: Tenant '{tenant}' not found. Check to make sure "
            "you have the correct tenant ID and are signing into the correct cloud.",
        },
        400,
    )


def configuration(cloud: Cloud, request: Request) -> Response:
    base = f"https://{LOGIN_HOST}/{tenant_of(request)}"
    return Response.json(
        {
            "token_endpoint": f"{base}/oauth2/v2.0/token",
            "jwks_uri": f"{base}/discovery/v2.0/keys",
            "issuer": f"https://{LOGIN_HOST}/{issuer_of(request)}/v2.0",
            "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
            "device_authorization_endpoint": f"{base}/oauth2/v2.0/devicecode",
            "response_types_supported": ["code", "id_token"],
            "subject_types_supported": ["pairwise"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "tenant_region_scope": "EU",
            "cloud_instance_name": "microsoftonline.com",
            "rbac_url": "https://pas.windows.net",
        },
        Cache_Control=f"max-age={MAX_AGE}, private",
    )


def entry(
    pair: KeyPair,
    cloud_name: str = "microsoftonline.com",
    tenant: str = "{tenantid}",
    use: str = "sig",
) -> Dict[str, Any]:
    return {
        "kty": "RSA",
        "use": use,
        "kid": pair.kid,
        "x5t": pair.kid,
        "n": b64url(pair.modulus),
        "e": b64url(pair.exponent),
        "x5c": [base64.b64encode(pair.der).decode()],
        "cloud_instance_name": cloud_name,
        "issuer": f"https://{LOGIN_HOST}/{tenant}/v2.0",
    }


def keys(cloud: Cloud, request: Request) -> Response:
    pairs = cloud.pairs
    found = [
        entry(pairs["government"], cloud_name="microsoftonline.us"),
        entry(pairs["consumer"], tenant=CONSUMER_TENANT),
        entry(pairs["encryption"], use="enc"),
    ]
    found += [entry(pairs[name]) for name in cloud.signers_of(tenant_of(request)) or []]
    point = pairs["ec"].der.partition(bytes.fromhex("03420004"))[2][
        :64
    ]  # the uncompressed point of the certificate
    found.append(
        {
            "kty": "EC",
            "use": "sig",
            "kid": pairs["ec"].kid,
            "crv": "P-256",
            "x": b64url(point[:32]),
            "y": b64url(point[32:]),
        }
    )
    return Response.json({"keys": found}, Cache_Control=f"max-age={MAX_AGE}, private")


def instance(cloud: Cloud, request: Request) -> Response:
    """The names of this authority, which clients ask before they look for tokens that they keep."""
    names = [LOGIN_HOST, "login.windows.net", "login.microsoft.com", "sts.windows.net"]
    endpoint = f"https://{LOGIN_HOST}/common/v2.0/.well-known/openid-configuration"
    return Response.json(
        {
            "tenant_discovery_endpoint": endpoint,
            "api-version": "1.1",
            "metadata": [{"preferred_network": names[0], "preferred_cache": names[1], "aliases": names}],
        }
    )


def site(cloud: Cloud, request: Request) -> Optional[Tuple[str, Answer]]:
    tenant, _, rest = request.path.lstrip("/").partition("/")
    names = {
        "v2.0/.well-known/openid-configuration": ("entra.openid", configuration),
        "discovery/v2.0/keys": ("entra.keys", keys),
        "discovery/instance": ("entra.instance", instance),
        "oauth2/v2.0/devicecode": ("entra.device", oauth.device_code),
        "oauth2/v2.0/token": ("entra.token", oauth.token),
    }
    if rest in names and tenant not in ANY_TENANT and cloud.signers_of(tenant) is None:
        return names[rest][0], unknown_tenant
    return names.get(rest)
