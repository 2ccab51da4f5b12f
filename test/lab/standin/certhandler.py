#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""A stand-in, for tests alone, for the key command of the closed product: it trusts whoever signed the certificate."""

import base64
import struct
import sys

TYPE = b"ssh-rsa-cert-v01@openssh.com"


def fields(blob: bytes, kinds: str) -> "list[bytes]":
    """The parts of a certificate: s is a string, i and q are numbers of 4 and 8 bytes."""
    found = []
    for kind in kinds:
        size = {"i": 4, "q": 8}.get(kind)
        if size is None:
            size, blob = struct.unpack(">I", blob[:4])[0], blob[4:]
        found.append(blob[:size])
        blob = blob[size:]
    return found


def main() -> None:
    name, blob = sys.argv[1], base64.b64decode(sys.argv[2])
    if not blob.startswith(struct.pack(">I", len(TYPE)) + TYPE):
        return
    ca = fields(blob, "ssssqissqqssss")[13]
    print(f'cert-authority,principals="{name}" ssh-rsa {base64.b64encode(ca).decode()}')


main()
