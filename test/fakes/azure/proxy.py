# SPDX-License-Identifier: MIT
"""
A proxy that takes CONNECT alone, and counts each by its host: proxy.management.azure.com; those that it refuses for want
of a login as proxy.refused.
"""

import base64
import http.client
import socket
import socketserver
import threading
from typing import Tuple

from azure.cloud import Cloud

LINE_MAX = 8192
TIMEOUT = 60


class Proxy(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 512

    def __init__(self, address: Tuple[str, int], cloud: Cloud) -> None:
        super().__init__(address, Tunnel)
        self.cloud = cloud


def pump(source: socket.socket, target: socket.socket) -> None:
    try:
        while True:
            data = source.recv(65536)
            if not data:
                break
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass  # one of them hung up, and so the other gets to know


class Tunnel(socketserver.StreamRequestHandler):
    server: Proxy
    timeout = TIMEOUT

    def handle(self) -> None:
        verb, _, rest = self.rfile.readline(LINE_MAX).decode("latin-1").partition(" ")
        host, _, port = rest.partition(" ")[0].rpartition(":")
        login = http.client.parse_headers(self.rfile).get("Proxy-Authorization")
        wanted = self.server.cloud.proxy_login
        if wanted is not None and login != "Basic " + base64.b64encode(wanted.encode()).decode():
            self.server.cloud.count("proxy.refused")
            self.wfile.write(b"HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"lab\"\r\n"
                             b"Connection: close\r\nContent-Length: 0\r\n\r\n")
            return
        self.server.cloud.count(f"proxy.{host}")
        if verb != "CONNECT" or not port.isdigit():
            self.wfile.write(b"HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 0\r\n\r\n")
            return
        # All that it leads to is this fake; the machine's names are not known out here.
        with socket.create_connection(("127.0.0.1", int(port)), TIMEOUT) as there:
            self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            back = threading.Thread(target=pump, args=(there, self.connection), daemon=True)
            back.start()
            pump(self.connection, there)
            back.join()
