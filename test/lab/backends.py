# SPDX-License-Identifier: MIT
"""Who is let in by each role backend, through the real sshd and sudo, and what services that fail or lie get.

Rows of people sign in with ssh; rows of rights and faults ask aad_authorize, as the PAM module does for sudo, about
an account that is set up, each time anew.

usage: backends.py [--build DIR] [--only TEXT] [--crowd N]
"""

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Sequence, Tuple

sys.path[:0] = [str(Path(__file__).resolve().parents[1]), str(Path(__file__).resolve().parents[1] / "fakes")]

from azure.client import Azure  # noqa: E402
from azure.model import EVERYONE, LOGIN_ACTION, LOGIN_AS_ADMIN_ACTION, PDP_HOST  # noqa: E402
from lab.install import install_package  # noqa: E402
from lab.login import Person, check_refused, uid_of  # noqa: E402
from lab.machine import Machine  # noqa: E402
from lab.place import DOMAIN, in_cloud  # noqa: E402
from lab.teller import Teller, expect  # noqa: E402

ROLES_FILE = "/etc/aadsshlogin.roles"
DECISIONS, CACHE = "/run/aadsshlogin/decisions", "/var/cache/aadsshlogin"

# Backend -> the endpoints of the fake that it asks
ENDPOINTS = {"arm": "arm.*", "checkaccess": "arm.checkaccess", "pdp": "pdp.checkaccess"}
GRANT, NO_ROLE = ("grant", ""), ("deny role", "admin-role-missing")


def unavailable(reason: str) -> Tuple[str, str]:
    return ("deny unavailable", reason)


class Lab:
    """A machine with the package, configured by its own command, and four people."""

    def __init__(self, machine: Machine, azure: Azure, build: Path) -> None:
        self.machine, self.azure = machine, azure
        install_package(machine, build)
        self.admin = Person(machine, azure, f"admin@{DOMAIN}", "admin")
        self.member = Person(machine, azure, f"member@{DOMAIN}")
        self.stranger = Person(machine, azure, f"stranger@{DOMAIN}")
        self.banned = Person(machine, azure, f"banned@{DOMAIN}", "admin")
        azure.assign(azure.add_group("outer", [azure.add_group("inner", [self.member.oid])]), "user",
                     f"/subscriptions/{azure.subscription}")
        azure.deny(self.banned.oid, [LOGIN_ACTION])
        machine.write(ROLES_FILE, f"{self.admin.oid} admin\n{self.member.oid} user\n", 0o600)
        self.backend = ""

    def use(self, backend: str) -> None:
        words = [f"role_backend={backend}", f"user_domains={DOMAIN}"]
        self.machine.run(["aadsshlogin", "configure", *words, *([f"roles_file={ROLES_FILE}"] if backend == "static" else [])])
        self.backend = backend
        self.forget()

    def forget(self) -> None:
        self.machine.sh(f"rm -rf {DECISIONS}/*")

    def set_up(self, *names: str) -> None:
        """Users who have signed in before."""
        lines = [f"{name}:{self.azure.add_user(name)}:{uid_of(name)}:{uid_of(name)}::/home/{name}:/bin/bash\n"
                 for name in names]
        self.machine.sh("printf '%s' \"$1\" >>/etc/aadpasswd", "".join(lines))

    def oid_of(self, name: str) -> str:
        return next(line.split(":")[1] for line in self.machine.read("/etc/aadpasswd").splitlines()
                    if line.startswith(f"{name}:"))

    def ask(self, name: str, afresh: bool = True) -> Tuple[str, str]:
        """Administer?  The first line of the answer, and the reason in the log."""
        said = self.machine.sh(ASK, f"{DECISIONS}/*" if afresh else "", name, str(uid_of(name))).stdout.splitlines()
        expect(len(said) >= 2 and "decision=" in said[-1], said)
        _, _, reason = said[-1].partition('reason="')
        return said[0], reason.partition('"')[0]


AUTHORIZE = "/usr/libexec/aadsshlogin/aad_authorize"
# The log comes by another way than the answer, a moment later.
ASK = f"""
log=/var/log/syslog
rm -rf $1
before=$(wc -l <$log)
{AUTHORIZE} admin "$2" "$3" sudo -
for try in $(seq 100); do
	! tail -n +$((before + 1)) $log | grep 'aad_authorize.*decision=' || exit 0
	sleep 0.02
done"""


# ---- people, through sshd

def the_administrator(lab: Lab) -> None:
    result = lab.admin.run("sudo -n id -u")
    expect(result.stdout.strip() == "0", result)


def a_member_of_a_group(lab: Lab) -> None:
    result = lab.member.run("id -un; sudo -n true")
    expect(result.stdout.strip() == lab.member.name and result.returncode not in (0, 255), result)


