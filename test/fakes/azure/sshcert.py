# SPDX-License-Identifier: MIT
"""OpenSSH certificates written byte by byte, right ones and those that ssh-keygen refuses to write.

Source of the format: draft-miller-ssh-cert.  What is here by default is the shape that Entra gives them.

    >>> shape = entra(public_key("users/a.pub"), "a@contoso.com", oid, tid)
    >>> blob = dataclasses.replace(shape, principals=[b"a", b"b"]).signed(Signer("keys/signer.key"))
    >>> Path("users/a-cert.pub").write_text(line(blob))
"""

import base64
import dataclasses
import os
import time
from pathlib import Path
from typing import List, Optional, Tuple, Union

from azure.crypto import openssl

RSA, RSA_CERT = b"ssh-rsa", b"ssh-rsa-cert-v01@openssh.com"
USER, HOST = 1, 2
DIGESTS = {b"ssh-rsa": "sha1", b"rsa-sha2-256": "sha256", b"rsa-sha2-512": "sha512"}
AZURE = b"@sshservice.azure.net"
PERMITS = (b"permit-X11-forwarding", b"permit-agent-forwarding", b"permit-port-forwarding", b"permit-pty",
           b"permit-user-rc")

Pair = Tuple[bytes, bytes]


def string(data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + data


def mpint(number: int) -> bytes:
    return string(number.to_bytes(number.bit_length() // 8 + 1, "big") if number else b"")


def strings(data: bytes) -> List[bytes]:
    """The strings that data consists of; mpints look the same."""
    found = []
    while data:
        end = 4 + int.from_bytes(data[:4], "big")
        found.append(data[4:end])
        data = data[end:]
    return found


def rsa_blob(e: int, n: int) -> bytes:
    return string(RSA) + mpint(e) + mpint(n)


def public_key(path: Union[str, Path]) -> bytes:
    """The blob of a .pub file."""
    return base64.b64decode(Path(path).read_text(encoding="ascii").split()[1])


def line(blob: bytes) -> str:
    """As a .pub file has it."""
    return f"{strings(blob[: 4 + int.from_bytes(blob[:4], 'big')])[0].decode()} {base64.b64encode(blob).decode()}\n"


class Signer:
    """A private RSA key, a PEM file of OpenSSL's or OpenSSH's old form."""

    def __init__(self, path: Union[str, Path]) -> None:
        self.path = str(path)
        words = openssl("rsa", "-in", self.path, "-noout", "-modulus", "-text").decode().split()
        self.n = int([word for word in words if word.startswith("Modulus=")][0].partition("=")[2], 16)
        self.e = int(words[words.index("publicExponent:") + 1])

    @property
    def blob(self) -> bytes:
        return rsa_blob(self.e, self.n)

    def sign(self, data: bytes, kind: bytes = b"rsa-sha2-256") -> bytes:
        """A signature as SSH packs it."""
        raw = openssl("dgst", f"-{DIGESTS[kind]}", "-sign", self.path, data=data)
        return string(kind) + string(raw)


@dataclasses.dataclass(frozen=True)
class Certificate:
    """What stands in a certificate, in its order; times are seconds since 1970."""

    key: bytes  # the user's, an ssh-rsa blob
    key_id: bytes
    principals: List[bytes]
    valid_after: int
    valid_before: int
    extensions: List[Pair]
    critical: List[Pair] = dataclasses.field(default_factory=list)
    serial: int = 0
    type: int = USER
    type_name: bytes = RSA_CERT
    nonce: bytes = b""  # empty: a fresh one
    reserved: bytes = b""
    ca: Optional[bytes] = None  # instead of the signer's key
    signature_type: bytes = b"rsa-sha2-256"

    def body(self, ca: bytes) -> bytes:
        """What the signature covers."""
        return b"".join((
            string(self.type_name), string(self.nonce or os.urandom(32)), self.key[4 + len(RSA):],
            self.serial.to_bytes(8, "big"), self.type.to_bytes(4, "big"), string(self.key_id),
            string(b"".join(map(string, self.principals))),
            self.valid_after.to_bytes(8, "big"), self.valid_before.to_bytes(8, "big"),
            string(b"".join(string(name) + string(value) for name, value in self.critical)),
            string(b"".join(string(name) + string(value) for name, value in self.extensions)),
            string(self.reserved), string(self.ca or ca)))

    def signed(self, signer: Signer) -> bytes:
        body = self.body(signer.blob)
        return body + string(signer.sign(body, self.signature_type))


def azure(name: bytes, text: str) -> Pair:
    """An extension of Entra's, whose value is a string in a string."""
    return name + AZURE, string(text.encode())


def entra(key: bytes, upn: str, oid: str, tid: str, name: str = "Test User") -> Certificate:
    """The certificate that Entra would issue now."""
    now = int(time.time())
    extensions = [azure(b"displayname", name), azure(b"oid", oid), *((permit, b"") for permit in PERMITS),
                  azure(b"tid", tid)]
    return Certificate(key, f"{oid}@{tid}".encode(), [upn.encode()], now - 60, now + 3840, extensions)
