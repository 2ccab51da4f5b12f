# SPDX-License-Identifier: MIT
"""An ssh client that says whatever it is told to.

The real one refuses to load a malformed certificate, and never offers a key without signing for it: this one
does.  curve25519-sha256, aes128-ctr, hmac-sha2-256, and no check of the server's key: it is for the lab alone.
What it needs of cryptography is Python's own but for AES, which is taken from libcrypto.

    >>> with Client(machine, "a@contoso.com") as client:
    ...     client.probe(blob)           # PK_OK or FAILURE
    ...     client.login(blob, key)      # SUCCESS, FAILURE or CLOSED
"""

import base64
import ctypes
import ctypes.util
import hashlib
import hmac
import os
import socket
import threading
from pathlib import Path
from typing import List, Optional, Tuple, Union

from azure.sshcert import RSA, mpint, string, strings
from lab.machine import Machine

DISCONNECT, EXT_INFO, SERVICE_REQUEST, SERVICE_ACCEPT, KEXINIT, NEWKEYS = 1, 7, 5, 6, 20, 21
IGNORED = (2, 3, 4, EXT_INFO)  # IGNORE, UNIMPLEMENTED, DEBUG
KEX_ECDH_INIT, KEX_ECDH_REPLY = 30, 31
USERAUTH_REQUEST, USERAUTH_BANNER = 50, 53

# How an attempt ends.
PK_OK, FAILURE, SUCCESS, CLOSED = "key wanted", "failure", "success", "closed"
ANSWERS = {51: FAILURE, 52: SUCCESS, 60: PK_OK}

ALGORITHMS = {
    RSA: b"rsa-sha2-256",
    b"ssh-rsa-cert-v01@openssh.com": b"rsa-sha2-256-cert-v01@openssh.com",
}

CLONE_NEWNET = 0x40000000
PACKET_MAX = 1 << 18
TIMEOUT = 60  # seconds; longer than any decision

LIBC = ctypes.CDLL(None, use_errno=True)


def load_libcrypto() -> ctypes.CDLL:
    for name in (ctypes.util.find_library("crypto"), "libcrypto.so.3", "libcrypto.so.1.1"):
        try:
            library = ctypes.CDLL(name) if name else None
        except OSError:
            continue
        if library is not None:
            library.EVP_CIPHER_CTX_new.restype = ctypes.c_void_p
            library.EVP_aes_128_ctr.restype = ctypes.c_void_p
            return library
    raise RuntimeError("there is no libcrypto")


LIBCRYPTO = load_libcrypto()


class Aes:
    """AES-128 in counter mode, where deciphering is enciphering."""

    def __init__(self, key: bytes, counter: bytes) -> None:
        self._state = ctypes.c_void_p(LIBCRYPTO.EVP_CIPHER_CTX_new())
        kind = ctypes.c_void_p(LIBCRYPTO.EVP_aes_128_ctr())
        if LIBCRYPTO.EVP_EncryptInit_ex(self._state, kind, None, key, counter) != 1:
            raise RuntimeError("AES does not start")

    def run(self, data: bytes) -> bytes:
        out, length = ctypes.create_string_buffer(len(data) + 16), ctypes.c_int(0)
        if LIBCRYPTO.EVP_EncryptUpdate(self._state, out, ctypes.byref(length), data, len(data)) != 1:
            raise RuntimeError("AES fails")
        return out.raw[: length.value]

    def __del__(self) -> None:
        LIBCRYPTO.EVP_CIPHER_CTX_free(self._state)


P = 2**255 - 19


def x25519(scalar: bytes, point: bytes) -> bytes:
    """RFC 7748, section 5."""
    k = (int.from_bytes(scalar, "little") & ~7 & (1 << 255) - 1) | 1 << 254
    u = int.from_bytes(point, "little") & (1 << 255) - 1
    x2, z2, x3, z3, swapped = 1, 0, u, 1, 0
    for bit in range(254, -1, -1):
        now = k >> bit & 1
        if now != swapped:
            x2, x3, z2, z3 = x3, x2, z3, z2
        swapped = now
        a, b = (x2 + z2) % P, (x2 - z2) % P
        da, cb = (x3 - z3) * a % P, (x3 + z3) * b % P
        aa, bb = a * a % P, b * b % P
        e = aa - bb
        x3, z3 = (da + cb) ** 2 % P, u * (da - cb) ** 2 % P
        x2, z2 = aa * bb % P, e * (aa + 121665 * e) % P
    if swapped:
        x2, z2 = x3, z3
    return (x2 * pow(z2, P - 2, P) % P).to_bytes(32, "little")


