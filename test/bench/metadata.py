# SPDX-License-Identifier: MIT
"""The least of Google's metadata service that its OS Login needs to let one user in.

It answers at once from memory, and so flatters who asks.  GET /requests says how many came before.
Source: the documented fields of the OS Login API.
"""

import http.server
import json
import sys
from urllib.parse import parse_qs, urlsplit

BASE = "/computeMetadata/v1/oslogin/"


def profile(name: str, key: str) -> dict:
    account = {"primary": True, "username": name, "uid": "20001", "gid": "20001", "homeDirectory": f"/home/{name}",
               "shell": "/bin/bash", "operatingSystemType": "LINUX"}
    return {"loginProfiles": [{"name": "1", "posixAccounts": [account],
                               "sshPublicKeys": {"a": {"key": key, "fingerprint": "a"}}}]}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    count = 0
    key = ""

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        query = parse_qs(url.query)
        if url.path == "/requests":
            self.answer({"requests": Handler.count})
            return
        Handler.count += 1
        name = query.get("username", ["user1"])[0]
        if url.path == BASE + "users" and name.startswith("user"):
            self.answer(profile(name, Handler.key))
        elif url.path == BASE + "authorize":
            self.answer({"success": True})
        else:
            self.answer({}, 404)

    def answer(self, value: dict, status: int = 200) -> None:
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Nobody reads it."""


if __name__ == "__main__":
    Handler.key = sys.argv[1]
    http.server.ThreadingHTTPServer(("169.254.169.254", 80), Handler).serve_forever()
