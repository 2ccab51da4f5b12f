# SPDX-License-Identifier: MIT
"""Who must not get in: a table of what is offered, to a real sshd, and of the reason that the log must give.

Each row is one thing wrong with a login that is right otherwise: the account has the administrator's role, unless
the row is about roles.  Nothing may be left of it: no record, no line of passwd, no home, no membership.
"""

import base64
import dataclasses
import json
import os
import re
import subprocess
from contextlib import ExitStack, contextmanager
from typing import Callable, ContextManager, Iterator, List, NamedTuple, Optional, Sequence, Tuple, Union

from azure import sshcert
from azure.model import ADMIN_LOGIN, CONSUMER_TENANT, LOGIN_ACTION, LOGIN_AS_ADMIN_ACTION
from azure.sshcert import Certificate, azure, string
from lab.host import AS_SERVICE_USER, CACHE, CONF, HANDOFF, KEPT_RECORD, SERVICE_USER, TAMPER, Host, Visitor
from lab.login import uid_of
from lab.rawssh import FAILURE, PK_OK, SUCCESS, Client, Closed
from lab.teller import NotHere, expect

HOUR, DAY = 3600, 86400
STRANGER = "11111111-2222-3333-4444-555555555555"

# The sshds of the machine: the distribution's own with our configuration, and variants of it.
PLAIN, TAMPERED, OLD_KEYS, NO_PAM, AS_ROOT, PENALTIES, OTHER_GROUPS = 22, 2201, 2202, 2203, 2204, 2205, 2206
OURS = "Match User *@*,????????-????-????-????-????????????"
VARIANTS = {
    TAMPERED: ([], [OURS, f"AuthorizedKeysCommand {TAMPER} %u %k", "AuthorizedKeysCommandUser root",
                    "AuthorizedKeysFile none"]),
    OLD_KEYS: ([], [OURS, "AuthorizedKeysFile .ssh/authorized_keys"]),
    NO_PAM: (["UsePAM no"], []),
    AS_ROOT: ([], [OURS, "AuthorizedKeysCommandUser root"]),
    PENALTIES: (["PerSourcePenalties yes"], []),
    OTHER_GROUPS: (["AllowGroups root"], []),
}

Change = Callable[[Visitor, Certificate], Union[Certificate, bytes]]
Around = Callable[[Visitor], ContextManager[object]]


class Row(NamedTuple):
    """
    One login that is refused.

    reason  that the runtime must log
    sshd    pattern of sshd's own words, where it refuses before it asks the runtime; if there is a reason too,
            the key command is asked directly and must give it
    """

    title: str
    reason: str = ""
    sshd: str = ""
    change: Optional[Change] = None  # of the certificate; bytes: it is signed already
    signer: str = "tenant1"
    upn: str = "{row}@contoso.com"
    name: Union[None, str, bytes] = None  # to log in as, if not the account's own
    role: Optional[str] = "admin"
    grant: Optional[Callable[[Visitor], object]] = None  # what the account has instead of the role
    tenant: str = ""  # the label of a further tenant
    bits: int = 2048
    settled: bool = False  # the account has signed in before
    around: Optional[Around] = None  # the machine is so during the login
    alone: bool = False  # nobody else can sign in meanwhile
    slow: bool = False  # a deadline passes
    tamper: str = ""  # shell, see host.TAMPER_SCRIPT
    port: int = PLAIN
    by: str = ""  # "key" or "login": who refuses, if the reason does not tell
    tells: Sequence[str] = ()  # words that the user reads
    logs: Sequence[str] = ()  # words of the log, beside the reason
    finds: Sequence[str] = ()  # words of log lines that name neither the account nor the connection


class Case(NamedTuple):
    title: str
    play: Callable[[Host], None]
    alone: bool = False  # it needs the machine for itself
    slow: bool = False  # it takes seconds, and does nothing


# ---- changes of a certificate

def fields(**values: object) -> Change:
    """Other values; one that is a function gets the visitor."""
    def change(visitor: Visitor, shape: Certificate) -> Certificate:
        return dataclasses.replace(shape, **{name: value(visitor) if callable(value) else value
                                             for name, value in values.items()})
    return change


def valid(first: int, last: int) -> Change:
    """From and until, in seconds from now (which is a minute after the usual beginning)."""
    def change(_: Visitor, shape: Certificate) -> Certificate:
        now = shape.valid_after + 60
        return dataclasses.replace(shape, valid_after=now + first, valid_before=now + last)
    return change


def extensions(edit: Callable[[List[sshcert.Pair]], List[sshcert.Pair]], sort: bool = True) -> Change:
    def change(_: Visitor, shape: Certificate) -> Certificate:
        edited = edit(list(shape.extensions))
        return dataclasses.replace(shape, extensions=sorted(edited) if sort else edited)
    return change


def extension(name: bytes, value: Optional[bytes]) -> Change:
    """Another value; None: it is not there."""
    whole = name + sshcert.AZURE
    return extensions(lambda pairs: [pair for pair in pairs if pair[0] != whole]
                      + ([] if value is None else [(whole, value)]))


def principal(text: bytes) -> Change:
    return fields(principals=lambda visitor: [text.replace(b"NAME", visitor.name.encode())])


def signed(edit: Callable[[bytes], bytes]) -> Change:
    """Bytes that are changed once the signature is made."""
    return lambda visitor, shape: edit(shape.signed(visitor.host.signer("tenant1")))


def flip(blob: bytes, where: int) -> bytes:
    return blob[:where] + bytes([blob[where] ^ 1]) + blob[where:][1:]


def swap_principal(visitor: Visitor, shape: Certificate) -> bytes:
    """Signed for one of the same length, and then written over."""
    other = b"x" * len(shape.principals[0])
    blob = dataclasses.replace(shape, principals=[other]).signed(visitor.host.signer("tenant1"))
    return blob.replace(string(other), string(shape.principals[0]))


def nested(visitor: Visitor, shape: Certificate) -> bytes:
    """Signed by a key that itself comes as a certificate of the tenant's."""
    inner = visitor.certificate()
    body = shape.body(inner)
    return body + string(visitor.key.private.sign(body))


def by_keygen(kind: str, of_ca: bool) -> Change:
    """ssh-keygen's: the CA, or the user's key, is of another kind."""
    def change(visitor: Visitor, shape: Certificate) -> bytes:
        key = visitor.host.azure.dir / "users" / re.sub("[^a-z0-9]", "-", f"{visitor.name}-{kind}")
        subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", "", "-f", str(key)], check=True)
        pub, ca = (f"{visitor.key.path}.pub", key) if of_ca else (f"{key}.pub", None)
        out = visitor.host.azure.certificate(pub, visitor.upn, visitor.oid, ca=ca, out=f"{key}-cert.pub",
                                             algorithm=None if of_ca else "rsa-sha2-256")
        return sshcert.public_key(out)
    return change