class RsaKey:
    """A private key of ssh-keygen's own form, without a passphrase."""

    def __init__(self, path: Union[str, Path]) -> None:
        body = "".join(Path(path).read_text(encoding="ascii").splitlines()[1:-1])
        fields = base64.b64decode(body).partition(b"\0")[2]
        packed = fields[4 + 4 + 4 + 4 + 4 + 4:]  # behind "none", "none", "" and the number of keys
        self.blob = packed[4: 4 + int.from_bytes(packed[:4], "big")]
        secret = strings(packed)[1][8:]  # behind the two check numbers
        kind, n, e, d = strings_of(secret, 4)
        assert kind == RSA
        self.n, self.e, self.d = (int.from_bytes(number, "big") for number in (n, e, d))

    def sign(self, data: bytes) -> bytes:
        """rsa-sha2-256, PKCS #1 v1.5."""
        info = bytes.fromhex("3031300d060960864801650304020105000420") + hashlib.sha256(data).digest()
        size = (self.n.bit_length() + 7) // 8
        padded = b"\0\1" + b"\xff" * (size - 3 - len(info)) + b"\0" + info
        raw = pow(int.from_bytes(padded, "big"), self.d, self.n).to_bytes(size, "big")
        return string(b"rsa-sha2-256") + string(raw)


def strings_of(data: bytes, count: int) -> List[bytes]:
    """The first strings of data, behind which something else may stand."""
    found = []
    for _ in range(count):
        end = 4 + int.from_bytes(data[:4], "big")
        found.append(data[4:end])
        data = data[end:]
    return found


def connect(machine: Machine, port: int, source: str) -> socket.socket:
    """A connection inside the machine's network, made by a thread that goes there and is gone afterwards."""
    made: List[Union[socket.socket, Exception]] = []

    def there() -> None:
        try:
            with open(f"/proc/{machine.pid}/ns/net", "rb") as namespace:
                if LIBC.setns(namespace.fileno(), CLONE_NEWNET) != 0:
                    raise OSError(ctypes.get_errno(), "setns")
            made.append(socket.create_connection(("127.0.0.1", port), TIMEOUT, (source, 0)))
        except Exception as error:  # the thread's caller raises it
            made.append(error)

    thread = threading.Thread(target=there)
    thread.start()
    thread.join()
    if isinstance(made[0], Exception):
        raise made[0]
    return made[0]


class Closed(Exception):
    """The server hung up; the text is what it said."""


