# SPDX-License-Identifier: MIT
"""HTTP listeners that count requests and fail on demand."""

import dataclasses
import json
import ssl
import time
from http.client import responses
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Callable, Dict, Optional, Tuple
from urllib.parse import parse_qs, urlsplit

from azure.cloud import Cloud
from azure.model import Fault
from azure.vm import Vm

BODY_MAX = 16 << 20


@dataclasses.dataclass(frozen=True)
class Request:
    method: str
    host: str
    path: str
    query: Dict[str, str]
    headers: Any
    body: bytes
    vm: Vm  # in whose network it was made; where there is none, the first


@dataclasses.dataclass(frozen=True)
class Response:
    status: int
    body: bytes = b""
    headers: Dict[str, str] = dataclasses.field(default_factory=dict)

    @classmethod
    def json(cls, value: Any, status: int = 200, **headers: str) -> "Response":
        """headers: with _ for -."""
        named = {name.replace("_", "-"): text for name, text in headers.items()}
        return cls(
            status,
            json.dumps(value).encode(),
            {"Content-Type": "application/json; charset=utf-8", **named},
        )

    @classmethod
    def xml(cls, text: str) -> "Response":
        return cls(
            200,
            ('<?xml version="1.0" encoding="utf-8"?>' + text).encode(),
            {"Content-Type": "text/xml; charset=utf-8"},
        )


# A site names the endpoint that a request is for and how to answer it; None: there is no such one.
Answer = Callable[[Cloud, Request], Response]
Site = Callable[[Cloud, Request], Optional[Tuple[str, Answer]]]


def not_found(cloud: Cloud, request: Request) -> Response:
    return Response(404)


def respond(cloud: Cloud, site: Site, request: Request) -> Tuple[str, Response, Optional[Fault]]:
    endpoint, answer = site(cloud, request) or ("unknown", not_found)
    cloud.count(endpoint, request.vm)
    fault = cloud.take_fault(endpoint, f"{request.path}?{request.query}")
    if fault is not None:
        time.sleep(fault.delay)
        if fault.hang:
            cloud.wait_until_cleared(fault)
    if fault is None or (fault.status is None and fault.body is None and fault.huge is None):
        with cloud.lock:
            right = answer(cloud, request)
        if fault is not None:
            right = dataclasses.replace(right, headers={**right.headers, **fault.headers})
        return endpoint, right, fault
    if fault.huge is not None:
        body = b" " * fault.huge
    elif isinstance(fault.body, str):
        body = fault.body.encode()
    else:
        body = b"" if fault.body is None else json.dumps(fault.body).encode()
    return (
        endpoint,
        Response(fault.status or 200, body, {"Content-Type": "application/json", **fault.headers}),
        fault,
    )


class Listener(ThreadingHTTPServer):
    """One address; serves a site, in a thread a connection."""

    daemon_threads = True
    request_queue_size = 512

    def __init__(
        self,
        address: Tuple[str, int],
        cloud: Cloud,
        site: Site,
        tls: Optional[ssl.SSLContext] = None,
        vm: Optional[Vm] = None,
    ) -> None:
        """vm: in whose network the socket is made"""
        super().__init__(address, Handler)
        self.cloud, self.site, self.vm = cloud, site, vm or cloud.vm
        if tls is not None:
            # The handshake is the connection's thread's: a silent client must not stop others.
            self.socket = tls.wrap_socket(
                self.socket, server_side=True, do_handshake_on_connect=False
            )

    def process_request(self, request: Any, client_address: Any) -> None:
        self.cloud.count(f"connections.{self.server_address[1]}")
        super().process_request(request, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that hang up or refuse a certificate are part of the tests."""


class Handler(BaseHTTPRequestHandler):
    server: Listener
    protocol_version = "HTTP/1.1"
    timeout = 600
    disable_nagle_algorithm = True  # or the body waits for the client's delayed ACK of the header

    def serve(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        if not 0 <= length <= BODY_MAX:
            self.send_error(413)
            return
        url = urlsplit(self.path)
        query = {
            name: values[-1] for name, values in parse_qs(url.query, keep_blank_values=True).items()
        }
        request = Request(
            self.command,
            (self.headers.get("Host") or "").partition(":")[0].lower(),
            url.path,
            query,
            self.headers,
            self.rfile.read(length),
            self.server.vm,
        )
        endpoint, response, fault = respond(self.server.cloud, self.server.site, request)
        self.send_response(response.status, responses.get(response.status, "Status"))
        for name, text in response.headers.items():
            self.send_header(name, text)
        self.send_header("Content-Length", str(len(response.body)))
        self.end_headers()
        body = response.body
        if fault is not None and fault.truncate is not None:
            body = body[: fault.truncate]
            self.close_connection = True
        if self.command != "HEAD":
            self.wfile.write(body)
        self.note(endpoint, response.status)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = serve

    def note(self, endpoint: str, status: int) -> None:
        with open(self.server.cloud.folder / "requests.log", "a", encoding="utf-8") as log:
            log.write(
                f"{self.log_date_time_string()} {endpoint} {status} {self.command} {self.path}\n"
            )

    def log_message(self, format: str, *args: Any) -> None:
        """note() logs."""
