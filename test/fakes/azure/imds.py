# SPDX-License-Identifier: MIT
"""The instance metadata service: what the machine is, and tokens of its identity."""

from typing import Optional, Tuple

from azure.cloud import Cloud
from azure.http import Answer, Request, Response
from azure.model import REGION

VERSIONS = (
    "2017-04-02",
    "2017-08-01",
    "2017-12-01",
    "2018-02-01",
    "2018-04-02",
    "2018-10-01",
    "2019-02-01",
    "2019-03-11",
    "2019-04-30",
    "2019-06-01",
    "2019-06-04",
    "2019-08-01",
    "2019-08-15",
    "2019-11-01",
    "2020-06-01",
    "2020-09-01",
    "2020-10-01",
    "2020-12-01",
    "2021-01-01",
    "2021-02-01",
    "2021-03-01",
    "2021-05-01",
    "2021-10-01",
    "2021-11-01",
    "2021-11-15",
    "2021-12-13",
    "2023-07-01",
    "2023-11-15",
    "2025-04-07",
)


def refusal(request: Request) -> Optional[str]:
    """What is wrong with the form of a request, in the words of the service."""
    if request.headers.get("Metadata", "").lower() != "true":
        return "Required metadata header not specified"
    if request.headers.get("X-Forwarded-For") is not None:
        return "Proxied requests are not allowed"
    if request.query.get("api-version") not in VERSIONS:
        return "api-version is invalid or was not specified in the request."
    return None


def instance(cloud: Cloud, request: Request) -> Response:
    wrong = refusal(request)
    if wrong is not None:
        return Response.json(
            {"error": f"Bad request. {wrong}", "newest-versions": VERSIONS[-3:][::-1]}, 400
        )
    compute = {
        "azEnvironment": "AzurePublicCloud",
        "location": REGION,
        "name": request.vm.name,
        "offer": "debian-12",
        "osType": "Linux",
        "placementGroupId": "",
        "platformFaultDomain": "0",
        "platformUpdateDomain": "0",
        "provider": "Microsoft.Compute",
        "publisher": "Debian",
        "resourceGroupName": "lab",
        "resourceId": request.vm.resource_id,
        "sku": "12-gen2",
        "subscriptionId": cloud.subscription,
        "tags": "purpose:lab",
        "tagsList": [{"name": "purpose", "value": "lab"}],
        "version": "0.20260101.1",
        "vmId": request.vm.vm_id,
        "vmScaleSetName": request.vm.scale_set,
        "vmSize": "Standard_B1s",
        "zone": "",
    }
    if request.path.endswith("/compute"):
        return Response.json(compute)
    return Response.json({"compute": compute, "network": {"interface": []}})


def token(cloud: Cloud, request: Request) -> Response:
    def bad(text: str) -> Response:
        return Response.json({"error": "invalid_request", "error_description": text}, 400)

    wrong = refusal(request)
    if wrong is not None:
        return bad(wrong)
    if not request.query.get("resource"):
        return bad("Required audience parameter not specified")
    if request.vm.identity_kind == "none":
        return bad("Identity not found")
    if request.vm.identity_kind == "user-assigned":
        return bad(
            "Multiple user assigned identities exist, please specify the clientId / resourceId "
            "of the identity in the token request"
        )
    return Response.json(cloud.issue_token(request.query["resource"], request.vm))


def site(cloud: Cloud, request: Request) -> Optional[Tuple[str, Answer]]:
    if cloud.arc is not None:
        return None
    if request.path == "/metadata/identity/oauth2/token":
        return "imds.token", token
    if request.path.rstrip("/") in ("/metadata/instance", "/metadata/instance/compute"):
        return "imds.instance", instance
    return None
