# SPDX-License-Identifier: MIT
"""Who must get in: who may be who, and what a login survives.  With the real ssh where its client matters."""

import functools
import json
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Callable, Dict, List, Tuple

from azure import sshcert
from azure.crypto import KeyPair
from azure.entra import entry
from azure.model import LOGIN_ACTION, PROXY_PORT
from lab.host import HANDOFF, Host, Outcome, Visitor
from lab.login import check_no_sudo, check_sudo, uid_of
from lab.rawssh import SUCCESS, Client
from lab.refused import AUTHORIZED, HOUR, OLD_KEYS, Case, conf, fault_for_all, refuses, script
from lab.teller import NotHere, expect

TENANTS = ["storm", "second", "third", "rotating", "late", "bridged", "unpublished"]

ALLOWED_GROUPS, LARGE_KEYS, SHA1_ALONE = 2211, 2212, 2213
SHA1_CERT = "ssh-rsa-cert-v01@openssh.com"
VARIANTS = {
    ALLOWED_GROUPS: (["AllowGroups aad_users"], []),
    LARGE_KEYS: (["RequiredRSASize 3072"], []),
    SHA1_ALONE: ([f"PubkeyAcceptedKeyTypes {SHA1_CERT},ssh-rsa"], []),
}
ACCEPTED = "Accepted publickey"
LONGEST = 255 - len("@contoso.com")


def admitted(visitor: Visitor, outcome: Outcome) -> None:
    expect(outcome.end == SUCCESS, f"{visitor.name} does not get in: {outcome}")
    expect(not visitor.host.records(visitor.name), "the record stays")


def check_login(visitor: Visitor, **how: object) -> None:
    admitted(visitor, visitor.login(pattern=ACCEPTED, **how))


def check_session(visitor: Visitor, *groups: str, name: str = "") -> None:
    """The real client's login: who, which uid, which groups and home."""
    result = visitor.ssh("id -un; id -u; id -g; id -Gn; pwd", name=name or None)
    uid = str(uid_of(visitor.name))
    expect(result.returncode == 0, result)
    expect(result.stdout.splitlines() == [visitor.name, uid, uid, " ".join([visitor.name, *groups]), f"/home/{visitor.name}"],
           result)


# ---- who may be who

def key_size(bits: int, host: Host) -> None:
    check_session(Visitor(host, f"key{bits}@contoso.com", "user", bits=bits), "aad_users")


def administrator(host: Host) -> None:
    """In the groups of Entra's users, and in no other: none that implies root."""
    visitor = Visitor(host, "Alice.Admin@contoso.com", "admin")
    check_session(visitor, "aad_users", "aad_admins")
    check_sudo(lambda command: sudo_run(visitor, command))


def named(upn: str, host: Host) -> None:
    check_session(Visitor(host, upn, "user"), "aad_users")


def written_by_keygen(host: Host) -> None:
    """As a certificate of ssh-keygen, too: what the fake writes byte by byte is no other thing."""
    visitor = Visitor(host, "keygen@contoso.com", "user")
    out = host.azure.certificate(f"{visitor.key.path}.pub", visitor.upn, visitor.oid,
                                 out=visitor.key.path.with_name("keygen-cert.pub"))
    check_login(visitor, blob=sshcert.public_key(out))


def strange_names(host: Host) -> None:
    """Names that ssh's own -l refuses, or that a shell would read."""
    for upn in ("o'brien@contoso.com", "a+b!c^d~e@contoso.com", "_x-y.z@contoso.com", "a#b@contoso.com"):
        check_login(Visitor(host, upn, "user"))


def mixed_case(host: Host) -> None:
    """Typed in capitals: the same account, the same home.  The domain's are another matter, see refused.py."""
    visitor = Visitor(host, "Mixed.Case@contoso.com", "user")
    check_session(visitor, "aad_users", name="MIXED.Case@contoso.com")


def same_local_part(host: Host) -> None:
    visitors = [Visitor(host, f"twin@{domain}", "user") for domain in ("contoso.com", "fabrikam.com")]
    for visitor in visitors:
        check_session(visitor, "aad_users")
    expect(uid_of(visitors[0].name) != uid_of(visitors[1].name), "the two share a uid")


def allowed_tenants(host: Host) -> None:
    for label in ("second", "third"):
        check_login(Visitor(host, f"{label}@contoso.com", "user", tenant=host.tenants[label]))


