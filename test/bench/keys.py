# SPDX-License-Identifier: MIT
"""The key command: with a certificate and cached keys, and for those whom it does not concern."""

from pathlib import Path
from typing import List

from frame import Row, measure, race
from machines import DOMAIN, KEY_COMMAND, SERVICE_USER, Place, calls_of, floors, key_of, spawned
from peers import Peers

ANSWER = r'cert-authority,principals="[^"]+" ssh-rsa [A-Za-z0-9+/=]+'


def with_certificate(place: Place, peers: Peers, bits: int) -> Row:
    """The first call fills the cache; what it asks for is no part of the row."""
    person = place.person(f"rsa{bits}")
    key = key_of(person.certificate)
    argv = [KEY_COMMAND, person.name, key]
    what = f"key command: a certificate, keys cached, CA of {bits} bits"
    place.machine.run(["setpriv", f"--reuid={SERVICE_USER}", f"--regid={SERVICE_USER}", "--clear-groups", *argv])
    ours = spawned(what, place.machine, SERVICE_USER, argv, ANSWER, requests=place.azure.counts,
                   note=calls_of(place.machine, SERVICE_USER, argv))
    others = floors(place.machine) + ([peers.key_command()] if bits == 2048 else [])
    race([ours, *others])
    return Row(what, measure(ours, "ms"), 2.0, 3 * 1024, [measure(other, "ms") for other in others])


def without_certificate(place: Place, what: str, name: str) -> Row:
    plain = key_of(Path(f"{place.person('plain').key}.pub"))
    argv = [KEY_COMMAND, name, plain]
    ours = spawned(what, place.machine, SERVICE_USER, argv, "", requests=place.azure.counts,
                   note=calls_of(place.machine, SERVICE_USER, argv))
    others = floors(place.machine)
    race([ours, *others])
    return Row(what, measure(ours, "ms"), 0.6, None, [measure(other, "ms") for other in others])


def rows(place: Place, peers: Peers) -> List[Row]:
    found = [with_certificate(place, peers, 2048),
             without_certificate(place, "key command: a local user", "local"),
             without_certificate(place, "key command: a plain key of a name of ours", f"plain@{DOMAIN}")]
    for _ in range(2):  # the first publishes the new key, the second signs with it
        place.azure.rotate_keys(keep_old=True, bits=4096)
    place.forget("keys")
    return found + [with_certificate(place, peers, 4096)]
