# SPDX-License-Identifier: MIT
"""What a built SELinux policy allows the module's domain, and others with its files; by setools, as sesearch does.

What is asserted are whole sets, so that a right which came with an attribute of the policy is found too.  A rule that a
boolean turns off by default does not count.

usage: policycheck.py POLICY VARIANT...     or POLICY --type NAME
"""

import sys
from typing import Dict, Iterable, Set

import setools

DOMAIN = "aadsshlogin_t"
OWN = {"aadsshlogin_users_t", "aadsshlogin_cache_t", "aadsshlogin_run_t", "aadsshlogin_state_t"}
WRITES = ["write", "append", "create", "unlink", "rename", "setattr", "link"]

# What may be in a set beside what must be.  Names that a release does not have are of no matter.
MAY_WRITE = OWN | {DOMAIN, "user_home_t", "security_t"}  # of the domain itself: its own files of /proc
MAY_CONNECT = {"http_port_t", "http_cache_port_t", "squid_port_t", "dns_port_t"}
# With the attribute of who looks up names: sources of names that a release has turned on.
LOOKUP_PORTS = {"kerberos_port_t", "ocsp_port_t", "ldap_port_t"}
MAY_EXECUTE = {"aadsshlogin_exec_t", "bin_t", "setfiles_exec_t", "nscd_exec_t"}
CAPABILITIES = {"chown", "dac_override", "dac_read_search", "fowner", "fsetid", "kill", "setgid", "setuid"}
# Those who may take on any domain, by the policy's own rule for unconfined ones.
UNCONFINED = {"unconfined_t", "init_t", "initrc_t"}


class Policy:
    """The rules of one policy that have a type of ours on a side, and questions to them."""

    def __init__(self, path: str) -> None:
        policy = setools.SELinuxPolicy(path)
        self.types = {kind.name for kind in policy.types()}
        self.attributes = {one.name: {kind.name for kind in one.expand()} for one in policy.typeattributes()}
        ours = OWN | {DOMAIN, "aadsshlogin_exec_t", "aadsshlogin_secret_t"}
        self.ours = ours | {name for name, members in self.attributes.items() if members & ours}
        booleans = {boolean.name: boolean.state for boolean in policy.bools()}
        self.rules = [Rule(rule, self) for rule in policy.terules()
                      if (str(rule.source) in self.ours or str(rule.target) in self.ours)
                      and str(rule.ruletype) in ("allow", "type_transition") and counts(rule, booleans)]

    def expand(self, name: str) -> Set[str]:
        return self.attributes.get(name, {name})

    def targets(self, tclass: str, perms: Iterable[str], source: str = DOMAIN) -> Set[str]:
        """What source may do any of perms to."""
        found = [rule for rule in self.rules if rule.allows(tclass, perms) and source in rule.sources]
        return {kind for rule in found for kind in rule.targets}

    def sources(self, target: str, tclass: str, perms: Iterable[str]) -> Set[str]:
        found = [rule for rule in self.rules if rule.allows(tclass, perms) and target in rule.targets]
        return {kind for rule in found for kind in rule.sources}

    def perms(self, target: str, tclass: str) -> Set[str]:
        found = [rule for rule in self.rules
                 if rule.kind == "allow" and rule.tclass == tclass and DOMAIN in rule.sources and target in rule.targets]
        return {perm for rule in found for perm in rule.perms}

    def entered_from(self) -> Set[str]:
        """Who becomes the domain by running its program."""
        found = [rule for rule in self.rules if rule.makes("process", "aadsshlogin_exec_t") == DOMAIN]
        return {kind for rule in found for kind in rule.sources}

    def made_in(self, parent: str, tclass: str) -> Set[str]:
        return {rule.makes(tclass, parent) for rule in self.rules if DOMAIN in rule.sources and rule.makes(tclass, parent)}

    def members(self, attribute: str) -> Set[str]:
        return self.attributes.get(attribute, set())

    def may(self, source: str, target: str, tclass: str, *perms: str) -> bool:
        return all(target in self.targets(tclass, [perm], source) for perm in perms)


