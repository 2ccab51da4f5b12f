# SPDX-License-Identifier: MIT
"""The control socket: one line of JSON a request, one a reply.

{"method": "assign", "arguments": {...}} -> {"result": ...} or {"error": "..."}

What concerns one machine has "vm" too, its name; without it the first one is meant.
"""

import json
import socketserver
from pathlib import Path
from typing import Any, Dict, Union

from azure.cloud import Cloud
from azure.vm import Vm

METHODS = frozenset(
    (
        "add_application",
        "add_group",
        "add_identity",
        "add_scale_set",
        "add_spare",
        "add_tenant",
        "add_user",
        "add_vm",
        "assign",
        "become_arc",
        "clear_faults",
        "define_role",
        "deny",
        "describe_cloud",
        "fault",
        "journal",
        "new_signer",
        "publish",
        "publish_keys",
        "request_counts",
        "reset_counts",
        "rolling",
        "rotate_keys",
        "serve_people",
        "set_decision_life",
        "set_himds",
        "set_key",
        "set_operator",
        "set_page_size",
        "set_proxy_login",
        "set_token_lifetime",
        "show_packages",
        "unassign",
        "undeny",
        "written",
    )
)
OF_A_VM = frozenset(
    ("describe", "goal_state", "last_status", "reports", "requests", "set_identity", "settled")
)


class Control(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True

    def __init__(self, path: Path, cloud: Cloud) -> None:
        super().__init__(str(path), Line)
        self.cloud = cloud


class Line(socketserver.StreamRequestHandler):
    server: Control

    def handle(self) -> None:
        for line in self.rfile:
            try:
                request = json.loads(line)
                called = getattr(self.target(request), request["method"])
                reply = {"result": called(**request["arguments"])}
            except Exception as error:  # whatever it is, the caller must hear of it
                reply = {"error": f"{type(error).__name__}: {error}"}
            self.wfile.write(json.dumps(reply).encode() + b"\n")

    def target(self, request: Dict[str, Any]) -> Union[Cloud, Vm]:
        cloud, method = self.server.cloud, request["method"]
        if method in OF_A_VM:
            return cloud.vms[request.get("vm") or cloud.vm.name]
        if method not in METHODS:
            raise ValueError(f"no such method: {method}")
        return cloud
