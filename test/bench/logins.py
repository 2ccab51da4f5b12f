# SPDX-License-Identifier: MIT
"""Many people sign in at once."""

import time
from typing import List

from frame import Measure, Row
from lab.login import OPTIONS, uid_of
from machines import DOMAIN, Place
from peers import Peers

LOGINS = 200
COUNTED = ("entra.openid", "entra.keys", "imds.token", "arm.assignments", "arm.denies", "arm.definition")

# One client each, all at once; what each got is a line of /tmp/logins.
CLIENTS = """
rm -rf /tmp/logins
mkdir /tmp/logins
while read -r name certificate; do
	ssh {options} -o ConnectTimeout=110 -i {key} -o CertificateFile="$certificate" -l "$name" 127.0.0.1 'id -un; id -u' \\
		</dev/null >"/tmp/logins/$name" 2>"/tmp/logins/$name.err" &
done
wait
"""


def at_once(place: Place, what: str, names: List[str], clients: str, listed: str) -> Row:
    place.azure.reset_counts()
    started = time.monotonic()
    place.machine.sh(clients, input=listed, timeout=400)
    seconds = time.monotonic() - started
    counts = place.azure.counts()
    script = 'cd /tmp/logins; for name; do echo "$name" $(cat "$name"); done'
    got = [line.split() for line in place.machine.sh(script, *names).stdout.splitlines()]
    right = sum(line == [line[0], line[0], str(uid_of(line[0]))] for line in got)
    asked = {kind: counts.get(kind, 0) for kind in COUNTED}
    note = f"{right} of {len(names)} right; requests in all: " + ", ".join(f"{kind} {n}" for kind, n in asked.items())
    if right < len(names):
        said = place.machine.sh("cat /tmp/logins/*.err | grep -v 'Permanently added' | sort | uniq -c | sort -rn | head -n 1",
                                check=False).stdout.strip()
        note += f"; the others read: {said[:160]}"
    return Row(what, Measure(what, seconds, unit="s", runs=1, note=note))


def rows(place: Place, peers: Peers) -> List[Row]:
    """All have the same key, and a certificate each."""
    azure = place.azure
    key = azure.user_key("crowd")
    names, listed = [], []
    for number in range(LOGINS):
        name = f"crowd{number}@{DOMAIN}"
        oid = azure.add_user(name)
        azure.assign(oid, "user")
        certificate = azure.certificate(f"{key}.pub", name, oid, out=key.with_name(f"crowd{number}-cert.pub"))
        names.append(name)
        listed.append(f"{name} {certificate}\n")
    clients = CLIENTS.format(options=" ".join(OPTIONS), key=key)
    place.forget("keys", "decisions", "definitions", "token")
    return [at_once(place, f"{LOGINS} logins at once, the first of each, nothing cached", names, clients, "".join(listed)),
            at_once(place, f"{LOGINS} logins at once, again", names, clients, "".join(listed))]