def unknown_extension(host: Host) -> None:
    """What is no critical option may be anything; what is not permitted is not given."""
    visitor = Visitor(host, "extended@contoso.com", "user")
    check_login(visitor, blob=visitor.certificate(extensions=sorted(
        [pair for pair in visitor.shape().extensions if not pair[0].startswith(b"permit")]
        + [(b"x@example.com", b"anything")])))


def granted(label: str, grant: Callable[[Visitor], object], host: Host) -> None:
    visitor = Visitor(host, f"{label}@contoso.com")
    grant(visitor)
    check_login(visitor)


def nested_group(visitor: Visitor) -> None:
    azure = visitor.host.azure
    inner = azure.add_group("inner", [visitor.oid])
    azure.assign(azure.add_group("outer", [inner]), "user")


def many_pages(visitor: Visitor) -> None:
    """The role that counts comes last."""
    azure = visitor.host.azure
    for number in range(5):
        azure.assign(visitor.oid, "owner", f"/subscriptions/{azure.subscription}/resourceGroups/other{number}")
    azure.assign(visitor.oid, "user")


GRANTS: Dict[str, Callable[[Visitor], object]] = {
    "a role at the subscription": lambda v: v.host.azure.assign(v.oid, "user", f"/subscriptions/{v.host.azure.subscription}"),
    "a role at a management group": lambda v: v.host.azure.assign(
        v.oid, "user", "/providers/Microsoft.Management/managementGroups/root"),
    "a role at the machine, written in capitals": lambda v: v.host.azure.assign(
        v.oid, "user", v.host.azure.resource_id.upper()),
    "a role of a group in a group": nested_group,
    "a role on the last of many pages": many_pages,
    "a role of one's own with a wildcard": lambda v: v.host.azure.assign(v.oid, v.host.azure.define_role(
        "wild", data_actions=["Microsoft.Compute/*/login/action"])),
    "a deny assignment for another machine": lambda v: (
        v.host.azure.assign(v.oid, "user"), v.host.azure.deny(v.oid, [LOGIN_ACTION], v.host.azure.resource_id + "0")),
}


def taken_uid(host: Host) -> None:
    """A local account has the uid of the name: the next one, the same at every login."""
    visitor = Visitor(host, "collision@contoso.com", "user")
    uid = uid_of(visitor.name)
    with host.machine.changed(f"echo 'taken{uid}:x:{uid}:{uid}::/:/bin/false' >>/etc/passwd",
                              f"sed -i '/^taken{uid}:/d' /etc/passwd"):
        for _ in range(2):
            time.sleep(0.1)  # a login that starts in the moment of a new account must be tried again
            result = visitor.ssh("id -u; stat -c %u .")
            expect(result.stdout.split() == [str(uid + 1)] * 2, result)


def groups_allowed(host: Host) -> None:
    """AllowGroups aad_users: the groups are answered before the first login."""
    check_login(Visitor(host, "grouped@contoso.com", "user"), port=ALLOWED_GROUPS)


def large_keys(host: Host) -> None:
    """The user's key is measured, not the one of 2048 bits that Entra signs with."""
    if LARGE_KEYS not in host.ports:
        raise NotHere("sshd does not know RequiredRSASize")
    check_login(Visitor(host, "large@contoso.com", "user", bits=3072), port=LARGE_KEYS)
    outcome = Visitor(host, "small@contoso.com", "user").login(port=LARGE_KEYS, pattern="refusing RSA key")
    expect(outcome.end != SUCCESS, outcome)


def proof_with_sha1(host: Host) -> None:
    """What an sshd before 7.8 takes.  This one says that it is newer, so the client must be told more than there."""
    visitor = Visitor(host, "old.server@contoso.com", "user")
    for options, works in (([], False), (["-o", f"PubkeyAcceptedKeyTypes={SHA1_CERT},ssh-rsa"], True)):
        argv = visitor.argv("id -un")
        argv[1:1] = ["-p", str(SHA1_ALONE), *options]
        result = host.machine.run(argv, check=False)
        expect((result.stdout.strip() == visitor.name) == works, result)


