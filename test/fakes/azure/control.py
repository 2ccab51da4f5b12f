# SPDX-License-Identifier: MIT
"""The control socket: one line of JSON a request, one a reply.

{"method": "assign", "arguments": {...}} -> {"result": ...} or {"error": "..."}
"""

import json
import socketserver
from pathlib import Path

from azure.cloud import Cloud

METHODS = frozenset(
    (
        "add_group",
        "add_tenant",
        "add_user",
        "assign",
        "become_arc",
        "clear_faults",
        "current_incarnation",
        "define_role",
        "deny",
        "describe",
        "fault",
        "goal_state",
        "last_status",
        "new_signer",
        "publish",
        "publish_keys",
        "reports",
        "reports_on_goal_state",
        "request_counts",
        "reset_counts",
        "rotate_keys",
        "set_decision_life",
        "set_himds",
        "set_identity",
        "set_key",
        "set_page_size",
        "set_proxy_login",
        "set_token_lifetime",
        "show_packages",
        "unassign",
        "undeny",
    )
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
                if request["method"] not in METHODS:
                    raise ValueError(f"no such method: {request['method']}")
                reply = {
                    "result": getattr(self.server.cloud, request["method"])(**request["arguments"])
                }
            except Exception as error:  # whatever it is, the caller must hear of it
                reply = {"error": f"{type(error).__name__}: {error}"}
            self.wfile.write(json.dumps(reply).encode() + b"\n")