class Rule:
    """One rule, expanded when it is asked."""

    def __init__(self, rule: "setools.policyrep.AnyTERule", policy: Policy) -> None:
        self.kind, self.tclass = str(rule.ruletype), rule.tclass.name
        self.perms = frozenset(rule.perms) if self.kind == "allow" else frozenset()
        self.default = str(rule.default) if self.kind == "type_transition" else ""
        self._source, self._target, self._policy = str(rule.source), str(rule.target), policy

    @property
    def sources(self) -> Set[str]:
        return self._policy.expand(self._source)

    @property
    def targets(self) -> Set[str]:
        return self._policy.expand(self._target)

    def allows(self, tclass: str, perms: Iterable[str]) -> bool:
        return self.kind == "allow" and self.tclass == tclass and not self.perms.isdisjoint(perms)

    def makes(self, tclass: str, target: str) -> str:
        return self.default if self.tclass == tclass and self.default and target in self.targets else ""


def counts(rule: "setools.policyrep.AnyTERule", booleans: Dict[str, bool]) -> bool:
    try:
        expression = rule.conditional
    except setools.exception.RuleNotConditional:
        return True
    return expression.evaluate(**{one.name: booleans[one.name] for one in expression.booleans}) == rule.conditional_block


class Checks:
    """Assertions; those that do not hold are printed."""

    def __init__(self, policy: Policy) -> None:
        self.policy, self.count, self.broken = policy, 0, 0

    def holds(self, what: str, condition: bool, seen: object = "") -> None:
        self.count += 1
        if not condition:
            self.broken += 1
            print(f"  does not hold: {what} {seen}")

    def within(self, what: str, found: Set[str], limit: Set[str]) -> None:
        self.holds(what, found <= limit, sorted(found - limit))


def check_domain(check: Checks) -> None:
    policy = check.policy
    check.within("writes no files but its own, new homes' and the kernel's question for a context",
                 policy.targets("file", WRITES), MAY_WRITE)
    check.holds("writes its own files", policy.targets("file", ["write"]) >= OWN)
    check.within("makes directories of these types alone", policy.targets("dir", ["create"]),
                 OWN | {"user_home_dir_t", "user_home_t"})
    check.within("relabels what a home has", policy.targets("file", ["relabelfrom"]), {"user_home_t"})
    check.within("relabels to types of homes",
                 policy.targets("file", ["relabelto"]),
                 {"user_home_t"} | policy.members("user_home_content_type") | policy.members("user_home_type"))
    check.within("executes these programs in itself", policy.targets("file", ["execute_no_trans"]), MAY_EXECUTE)
    check.holds("executes no shell", not policy.may(DOMAIN, "shell_exec_t", "file", "execute"))
    check.within("becomes nothing else", policy.targets("process", ["transition", "dyntransition"]), set())
    check.holds("traces nobody", not policy.targets("process", ["ptrace"]))
    check.within("signals itself and who started it", policy.targets("process", ["sigkill", "signal"]), {DOMAIN})
    check.holds("its capabilities are these", policy.perms(DOMAIN, "capability") == CAPABILITIES,
                policy.perms(DOMAIN, "capability"))
    check.holds("has no capability of the second class", not policy.perms(DOMAIN, "capability2"))
    check.within("asks the kernel for contexts and nothing else", policy.perms("security_t", "security"),
                 {"check_context", "compute_av", "compute_create", "compute_relabel", "compute_user"})
    check.holds("loads no module", not policy.targets("system", ["module_load", "module_request"]))
    for secret in ("shadow_t", "sshd_key_t", "ssh_home_t", "aadsshlogin_exec_t"):
        rights = ["read", "append", "write"] if not secret.startswith("aadssh") else ["write", "append", "unlink"]
        check.holds(f"no {secret}", secret not in policy.targets("file", rights))
    check.holds("writes nothing of /etc but the lists", "etc_t" not in policy.targets("file", WRITES))
    check.holds("what it makes in /etc is a list of users", policy.made_in("etc_t", "file") == {"aadsshlogin_users_t"})
    check.holds("what it makes in /home is a home", policy.made_in("home_root_t", "dir") == {"user_home_dir_t"})
    check.holds("opens no device but for what every domain has",
                policy.targets("blk_file", ["read", "write"]) == set() and "memory_device_t" not in policy.targets("chr_file", ["read"]))