def a_stranger(lab: Lab) -> None:
    check_refused(lab.stranger.run("true"), "login/action", lab.stranger.oid)


def the_banned(lab: Lab) -> None:
    check_refused(lab.banned.run("true"), "deny assignment")


PEOPLE: List[Tuple[str, Sequence[str], Callable[[Lab], None]]] = [
    ("the administrator signs in and uses sudo", ("arm", "checkaccess", "pdp", "static"), the_administrator),
    ("a member of a group in a group signs in, sudo refuses", ("arm", "checkaccess", "pdp"), a_member_of_a_group),
    ("who has the user's role in the file signs in, sudo refuses", ("static",), a_member_of_a_group),
    ("who has no role is refused and reads why", ("arm", "checkaccess", "pdp", "static"), a_stranger),
    ("a deny assignment keeps an administrator out, who reads why", ("arm", "checkaccess", "pdp"), the_banned),
]


# ---- rights

class Right(NamedTuple):
    title: str
    answer: Tuple[str, str]
    assign: Optional[Dict[str, Any]] = {}  # None: nothing; scope, condition
    deny: Optional[Dict[str, Any]] = None  # oid, actions, and what Azure.deny takes


DENIED = ("deny role", "role-denied")
ME, OTHER = "<me>", "<other>"
GROUP_SCOPE = "<group>"  # of the machine

RIGHTS = [
    Right("a role at the resource group", GRANT, {"scope": GROUP_SCOPE}),
    Right("a role at a management group", GRANT, {"scope": "/providers/Microsoft.Management/managementGroups/root"}),
    Right("a role at another machine with a longer name", NO_ROLE, {"scope": "<vm>0"}),
    Right("a role below the machine", NO_ROLE, {"scope": "<vm>/extensions/x"}),
    Right("a role at the machine in other letters", GRANT, {"scope": "<VM>"}),
    Right("a role with a condition", NO_ROLE, {"condition": "@Resource[x] StringEquals 'y'"}),
    Right("everybody denied", DENIED, {}, {"oid": EVERYONE}),
    Right("everybody denied but this account", GRANT, {}, {"oid": EVERYONE, "excluded": [ME]}),
    Right("everybody denied but another", DENIED, {}, {"oid": EVERYONE, "excluded": [OTHER]}),
    Right("another account denied", GRANT, {}, {"oid": OTHER}),
    Right("denied above, for that scope alone", GRANT, {}, {"oid": ME, "scope": GROUP_SCOPE, "this_scope_only": True}),
    Right("denied above", DENIED, {}, {"oid": ME, "scope": GROUP_SCOPE}),
    Right("denied by a wildcard", DENIED, {}, {"oid": ME, "actions": ["*/LOGINASADMIN/*"]}),
    Right("denied all but this action", GRANT, {},
          {"oid": ME, "actions": ["*"], "not_data_actions": ["Microsoft.Compute/virtualMachines/login*/action"]}),
]


def play_right(lab: Lab, right: Right, name: str) -> None:
    azure, oid = lab.azure, lab.oid_of(name)
    vm = azure.resource_id
    places = {GROUP_SCOPE: vm.partition("/providers/")[0], "<vm>0": f"{vm}0", "<vm>/extensions/x": f"{vm}/extensions/x",
              "<VM>": vm.upper(), None: None}

    def place(scope: Optional[str]) -> Optional[str]:
        return places.get(scope, scope)

    azure.assign(oid, "admin", place((right.assign or {}).get("scope")), (right.assign or {}).get("condition"))
    denial = None
    if right.deny:
        more = dict(right.deny)
        people = {ME: oid, OTHER: lab.stranger.oid}
        who, actions, scope = more.pop("oid"), more.pop("actions", [LOGIN_AS_ADMIN_ACTION]), more.pop("scope", None)
        if "excluded" in more:
            more["excluded"] = [people[one] for one in more["excluded"]]
        denial = azure.deny(people.get(who, who), actions, place(scope), **more)
    try:
        expect((answer := lab.ask(name)) == right.answer, answer)
    finally:
        azure.unassign(oid)
        if denial:
            azure.undeny(denial)


# ---- faults

NOBODY_KNOWS = "https://evil.example/page2"


def allowed(action: str, word: str = "Allowed") -> Dict[str, Any]:
    return {"actionId": action, "isDataAction": True, "accessDecision": word}


BOTH = [allowed(LOGIN_ACTION), allowed(LOGIN_AS_ADMIN_ACTION)]
TWO = ("checkaccess", "pdp")
ALL = ("arm", *TWO)


class Failure(NamedTuple):
    title: str
    answer: Tuple[str, str]
    fault: Dict[str, Any]
    backends: Sequence[str] = ALL