def kept_keys(host: Host) -> None:
    """authorizedKeys: keep.  A key in the home stands in for the certificate; the role is still asked."""
    visitor = Visitor(host, "keeper@contoso.com", "user")
    visitor.settle()
    with ExitStack() as stack:
        stack.enter_context(AUTHORIZED(visitor))
        stack.enter_context(conf("authorized_keys", "keep")(visitor))
        check_login(visitor, blob=visitor.key.blob, port=OLD_KEYS)
        host.azure.unassign(visitor.oid)
        host.age_decision(visitor.oid, 61)
        outcome = visitor.login(visitor.key.blob, port=OLD_KEYS, pattern="role-missing")
        expect(outcome.end != SUCCESS and refuses(outcome.log, "role-missing"), outcome)


def roles_of_a_file(host: Host) -> None:
    visitor = Visitor(host, "static@contoso.com")
    with ExitStack() as stack:
        for around in (conf("role_backend", "static"), conf("roles_file", "/etc/lab.roles"),
                       script("echo '%OID% user' >/etc/lab.roles", "rm /etc/lab.roles"), fault_for_all("arm.*", status=503)):
            stack.enter_context(around(visitor))
        check_login(visitor)


# ---- keys

def requests(host: Host, text: str) -> int:
    return (host.azure.dir / "requests.log").read_text(encoding="utf-8").count(text)


def orderly_rotation(host: Host) -> None:
    """Entra signs with a key that was published ahead of time: nobody notices, nothing is fetched."""
    tenant = host.tenants["rotating"]
    visitors = [Visitor(host, f"roll{number}@contoso.com", "user", tenant=tenant) for number in range(2)]
    check_login(visitors[0], blob=visitors[0].certificate("tenant1"))
    before = requests(host, f"/{tenant}/discovery/v2.0/keys")
    check_login(visitors[1], blob=visitors[1].certificate("tenant2"))
    expect(requests(host, f"/{tenant}/discovery/v2.0/keys") == before == 1, "the keys are fetched again")

    # The first key is withdrawn: it counts until the cache ends, at most a day, and then no more.
    host.azure.publish_keys(tenant, ["tenant2"])
    check_login(visitors[0], blob=visitors[0].certificate("tenant1"))
    host.age_keys(tenant, 25 * HOUR)
    outcome = visitors[0].login(visitors[0].certificate("tenant1"), pattern="decision=refuse")
    expect(outcome.end != SUCCESS and refuses(outcome.log, "ca-not-trusted"), outcome)
    check_login(visitors[1], blob=visitors[1].certificate("tenant2"))


def emergency_rotation(host: Host) -> None:
    """A key that nobody knew: fetched at the first login with it, unless keys were fetched a minute ago."""
    tenant = host.tenants["late"]
    host.azure.publish_keys(tenant, ["tenant1"])
    visitor = Visitor(host, "emergency@contoso.com", "user", tenant=tenant)
    check_login(visitor, blob=visitor.certificate("tenant1"))
    host.azure.publish_keys(tenant, ["tenant1", "tenant2"])
    host.age_look(tenant, 61)
    with ThreadPoolExecutor(4) as pool:
        outcomes = list(pool.map(lambda _: visitor.login(visitor.certificate("tenant2"), pattern=ACCEPTED), range(4)))
    for outcome in outcomes:
        admitted(visitor, outcome)
    expect(requests(host, f"/{tenant}/discovery/v2.0/keys") == 2, "the keys are fetched more than once")


def stale_keys_serve(host: Host) -> None:
    """The keys expired, Entra is down: they serve a day longer."""
    tenant = host.tenants["bridged"]
    visitor = Visitor(host, "bridged@contoso.com", "user", tenant=tenant)
    check_login(visitor)
    host.azure.fault("entra.*", about=tenant, status=503)
    host.age_keys(tenant, 47 * HOUR)
    check_login(visitor)
    expect(requests(host, f"/{tenant}/v2.0/.well-known") == 2, "nobody looked for newer keys")
    host.age_keys(tenant, HOUR + 60)
    outcome = visitor.login(pattern="decision=refuse")
    expect(outcome.end != SUCCESS and refuses(outcome.log, "keys-unreachable"), outcome)


