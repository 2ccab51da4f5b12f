# SPDX-License-Identifier: MIT
"""python3 -m azure DIR: run the fake Azure.

The addresses 168.63.129.16 and 169.254.169.254 must be the machine's own (in the lab they are on lo
of the machine's network).  DIR must not exist yet; it gets the keys, ca.pem, requests.log and the
socket "control".
"""

import argparse
import ssl
import sys
import threading
from pathlib import Path
from typing import Optional, Tuple

from azure import arm, compute, deployments, entra, himds, imds, network, packages, policies, wire
from azure.cloud import Cloud
from azure.control import Control
from azure.http import Answer, Listener, Request
from azure.model import (
    ARM_HOST,
    BLOB_HOST,
    LOGIN_HOST,
    METADATA,
    PACKAGE_HOSTS,
    PDP_HOST,
    PROXY_PORT,
    WIRE_SERVER,
)
from azure.proxy import Proxy
from azure.vm import Vm

TLS_SITES = {
    LOGIN_HOST: entra.site,
    ARM_HOST: lambda cloud, request: (
        arm.site(cloud, request) or compute.site(cloud, request) or deployments.site(cloud, request) or policies.site(cloud, request)
    ),
    PDP_HOST: arm.pdp_site,
    BLOB_HOST: wire.blob_site,
    **{host: packages.site for host in PACKAGE_HOSTS},
}


def tls_site(cloud: Cloud, request: Request) -> Optional[Tuple[str, Answer]]:
    site = TLS_SITES.get(request.host)
    return site(cloud, request) if site else None


def serve(listener: Listener) -> Listener:
    threading.Thread(target=listener.serve_forever, daemon=True).start()
    return listener


def listen(cloud: Cloud, vm: Optional[Vm], context: ssl.SSLContext) -> None:
    """Serve in this thread's network.  vm: whose it is, if it is a machine's"""
    serve(Listener(("127.0.0.1", 443), cloud, tls_site, context, vm))
    serve(Proxy(("127.0.0.1", PROXY_PORT), cloud))
    if vm:
        serve(Listener((WIRE_SERVER, 80), cloud, wire.wire_site, vm=vm))
        serve(Listener((WIRE_SERVER, 32526), cloud, wire.plugin_site, vm=vm))
        serve(Listener((METADATA, 80), cloud, imds.site, vm=vm))


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python3 -m azure", description="A fake Azure for virtual machines."
    )
    parser.add_argument("dir", type=Path, help="a directory to make, for keys and state")
    parser.add_argument(
        "--page-size", type=int, default=2, help="entries in a page of Resource Manager (default 2)"
    )
    parser.add_argument("--until-eof", action="store_true", help="stop when standard input ends")
    options = parser.parse_args()

    options.dir.mkdir(mode=0o700)
    cloud = Cloud(options.dir.resolve(), options.page_size)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cloud.pairs["tls"].certificate, cloud.pairs["tls"].key)
    listen(cloud, cloud.vm, context)
    cloud.compute = compute.Compute(cloud)
    cloud.listen_in = lambda pid, vm: network.inside(pid, lambda: listen(cloud, vm, context))
    cloud.open_himds = lambda: serve(Listener(himds.ADDRESS, cloud, himds.site))
    control = Control(
        options.dir / "control", cloud
    )  # the last thing, so that its presence means ready
    if options.until_eof:
        threading.Thread(target=control.serve_forever, daemon=True).start()
        sys.stdin.read()
    else:
        control.serve_forever()


if __name__ == "__main__":
    main()
