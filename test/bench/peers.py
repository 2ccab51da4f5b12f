# SPDX-License-Identifier: MIT
"""What others package for the same jobs, on a machine of its own.

OS Login gets a metadata service that answers from memory.  nslcd keeps as many users as we do in an
OpenLDAP on the same machine, SSSD a tenth of them in its files provider.
"""

import json
from pathlib import Path
from typing import Dict, Sequence

from frame import Contestant, NotMeasured
from lab import layer
from lab.machine import CommandError, Machine
from machines import put_tools, spawned

PACKAGES = ("google-compute-engine-oslogin", "sssd-common", "libnss-sss", "slapd", "libnss-ldapd", "nslcd")
USER = "user1"
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJvmmcUkdQb1vvQxCdNcyuKTTYwbTeEuGIjwK0zBPWxm peer"
SUFFIX = "dc=example,dc=net"

PASSWD, GROUP, LDIF = "/etc/bench/passwd", "/etc/bench/group", "/etc/bench/ldif"
UID_FIRST = 20001

# Seconds that a daemon has to answer about the last of its users.
PATIENCE = 60

SSSD_USERS = 1000

SSSD = f"""[sssd]
services = nss
domains = files
[nss]
filter_users = root
timeout = {PATIENCE}
[domain/files]
id_provider = files
timeout = {PATIENCE}
passwd_files = {PASSWD}
group_files = {GROUP}
"""

NSLCD = f"""uid nslcd
gid nslcd
uri ldapi:///
base {SUFFIX}
"""

SLAPD = f"""include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/nis.schema
modulepath /usr/lib/ldap
moduleload back_mdb
pidfile /run/slapd/slapd.pid
database mdb
maxsize 1073741824
suffix {SUFFIX}
directory /var/lib/bench-ldap
index uid,uidNumber,cn,gidNumber,memberUid,objectClass eq
"""


def name_of(number: int) -> str:
    return f"user{number + 1}"


def passwd_lines(count: int) -> str:
    return "".join(f"{name_of(i)}:*:{UID_FIRST + i}:{UID_FIRST + i}::/home/{name_of(i)}:/bin/bash\n" for i in range(count))


def group_lines(count: int, team: Sequence[str]) -> str:
    """A group of one each, and one of several, so that initgroups finds something."""
    return (f"team:*:{UID_FIRST - 1}:{','.join(team)}\n"
            + "".join(f"{name_of(i)}:*:{UID_FIRST + i}:\n" for i in range(count)))


def group_entry(name: str, gid: int, members: Sequence[str] = ()) -> str:
    listed = "".join(f"memberUid: {member}\n" for member in members)
    return f"dn: cn={name},{SUFFIX}\nobjectClass: posixGroup\ncn: {name}\ngidNumber: {gid}\n{listed}\n"


def ldif(count: int, team: Sequence[str]) -> str:
    parts = [f"dn: {SUFFIX}\nobjectClass: dcObject\nobjectClass: organization\no: bench\ndc: example\n\n"]
    parts += [f"dn: uid={name_of(i)},{SUFFIX}\nobjectClass: account\nobjectClass: posixAccount\ncn: {name_of(i)}\n"
              f"uid: {name_of(i)}\nuidNumber: {UID_FIRST + i}\ngidNumber: {UID_FIRST + i}\n"
              f"homeDirectory: /home/{name_of(i)}\nloginShell: /bin/bash\n\n"
              + group_entry(name_of(i), UID_FIRST + i) for i in range(count)]
    parts.append(group_entry("team", UID_FIRST - 1, team))
    return "".join(parts)