FAILURES = [
    Failure("429 once, without a time", GRANT, {"status": 429, "times": 1}),
    Failure("429 once that says when", GRANT, {"status": 429, "headers": {"Retry-After": "1"}, "times": 1}, TWO),
    Failure("429 that asks for an hour", unavailable("backend-unreachable"),
            {"status": 429, "headers": {"Retry-After": "3600"}}),
    Failure("503 once", GRANT, {"status": 503, "times": 1}),
    Failure("500 for ever", unavailable("backend-unreachable"), {"status": 500}),
    Failure("403", unavailable("backend-refused"), {"status": 403}),
    Failure("404", unavailable("backend-malformed"), {"status": 404}),
    Failure("a redirect", unavailable("backend-malformed"), {"status": 302, "headers": {"Location": NOBODY_KNOWS}}),
    Failure("a body that is cut off", unavailable("backend-unreachable"), {"truncate": 20}),
    Failure("100 MB", unavailable("backend-malformed"), {"huge": 100 << 20}),
    Failure("no JSON", unavailable("backend-malformed"), {"body": "<html>"}),
    Failure("deep nesting", unavailable("backend-malformed"), {"body": "[" * 100000}),
    Failure("an empty object", unavailable("backend-malformed"), {"body": {}}),
    Failure("an empty array", unavailable("backend-malformed"), {"body": []}),
    Failure("half of an answer", unavailable("backend-malformed"), {"body": BOTH[1:]}, TWO),
    Failure("an answer twice", unavailable("backend-malformed"), {"body": BOTH + BOTH[:1]}, TWO),
    Failure("a contradiction", unavailable("backend-malformed"),
            {"body": BOTH + [allowed(LOGIN_AS_ADMIN_ACTION, "Denied")]}, TWO),
    Failure("an answer to another question", unavailable("backend-malformed"),
            {"body": BOTH + [allowed("Microsoft.Compute/virtualMachines/read")]}, TWO),
    Failure("a word that nobody knows", NO_ROLE, {"body": [BOTH[0], allowed(LOGIN_AS_ADMIN_ACTION, "allowed")]}, TWO),
    Failure("a next page elsewhere", unavailable("backend-malformed"),
            {"body": {"value": BOTH, "nextLink": NOBODY_KNOWS}}),
    Failure("a next page without TLS", unavailable("backend-malformed"),
            {"body": {"value": BOTH, "nextLink": f"http://{PDP_HOST}/x"}}),
    Failure("a next page behind a user's name", unavailable("backend-malformed"),
            {"body": {"value": BOTH, "nextLink": f"https://{PDP_HOST}@evil.example/x"}}),
    Failure("a next page on another port", unavailable("backend-malformed"),
            {"body": {"value": BOTH, "nextLink": f"https://{PDP_HOST}:8443/x"}}),
    Failure("pages without end", unavailable("backend-malformed"), {"body": {
        "value": [], "nextLink": f"https://{PDP_HOST}/providers/Microsoft.Authorization/checkAccess"}}, ("pdp",)),
]


def play_failure(lab: Lab, failure: Failure, name: str) -> None:
    lab.azure.fault(ENDPOINTS[lab.backend], **failure.fault)
    try:
        started = time.monotonic()
        expect((answer := lab.ask(name)) == failure.answer, answer)
        expect(time.monotonic() - started < 15, "the decision took too long")
    finally:
        lab.azure.clear_faults()


# ---- what the machine's identity may read: manifest/azure's role, in place of Reader at the subscription

ROLE = Path(__file__).resolve().parents[2] / "manifest/azure/arm/role.json"


def least() -> List[str]:
    return json.loads(ROLE.read_text())["resources"][0]["properties"]["permissions"][0]["actions"]


def with_rights(lab: Lab, actions: List[str], play: Callable[[], None]) -> None:
    """While the identity has these actions at the machine, and no others."""
    azure = lab.azure
    azure.unassign(azure.identity)
    azure.assign(azure.identity, azure.define_role("least", actions=actions))
    lab.machine.sh(f"rm -rf {DECISIONS}/* {CACHE}/role-* /run/aadsshlogin/private/*")
    try:
        play()
    finally:
        azure.unassign(azure.identity)
        azure.assign(azure.identity, "reader", f"/subscriptions/{azure.subscription}")


def the_least_role(lab: Lab) -> None:
    def people() -> None:
        for play in (the_administrator, a_member_of_a_group, a_stranger, the_banned):
            play(lab)
    with_rights(lab, least(), people)


def less_than_that(lab: Lab, without: str, name: str) -> None:
    def refused() -> None:
        expect((answer := lab.ask(name)) == unavailable("backend-refused"), answer)
    with_rights(lab, [action for action in least() if action != without], refused)


# ---- what is kept, and who asks