def bulky(size: int) -> Change:
    """So many bytes, of which a name takes up most."""
    def change(visitor: Visitor, shape: Certificate) -> bytes:
        def written(text: str) -> bytes:
            pairs = [pair if not pair[0].startswith(b"displayname") else azure(b"displayname", text)
                     for pair in shape.extensions]
            return dataclasses.replace(shape, extensions=pairs).signed(visitor.host.signer("tenant1"))
        blob = written("x" * (size - len(written(""))))
        expect(len(blob) == size, len(blob))
        return blob
    return change


def user_key(e: int, bits: int) -> Change:
    """A key that nobody has: it cannot be signed with, and is refused when it is offered."""
    n = int.from_bytes(os.urandom(bits // 8), "big") | 1 << (bits - 1) | 1
    return fields(key=sshcert.rsa_blob(e, n))


# ---- what the machine is like meanwhile

def conf(word: str, value: Optional[str]) -> Around:
    """Another value of a keyword; None: it is not there."""
    def around(visitor: Visitor) -> ContextManager[object]:
        def change(text: str) -> str:
            kept = [line for line in text.splitlines() if line.split(" ")[0] != word]
            return "\n".join(kept + ([] if value is None else [f"{word} {value}"])) + "\n"
        return visitor.host.edited(CONF, change)
    return around


def script(before: str, after: str) -> Around:
    def around(visitor: Visitor) -> ContextManager[object]:
        words = {"NAME": visitor.name, "OID": visitor.oid, "UID": str(uid_of(visitor.name)), "TENANT": visitor.tenant}

        def put(text: str) -> str:
            for word, value in words.items():
                text = text.replace(f"%{word}%", value)
            return text
        return visitor.host.machine.changed(put(before), put(after))
    return around


def edit(path: str, change: Callable[[str], str]) -> Around:
    return lambda visitor: visitor.host.edited(path, change)


def both(*arounds: Around) -> Around:
    @contextmanager
    def around(visitor: Visitor) -> Iterator[None]:
        with ExitStack() as stack:
            for one in arounds:
                stack.enter_context(one(visitor))
            yield
    return around


def fault(endpoint: str, about: str = "oid", **how: object) -> Around:
    """What a service says about this account, or to this tenant."""
    @contextmanager
    def around(visitor: Visitor) -> Iterator[None]:
        visitor.host.azure.fault(endpoint, about=getattr(visitor, about), **how)
        yield
    return around


def fault_for_all(endpoint: str, **how: object) -> Around:
    return lambda visitor: visitor.host.faulty(endpoint, **how)


def without(text: str) -> Callable[[str], str]:
    return lambda whole: "".join(line for line in whole.splitlines(True) if text not in line)


NO_TOKEN = "rm -f /run/aadsshlogin/private/token-*"


@contextmanager
def no_identity(visitor: Visitor) -> Iterator[None]:
    visitor.host.machine.sh(NO_TOKEN)
    visitor.host.azure.set_identity(False)
    try:
        yield
    finally:
        visitor.host.azure.set_identity(True)


@contextmanager
def stale_keys(visitor: Visitor) -> Iterator[None]:
    """The tenant's keys were fetched, expired a day and an hour ago, and the service is down."""
    expect(visitor.host.ask_key_command(visitor.name, visitor.certificate()).stdout, "the keys are not fetched")
    visitor.host.machine.sh(f"rm -f {HANDOFF}/*")
    visitor.host.age_keys(visitor.tenant, 49 * HOUR)
    visitor.host.azure.fault("entra.*", about=visitor.tenant, status=503)
    yield


@contextmanager
def poisoned_cache(visitor: Visitor) -> Iterator[None]:
    """A cache with a stranger's key, as everything in it says fresh, in a file that others could write."""
    host = visitor.host
    path = f"{CACHE}/keys-{visitor.tenant}"
    expect(host.ask_key_command(visitor.name, visitor.certificate()).stdout, "the keys are not fetched")
    host.machine.sh(f"rm -f {HANDOFF}/*")
    text = re.sub(r"(?m)^key .*$", f"key {base64.b64encode(host.signer('stranger').blob).decode()}", host.text(path), 1)
    host.path(path).write_text(text, encoding="ascii")
    host.machine.sh(f"chmod g+w {path}")
    host.age_look(visitor.tenant, 61)
    yield


@contextmanager
def signed_in_before(visitor: Visitor) -> Iterator[None]:
    outcome = visitor.login(port=TAMPERED, pattern="Accepted publickey")
    expect(outcome.end == SUCCESS, outcome)
    visitor.host.wait_log(0, [f'for {visitor.name} from'], "session closed")
    yield


def remembered_for_another(visitor: Visitor) -> ContextManager[object]:
    """The name was somebody else's, who is gone, and whose home is still there."""
    return visitor.host.machine.changed(
        f"aaduseradd {visitor.name} {STRANGER}; aaduserdel {visitor.name}",
        f"rm -rf /home/{visitor.name}")


# ---- rows

def sha1(visitor: Visitor, shape: Certificate) -> Certificate:
    return dataclasses.replace(shape, signature_type=b"ssh-rsa")


PARSE = r"parse (public )?key: "
ROOT_ASKS = "AuthorizedKeysCommandUser is root"
NOT_ACCEPTED = "Failed publickey for"
INVALID_USER = "Invalid user"

CERTIFICATES = [
    Row("a certificate of another tenant", "tenant-not-allowed", logs=[STRANGER, "this machine's is"],
        change=lambda visitor, shape: dataclasses.replace(
            sshcert.entra(shape.key, visitor.upn, visitor.oid, STRANGER))),
    Row("a certificate of the consumer tenant, by its own key", "tenant-not-allowed", signer="consumer",
        change=lambda visitor, shape: sshcert.entra(shape.key, visitor.upn, visitor.oid, CONSUMER_TENANT)),
    Row("signed by a key of another cloud, of the tenant's own set", "ca-not-trusted", signer="government"),
    Row("signed by the consumer tenant's key, of the tenant's own set", "ca-not-trusted", signer="consumer"),
    Row("signed by a key for encryption, of the tenant's own set", "ca-not-trusted", signer="encryption"),
    Row("signed by a key that nobody knows", "ca-not-trusted", signer="stranger"),
    Row("signed by a key of 1024 bits that the tenant publishes", "cert-weak", signer="small", tenant="small"),
    Row("signed by a key with exponent 3 that the tenant publishes", "cert-weak", signer="exponent3", tenant="small"),
    Row("expired", "cert-expired", change=valid(-2 * HOUR, -HOUR)),
    Row("expired a second ago", "cert-expired", change=valid(-HOUR, -1)),
    Row("not valid yet", "cert-not-yet-valid", change=valid(HOUR, 2 * HOUR)),
    Row("valid for over 24 hours", "cert-window", change=valid(-60, DAY)),
    Row("valid for ever", "cert-window", change=fields(valid_after=0, valid_before=2**64 - 1)),
    Row("a signature with SHA-1", "cert-weak", "signature algorithm", change=sha1),
    Row("a signature with one bit wrong", "signature-invalid", PARSE,
        change=signed(lambda blob: flip(blob, -1))),
    Row("the principal changed after signing", "signature-invalid", PARSE, change=swap_principal),
    Row("signed by the owner of another certificate", "ca-type", PARSE, change=nested),
    Row("signed by an Ed25519 key", "ca-type", change=by_keygen("ed25519", of_ca=True)),
    Row("signed by an ECDSA key", "ca-type", change=by_keygen("ecdsa", of_ca=True)),
    Row("a host certificate", "cert-type", change=fields(type=sshcert.HOST)),
    Row("a certificate of a type that does not exist", "cert-type", PARSE, change=fields(type=3)),
    Row("two principals", "cert-principal",
        change=fields(principals=lambda visitor: [visitor.name.encode(), b"root"])),
    Row("the same principal twice", "cert-principal", change=fields(principals=lambda visitor: [visitor.name.encode()] * 2)),
    Row("no principal", "cert-principal", change=fields(principals=[])),
    Row("an empty principal", "cert-principal", change=principal(b"")),
    Row("a principal of two names with a comma", "cert-principal", change=principal(b"NAME,root")),
    Row("a principal with a quote", "cert-principal", change=principal(b'NAME",command="id')),
    Row("a principal with a blank", "cert-principal", change=principal(b"NAME root")),
    Row("a principal with a newline and a key of its own", "cert-principal",
        change=principal(b'NAME" ssh-rsa AAAA\nssh-rsa AAAA')),
    Row("a principal with a control character", "cert-principal", change=principal(b"NAME\x07")),
    Row("a principal with a NUL", "cert-principal", change=principal(b"NAME\0")),
    Row("a principal with a letter beyond ASCII", "cert-principal", change=principal("é".encode() + b"NAME")),
    Row("a principal with a wildcard", "cert-principal", change=principal(b"*@contoso.com")),
    Row("a principal that is a path", "cert-principal", change=principal(b"../../root@contoso.com")),
    Row("a principal of 257 bytes", "cert-principal", change=principal(b"x" * 245 + b"@contoso.com")),
    Row("an oid that is there twice", "cert-option",
        change=extensions(lambda pairs: pairs + [pair for pair in pairs if pair[0].startswith(b"oid")])),
    Row("a second oid, of somebody else", "cert-option",
        change=extensions(lambda pairs: pairs + [azure(b"oid", STRANGER)])),
    Row("a tid that is there twice", "cert-option",
        change=extensions(lambda pairs: pairs + [pair for pair in pairs if pair[0].startswith(b"tid")])),
    Row("extensions that are not sorted", "cert-option", change=extensions(lambda pairs: pairs[::-1], sort=False)),
    Row("no oid", "cert-identity", change=extension(b"oid", None)),
    Row("no tid", "cert-identity", change=extension(b"tid", None)),
    Row("an oid that is no GUID", "cert-identity", change=extension(b"oid", string(b"nobody"))),
    Row("an oid in capital letters", "cert-identity",
        change=lambda visitor, shape: dataclasses.replace(
            shape, extensions=[azure(b"oid", visitor.oid.upper()) if name.startswith(b"oid") else (name, value)
                               for name, value in shape.extensions])),
    Row("an oid with bytes behind it", "cert-identity", change=extension(b"oid", string(STRANGER.encode()) + b"x")),
    Row("an oid that is not a string in a string", "cert-identity", change=extension(b"oid", STRANGER.encode())),
    Row("a key id with another oid", "cert-identity", change=fields(key_id=lambda v: f"{STRANGER}@{v.tenant}".encode())),
    Row("a key id with another tid", "cert-identity", change=fields(key_id=lambda v: f"{v.oid}@{STRANGER}".encode())),
    Row("an empty key id", "cert-identity", change=fields(key_id=b"")),
    Row("a key id with a newline behind it", "cert-identity",
        change=fields(key_id=lambda v: f"{v.oid}@{v.tenant}\n".encode())),
    Row("a critical option force-command", "cert-option", change=fields(critical=[(b"force-command", string(b"id"))])),
    Row("a critical option source-address", "cert-option",
        change=fields(critical=[(b"source-address", string(b"127.0.0.1/32"))])),
    Row("a critical option that nobody knows", "cert-option", change=fields(critical=[(b"x@example.com", b"")])),
    Row("bytes behind the certificate", "cert-malformed", PARSE, change=signed(lambda blob: blob + b"\0")),
    Row("a string that says it is longer than the certificate", "cert-malformed", PARSE,
        change=signed(lambda blob: blob[:32] + b"\xff\xff\xff\xff" + blob[36:])),
    Row("half an extension", "cert-malformed", PARSE,
        change=lambda visitor, shape: dataclasses.replace(shape, extensions=[(b"permit-pty", b"")]).signed(
            visitor.host.signer("tenant1")).replace(string(string(b"permit-pty") + string(b"")),
                                                    string(string(b"permit-pty")))),
    Row("a certificate of 64 KiB and one byte", "cert-malformed", change=bulky(65537)),
    Row("a version of certificates that does not exist", "", PARSE + "|key type|userauth_pubkey",
        change=fields(type_name=b"ssh-rsa-cert-v02@openssh.com")),
    Row("a user's key of 1024 bits", "cert-weak", bits=1024),
    Row("a user's key of 9000 bits", "cert-weak", change=user_key(65537, 9000)),
    Row("a user's key with exponent 3", "cert-weak", change=user_key(3, 2048)),
    Row("a certificate for an Ed25519 key", "", NOT_ACCEPTED, change=by_keygen("ed25519", of_ca=False)),
    Row("a certificate for an ECDSA key", "", NOT_ACCEPTED, change=by_keygen("ecdsa", of_ca=False)),
    Row("a plain key", "", NOT_ACCEPTED, change=lambda visitor, shape: shape.key),
]

AUTHORIZED = script("""
    cd /home/%NAME%
    install -d -m 700 -o %NAME% -g %NAME% .ssh
    install -m 600 -o %NAME% -g %NAME% /run/lab/visitor.pub .ssh/authorized_keys""", "true")

NAMES = [
    Row("another name of the same domain", "principal-mismatch", name="somebody.else@contoso.com"),
    Row("the same local part in another domain", "principal-mismatch", name="{row}@fabrikam.com"),
    Row("a name of which the certificate's is the beginning", "principal-mismatch", name="{row}@contoso.com.fabrikam.com"),
    Row("a domain typed in capitals, which sshd does not take for ours", "", NOT_ACCEPTED, name="{row}@CONTOSO.com"),
    Row("the same, with a key of an authorized_keys file", "record-missing", name="{row}@CONTOSO.com", settled=True,
        change=lambda visitor, shape: shape.key, around=AUTHORIZED),
    Row("root, by a certificate for root", "", NOT_ACCEPTED, change=principal(b"root"), name="root"),
    Row("the local administrator, by a certificate for him", "", NOT_ACCEPTED, change=principal(b"local"), name="local"),
    Row("a domain that is not one of the machine's", "", INVALID_USER, upn="{row}@example.org"),
    Row("a domain below one of the machine's", "", INVALID_USER, upn="{row}@sales.contoso.com"),
    Row("a name with a blank behind it", "", INVALID_USER, name="{row}@contoso.com "),
    Row("a name with a dot behind it", "", INVALID_USER, name="{row}@contoso.com."),
    Row("a name with a slash", "", INVALID_USER, name="../{row}@contoso.com"),
    Row("a name with a newline", "", INVALID_USER, name=b"{row}@contoso.com\nx"),
    Row("a name of 257 bytes", "", INVALID_USER, name="x" * 245 + "@contoso.com"),
    Row("a service principal without a role", "role-missing", upn="5e7c0000-0000-4000-8000-0000000000{row:x}", role=None),
    Row("the GUID of another service principal", "principal-mismatch", upn="5e7c0000-0000-4000-8000-0000000000{row:x}",
        name="5e7c0000-0000-4000-8000-ffffffffffff"),
    Row("a local account that is named like the person", "local-account",
        around=script("echo '%NAME%:x:4321:4321::/:/bin/sh' >>/etc/passwd", "sed -i '/^%NAME%:/d' /etc/passwd"), alone=True),
    Row("a local account that is named like the person, but for capital letters", "local-account",
        name="{Row}@contoso.com", alone=True,
        around=script("name=%NAME%; echo \"R${name#r}:x:4321:4321::/:/bin/sh\" >>/etc/passwd",
                      "sed -i '/:4321:/d' /etc/passwd")),
    Row("an account whose uid a local group has too", "uid-shared", settled=True, alone=True, logs=["crew has"],
        around=script("echo crew:x:$(id -u %NAME%): >>/etc/group", "sed -i '/^crew:/d' /etc/group")),
    Row("a name that another object id has on this machine", "oid-mismatch", logs=["aaduserdel"],
        around=script("aaduseradd %NAME% $(cat /proc/sys/kernel/random/uuid)", "aaduserdel --remove %NAME%")),
    Row("a name that another object id had, whose home is still there", "oid-mismatch", by="login", around=remembered_for_another),
]

MACHINE = [
    Row("a key of an authorized_keys file in the account's home", "", NOT_ACCEPTED, settled=True,
        change=lambda visitor, shape: shape.key, around=AUTHORIZED),
    Row("a key of an authorized_keys file that sshd takes", "record-missing", settled=True, port=OLD_KEYS,
        change=lambda visitor, shape: shape.key, around=AUTHORIZED),
    Row("AuthorizedKeysCommandUser is root", "", ROOT_ASKS, port=AS_ROOT, finds=[ROOT_ASKS]),
    Row("AllowGroups names none of the account's groups", "", "AllowGroups", port=OTHER_GROUPS),
    Row("UsePAM no", "", "locked", port=NO_PAM),
    Row("UsePAM no, for somebody who has signed in before", "", "locked", settled=True, port=NO_PAM),
    Row("no line of ours in PAM's file of sshd", "pam-line-missing",
        alone=True, around=edit("/etc/pam.d/sshd", without("pam_aad.so"))),
    Row("no line of ours in PAM's file of sudo", "pam-line-missing",
        alone=True, around=edit("/etc/pam.d/sudo", without("pam_aad.so"))),
    Row("a PAM line before ours that suffices", "pam-line-missing", alone=True,
        around=edit("/etc/pam.d/sshd", lambda text: "account sufficient pam_permit.so\n" + text)),
    Row("a PAM line of ours that lets failures pass", "pam-line-missing", alone=True,
        around=edit("/etc/pam.d/sshd", lambda text: text.replace("default=die", "default=ignore"))),
    Row("the PAM module is missing", "not-configured", alone=True, settled=True, around=script(
        "for module in /lib/*/security/pam_aad.so; do mv $module $module.away; done",
        "for module in /lib/*/security/pam_aad.so.away; do mv $module ${module%.away}; done")),
    Row("the NSS module is missing", "", INVALID_USER, alone=True, around=script(
        "for module in /lib/*/libnss_aad.so.2; do mv $module $module.away; done",
        "for module in /lib/*/libnss_aad.so.2.away; do mv $module ${module%.away}; done")),
    Row("a configuration that a group can write", "not-configured", alone=True, settled=True,
        around=script(f"chmod g+w {CONF}", f"chmod g-w {CONF}")),
    Row("a configuration that a group can write, for a name never seen", "", INVALID_USER, alone=True,
        around=script(f"chmod g+w {CONF}", f"chmod g-w {CONF}")),
    Row("a configuration that belongs to another", "not-configured", alone=True, settled=True,
        around=script(f"chown {SERVICE_USER} {CONF}", f"chown root {CONF}")),
    Row("a configuration that is a link", "not-configured", alone=True, settled=True,
        around=script(f"mv {CONF} {CONF}.away; ln -s {CONF}.away {CONF}", f"mv {CONF}.away {CONF}")),
    Row("a configuration in a directory that others can write", "not-configured", alone=True, settled=True,
        around=script("chmod o+w /etc", "chmod o-w /etc")),
    Row("no configuration", "not-configured", alone=True, settled=True,
        around=script(f"mv {CONF} {CONF}.away", f"mv {CONF}.away {CONF}")),
    Row("an empty configuration", "tenant-not-allowed", alone=True, settled=True,
        around=script(f"mv {CONF} {CONF}.away; : >{CONF}", f"mv {CONF}.away {CONF}")),
    Row("a configuration with a keyword that nobody knows", "not-configured", alone=True, settled=True,
        around=conf("tenants", STRANGER)),
    Row("a secret configuration that others can write", "not-configured", alone=True, settled=True, around=script(
        "echo 'proxy http://127.0.0.1:3128' >/etc/aadsshlogin.secret; chmod 666 /etc/aadsshlogin.secret",
        "rm /etc/aadsshlogin.secret")),
    Row("no tenant", "tenant-not-allowed", alone=True, around=conf("tenant", None), logs=["not set"]),
    Row("no authority", "not-configured", alone=True, around=conf("authority", None)),
    Row("no Resource Manager", "not-configured", by="login", alone=True, around=conf("resource_manager", None)),
    Row("no resource", "not-configured", by="login", alone=True, around=conf("resource_id", None)),
    Row("roles of a file that is not named", "not-configured", by="login", alone=True, around=conf("role_backend", "static")),
    Row("roles of a file that others can write", "not-configured", by="login", alone=True,
        around=both(conf("role_backend", "static"), conf("roles_file", "/etc/lab.roles"),
                    script("echo '%OID% admin' >/etc/lab.roles; chmod 666 /etc/lab.roles", "rm /etc/lab.roles"))),
    Row("roles of a file that does not name the account", "role-missing", alone=True,
        around=both(conf("role_backend", "static"), conf("roles_file", "/etc/lab.roles"),
                    script(f"echo '{STRANGER} admin' >/etc/lab.roles", "rm /etc/lab.roles"))),
    Row("a shell that is not there", "", "shell", alone=True, around=conf("shell", "/bin/no-such-shell")),
    Row("a home that belongs to another uid", "home-owned", logs=["uid 4242"],
        around=script("install -d -o 4242 /home/%NAME%", "rmdir /home/%NAME%")),
    Row("a home that belongs to root", "home-owned", around=script("install -d /home/%NAME%", "rmdir /home/%NAME%")),
    Row("a home that is a link to somebody's", "home-owned",
        around=script("ln -s /home/local /home/%NAME%", "rm /home/%NAME%")),
    Row("a home that is a file", "home-owned", around=script(": >/home/%NAME%", "rm /home/%NAME%")),
    Row("homes in a directory that others can write", "provision-failed", alone=True,
        around=script("chmod o+w /home", "chmod o-w /home")),
    Row("a uid that is taken while the login starts", "uid-mismatch", port=TAMPERED, alone=True,
        tamper="mv $made $record; grep -q :4320: /etc/passwd || echo 'taken:x:UID:4320::/:/bin/sh' >>/etc/passwd",
        around=script("true", "sed -i '/^taken:/d' /etc/passwd")),
]

RECORDS = [
    Row("no record", "record-missing", port=TAMPERED, tamper="rm $made"),
    Row("the record of another process", "record-missing", port=TAMPERED, tamper=f"mv $made {KEPT_RECORD}",
        around=script("true", f"rm {KEPT_RECORD}")),
    Row("a record older than its process", "record-stale", port=TAMPERED,
        tamper="sed -i 's/^boottime .*/boottime 1000/' $made; chown aadsshlogin: $made; mv $made $record"),
    Row("a record of the future", "record-stale", port=TAMPERED,
        tamper="sed -i 's/^boottime .*/boottime 9000000000000000000/' $made; chown aadsshlogin: $made; mv $made $record"),
    Row("a record that was kept and is played again", "record-stale", port=TAMPERED, around=signed_in_before,
        tamper="[ -e /run/lab/kept.NAME ] || { cp -p $made $record; mv $made /run/lab/kept.NAME; return; }; "
               "cp -p /run/lab/kept.NAME $record"),
    Row("a record that is a link to a record", "record-malformed", port=TAMPERED,
        tamper="mv $made /run/lab/made.NAME; ln -s /run/lab/made.NAME $record"),
    Row("a record that belongs to root", "record-malformed", port=TAMPERED, tamper="chown root $made; mv $made $record"),
    Row("a record that belongs to a user", "record-malformed", port=TAMPERED, tamper="chown local $made; mv $made $record"),
    Row("a record with two names", "record-malformed", port=TAMPERED,
        tamper="ln $made /run/lab/second.NAME; mv $made $record"),
    Row("a record that is a FIFO", "record-malformed", port=TAMPERED, tamper="mkfifo $record; chown aadsshlogin $record"),
    Row("a record that is a device", "record-malformed", port=TAMPERED,
        tamper="mknod $record c 1 5; chown aadsshlogin $record"),
    Row("a record of 64 KiB and more", "record-malformed", port=TAMPERED,
        tamper="head -c 70000 /dev/zero | tr '\\0' A >>$made; chown aadsshlogin: $made; mv $made $record"),
    Row("an empty record", "record-malformed", port=TAMPERED, tamper=": >$made; mv $made $record"),
    Row("a record that is cut off", "record-malformed", port=TAMPERED, tamper="truncate -s -9 $made; mv $made $record"),
    Row("a record with a NUL", "record-malformed", port=TAMPERED, tamper="printf '\\0' >>$made; mv $made $record"),
    Row("a record of a login as somebody else", "record-malformed", port=TAMPERED,
        tamper="sed -i 's/^name .*/name other@contoso.com/' $made; chown aadsshlogin: $made; mv $made $record"),
]

# What is in the record instead of the certificate that sshd took: each check is made once more.
FORGERIES: List[Tuple[str, str, Callable[[Visitor], bytes]]] = [
    ("an expired certificate", "cert-expired", lambda v: v.certificate(valid_after=1, valid_before=3600)),
    ("a stranger's certificate", "ca-not-trusted", lambda v: v.certificate("stranger")),
    ("a certificate with one bit wrong", "signature-invalid", lambda v: flip(v.certificate(), -1)),
    ("a certificate of another tenant", "tenant-not-allowed",
     lambda v: sshcert.entra(v.key.blob, v.upn, v.oid, STRANGER).signed(v.host.signer("tenant1"))),
    ("somebody else's certificate", "principal-mismatch", lambda v: v.certificate(principals=[b"other@contoso.com"])),
    ("a host certificate", "cert-type", lambda v: v.certificate(type=sshcert.HOST)),
    ("no certificate", "cert-malformed", lambda v: b"\0\0\0\x1c" + sshcert.RSA_CERT + b"x"),
]


def scope(text: str) -> Callable[[Visitor], object]:
    """The administrator's role, somewhere else; VM is the machine, SUB its subscription."""
    def grant(visitor: Visitor) -> object:
        azure_ = visitor.host.azure
        place = text.replace("VM", azure_.resource_id).replace("SUB", f"/subscriptions/{azure_.subscription}")
        return azure_.assign(visitor.oid, "admin", place)
    return grant


def custom(**permissions: List[str]) -> Callable[[Visitor], object]:
    """A role of one's own."""
    return lambda visitor: visitor.host.azure.assign(
        visitor.oid, visitor.host.azure.define_role(f"role of {visitor.name}", **permissions))


def denied(*actions: str, **where: str) -> Callable[[Visitor], object]:
    """The administrator's role, and a deny assignment over it."""
    def grant(visitor: Visitor) -> None:
        azure_ = visitor.host.azure
        azure_.assign(visitor.oid, "admin")
        subject = azure_.add_group("denied", [visitor.oid]) if where.get("to") == "group" else visitor.oid
        azure_.deny(subject, actions, f"/subscriptions/{azure_.subscription}" if where.get("at") == "subscription" else None)
    return grant


def page(**more: object) -> str:
    return json.dumps({"value": [], **more})


ELSEWHERE = "/providers/Microsoft.Authorization/roleAssignments?api-version=2022-04-01"
ALL = ["Microsoft.Compute/virtualMachines/*"]

ROLES = [
    Row("no role", "role-missing", role=None, tells=[LOGIN_ACTION, "/virtualMachines/vm1", "Object id: "]),
    Row("the role at another machine", "role-missing",
        grant=scope("SUB/resourceGroups/lab/providers/Microsoft.Compute/virtualMachines/vm2")),
    Row("the role at a machine whose name begins alike", "role-missing", grant=scope("VM0")),
    Row("the role at another resource group", "role-missing", grant=scope("SUB/resourceGroups/la")),
    Row("the role at something below the machine", "role-missing", grant=scope("VM/extensions/x")),
    Row("the role at another subscription", "role-missing", grant=scope(f"/subscriptions/{STRANGER}")),
    Row("the role under a condition", "role-missing",
        grant=lambda visitor: visitor.host.azure.assign(visitor.oid, "admin", condition="@Resource[x] StringEquals 'y'"),
        tells=["Has a condition, and does not count: "]),
    Row("Owner, which is no role to sign in", "role-missing", role="owner"),
    Row("a role whose notDataActions take signing in away", "role-missing",
        grant=custom(data_actions=["*"], not_data_actions=[LOGIN_ACTION])),
    Row("a role that only administers", "role-missing", grant=custom(data_actions=[LOGIN_AS_ADMIN_ACTION])),
    Row("a role with the action among its actions, not its data actions", "role-missing",
        grant=custom(actions=[LOGIN_ACTION])),
    Row("a role of a group that the account is not in", "role-missing",
        grant=lambda visitor: visitor.host.azure.assign(visitor.host.azure.add_group("others", [STRANGER]), "admin")),
    Row("a deny assignment for the action", "role-denied", grant=denied(LOGIN_ACTION), tells=["Deny assignment: "]),
    Row("a deny assignment with a wildcard", "role-denied", grant=denied(*ALL)),
    Row("a deny assignment for a group", "role-denied", grant=denied(LOGIN_ACTION, to="group")),
    Row("a deny assignment at the subscription", "role-denied", grant=denied(LOGIN_ACTION, at="subscription")),
    Row("a role definition that is gone", "role-missing", around=fault("arm.assignments", body={"value": [{
        "id": "/x", "properties": {"roleDefinitionId": f"/providers/Microsoft.Authorization/roleDefinitions/{STRANGER}",
                                   "principalId": STRANGER, "principalType": "Group", "scope": "/"}}]})),
    Row("an assignment to somebody else", "role-missing", around=fault("arm.assignments", body={"value": [{
        "id": "/x", "properties": {"roleDefinitionId": f"/providers/Microsoft.Authorization/roleDefinitions/{ADMIN_LOGIN}",
                                   "principalId": STRANGER, "principalType": "User", "scope": "/"}}]})),
]

SERVICES = [
    Row("Resource Manager does not answer", "backend-unreachable",
        around=fault("arm.*", status=503), tells=["did not answer"]),
    Row("only the deny assignments cannot be read", "backend-unreachable", around=fault("arm.denies", status=500)),
    Row("Resource Manager answers 403", "backend-refused", around=fault("arm.assignments", status=403)),
    Row("Resource Manager answers 401", "backend-refused", around=fault("arm.assignments", status=401)),
    Row("Resource Manager answers 429", "backend-unreachable", around=fault("arm.assignments", status=429)),
    Row("Resource Manager answers 429, for an hour", "backend-unreachable",
        around=fault("arm.assignments", status=429, headers={"Retry-After": "3600"})),
    Row("Resource Manager sends people elsewhere", "backend-malformed",
        around=fault("arm.assignments", status=302, headers={"Location": "https://login.microsoftonline.com/"})),
    Row("Resource Manager says nothing", "backend-malformed", around=fault("arm.assignments", body="")),
    Row("Resource Manager talks HTML", "backend-malformed", around=fault("arm.assignments", body="<html>")),
    Row("Resource Manager answers a list", "backend-malformed", around=fault("arm.assignments", body=[])),
    Row("Resource Manager answers without a value", "backend-malformed", around=fault("arm.denies", body={})),
    Row("Resource Manager hangs up in the middle", "backend-unreachable", around=fault("arm.assignments", truncate=100)),
    Row("Resource Manager sends 100 MB", "backend-malformed", around=fault("arm.assignments", huge=100_000_000)),
    Row("Resource Manager nests deeply", "backend-malformed",
        around=fault("arm.assignments", body='{"value": ' + "[" * 9999 + "]" * 9999 + "}")),
    Row("a nextLink to another host", "backend-malformed",
        around=fault("arm.assignments", body=page(nextLink="https://login.microsoftonline.com" + ELSEWHERE))),
    Row("a nextLink without TLS", "backend-malformed",
        around=fault("arm.assignments", body=page(nextLink="http://management.azure.com" + ELSEWHERE))),
    Row("a nextLink that names a user", "backend-malformed",
        around=fault("arm.assignments",
                     body=page(nextLink="https://management.azure.com@login.microsoftonline.com" + ELSEWHERE))),
    Row("pages without end", "backend-malformed|backend-unreachable", slow=True, around=lambda visitor: endless(visitor)),
    Row("Resource Manager is silent until nobody waits any more", "backend-unreachable|deadline",
        slow=True, around=fault("arm.assignments", hang=True)),
    Row("a machine without identity", "identity-missing", alone=True, around=no_identity),
    Row("the metadata service answers 500", "token-unavailable", alone=True,
        around=both(script(NO_TOKEN, "true"), fault_for_all("imds.token", status=500))),
    Row("the metadata service answers what is no token", "token-unavailable", alone=True,
        around=both(script(NO_TOKEN, "true"), fault_for_all("imds.token", body={"access_token": "x.y.z"}))),
    Row("Entra does not answer, and no key is known", "keys-unreachable",
        tenant="down", around=fault("entra.*", "tenant", status=503)),
    Row("Entra is silent", "keys-unreachable", tenant="silent", slow=True, around=fault("entra.keys", "tenant", hang=True)),
    Row("Entra talks HTML", "keys-malformed", tenant="html", around=fault("entra.openid", "tenant", body="<html>")),
    Row("the OpenID configuration is another tenant's", "keys-malformed", tenant="foreign", around=fault(
        "entra.openid", "tenant", body={"issuer": f"https://login.microsoftonline.com/{STRANGER}/v2.0",
                                        "jwks_uri": "https://login.microsoftonline.com/x/discovery/v2.0/keys"})),
    Row("the keys are said to be on another host", "keys-malformed", tenant="elsewhere", around=fault(
        "entra.openid", "tenant", body={"issuer": "https://login.microsoftonline.com/{tenantid}/v2.0",
                                        "jwks_uri": "https://management.azure.com/discovery/v2.0/keys"})),
    Row("Entra publishes no key", "keys-malformed", tenant="empty", around=fault("entra.keys", "tenant", body={"keys": []})),
    Row("Entra sends 100 MB of keys", "keys-unreachable",
        tenant="huge", around=fault("entra.keys", "tenant", huge=100_000_000)),
    Row("keys that expired more than a day ago, and Entra is down", "keys-unreachable", tenant="stale", around=stale_keys),
    Row("kept keys in a file that others can write", "ca-not-trusted",
        tenant="poisoned", signer="stranger", around=poisoned_cache),
    Row("the cache belongs to another, and Entra is down", "keys-unreachable", alone=True, tenant="owned", around=both(
        fault("entra.*", "tenant", status=503),
        script(f"chown nobody {CACHE}", f"chown {SERVICE_USER} {CACHE}"))),
    Row("a pinned file of keys that is not there", "keys-unreachable", alone=True, around=conf("keys_file", "/etc/lab.keys")),
    Row("a pinned file of keys that others can write", "keys-unreachable", alone=True, around=both(
        conf("keys_file", "/etc/lab.keys"),
        script("echo '{\"keys\": []}' >/etc/lab.keys; chmod 666 /etc/lab.keys", "rm /etc/lab.keys"))),
    Row("a pinned file of keys without this one", "ca-not-trusted", alone=True, around=both(
        conf("keys_file", "/etc/lab.keys"), script("echo '{\"keys\": []}' >/etc/lab.keys", "rm /etc/lab.keys"))),
    Row("TLS roots that Entra's certificate does not lead to", "keys-unreachable", alone=True, tenant="roots", around=both(
        conf("ca_bundle", "/etc/lab.pem"), script("openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=x -keyout /dev/null "
                                                  "-out /etc/lab.pem 2>/dev/null", "rm /etc/lab.pem"))),
    Row("a proxy that is not there", "keys-unreachable",
        alone=True, tenant="proxied", around=conf("proxy", "http://127.0.0.1:3")),
]

TENANTS = sorted({row.tenant for row in CERTIFICATES + NAMES + MACHINE + RECORDS + ROLES + SERVICES if row.tenant})
SMALL_KEYS = ["small", "exponent3"]


@contextmanager
def endless(visitor: Visitor) -> Iterator[None]:
    azure_ = visitor.host.azure
    link = (f"https://management.azure.com{azure_.resource_id}{ELSEWHERE}&$filter=assignedTo('{visitor.oid}')")
    azure_.fault("arm.assignments", about=visitor.oid, body=page(nextLink=link))
    yield


def forged(number: int, title: str, reason: str, make: Callable[[Visitor], bytes]) -> Row:
    @contextmanager
    def around(visitor: Visitor) -> Iterator[None]:
        visitor.host.path(f"/run/lab/forged.{visitor.name}").write_text(base64.b64encode(make(visitor)).decode())
        yield
    return Row(f"a record with {title}", reason, port=TAMPERED, around=around, tamper=(
        "{ grep -v ^certificate $made; echo \"certificate $(cat /run/lab/forged.NAME)\"; } >$made.new; "
        "chown aadsshlogin: $made.new; mv $made.new $record"))


# ---- playing

def fill(text: Union[str, bytes], number: int) -> Union[str, bytes]:
    if isinstance(text, bytes):
        return text.replace(b"{row}", b"row%d" % number)
    return text.replace("{row:x}", f"{number:02x}"[-2:]).replace("{row}", f"row{number}").replace("{Row}", f"Row{number}")


# Only the account phase has these.
OF_LOGIN = re.compile("record|role|backend|identity-|token-|deadline|home|provision|uid")


def refusal(row: Row) -> str:
    """The pattern of the line that refuses it."""
    by = row.by or ("login" if row.port == TAMPERED or OF_LOGIN.match(row.reason) else "key")
    return f'decision=refuse action="{by}" .*reason="({row.reason})"'


def refuses(lines: Sequence[str], reason: str) -> List[str]:
    return [line for line in lines if re.search(f'decision=refuse .*reason="({reason})"', line)]


def check_directly(host: Host, visitor: Visitor, name: str, blob: bytes, reason: str) -> None:
    """What sshd did not ask, asked: it must be refused here too."""
    mark = host.mark()
    result = host.ask_key_command(name, blob)
    expect(not result.stdout, f"the key command accepts it: {result}")
    found = host.wait_log(mark, [f'user="{name}"'], "decision=")
    expect(refuses(found, reason), "\n".join([f"the key command does not log {reason}:", *found]))


def play(row: Row, number: int, host: Host) -> None:
    if row.port != PLAIN and row.port not in host.ports:
        raise NotHere(f"sshd does not know {VARIANTS[row.port][0]}")
    tenant = host.tenants[row.tenant] if row.tenant else None
    upn = str(fill(row.upn, number))
    visitor = Visitor(host, upn, None if row.grant else row.role, tenant=tenant, bits=row.bits)
    if row.grant:
        row.grant(visitor)
    if row.settled:
        visitor.settle()
    if row.tamper:
        text = row.tamper.replace("NAME", visitor.name).replace("UID", str(uid_of(visitor.name)))
        host.path(f"/run/lab/tamper/{visitor.name}").write_text(text)
    name = fill(row.name, number) if row.name is not None else visitor.name
    with row.around(visitor) if row.around else ExitStack():
        if row.alone:
            host.check_local()
        attempt(row, host, visitor, name)


def attempt(row: Row, host: Host, visitor: Visitor, name: Union[str, bytes]) -> None:
    shape = visitor.shape()
    made = row.change(visitor, shape) if row.change else shape
    blob = made if isinstance(made, bytes) else made.signed(host.signer(row.signer))
    text = name.decode("latin-1") if isinstance(name, bytes) else name
    before = host.trace(text), host.trace(visitor.name)
    pattern = row.sshd or refusal(row)
    outcome = visitor.login(blob, name=name, port=row.port, pattern=pattern, words=row.finds)

    expect(outcome.end != SUCCESS, f"it gets in: {outcome}")
    expect([line for line in outcome.log if re.search(pattern, line)],
           "\n".join([f"the log does not say {pattern}; the login ends with {outcome.end}:", *outcome.log, outcome.banner]))
    if row.sshd and row.reason:
        check_directly(host, visitor, text, blob, row.reason)
    for word in row.logs:
        expect(any(word in line for line in outcome.log), "\n".join([f"the log lacks {word}:", *outcome.log]))
    for word in row.tells:
        expect(word in outcome.banner, f"the user does not read {word}: {outcome.banner}")
    for was, now in zip(before, (host.trace(text), host.trace(visitor.name))):
        changed = {key: (was[key], now[key]) for key in was if was[key] != now[key]}
        expect(not changed, f"it leaves something behind: {changed}")
        expect(not now["records"], f"a record is left: {now['records']}")


# ---- what is no single login

def truncated_directly(host: Host) -> None:
    """The key command alone, for every length."""
    visitor = Visitor(host, "truncated@contoso.com", "admin")
    blob = visitor.certificate(extensions=[pair for pair in visitor.shape().extensions if pair[0][:3] in (b"oid", b"tid")])
    host.machine.write("/run/lab/truncated.bin", blob, 0o644)
    host.machine.write("/run/lab/truncated.py", TRUNCATED, 0o644)
    mark = host.mark()
    result = host.machine.run([*AS_SERVICE_USER, "python3", "/run/lab/truncated.py", visitor.name], timeout=300, check=False)
    expect(result.stdout.split() == [str(len(blob))] and result.returncode == 0, result)
    lines = host.log_of(mark, [f'user="{visitor.name}"'])
    accepted = [line for line in lines if "decision=accept" in line]
    expect(len(accepted) == 1 and len(refuses(lines, "cert-malformed")) > len(blob) - 64,
           f"{len(lines)} lines, accepted: {accepted}")
    host.machine.sh(f"rm -f {HANDOFF}/*.x; for r in {HANDOFF}/*; do ! grep -qs '^name {visitor.name}$' $r || rm $r; done")


# Runs in the machine: exactly the whole certificate gets an answer.
TRUNCATED = """
import base64, subprocess, sys
from concurrent.futures import ThreadPoolExecutor
blob = open("/run/lab/truncated.bin", "rb").read()
def ask(length):
    key = base64.b64encode(blob[:length]).decode()
    done = subprocess.run(["/usr/sbin/aad_certhandler", sys.argv[1], key], stdout=subprocess.PIPE)
    assert done.returncode == 0, (length, done)
    return length if done.stdout else None
with ThreadPoolExecutor(2) as pool:
    print(*[length for length in pool.map(ask, range(len(blob) + 1)) if length is not None])
"""


def truncated_by_sshd(host: Host) -> None:
    """A sample, in one connection: where fields end, and around it."""
    visitor = Visitor(host, "truncated2@contoso.com", "admin")
    blob = visitor.certificate()
    mark = host.mark()
    with Client(host.machine, visitor.name) as client:
        for length in [*range(32, len(blob), 97), len(blob) - 1]:
            end = client.probe(blob[:length], b"rsa-sha2-256-cert-v01@openssh.com")
            expect(end == FAILURE, f"{length} bytes: {end} {client.said}")
        expect(client.probe(blob) == PK_OK, "the whole certificate is not wanted")
        lines = host.log_of(mark, [f" port {client.local_port} "])
    expect([line for line in lines if re.search(PARSE, line)], lines)


def without_its_key(host: Host) -> None:
    """Somebody has the certificate, which is public, and not the key: the record goes with the next login."""
    visitor, other = Visitor(host, "victim@contoso.com", "admin"), Visitor(host, "next@contoso.com")
    blob = visitor.certificate()
    with Client(host.machine, visitor.name) as client:
        expect(client.probe(blob) == PK_OK, "the certificate is not wanted")
        expect(len(host.records(visitor.name)) == 1, "there is no record")
        end = client.login(blob, host.local_key.private)
        expect(end == FAILURE, end)
    other.login(pattern='reason="role-missing"')
    other.login(pattern='reason="role-missing"')
    trace = host.trace(visitor.name)
    expect(not trace["passwd"] and not trace["home"] and not trace["records"], trace)


def another_key_after_it(host: Host) -> None:
    """A certificate that is wanted, then another key in the same connection: the record goes."""
    visitor = Visitor(host, "twokeys@contoso.com", "admin")
    for second in (visitor.key.blob, visitor.certificate("stranger")):
        with Client(host.machine, visitor.name) as client:
            expect(client.probe(visitor.certificate()) == PK_OK, "the certificate is not wanted")
            expect(len(host.records(visitor.name)) == 1, "there is no record")
            expect(client.login(second, visitor.key.private) == FAILURE, "the second key")
            expect(not host.records(visitor.name), "the record stays")


def old_key_after_it(host: Host) -> None:
    """A certificate that somebody else may sign for, then a key of the account's authorized_keys file."""
    visitor = Visitor(host, "oldkey@contoso.com", "admin")
    visitor.settle()
    borrowed = visitor.shape(key=host.local_key.blob).signed(host.signer("tenant1"))
    with AUTHORIZED(visitor), Client(host.machine, visitor.name) as client:
        expect(client.probe(borrowed) == PK_OK, "the certificate is not wanted")
        end = client.login(visitor.key.blob, visitor.key.private)
        expect(end == FAILURE and not host.records(visitor.name), f"{end}, {host.records(visitor.name)}")


def unknown_key_storm(host: Host) -> None:
    """Unknown signing keys have the set fetched again once a minute, not once a login."""
    tenant = host.tenants["storm"]
    visitors = [Visitor(host, f"storm{number}@contoso.com", "admin", tenant=tenant) for number in range(8)]
    host.azure.publish_keys(tenant, ["tenant1"])
    expect(host.ask_key_command(visitors[0].name, visitors[0].certificate()).stdout, "the keys are not fetched")
    host.machine.sh(f"for r in {HANDOFF}/*; do ! grep -qs '^name storm' $r || rm $r; done")

    def requests() -> int:
        log = (host.azure.dir / "requests.log").read_text(encoding="utf-8")
        return log.count(f"/{tenant}/discovery/v2.0/keys")

    def storm() -> int:
        before = requests()
        for visitor in visitors:
            blob = visitor.certificate("stranger")
            with Client(host.machine, visitor.name) as client:
                for _ in range(3):
                    expect(client.probe(blob) == FAILURE, "a stranger's key is wanted")
        return requests() - before
    expect(storm() == 0, "a minute has not passed, and the keys are fetched again")
    host.age_look(tenant, 61)
    expect(storm() == 1, "after a minute the keys are fetched once")


def default_penalties(host: Host) -> None:
    """With sshd's own PerSourcePenalties an address is shut out after refused logins; others are not."""
    if PENALTIES not in host.ports:
        raise NotHere("this sshd has no PerSourcePenalties: they came with OpenSSH 9.8")
    visitor = Visitor(host, "penalised@contoso.com", "admin")
    for _ in range(8):
        try:
            outcome = visitor.login(visitor.certificate("stranger"), port=PENALTIES, source="127.0.0.77", pattern=NOT_ACCEPTED)
        except (Closed, OSError):
            break  # not even greeted
        expect(outcome.end != SUCCESS, outcome)
    else:
        raise AssertionError("the address is never shut out")
    outcome = visitor.login(port=PENALTIES, source="127.0.0.78", pattern="Accepted publickey")
    expect(outcome.end == SUCCESS, outcome)


def hidden_processes(host: Host) -> None:
    """With hidepid=2 the key command cannot look at its parent: who has no role is refused all the same."""
    nobody, somebody = Visitor(host, "hidden@contoso.com"), Visitor(host, "hidden2@contoso.com", "user")
    with host.machine.changed("mount -o remount,hidepid=2 /proc", "mount -o remount,hidepid=0 /proc"):
        outcome = nobody.login(pattern='reason="role-missing"')
        expect(outcome.end != SUCCESS and refuses(outcome.log, "role-missing"), outcome)
        outcome = somebody.login(pattern="Accepted publickey")
        expect(outcome.end == SUCCESS, outcome)
        expect(not host.records("hidden@contoso.com") and not host.records("hidden2@contoso.com"), "a record is left")


EXTRA = [
    Case("a certificate cut off at every length, to the key command", truncated_directly),
    Case("a certificate cut off, to sshd, and then whole: it is wanted", truncated_by_sshd),
    Case("a certificate without its key: refused, and the record it leaves is swept", without_its_key, True),
    Case("a certificate, then another key in the same connection: no record is left", another_key_after_it),
    Case("a certificate, then a key of authorized_keys in the same connection: sshd, no record is left", old_key_after_it),
    Case("a storm of unknown signing keys: at most one fetch a minute", unknown_key_storm),
    Case("sshd's own PerSourcePenalties shut an address out after refusals, and nobody else", default_penalties),
    Case("hidepid=2: no role is refused, a role gets in", hidden_processes, True),
]


def cases() -> List[Case]:
    rows = CERTIFICATES + NAMES + MACHINE + RECORDS + [forged(number, *forgery) for number, forgery in enumerate(FORGERIES)] \
        + ROLES + SERVICES
    titled = []
    for number, row in enumerate(rows):
        why = "/".join(filter(None, (row.reason, "sshd" if row.sshd else "")))
        titled.append(Case(f"{row.title}: {why}",
                           lambda host, row=row, number=number: play(row, number, host), row.alone, row.slow))
    return EXTRA[:1] + titled + EXTRA[1:]
