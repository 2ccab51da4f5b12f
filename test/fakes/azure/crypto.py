# SPDX-License-Identifier: MIT
"""Keys, certificates, envelopes and tokens.  All cryptography is done by the openssl program."""

import base64
import dataclasses
import functools
import hashlib
import json
import secrets
import subprocess
import tempfile
from pathlib import Path
from typing import Any, Dict, Sequence, Tuple


def openssl(*argv: str, data: bytes = b"") -> bytes:
    done = subprocess.run(
        ["openssl", *argv], input=data, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False
    )
    if done.returncode != 0:
        raise RuntimeError(f"openssl {argv[0]}: {done.stderr.decode(errors='replace')}")
    return done.stdout


def b64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def pem_body(text: str) -> bytes:
    """The DER of the first block of a PEM text."""
    inner = text.split("-----BEGIN", 1)[1].split("-----", 1)[1].split("-----END", 1)[0]
    return base64.b64decode(inner)


@functools.lru_cache(maxsize=None)
def rsa_numbers(certificate: Path) -> Tuple[bytes, bytes]:
    """Modulus and exponent of a certificate's key."""
    words = openssl("x509", "-in", str(certificate), "-noout", "-text", "-modulus").decode().split()
    modulus = [word for word in words if word.startswith("Modulus=")][0].partition("=")[2]
    exponent = int(words[words.index("Exponent:") + 1])
    return bytes.fromhex(modulus), exponent.to_bytes((exponent.bit_length() + 7) // 8, "big")


@dataclasses.dataclass(frozen=True)
class KeyPair:
    """A private key and a certificate, both PEM files."""

    key: Path
    certificate: Path

    @property
    def der(self) -> bytes:
        return pem_body(self.certificate.read_text(encoding="ascii"))

    @property
    def sha1(self) -> bytes:
        return hashlib.sha1(self.der).digest()

    @property
    def thumbprint(self) -> str:
        return self.sha1.hex().upper()

    @property
    def modulus(self) -> bytes:
        return rsa_numbers(self.certificate)[0]

    @property
    def exponent(self) -> bytes:
        return rsa_numbers(self.certificate)[1]

    @property
    def kid(self) -> str:
        return b64url(self.sha1)

    def sign(self, data: bytes) -> bytes:
        """PKCS #1 v1.5 with SHA-256."""
        return openssl("dgst", "-sha256", "-sign", str(self.key), data=data)


def new_pair(
    folder: Path,
    name: str,
    subject: str,
    algorithm: Sequence[str] = ("rsa:2048",),
    extensions: Sequence[str] = (),
    issuer: "KeyPair | None" = None,
) -> KeyPair:
    """Make folder/name.key and folder/name.crt, self-signed or issued by another pair."""
    pair = KeyPair(folder / f"{name}.key", folder / f"{name}.crt")
    request = ["req", "-sha256", "-nodes", "-subj", f"/CN={subject}", "-newkey", *algorithm, "-keyout", str(pair.key)]
    if issuer is None:
        added = [word for extension in extensions for word in ("-addext", extension)]
        openssl(*request, "-x509", "-days", "3650", *added, "-out", str(pair.certificate))
    else:
        # Not by `req -CA`, which OpenSSL 1.1.1 has not.
        with tempfile.NamedTemporaryFile("w", suffix=".cnf") as file:
            identifiers = ["subjectKeyIdentifier=hash", "authorityKeyIdentifier=keyid"]
            file.write("\n".join([*identifiers, *extensions]) + "\n")
            file.flush()
            signer = ["-CA", str(issuer.certificate), "-CAkey", str(issuer.key), "-set_serial", str(secrets.randbits(64))]
            openssl("x509", "-req", "-sha256", "-days", "3650", *signer, "-extfile", file.name,
                    "-out", str(pair.certificate), data=openssl(*request, "-new"))
    pair.key.chmod(0o600)
    return pair


def envelope(data: bytes, recipient_pem: str, cipher: str) -> bytes:
    """CMS EnvelopedData, DER, for one RSA certificate."""
    with tempfile.NamedTemporaryFile("w", suffix=".pem") as recipient:
        recipient.write(recipient_pem)
        recipient.flush()
        return openssl(
            "cms", "-encrypt", "-binary", "-outform", "DER", f"-{cipher}", recipient.name, data=data
        )


def pfx(pair: KeyPair) -> bytes:
    return openssl(
        "pkcs12",
        "-export",
        "-inkey",
        str(pair.key),
        "-in",
        str(pair.certificate),
        "-passout",
        "pass:",
    )


def jwt(claims: Dict[str, Any], signer: KeyPair) -> str:
    header = {"typ": "JWT", "alg": "RS256", "x5t": signer.kid, "kid": signer.kid}
    parts = [b64url(json.dumps(part, separators=(",", ":")).encode()) for part in (header, claims)]
    signed = ".".join(parts)
    return f"{signed}.{b64url(signer.sign(signed.encode()))}"
