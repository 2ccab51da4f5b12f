# SPDX-License-Identifier: MIT
"""Names at many users: hits, misses, the first lookup, and what the module is."""

import dataclasses
import uuid
from typing import Callable, Dict, List, NamedTuple, Sequence

from frame import Contestant, Measure, NotMeasured, Row, Turn, measure, race
from lab.login import uid_of
from lab.machine import Machine
from machines import DOMAIN, Place, run_tool
from peers import SSSD_USERS, UID_FIRST, Peers, name_of

USERS = 10000
KEYS = 64  # that are looked up, spread over all

# Whoever is not root gets no provisional answers, so that there is such a thing as a miss.
NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")


def our_name(number: int) -> str:
    return f"user{number + 1}@{DOMAIN}"


def our_lines(count: int) -> str:
    """Accounts as provisioning writes them; of two whose ids collide, the second has none."""
    lines, seen = [], set()
    for i in range(count):
        name = our_name(i)
        uid = uid_of(name)
        if uid not in seen:
            seen.add(uid)
            oid = uuid.uuid5(uuid.NAMESPACE_DNS, name)
            lines.append(f"{name}:{oid}:{uid}:{uid}::/home/{name}:/bin/bash\n")
    return "".join(lines)


def write_users(place: Place) -> None:
    """The last comes by the product's own tool, so that whatever is derived from the file is there."""
    place.machine.write("/etc/aadpasswd", our_lines(USERS - 1))
    place.machine.run(["/usr/sbin/aaduseradd", our_name(USERS - 1), str(uuid.uuid5(uuid.NAMESPACE_DNS, "last"))])


def lookups(name: str, machine: Machine, source: str, kind: str, keys: Sequence[str], found: bool) -> Contestant:
    def take(runs: int) -> Turn:
        lines = [line.split() for line in run_tool(machine, "nsstime", source, str(runs), kind, *keys, prefix=NOBODY)]
        hits = {int(line[1]) > 0 for line in lines[1:-1]}
        if hits != {found}:
            raise NotMeasured(f"{source} found {'nothing' if found else 'something'} in {kind}")
        return Turn([float(line[0]) for line in lines[1:-1]], int(lines[-1][1]))
    return Contestant(name, take)


def first_lookup(name: str, machine: Machine, source: str, key: str) -> Contestant:
    """One process a run."""
    def take(runs: int) -> Turn:
        ns, peak = [], 0
        for _ in range(runs):
            lines = [line.split() for line in run_tool(machine, "nsstime", source, "0", "passwd", key, prefix=NOBODY)]
            if lines[0][2] != "1":
                raise NotMeasured(f"{source} does not know {key}")
            ns.append(float(lines[0][1]))
            peak = max(peak, int(lines[-1][1]))
        return Turn(ns, peak)
    return Contestant(name, take)


class Other(NamedTuple):
    """A name service beside ours."""

    name: str
    source: str
    start: Callable[[Peers], None]
    daemons: Sequence[str] = ()
    kinds: Sequence[str] = ("passwd",)


OTHERS = (
    Other(f"SSSD, files provider, {SSSD_USERS} users", "sss", Peers.start_sssd, ("sssd", "sssd_be", "sssd_nss"),
          ("passwd", "uid", "group", "initgroups")),
    Other("nslcd and OpenLDAP", "ldap", Peers.start_nslcd, ("nslcd", "slapd"), ("passwd", "uid", "group", "initgroups")),
    Other("OS Login, its cache file", "cache_oslogin", lambda peers: peers.require("google-compute-engine-oslogin"),
          (), ("passwd", "uid")),
    Other("OS Login, its metadata service", "oslogin", lambda peers: peers.require("google-compute-engine-oslogin")),
)


