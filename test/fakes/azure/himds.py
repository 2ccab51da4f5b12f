# SPDX-License-Identifier: MIT
"""HIMDS, the metadata service of an Arc machine: IMDS, but that a token must be earned.

A request for a token is answered with 401 and the path of a file that root and the group himds can
read; who repeats it with what stands there gets the token.  A key serves once.
"""

import os
import secrets
from pathlib import Path
from typing import Callable, Dict, Optional, Tuple

from azure import imds
from azure.cloud import Arc, Cloud
from azure.http import Answer, Request, Response

ADDRESS = ("127.0.0.1", 40342)
TOKENS = "/var/opt/azcmagent/tokens"  # the machine's name of Arc.tokens
VERSIONS = ("2019-08-15", "2019-11-01", "2020-06-01", "2021-02-01")


def give(arc: Arc, path: Path, mode: int = 0o440) -> None:
    os.chown(path, arc.uid, arc.gid)
    path.chmod(mode)


def write(arc: Arc, path: Path, secret: str) -> None:
    path.write_text(secret, encoding="ascii")
    give(arc, path)


def write_link(arc: Arc, path: Path, secret: str) -> None:
    write(arc, path.with_suffix(".target"), secret)
    path.symlink_to(path.with_suffix(".target").name)


def write_two_links(arc: Arc, path: Path, secret: str) -> None:
    write(arc, path, secret)
    os.link(path, path.with_suffix(".second"))


def write_fifo(arc: Arc, path: Path, secret: str) -> None:
    os.mkfifo(path)
    give(arc, path)


def write_long(arc: Arc, path: Path, secret: str) -> None:
    write(arc, path, secret + "k" * (4097 - len(secret)))


def write_open(arc: Arc, path: Path, secret: str) -> None:
    write(arc, path, secret)
    give(arc, path, 0o646)


def write_of_stranger(arc: Arc, path: Path, secret: str) -> None:
    write(arc, path, secret)
    os.chown(path, arc.uid + 10000, arc.gid)


def write_root_only(arc: Arc, path: Path, secret: str) -> None:
    write(arc, path, secret)
    os.chown(path, 0, 0)


def write_nothing(arc: Arc, path: Path, secret: str) -> None:
    """The key that is named is not there."""


KEYS: Dict[str, Callable[[Arc, Path, str], None]] = {
    "right": write,
    "link": write_link,
    "two-links": write_two_links,
    "fifo": write_fifo,
    "long": write_long,
    "open": write_open,
    "stranger": write_of_stranger,
    "root-only": write_root_only,
    "missing": write_nothing,
}


def refusal(request: Request) -> Optional[str]:
    wrong = imds.refusal(request)
    if wrong is None and request.query["api-version"] not in VERSIONS:
        wrong = "api-version is not one of HIMDS"
    return wrong


def instance(cloud: Cloud, request: Request) -> Response:
    wrong = refusal(request)
    if wrong is not None:
        return Response.json({"error": f"Bad request. {wrong}"}, 400)
    compute = {
        "azEnvironment": "AzurePublicCloud",
        "isHostCompatibilityLayerVm": "",
        "location": "westeurope",
        "name": request.vm.resource_id.rpartition("/")[2],
        "offer": "",
        "osType": "linux",
        "provider": "",
        "publisher": "",
        "resourceGroupName": "lab",
        "resourceId": request.vm.resource_id,
        "subscriptionId": cloud.subscription,
        "tagsList": [],
        "version": "",
        "vmId": request.vm.vm_id,
        "vmScaleSetName": "",
    }
    return Response.json({"compute": compute, "network": {"interface": []}})


def challenge(cloud: Cloud, request: Request) -> Response:
    wrong = refusal(request)
    if wrong is not None:
        return Response.json({"error": "invalid_request", "error_description": wrong}, 400)
    name, secret = f"{secrets.token_hex(16)}.key", secrets.token_hex(32)
    KEYS[cloud.arc.kind](cloud.arc, cloud.arc.tokens / name, secret)
    cloud.arc.keys[secret] = cloud.arc.tokens / name
    return Response(401, headers={"Www-Authenticate": f"Basic realm={TOKENS}/{name}"})


def token(cloud: Cloud, request: Request) -> Response:
    scheme, _, secret = request.headers["Authorization"].partition(" ")
    path = cloud.arc.keys.pop(secret, None)
    if scheme != "Basic" or path is None:
        return Response(401)
    path.unlink(missing_ok=True)
    return Response.json(cloud.issue_token(request.query["resource"], request.vm))


def site(cloud: Cloud, request: Request) -> Optional[Tuple[str, Answer]]:
    if request.path == "/metadata/identity/oauth2/token":
        if "Authorization" in request.headers and refusal(request) is None:
            return "himds.token", token
        return "himds.challenge", challenge
    if request.path.rstrip("/") == "/metadata/instance":
        return "himds.instance", instance
    return None