def check_network(check: Checks, any_port: bool) -> None:
    policy = check.policy
    ports = policy.targets("tcp_socket", ["name_connect"])
    check.holds("connects to HTTPS, HTTP and proxies", {"http_port_t", "http_cache_port_t"} <= ports, sorted(ports))
    if any_port:
        check.holds("connects to any port", {"unreserved_port_t", "smtp_port_t"} <= ports)
    else:
        check.within("connects to nothing else", ports, MAY_CONNECT | LOOKUP_PORTS)
    check.holds("listens nowhere", not policy.targets("tcp_socket", ["name_bind"]) and DOMAIN not in policy.targets("tcp_socket", ["listen"]))
    check.holds("has no raw socket", not policy.targets("rawip_socket", ["create"]) and not policy.targets("packet_socket", ["create"]))
    check.holds("reads the roots of TLS", policy.may(DOMAIN, "cert_t", "file", "open", "read"))
    check.holds("reaches the name service cache and SSSD",
                {"nscd_t", "sssd_t"} <= policy.targets("unix_stream_socket", ["connectto"]))
    check.holds("reaches the journal", "syslogd_t" in policy.targets("unix_dgram_socket", ["sendto"]))


def check_others(check: Checks, split_sshd: bool) -> None:
    policy = check.policy
    callers = {"sshd_t"} | policy.members("sudodomain") | ({"sshd_session_t", "sshd_auth_t"} if split_sshd else set())
    check.holds("sshd and sudo enter it", policy.entered_from() == callers, sorted(policy.entered_from() ^ callers))
    check.holds("there is a sudo that does", bool(policy.members("sudodomain")))
    check.within("nobody else may", policy.sources(DOMAIN, "process", ["transition", "dyntransition"]),
                 callers | UNCONFINED | policy.members("unconfined_domain_type"))
    for caller in callers:
        check.holds(f"{caller} runs it and is answered",
                    policy.may(caller, "aadsshlogin_exec_t", "file", "getattr", "open", "read", "execute")
                    and policy.may(caller, DOMAIN, "process", "transition", "sigkill")
                    and policy.may(DOMAIN, caller, "fifo_file", "write") and policy.may(DOMAIN, caller, "fd", "use")
                    and policy.may(DOMAIN, caller, "process", "sigchld") and policy.may(DOMAIN, caller, "file", "open", "read"))
    for asker in {"sshd_t"} | ({"sshd_session_t"} if split_sshd else set()):
        check.holds(f"the PAM module inside {asker} finds a record, and lists none",
                    policy.may(asker, "aadsshlogin_run_t", "dir", "search")
                    and not policy.may(asker, "aadsshlogin_run_t", "dir", "read"))
    check.holds("nothing else is its program", policy.targets("file", ["entrypoint"]) == {"aadsshlogin_exec_t"},
                policy.targets("file", ["entrypoint"]))
    readers = policy.sources("aadsshlogin_users_t", "file", ["open"]) & policy.sources("aadsshlogin_users_t", "file", ["read"])
    check.within("everybody reads /etc/aadpasswd", policy.members("domain"), readers)
    check.within("all that look up names do", policy.members("nsswitch_domain"), readers)
    secret = policy.sources("aadsshlogin_secret_t", "file", ["read"])
    check.holds("the protected settings are read by it", DOMAIN in secret)
    check.holds("... and not by who reads all of /etc",
                not secret & {"httpd_t", "sshd_t", "user_t", "staff_t", "ntpd_t", "syslogd_t", "crond_t"}, sorted(secret))


def main() -> int:
    policy = Policy(sys.argv[1])
    if sys.argv[2] == "--type":
        return 0 if sys.argv[3] in policy.types else 1
    variants = sys.argv[2:]
    check = Checks(policy)
    check_domain(check)
    check_network(check, "any-port" in variants)
    check_others(check, "split-sshd" in variants or "sshd_session_t" in policy.types)
    print(f"  {check.count - check.broken} of {check.count} assertions hold")
    return 1 if check.broken else 0


if __name__ == "__main__":
    sys.exit(main())