def pinned_keys(host: Host) -> None:
    """A file of keys: nobody is asked for any."""
    visitor = Visitor(host, "pinned@contoso.com", "user", tenant=host.tenants["unpublished"])
    pair = KeyPair(host.azure.key("stranger"), host.azure.key("stranger").with_suffix(".crt"))
    host.machine.write("/etc/lab.keys", json.dumps({"keys": [entry(pair)]}))
    with conf("keys_file", "/etc/lab.keys")(visitor):
        check_login(visitor, blob=visitor.certificate("stranger"))
    expect(requests(host, visitor.tenant) == 0, "the tenant was asked for its keys")


def through_a_proxy(host: Host) -> None:
    """Entra and Resource Manager by the proxy, the metadata service never."""
    visitor = Visitor(host, "proxied@contoso.com", "user", tenant=host.tenants["proxied"])
    # Keys that were asked for in vain are asked for again after seconds.
    host.machine.sh("rm -f /run/aadsshlogin/private/token-* /var/cache/aadsshlogin/*.tried")
    host.azure.reset_counts()
    with conf("proxy", f"http://127.0.0.1:{PROXY_PORT}")(visitor):
        check_login(visitor)
    counts = host.azure.counts()
    proxied = {name[len("proxy."):] for name in counts if name.startswith("proxy.")}
    expect(proxied == {"login.microsoftonline.com", "management.azure.com"}, counts)
    expect(counts.get("imds.token") == 1, counts)


# ---- promotion, demotion, outages

def sudo_run(visitor: Visitor, command: str) -> Tuple[int, str]:
    result = visitor.ssh(command)
    return result.returncode, result.stdout + result.stderr


def demotion(host: Host) -> None:
    """Within the decision's life every kind of sudo refuses in the open session; the next login is a user's."""
    visitor = Visitor(host, "demoted@contoso.com", "admin")
    session = visitor.session()
    check_sudo(session.run)
    host.azure.unassign(visitor.oid)
    host.azure.assign(visitor.oid, "user")
    expect(session.run("sudo -n true")[0] == 0, "the decision does not live")
    host.age_decision(visitor.oid, 61)
    check_no_sudo(session.run, "loginAsAdmin/action", visitor.oid)
    session.close()
    check_session(visitor, "aad_users")
    expect(host.trace(visitor.name)["admins"] == [], "still on the list of administrators")


def promotion(host: Host) -> None:
    """The role comes: sudo works from the next login on."""
    visitor = Visitor(host, "promoted@contoso.com", "user")
    session = visitor.session()
    check_no_sudo(session.run)
    host.azure.assign(visitor.oid, "admin")
    host.age_decision(visitor.oid, 61)
    check_session(visitor, "aad_users", "aad_admins")
    check_no_sudo(session.run)
    session.close()
    check_sudo(lambda command: sudo_run(visitor, command))


def locked_out(host: Host) -> None:
    """All roles go: the next login is refused, and who is in keeps the session without sudo."""
    visitor = Visitor(host, "leaver@contoso.com", "admin")
    session = visitor.session()
    host.azure.unassign(visitor.oid)
    host.age_decision(visitor.oid, 61)
    outcome = visitor.login(pattern="role-missing")
    expect(outcome.end != SUCCESS and refuses(outcome.log, "role-missing"), outcome)
    check_no_sudo(session.run)
    expect(session.run("id -un") == (0, visitor.name + "\n"), "the open session")
    session.close()


def sudo_rs(host: Host) -> None:
    """The same with sudo-rs."""
    if not host.machine.exists("/usr/bin/sudo-rs"):
        raise NotHere("this machine has no sudo-rs: Debian packages it from 13 on")
    visitor = Visitor(host, "rusty@contoso.com", "admin")
    session = visitor.session()
    expect(session.run("sudo-rs -n id -u") == (0, "0\n"), "the administrator has no sudo-rs")
    host.azure.unassign(visitor.oid)
    host.age_decision(visitor.oid, 61)
    code, output = session.run("sudo-rs -n id -u")
    expect(code != 0, output)
    session.close()