def an_answer_in_pages(lab: Lab, name: str) -> None:
    lab.azure.set_page_size(1)
    lab.azure.reset_counts()
    try:
        expect((answer := lab.ask(name)) == GRANT, answer)
    finally:
        lab.azure.set_page_size(2)
    expect(lab.backend != "pdp" or lab.azure.counts()["pdp.checkaccess"] == 2, lab.azure.counts())


def a_decision_ends_when_the_service_says(lab: Lab, name: str) -> None:
    azure, oid = lab.azure, lab.oid_of(name)
    azure.set_decision_life(1500)
    if lab.backend == "arm":
        azure.fault("arm.denies", headers={"Cache-Control": "private, max-age=2"})
    try:
        expect((answer := lab.ask(name)) == GRANT, answer)
        asked = time.monotonic()
        azure.unassign(oid)
        answer = lab.ask(name, afresh=False)
        expect(answer == GRANT or time.monotonic() - asked > 1, answer)
        time.sleep(max(0.0, asked + 2.1 - time.monotonic()))
        expect((answer := lab.ask(name, afresh=False)) == NO_ROLE, answer)
    finally:
        azure.clear_faults()
        azure.set_decision_life(300000)
        azure.assign(oid, "admin")


def a_crowd(lab: Lab, size: int) -> None:
    """All ask at once, with nothing cached: everybody is right, and no definition is asked for twice."""
    names = [f"crowd{number}@{DOMAIN}" for number in range(size)]
    lab.set_up(*names)
    oids = {line.split(":")[0]: line.split(":")[1] for line in lab.machine.read("/etc/aadpasswd").splitlines()}
    for number, name in enumerate(names):
        lab.azure.assign(oids[name], "admin" if number % 2 else "user")
    lab.forget()
    lab.machine.sh(f"rm -rf {CACHE}/role-* /run/aadsshlogin/private/*; mkdir -p /tmp/crowd")
    lab.azure.reset_counts()
    started = time.monotonic()
    lab.machine.sh(f"""
        while read -r name uid; do {AUTHORIZE} admin "$name" "$uid" sudo - >"/tmp/crowd/$name" & done
        wait""", input="".join(f"{name} {uid_of(name)}\n" for name in names), timeout=120)
    took, counts = time.monotonic() - started, lab.azure.counts()
    answers = lab.machine.sh("cd /tmp/crowd && for name in *; do echo \"$name $(head -n 1 $name)\"; done").stdout.splitlines()
    wrong = [line for line in answers
             if not line.endswith("grant" if int(line[5:line.index("@")]) % 2 else "deny role")]
    print(f"             {size} at once in {took:.1f} s: {counts}")
    expect(len(answers) == size and not wrong, wrong)
    expect(counts["imds.token"] == 1, counts)
    expect(counts["arm.definition"] == 2, counts)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--build", type=Path, default=Path("build"), help="where the packages are")
    parser.add_argument("--only", default="", help="rows whose title holds this text")
    parser.add_argument("--crowd", type=int, default=40, help="how many ask at once (default 40)")
    arguments = parser.parse_args()
    tell = Teller()

    def row(title: str, play: Callable[..., None], *how: Any) -> None:
        if arguments.only in title:
            with tell.step(title):
                play(*how)

    with in_cloud("backends") as (machine, azure):
        lab = Lab(machine, azure, arguments.build)
        for backend in ("static", *ALL):
            lab.use(backend)
            for title, backends, play in PEOPLE:
                if backend in backends:
                    row(f"{backend}: {title}", play, lab)
            if backend == "static":
                lab.set_up(f"right@{DOMAIN}", f"fault@{DOMAIN}")
                azure.assign(lab.oid_of(f"fault@{DOMAIN}"), "admin")
                continue
            for right in RIGHTS:
                row(f"{backend}: {right.title}", play_right, lab, right, f"right@{DOMAIN}")
            for failure in FAILURES:
                if backend in failure.backends:
                    row(f"{backend}: {failure.title}: {failure.answer[0]}", play_failure, lab, failure, f"fault@{DOMAIN}")
            row(f"{backend}: an answer in pages", an_answer_in_pages, lab, f"fault@{DOMAIN}")
            row(f"{backend}: a decision ends when the service says", a_decision_ends_when_the_service_says, lab,
                f"fault@{DOMAIN}")
        lab.use("arm")
        row("arm: with the least role of manifest/azure at the machine the administrator signs in, and so on", the_least_role, lab)
        for action in least():
            row(f"arm: without {action} nobody does", less_than_that, lab, action, f"fault@{DOMAIN}")
        row("arm: a crowd asks for each definition once", a_crowd, lab, arguments.crowd)
    return tell.summary("the rows of the role backends")


if __name__ == "__main__":
    sys.exit(main())