class Peers:
    """The machine of the others; which of them it lacks, and why, is found out when they are asked for."""

    def __init__(self, build: Path, users: int) -> None:
        self.machine = Machine(hostname="peers", optional=PACKAGES)
        self.build, self.users = build, users
        self.team: Sequence[str] = ()

    def __enter__(self) -> "Peers":
        self.machine.start()
        put_tools(self.machine, self.build)
        # Only the programs of the bench ask for names here, and they say of whom.
        self.machine.sh("sed -i -E 's/ (sss|ldap)//g' /etc/nsswitch.conf")
        self.machine.write("/etc/pam.d/bench-oslogin",
                           "account required pam_oslogin_login.so\naccount required pam_permit.so\n")
        self._background("/usr/bin/python3", str(layer.CHECKOUT / "test/bench/metadata.py"), KEY)
        self._wait(["python3", "-c", "import urllib.request as u; u.urlopen('http://169.254.169.254/requests')"])
        return self

    def __exit__(self, *_: object) -> None:
        self.machine.stop()

    def _background(self, *argv: str) -> None:
        self.machine.popen(["sh", "-c", 'exec "$@" </dev/null >>/var/log/peers.log 2>&1 &', "sh", *argv]).wait()

    def _wait(self, argv: "list[str]") -> None:
        try:
            self.machine.sh('until "$@" >/dev/null 2>&1; do sleep 0.1; done', *argv, timeout=PATIENCE)
        except Exception as error:
            raise NotMeasured(f"{argv[0]} got no answer within {PATIENCE} s") from error

    def require(self, package: str) -> None:
        said = f"{layer.WITHOUT}/{package}"
        if self.machine.exists(said):
            raise NotMeasured(f"{package} cannot be installed: {self.machine.read(said).strip().splitlines()[-1][:120]}")

    def requests(self) -> Dict[str, int]:
        fetch = "import urllib.request as u; print(u.urlopen('http://169.254.169.254/requests').read().decode())"
        return json.loads(self.machine.run(["python3", "-c", fetch]).stdout)

    def key_command(self) -> Contestant:
        return spawned("google_authorized_keys (no certificate: asks its metadata service)", self.machine, "root",
                       ["/usr/bin/google_authorized_keys", USER], "ssh-ed25519 .*", requests=self.requests)

    def write_users(self, team: Sequence[str]) -> None:
        """team: who is in a further group, and is looked up."""
        self.team = team
        self.machine.write(LDIF, ldif(self.users, team))
        few = {*map(name_of, range(SSSD_USERS)), *team}
        self.machine.write(PASSWD, "".join(line for line in passwd_lines(self.users).splitlines(True)
                                           if line.partition(":")[0] in few))
        self.machine.write(GROUP, "".join(line for line in group_lines(self.users, team).splitlines(True)
                                          if line.partition(":")[0] in {"team", *few}))
        self.machine.write("/etc/oslogin_passwd.cache", passwd_lines(self.users))

    def start_sssd(self) -> None:
        """With fewer users: its files provider reads them in one go, and is ended when that takes long."""
        self.require("sssd-common")
        self.require("libnss-sss")
        self.machine.write("/etc/sssd/sssd.conf", SSSD, 0o600)
        self._background("/usr/sbin/sssd", "-i", "--logger=files")
        self._wait(["getent", "-s", "sss", "passwd", self.team[-1]])

    def start_nslcd(self) -> None:
        for package in ("slapd", "nslcd", "libnss-ldapd"):
            self.require(package)
        try:
            self.machine.write("/etc/ldap/bench.conf", SLAPD)
            self.machine.write("/etc/nslcd.conf", NSLCD, 0o640, "root:nslcd")
            self.machine.sh(f"""
                install -d -o openldap -g openldap /var/lib/bench-ldap /run/slapd
                install -d -o nslcd -g nslcd /run/nslcd
                slapadd -q -f /etc/ldap/bench.conf -l {LDIF}
                chown -R openldap: /var/lib/bench-ldap
                slapd -f /etc/ldap/bench.conf -h ldapi:/// -u openldap -g openldap
                nslcd""", timeout=300)
        except CommandError as error:
            raise NotMeasured(str(error)[:200]) from error
        self._wait(["getent", "-s", "ldap", "passwd", name_of(self.users - 1)])

    def memory(self, *programs: str) -> str:
        """What the daemons of these names have resident, together."""
        script = 'ps -C "$1" -o rss= | awk \'{ sum += $1; n++ } END { printf "%d processes with %.0f MB", n, sum / 1024 }\''
        return self.machine.sh(script, ",".join(programs)).stdout