def environment_of_sudo(host: Host) -> None:
    """What an administrator's environment and files say of proxies, TLS and libraries changes nothing."""
    visitor = Visitor(host, "envious@contoso.com", "admin")
    session = visitor.session()
    session.run("printf 'proxy = 127.0.0.1:1\\n' >~/.curlrc; cp ~/.curlrc /tmp/openssl.cnf; cd /tmp")
    host.age_decision(visitor.oid, 61)
    code, output = session.run("env https_proxy=http://127.0.0.1:1 ALL_PROXY=http://127.0.0.1:1 SSL_CERT_FILE=/dev/null "
                               "OPENSSL_CONF=/tmp/openssl.cnf CURL_CA_BUNDLE=/dev/null LD_PRELOAD=/tmp/x.so sudo -n id -u")
    expect(code == 0 and output.split()[-1:] == ["0"], output)
    host.azure.unassign(visitor.oid)
    host.age_decision(visitor.oid, 61)
    check_no_sudo(session.run)
    session.close()


def offline_grace(host: Host) -> None:
    """The service is down: an earlier grant holds as long as is configured, and no longer; a denial is none."""
    visitor, nobody = Visitor(host, "offline@contoso.com", "user"), Visitor(host, "offline2@contoso.com")
    with conf("offline_grace", "3600")(visitor):
        check_login(visitor)
        nobody.login(pattern="role-missing")
        for oid in (visitor.oid, nobody.oid):
            host.azure.fault("arm.*", about=oid, status=503)
            host.age_decision(oid, 300)
        check_login(visitor)
        for who, seconds in ((nobody, 0), (visitor, HOUR)):
            if seconds:
                host.age_decision(who.oid, seconds)
            outcome = who.login(pattern="decision=refuse")
            expect(outcome.end != SUCCESS and refuses(outcome.log, "backend-unreachable"), outcome)


def no_grace(host: Host) -> None:
    """By default an earlier grant holds for a minute, service or no service."""
    visitor = Visitor(host, "online@contoso.com", "user")
    check_login(visitor)
    host.azure.fault("arm.*", about=visitor.oid, status=503)
    check_login(visitor)
    host.age_decision(visitor.oid, 61)
    outcome = visitor.login(pattern="decision=refuse")
    expect(outcome.end != SUCCESS and refuses(outcome.log, "backend-unreachable"), outcome)


def passing_trouble(host: Host) -> None:
    """One 429 and one 503 are asked again, and nobody notices."""
    visitor = Visitor(host, "patient@contoso.com", "user")
    host.azure.fault("arm.assignments", about=visitor.oid, status=429, headers={"Retry-After": "1"}, times=1)
    host.azure.fault("arm.denies", about=visitor.oid, status=503, times=1)
    check_login(visitor)


def slow_service(host: Host) -> None:
    """Every answer of Resource Manager takes two seconds."""
    visitor = Visitor(host, "unhurried@contoso.com", "user")
    host.azure.fault("arm.*", about=visitor.oid, delay=2)
    check_login(visitor)


def unhurt_neighbour(host: Host) -> None:
    """A local user with an @ in the name, of a domain that is not Entra's: the own key counts, nobody asks anything."""
    name = "x@corp.local"
    before, mark = host.azure.counts(), host.mark()
    with host.machine.changed(f"""
            echo '{name}:*:1234:1234::/home/{name}:/bin/bash' >>/etc/passwd
            install -d -o 1234 /home/{name}; install -d -m 700 -o 1234 /home/{name}/.ssh
            install -m 600 -o 1234 /run/lab/visitor.pub /home/{name}/.ssh/authorized_keys""",
                              f"sed -i '/^{name}:/d' /etc/passwd; rm -r /home/{name}"):
        with Client(host.machine, name) as client:
            end = client.login(host.key(2048).blob, host.key(2048).private)
            expect(end == SUCCESS, f"{end} {client.said}")
            lines = host.wait_log(mark, [f" port {client.local_port} "], ACCEPTED)
    expect(not [line for line in lines if "aad_" in line] and host.azure.counts() == before, lines)


def withdrawn_token(host: Host) -> None:
    """Resource Manager refuses the kept token: a new one gets a second try."""
    visitor = Visitor(host, "token@contoso.com", "user")
    host.azure.fault("arm.*", about=visitor.oid, status=401, times=2)
    check_login(visitor)


# ---- many