class Client:
    """One connection, up to and with the authentication of a user."""

    def __init__(self, machine: Machine, user: Union[str, bytes], port: int = 22, source: str = "127.0.0.1") -> None:
        self.user = user.encode() if isinstance(user, str) else user
        self.banner = ""  # what the server told the user
        self.said = ""  # why it hung up
        self._socket = connect(machine, port, source)
        self.local_port: int = self._socket.getsockname()[1]
        self._input = self._socket.makefile("rb")
        self._out: Optional[Tuple[Aes, bytes]] = None
        self._in: Optional[Tuple[Aes, bytes]] = None
        self._sent = self._received = 0
        self.session = b""
        try:
            self._exchange_keys()
            self._send(bytes([SERVICE_REQUEST]) + string(b"ssh-userauth"))
            self._expect(SERVICE_ACCEPT)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._input.close()
        self._socket.close()

    # Packets

    def _send(self, payload: bytes) -> None:
        padding = 16 - (5 + len(payload)) % 16
        padding += 16 if padding < 4 else 0
        packet = (1 + len(payload) + padding).to_bytes(4, "big") + bytes([padding]) + payload + os.urandom(padding)
        wire = packet
        if self._out:
            cipher, key = self._out
            wire = cipher.run(packet) + hmac.digest(key, self._sent.to_bytes(4, "big") + packet, "sha256")
        self._sent += 1
        try:
            self._socket.sendall(wire)
        except (BrokenPipeError, ConnectionResetError):
            pass  # it has hung up: the next read tells

    def _read(self, count: int) -> bytes:
        try:
            data = self._input.read(count)
        except ConnectionResetError:
            data = b""
        if len(data) != count:
            raise Closed(self.said)
        return data

    def _receive(self) -> bytes:
        cipher = self._in[0].run if self._in else bytes
        head = cipher(self._read(16 if self._in else 5))
        length = int.from_bytes(head[:4], "big")
        if not 1 <= length <= PACKET_MAX:
            raise Closed("the server sends what is no packet")
        packet = head + cipher(self._read(4 + length - len(head)))
        if self._in:
            wanted = hmac.digest(self._in[1], self._received.to_bytes(4, "big") + packet, "sha256")
            if self._read(32) != wanted:
                raise Closed("the server's packet is not authentic")
        self._received += 1
        return packet[5: 4 + length - packet[4]]

    def _next(self) -> bytes:
        """The next message that matters here."""
        while True:
            message = self._receive()
            if message[0] == DISCONNECT:
                self.said = strings_of(message[5:], 1)[0].decode(errors="replace")
                raise Closed(self.said)
            if message[0] == USERAUTH_BANNER:
                self.banner += strings_of(message[1:], 1)[0].decode(errors="replace")
            elif message[0] not in IGNORED:
                return message

    def _expect(self, kind: int) -> bytes:
        message = self._next()
        if message[0] != kind:
            raise Closed(f"the server sends a message {message[0]}, not {kind}")
        return message

    # Keys: RFC 4253, RFC 8731

    def _exchange_keys(self) -> None:
        ours = b"SSH-2.0-lab"
        self._socket.sendall(ours + b"\r\n")
        theirs = b""
        while not theirs.startswith(b"SSH-"):
            theirs = self._input.readline(1024)
            if not theirs:
                raise Closed("no greeting")
        theirs = theirs.rstrip(b"\r\n")
        if not theirs.startswith(b"SSH-2.0-"):
            raise Closed(theirs.decode(errors="replace"))
        lists = [b"curve25519-sha256", b"ssh-ed25519,ecdsa-sha2-nistp256,rsa-sha2-512", b"aes128-ctr", b"aes128-ctr",
                 b"hmac-sha2-256", b"hmac-sha2-256", b"none", b"none", b"", b""]
        our_init = bytes([KEXINIT]) + os.urandom(16) + b"".join(map(string, lists)) + bytes(5)
        self._send(our_init)
        their_init = self._expect(KEXINIT)

        scalar = os.urandom(32)
        public = x25519(scalar, (9).to_bytes(32, "little"))
        self._send(bytes([KEX_ECDH_INIT]) + string(public))
        host_key, their_public, _ = strings_of(self._expect(KEX_ECDH_REPLY)[1:], 3)
        shared = mpint(int.from_bytes(x25519(scalar, their_public), "big"))
        self.session = hashlib.sha256(b"".join(map(string, (ours, theirs, our_init, their_init, host_key, public,
                                                           their_public))) + shared).digest()
        self._send(bytes([NEWKEYS]))
        self._expect(NEWKEYS)

        def derive(letter: bytes) -> bytes:
            return hashlib.sha256(shared + self.session + letter + self.session).digest()

        self._out = Aes(derive(b"C")[:16], derive(b"A")[:16]), derive(b"E")
        self._in = Aes(derive(b"D")[:16], derive(b"B")[:16]), derive(b"F")

    # Authentication: RFC 4252

    def _request(self, blob: bytes, algorithm: bytes, signed: bool) -> bytes:
        return (bytes([USERAUTH_REQUEST]) + string(self.user) + string(b"ssh-connection") + string(b"publickey")
                + bytes([signed]) + string(algorithm) + string(blob))

    def _ask(self, request: bytes) -> str:
        try:
            self._send(request)
            return ANSWERS[self._next()[0]]
        except Closed:
            return CLOSED

    @staticmethod
    def algorithm_of(blob: bytes) -> bytes:
        kind = strings_of(blob, 1)[0]
        return ALGORITHMS.get(kind, kind)

    def probe(self, blob: bytes, algorithm: Optional[bytes] = None) -> str:
        """Offer a key without signing for it."""
        return self._ask(self._request(blob, algorithm or self.algorithm_of(blob), False))

    def login(self, blob: bytes, key: RsaKey, algorithm: Optional[bytes] = None) -> str:
        """Offer a key and sign for it with a key that may be another."""
        request = self._request(blob, algorithm or self.algorithm_of(blob), True)
        return self._ask(request + string(key.sign(string(self.session) + request)))