def spread(name: Callable[[int], str]) -> List[str]:
    return [name(i * (USERS // KEYS)) for i in range(KEYS)]


class Question(NamedTuple):
    """What is looked up, at ours and at the others."""

    what: str
    kind: str
    ours: List[str]
    theirs: List[str]
    found: bool


QUESTIONS = (
    Question("passwd by name, hit", "passwd", spread(our_name), spread(name_of), True),
    Question("passwd by name, miss", "passwd", spread(lambda i: f"stranger{i}@{DOMAIN}"),
             spread(lambda i: f"stranger{i}"), False),
    Question("passwd, miss of a name not of our shape", "passwd", spread(lambda i: f"stranger{i}"),
             spread(lambda i: f"stranger{i}"), False),
    Question("passwd by uid, hit", "uid", spread(lambda i: str(uid_of(our_name(i)))),
             spread(lambda i: str(UID_FIRST + i)), True),
    Question("group by name, hit", "group", spread(our_name), spread(name_of), True),
    Question("group by name, miss", "group", spread(lambda i: f"strangers{i}@{DOMAIN}"),
             spread(lambda i: f"strangers{i}"), False),
    Question("initgroups", "initgroups", spread(lambda i: f"{our_name(i)}:{uid_of(our_name(i))}"),
             spread(lambda i: f"{name_of(i)}:{UID_FIRST + i}"), True),
)


def start_others(peers: Peers) -> Dict[str, str]:
    """Why some cannot be asked, by source."""
    missing = {}
    peers.write_users(spread(name_of))
    for other in OTHERS:
        try:
            other.start(peers)
        except NotMeasured as error:
            missing[other.source] = str(error)
    return missing


def row_of(what: str, unit: str, target: float, ours: Contestant, others: Sequence[Contestant],
           missing: Dict[str, str], notes: Dict[str, str]) -> Row:
    for other in others:
        other.why, other.note = missing.get(other.name, ""), notes.get(other.name, "")
    race([ours, *others])
    ours.note = "the peak is that of the whole process that asks"
    return Row(what, measure(ours, unit), target, None, [measure(other, unit) for other in others])


def module_row(place: Place, peers: Peers, missing: Dict[str, str]) -> Row:
    def look(machine: Machine, source: str) -> Measure:
        path = machine.sh(f"ls /usr/lib/*/libnss_{source}.so.2 | head -n 1").stdout.strip()
        size = int(machine.run(["stat", "-Lc", "%s", path]).stdout)
        needs = machine.sh("readelf -d \"$1\" | sed -n 's/.*NEEDED.*\\[\\(.*\\)]/\\1/p'", path).stdout.split()
        return Measure(source, size / 1024, unit="KB", note=f"needs {' '.join(needs)}")
    ours = look(place.machine, "aad")
    beside = [Measure(other.name, why=missing[other.source]) if other.source in missing
              else dataclasses.replace(look(peers.machine, other.source), name=other.name) for other in OTHERS]
    return Row("NSS module: size", ours, 40, None, beside)


def rows(place: Place, peers: Peers) -> List[Row]:
    missing = start_others(peers)
    write_users(place)
    names = {other.name: missing[other.source] for other in OTHERS if other.source in missing}
    notes = {other.name: peers.memory(*other.daemons) for other in OTHERS if other.daemons and other.name not in names}
    found = []
    for question in QUESTIONS:
        what = f"NSS at {USERS} users: {question.what}"
        ours = lookups(what, place.machine, "aad", question.kind, question.ours, question.found)
        others = [lookups(other.name, peers.machine, other.source, question.kind, question.theirs, question.found)
                  for other in OTHERS if question.kind in other.kinds]
        found.append(row_of(what, "us", 1.0, ours, others, names, notes))
    what = f"NSS at {USERS} users: first lookup in a process"
    middle = KEYS // 2
    ours = first_lookup(what, place.machine, "aad", spread(our_name)[middle])
    others = [first_lookup(other.name, peers.machine, other.source, spread(name_of)[middle]) for other in OTHERS]
    found.append(row_of(what, "ms", 0.3, ours, others, names, {}))
    return found + [module_row(place, peers, missing)]