def crowd(host: Host) -> None:
    """200 logins at once through one sshd: everybody gets in, and the services are asked no more than needed."""
    people = [Visitor(host, f"crowd{number}@contoso.com", "admin" if number % 2 else "user") for number in range(200)]
    host.machine.sh("rm -f /var/cache/aadsshlogin/* /run/aadsshlogin/private/token-*")
    host.azure.reset_counts()
    blobs = [person.certificate() for person in people]
    with ThreadPoolExecutor(len(people)) as pool:
        outcomes = list(pool.map(lambda pair: pair[0].login(pair[1], pattern=ACCEPTED), zip(people, blobs)))
    refused = [outcome for outcome in outcomes if outcome.end != SUCCESS]
    counts = host.azure.counts()
    print(f"     200 at once: {200 - len(refused)} got in; requests: {json.dumps(counts, sort_keys=True)}", flush=True)
    expect(not refused, refused[:2])
    expect(counts["entra.keys"] == 1 and counts["imds.token"] == 1, counts)
    expect(counts["arm.assignments"] <= 200 and counts["arm.denies"] <= 200, counts)
    expect(not [path.name for path in host.path(HANDOFF).iterdir()], "records stay")


LONG = [Case("200 logins at once: everybody gets in, one request for keys, one for a token", crowd, True)]


def cases() -> List[Case]:
    def case(title: str, function: Callable[..., None], *arguments: object, alone: bool = False) -> Case:
        return Case(title, functools.partial(function, *arguments), alone)

    return [
        case("an administrator: uid of the name, the two groups and no other, every sudo", administrator),
        *(case(f"a user's key of {bits} bits", key_size, bits) for bits in (2048, 3072, 4096)),
        case("a certificate that ssh-keygen wrote", written_by_keygen),
        case("a certificate with an extension that nobody knows, and no permissions", unknown_extension),
        case("a guest by the UPN: #EXT#", named, "dora_fabrikam.com#EXT#@contoso.onmicrosoft.com"),
        case("a guest by the mail address", named, "dora.guest@fabrikam.com"),
        case("a service principal by its GUID", named, "c0ffee00-0000-4000-8000-00000000beef"),
        case("a UPN in capitals", named, "CAPITALS@CONTOSO.COM"),
        case("a name of 64 bytes before the @", named, "x" * 64 + "@contoso.com"),
        case(f"the longest name, {LONGEST} bytes before the @", named, "y" * LONGEST + "@contoso.com"),
        case("names with ' + ! ^ ~ # and a leading _", strange_names),
        case("a login name typed in capitals", mixed_case),
        case("two users with the same local part in two domains", same_local_part),
        case("accounts of two further tenants that are allowed", allowed_tenants),
        *(case(title, granted, f"granted{number}", grant) for number, (title, grant) in enumerate(GRANTS.items())),
        case("a uid that a local account has: the next one, for good", taken_uid, alone=True),
        case("AllowGroups aad_users", groups_allowed),
        case("RequiredRSASize 3072: the user's key, whatever Entra signs with", large_keys),
        case("an sshd that takes certificates with SHA-1 alone, as before 7.8: with the client's option", proof_with_sha1),
        case("authorizedKeys keep: the key of the home, and the role is still asked", kept_keys, alone=True),
        case("roles of a file, while Resource Manager is down", roles_of_a_file, alone=True),
        case("a key roll: published ahead, nobody is lost; withdrawn, refused once the cache ends", orderly_rotation),
        case("an emergency key roll in the middle of logins: one fetch, nobody is lost", emergency_rotation),
        case("keys that expired while Entra is down serve a day longer, and no more", stale_keys_serve),
        case("a pinned file of keys", pinned_keys, alone=True),
        case("a proxy: Entra and Resource Manager through it, the metadata service never", through_a_proxy, alone=True),
        case("a demotion: sudo, sudo -i, sudo -s and sudoedit refuse within the decision's life", demotion),
        case("a promotion: sudo from the next login on", promotion),
        case("all roles go: no login, no sudo", locked_out),
        case("a demotion with sudo-rs", sudo_rs),
        case("an environment with proxies and TLS roots of one's own: sudo asks as ever", environment_of_sudo),
        case("offlineGrace: an earlier grant bridges an outage, and no longer than it says", offline_grace, alone=True),
        case("no offlineGrace: a grant holds a minute", no_grace),
        case("a 429 and a 503 that pass", passing_trouble),
        case("a token that was withdrawn", withdrawn_token),
        case("Resource Manager takes two seconds for each answer", slow_service),
        case("a local user with an @ in the name gets in by the own key, and nobody is asked", unhurt_neighbour, alone=True),
    ]
