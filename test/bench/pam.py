# SPDX-License-Identifier: MIT
"""The account phase: for local users, with a cached grant, and with nothing cached but the token."""

import statistics
from typing import List

from frame import Contestant, Measure, NotMeasured, Row, Turn, measure, race
from lab.machine import Machine
from machines import KEY_COMMAND, SERVICE_USER, Place, key_of, run_tool
from peers import USER, Peers

DELAY_MS = 20  # that the fake adds to each answer of Resource Manager
NEIGHBOUR = "x@corp.local"

AS_SERVICE = f"setpriv --reuid={SERVICE_USER} --regid={SERVICE_USER} --clear-groups"
FORGET = "rm -f /run/aadsshlogin/decisions/* /var/cache/aadsshlogin/role-*\n"


def asked(name: str, machine: Machine, service: str, user: str, script: str = "", **keywords: object) -> Contestant:
    """The account phase of a service for a user; script comes before each run, and is not measured."""
    def take(runs: int) -> Turn:
        lines = [line.split() for line in run_tool(machine, "pamtime", str(runs), service, user, user, script)]
        results = {line[1] for line in lines[:-1]}
        if results != {"0"}:
            raise NotMeasured(f"PAM answered {', '.join(sorted(results))} for {user} in {service}")
        return Turn([float(line[0]) for line in lines[:-1]], max(int(text) for text in lines[-1][1:]))
    return Contestant(name, take, **keywords)


def offer(place: Place, name: str) -> str:
    """The script that lets the key command accept the person's certificate for the login that follows."""
    person = place.person(name)
    return f"exec {AS_SERVICE} {KEY_COMMAND} {person.name} {key_of(person.certificate)}"


def floor(place: Place) -> Contestant:
    return asked("the stack without us", place.machine, "bench-floor", "local")


def of_local_user(place: Place, what: str, user: str) -> Row:
    ours = asked(what, place.machine, "bench-login", user, requests=place.azure.counts)
    others = [floor(place)]
    race([ours, *others])
    return Row(what, measure(ours, "ms"), 0.05, None, [measure(other, "ms") for other in others])


def of_cached_grant(place: Place, peers: Peers) -> List[Row]:
    """One decision serves all runs for a minute; then one of them asks anew, which no median shows."""
    login, sudo = "PAM account: sign-in, grant cached", "PAM account: sudo, grant cached"
    name = place.person("cached").name
    asked("", place.machine, "bench-login", name, offer(place, "cached")).take(1)
    ours = [asked(login, place.machine, "bench-login", name, offer(place, "cached"), requests=place.azure.counts,
                  note="the certificate is verified once more"),
            asked(sudo, place.machine, "bench-sudo", name, requests=place.azure.counts)]
    google = asked("pam_oslogin_login.so (asks its metadata service)", peers.machine, "bench-oslogin", USER,
                   requests=peers.requests)
    others = [floor(place), google]
    race([*ours, *others])
    beside = [measure(other, "ms") for other in others]
    return [Row(one.name, measure(one, "ms"), 2.5, None, beside) for one in ours]


def of_role_check(place: Place) -> Row:
    """How much longer the whole takes when every answer takes longer is what tells the round trips."""
    what = f"role check with nothing cached but the token, {DELAY_MS} ms an answer"
    name = place.person("asking").name
    script = FORGET + offer(place, "asking")

    def slow(runs: int) -> Turn:
        place.azure.fault("arm.*", delay=DELAY_MS / 1000)
        try:
            return plain.take(runs)
        finally:
            place.azure.clear_faults()
    plain = asked("with answers at once", place.machine, "bench-login", name, script, requests=place.azure.counts)
    ours = Contestant(what, slow, requests=place.azure.counts)
    plain.take(1)
    race([ours, plain])
    row = Row(what, measure(ours, "ms"), None, None, [measure(plain, "ms")])
    trips = Measure("round trips", note="how much longer it took, in times of that delay")
    if not ours.why and not plain.why:
        trips.value = statistics.median(a - b for a, b in zip(ours.ns, plain.ns)) / 1e6 / DELAY_MS
    else:
        trips.why = "one of the two was not measured"
    return [row, Row("role check: round trips", trips, 2)]


def rows(place: Place, peers: Peers) -> List[Row]:
    place.machine.sh(f"""
        echo '{NEIGHBOUR}:x:1234:1234::/:/bin/bash' >>/etc/passwd
        echo '{NEIGHBOUR}:x:1234:' >>/etc/group""")
    return [of_local_user(place, "PAM account: a local user", "local"),
            of_local_user(place, "PAM account: a local user whose name has an @", NEIGHBOUR),
            *of_cached_grant(place, peers), *of_role_check(place)]
