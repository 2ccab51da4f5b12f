# SPDX-License-Identifier: MIT
"""Does the lab do what the story relies on?

As root: PYTHONPATH=test:test/fakes python3 -m lab.selftest
"""

import base64
import hashlib
import json
import struct
import subprocess
import time
import unittest
import zipfile
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple

from azure.client import Azure, AzureError
from azure.model import (
    ARM_AUDIENCE,
    LOGIN_ACTION,
    LOGIN_AS_ADMIN_ACTION,
    PDP_AUDIENCE,
    PDP_HOST,
    READER,
    Extension,
)
from lab import layer, snapshot
from lab.agent import Agent
from lab.machine import CommandError, Machine

TRACE = "/var/log/toy.trace"
HOST_PATHS = ["/etc", "/usr/sbin", "/run/lab", "/var/lib/waagent", "/var/lib/dpkg/status"]

# An extension that writes down what is asked of it, and decrypts its settings as handlers do.
TOY = """#!/bin/sh -eu
echo "$1 @VERSION@ ${VERSION-}" >> @TRACE@
case $1 in
install)
	echo 'the toy is broken' >&2
	exit @INSTALL@ ;;
enable)
	settings=config/$ConfigSequenceNumber.settings
	thumbprint=$(sed -n 's/.*"protectedSettingsCertThumbprint": "\\([^"]*\\)".*/\\1/p' "$settings")
	secret=none
	[ -z "$thumbprint" ] || secret=$(
		sed -n 's/.*"protectedSettings": "\\([^"]*\\)".*/\\1/p' "$settings" | base64 -d |
		openssl cms -decrypt -inform DER -recip "../$thumbprint.crt" -inkey "../$thumbprint.prv" |
		base64 -w 0)
	cat > "status/$ConfigSequenceNumber.status" <<-end
		[{"version": 1.0, "timestampUTC": "2026-01-01T00:00:00Z", "status": {
		"name": "toy", "operation": "Enable", "status": "success", "code": 0,
		"formattedMessage": {"lang": "en-US", "message": "$secret"},
		"substatus": [{"name": "step", "status": "success", "code": 0,
		"formattedMessage": {"lang": "en-US", "message": "done"}}]}}]
	end
	log=/var/log/azure/Lab.Toy/events
	cat > event <<-end
		{"Version": "@VERSION@", "Timestamp": "2026-01-01T00:00:00Z", "TaskName": "toy",
		"EventLevel": "Informational", "Message": "toy event", "EventPid": "1",
		"EventTid": "1", "OperationId": "1"}
	end
	[ ! -d "$log" ] || mv event "$log/$(date +%s%N).json" ;;
esac
"""

# Asks a URL from inside the machine, with the machine's TLS roots.
FETCH = """
import http.client, json, sys, urllib.error, urllib.request
url, headers, body, timeout = json.load(sys.stdin)
data = None if body is None else json.dumps(body).encode()
request = urllib.request.Request(url, headers=headers, data=data)
try:
    answer = urllib.request.urlopen(request, timeout=timeout)
except urllib.error.HTTPError as error:
    answer = error
except (OSError, http.client.HTTPException) as error:
    print(json.dumps([type(error).__name__, {}, ""]))
    sys.exit()
try:
    print(json.dumps([answer.status, dict(answer.headers), answer.read().decode()]))
except http.client.HTTPException as error:
    print(json.dumps([type(error).__name__, {}, ""]))
"""

machine: Machine
azure: Azure
agent: Agent


def setUpModule() -> None:
    global machine, azure, agent
    layer.ensure()
    machine = Machine().start()
    unittest.addModuleCleanup(machine.stop)
    azure = Azure.start(layer.LAB / "selftest", prefix=machine.network)
    unittest.addModuleCleanup(azure.stop)
    machine.trust(azure.ca)
    agent = Agent(machine)
    agent.start()


def toy(version: str, install: int = 0) -> None:
    """Publish a version of the toy."""
    commands = {
        f"{verb}Command": f"toy {verb}"
        for verb in ("install", "enable", "disable", "update", "uninstall")
    }
    manifest = [
        {
            "name": "Toy",
            "version": 1.0,
            "handlerManifest": {**commands, "reportHeartbeat": False, "rebootAfterInstall": False},
        }
    ]
    script = (
        TOY.replace("@VERSION@", version)
        .replace("@TRACE@", TRACE)
        .replace("@INSTALL@", str(install))
    )
    path = azure.dir / "toy.zip"
    with zipfile.ZipFile(path, "w") as package:
        package.writestr("HandlerManifest.json", json.dumps(manifest))
        package.writestr("toy", script)
    azure.publish(path, "Lab.Toy", version)


def fetch(
    url: str, headers: Optional[Dict[str, str]] = None, body: Any = None, timeout: float = 10
) -> Tuple[Any, Dict[str, str], str]:
    """Status (or the kind of failure), headers and body."""
    status, found, text = json.loads(
        machine.run(
            ["/usr/bin/python3", "-c", FETCH], input=json.dumps([url, headers or {}, body, timeout])
        ).stdout
    )
    return status, found, text


def host_state() -> List[str]:
    """The shape of some of the host that the machine would change if it could."""
    found = subprocess.run(
        ["find", *HOST_PATHS, "-xdev", "-printf", "%p %m %s %l\n"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        check=False,
    ).stdout.splitlines()
    return sorted(found) + Path("/proc/mounts").read_text(encoding="utf-8").splitlines()


class MachineTest(unittest.TestCase):
    def test_commands_get_input_users_and_a_clean_environment(self) -> None:
        self.assertEqual(machine.run(["cat"], input="text").stdout, "text")
        self.assertEqual(machine.run(["id", "-un"], user="local").stdout, "local\n")
        self.assertEqual(
            machine.sh("echo $A $HOME", user="local", env={"A": "b"}).stdout,
            "b /home/local\n",
        )
        self.assertEqual(machine.run(["hostname"]).stdout, "vm1\n")
        names = {line.partition("=")[0] for line in machine.run(["env"]).stdout.splitlines()}
        self.assertEqual(names, {"PATH", "HOME", "LC_ALL", "TERM"})
        with self.assertRaisesRegex(CommandError, "ended with 3\nwhy"):
            machine.sh("echo why; exit 3")
        with self.assertRaises(subprocess.TimeoutExpired):
            machine.run(["sleep", "60"], timeout=0.2)

    def test_files(self) -> None:
        machine.write("/srv/a/b", "text", mode=0o640, owner="local:local")
        self.assertEqual(machine.read("/srv/a/b"), "text")
        self.assertEqual(machine.run(["stat", "-c", "%a %U", "/srv/a/b"]).stdout, "640 local\n")
        self.assertTrue(machine.exists("/srv/a/b"))
        self.assertFalse(machine.exists("/srv/a/c"))

    def test_snapshots_show_every_kind_of_change_and_nothing_else(self) -> None:
        paths = ["/etc", "/lib", "/usr", "/var/lib/dpkg"]
        before = machine.snapshot(paths)
        machine.sh(
            """cp -a /etc/passwd /etc/passwd.new
            mv /etc/passwd.new /etc/passwd
            touch /etc/issue"""
        )
        self.assertEqual(snapshot.difference(before, machine.snapshot(paths)), [])
        machine.sh(
            """echo new > /etc/lab-new
            echo more >> /etc/issue
            chmod 700 /etc/default
            ln -sfn /nowhere /etc/os-release
            rm /etc/issue.net
            rm -r /etc/skel
            mkdir /etc/skel
            echo new > /usr/lib/lab-lib"""
        )
        found = snapshot.difference(before, machine.snapshot(paths))
        self.assertEqual(
            [line.split()[:2] for line in found if "/etc/skel/" not in line],
            [
                ["changed", "/etc/default"],
                ["changed", "/etc/issue"],
                ["gone", "/etc/issue.net"],
                ["new", "/etc/lab-new"],
                ["changed", "/etc/os-release"],
                ["new", "/usr/lib/lab-lib"],
            ],
        )
        self.assertIn("gone     /etc/skel/.profile", found)
        libraries = machine.snapshot(["/lib"], exclude=["*/lab-*"])
        machine.sh("echo x > /usr/lib/lab-lib2; echo x > /usr/lib/other")
        self.assertEqual(
            snapshot.difference(libraries, machine.snapshot(["/lib"], exclude=["*/lab-*"])),
            ["new      /usr/lib/other (file 0644 0 0)"],
        )

    def test_the_local_administrator_logs_in_and_has_sudo(self) -> None:
        machine.start_sshd()
        ssh = ["ssh", "-oStrictHostKeyChecking=no", "-oBatchMode=yes", "-i/root/.ssh/local"]
        done = machine.run([*ssh, "local@127.0.0.1", "sudo -n id -u"])
        self.assertEqual(done.stdout, "0\n")
        self.assertTrue(any("Accepted publickey for local" in line for line in machine.syslog()))
        self.assertTrue(any("COMMAND=/usr/bin/id -u" in line for line in machine.syslog()))
        machine.stop_sshd()
        done = machine.run([*ssh, "local@127.0.0.1", "true"], check=False)
        self.assertEqual(done.returncode, 255)

    def test_another_machine_leaves_the_host_and_this_one_alone(self) -> None:
        before, here = host_state(), machine.snapshot(["/etc", "/usr"])
        with Machine(hostname="vm2") as other:
            other.sh(
                """echo new > /etc/lab-file
                mkdir /run/lab
                : > /var/lib/dpkg/status
                rm -r /usr/sbin /etc/passwd
                mount -t tmpfs tmpfs /etc
                hostname other"""
            )
            processes = other.sh("cat /proc/[0-9]*/comm").stdout.split()
            self.assertEqual(sorted(processes), ["python3", "sh"])
            for path in (
                "/proc/sys/kernel/hostname",
                "/sys/class/net/lo/mtu",
                f"{layer.CHECKOUT}/lab-file",
            ):
                with self.assertRaises(CommandError, msg=path):
                    other.sh('echo 1 > "$1"', path)
            self.assertNotIn("default", other.run(["ip", "route"]).stdout)
        self.assertEqual(host_state(), before)
        self.assertEqual(machine.snapshot(["/etc", "/usr"]), here)
        self.assertEqual(machine.run(["hostname"]).stdout, "vm1\n")


class AgentTest(unittest.TestCase):
    """Every command costs the agent two seconds, so each test goes a longer way."""

    def setUp(self) -> None:
        azure.goal_state([])  # the agent removes what it has, without a command
        azure.settle()
        machine.run(["rm", "-f", TRACE])

    def trace(self) -> List[str]:
        return [line.strip() for line in machine.read(TRACE).splitlines()]

    def test_install_enable_settings_and_a_second_goal_state(self) -> None:
        toy("1.0.0.0")
        wanted = Extension(
            "Lab.Toy", "1.0.0.0", public={"key": "<value>"}, protected={"secret": "hunter2"}, seq=4
        )
        azure.goal_state([wanted])
        azure.settle()
        found = azure.extension("Lab.Toy")
        self.assertEqual((found.handler, found.code, found.version), ("Ready", 0, "1.0.0.0"))
        self.assertEqual(
            (found.seq, found.status, found.status_message),
            (4, "success", "eyJzZWNyZXQiOiAiaHVudGVyMiJ9"),
        )
        self.assertEqual(found.substatus[0]["name"], "step")
        settings = json.loads(machine.read("/var/lib/waagent/Lab.Toy-1.0.0.0/config/4.settings"))
        self.assertEqual(
            settings["runtimeSettings"][0]["handlerSettings"]["publicSettings"], {"key": "<value>"}
        )
        self.assertEqual(self.trace(), ["install 1.0.0.0", "enable 1.0.0.0"])
        self.assertIn("the toy is broken", agent.command_log("Lab.Toy"))
        self.assertIn("Ready", azure.health())

        azure.goal_state([wanted])
        azure.settle()
        self.assertEqual(self.trace(), ["install 1.0.0.0", "enable 1.0.0.0", "enable 1.0.0.0"])
        deadline = time.monotonic() + 30
        while not any(event.get("Context1") == "toy event" for event in azure.telemetry()):
            self.assertLess(time.monotonic(), deadline, "the agent did not send the toy's event")
            time.sleep(0.2)

    def test_update_then_uninstall(self) -> None:
        toy("2.0.0.0")
        azure.goal_state([Extension("Lab.Toy", "2.0.0.0", public={})])
        azure.settle()
        toy("2.1.0.0")
        azure.goal_state([Extension("Lab.Toy", "2.1.0.0", public={})])
        azure.settle()
        self.assertEqual(
            self.trace()[2:],
            [
                "disable 2.0.0.0",
                "update 2.1.0.0 2.1.0.0",
                "uninstall 2.0.0.0",
                "install 2.1.0.0",
                "enable 2.1.0.0",
            ],
        )
        self.assertEqual(azure.extension("Lab.Toy").version, "2.1.0.0")
        agent.restart()
        azure.goal_state([Extension("Lab.Toy", "2.1.0.0", state="uninstall")])
        azure.settle()
        self.assertEqual(self.trace()[-2:], ["disable 2.1.0.0", "uninstall 2.1.0.0"])
        self.assertIsNone(azure.extension("Lab.Toy"))

    def test_a_failing_install_and_no_settings(self) -> None:
        toy("3.0.0.0", install=7)
        azure.goal_state([Extension("Lab.Toy", "3.0.0.0", settings=False)])
        azure.settle()
        found = azure.extension("Lab.Toy")
        self.assertEqual((found.handler, found.code, found.status), ("NotReady", 1007, None))
        self.assertIn("Non-zero exit code: 7", found.message)
        self.assertIn("the toy is broken", found.message)
        self.assertEqual(machine.read("/var/lib/waagent/Lab.Toy-3.0.0.0/config/0.settings"), "")


class MetadataTest(unittest.TestCase):
    BASE = "http://169.254.169.254/metadata"

    def token(self, **headers: str) -> Tuple[Any, Any]:
        status, _, text = fetch(
            f"{self.BASE}/identity/oauth2/token?api-version=2018-02-01&resource={ARM_AUDIENCE}",
            {"Metadata": "true", **headers},
        )
        return status, json.loads(text)

    def test_instance(self) -> None:
        status, _, text = fetch(
            f"{self.BASE}/instance?api-version=2021-02-01", {"Metadata": "true"}
        )
        compute = json.loads(text)["compute"]
        self.assertEqual(
            (status, compute["azEnvironment"], compute["resourceId"]),
            (200, "AzurePublicCloud", azure.resource_id),
        )
        self.assertEqual(fetch(f"{self.BASE}/instance?api-version=2021-02-01")[0], 400)
        self.assertEqual(
            fetch(f"{self.BASE}/instance?api-version=1999-01-01", {"Metadata": "true"})[0], 400
        )

    def test_identity(self) -> None:
        status, answer = self.token()
        self.assertEqual(
            (status, answer["token_type"], answer["resource"]), (200, "Bearer", ARM_AUDIENCE)
        )
        for present, reason in (
            (False, "Identity not found"),
            ("user-assigned", "Multiple user assigned"),
        ):
            azure.set_identity(present)
            self.addCleanup(azure.set_identity, True)
            status, answer = self.token()
            self.assertEqual((status, answer["error"]), (400, "invalid_request"))
            self.assertIn(reason, answer["error_description"])

    def test_faults(self) -> None:
        self.addCleanup(azure.clear_faults)
        azure.reset_counts()
        azure.fault("imds.token", status=429, headers={"Retry-After": "1"}, times=1)
        self.assertEqual(fetch(f"{self.BASE}/identity/oauth2/token")[:2][0], 429)
        self.assertEqual(fetch(f"{self.BASE}/identity/oauth2/token")[0], 400)
        self.assertEqual(azure.counts()["imds.token"], 2)
        url, headers = f"{self.BASE}/instance?api-version=2021-02-01", {"Metadata": "true"}
        for fields, outcome in (
            ({"hang": True}, "TimeoutError"),
            ({"truncate": 10}, "IncompleteRead"),
            ({"delay": 2}, "TimeoutError"),
            ({"body": "<html>"}, "<html>"),
            ({"huge": 100000}, " " * 100000),
        ):
            azure.clear_faults()
            azure.fault("imds.inst*", **fields)
            status, _, text = fetch(url, headers, timeout=1)
            self.assertEqual(outcome, text or status, fields)
        azure.clear_faults()
        self.assertEqual(fetch(url, headers)[0], 200)
        with self.assertRaises(AzureError):
            azure.fault("imds.token", colour="red")


def fingerprint(key: Dict[str, Any]) -> str:
    """What ssh-keygen calls an RSA key of a key set."""

    def number(text: str) -> bytes:
        digits = base64.urlsafe_b64decode(text + "==")
        return b"\0" + digits if digits[0] & 0x80 else digits

    if key["kty"] != "RSA":
        return "not RSA"
    parts = [b"ssh-rsa", number(key["e"]), number(key["n"])]
    blob = b"".join(struct.pack(">I", len(part)) + part for part in parts)
    return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")


class EntraTest(unittest.TestCase):
    def keys(self) -> Dict[str, Any]:
        base = f"https://login.microsoftonline.com/{azure.tenant}"
        _, _, text = fetch(f"{base}/v2.0/.well-known/openid-configuration")
        _, headers, text = fetch(json.loads(text)["jwks_uri"])
        self.assertRegex(headers["Cache-Control"], "max-age=[0-9]+")
        return {key["kid"]: key for key in json.loads(text)["keys"]}

    def test_key_set_and_rotation(self) -> None:
        before = self.keys()
        self.assertEqual(
            {(key["kty"], key["use"]) for key in before.values()},
            {("RSA", "sig"), ("RSA", "enc"), ("EC", "sig")},
        )
        self.assertIn(
            "microsoftonline.us", [key.get("cloud_instance_name") for key in before.values()]
        )
        kid = azure.rotate_keys()
        after = self.keys()
        self.assertIn(kid, before)
        self.assertEqual(len(before.keys() - after.keys()), 1)
        self.assertEqual(len(after.keys() - before.keys()), 1)

    def test_unknown_tenant(self) -> None:
        status, _, text = fetch(
            f"https://login.microsoftonline.com/{READER}/v2.0/.well-known/openid-configuration"
        )
        self.assertEqual((status, json.loads(text)["error"]), (400, "invalid_tenant"))

    def test_certificate_has_the_shape_of_the_real_one(self) -> None:
        key = azure.user_key("shape")
        oid = azure.add_user("Alice.Admin@contoso.com")
        certificate = azure.certificate(
            f"{key}.pub", "Alice.Admin@contoso.com", oid, name="Alice Admin"
        )
        self.assertEqual(certificate, key.with_name("shape-cert.pub"))
        shown = subprocess.run(
            ["ssh-keygen", "-L", "-f", str(certificate)],
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        lines = [line.strip() for line in shown.stdout.splitlines()]
        self.assertIn("Type: ssh-rsa-cert-v01@openssh.com user certificate", lines)
        self.assertIn("(using rsa-sha2-256)", shown.stdout)
        self.assertIn(f'Key ID: "{oid}@{azure.tenant}"', lines)
        self.assertIn("Serial: 0", lines)
        self.assertIn("Alice.Admin@contoso.com", lines)
        self.assertIn("Critical Options: (none)", lines)
        self.assertEqual(
            [line.split()[0] for line in lines[lines.index("Extensions:") + 1 :]],
            [
                "displayname@sshservice.azure.net",
                "oid@sshservice.azure.net",
                "permit-X11-forwarding",
                "permit-agent-forwarding",
                "permit-port-forwarding",
                "permit-pty",
                "permit-user-rc",
                "tid@sshservice.azure.net",
            ],
        )
        kid, *_ = [kid for kid, key in self.keys().items() if fingerprint(key) in shown.stdout]
        azure.rotate_keys()
        self.assertNotIn(kid, self.keys())
        self.assertTrue(machine.exists(str(certificate)), "the machine does not see the checkout")


class ArmTest(unittest.TestCase):
    def setUp(self) -> None:
        self.oid = azure.add_user("bob@contoso.com")
        self.base = (
            f"https://management.azure.com{azure.resource_id}/providers/Microsoft.Authorization"
        )

    def bearer(self, audience: str = ARM_AUDIENCE) -> Dict[str, str]:
        url = (
            f"{MetadataTest.BASE}/identity/oauth2/token?api-version=2018-02-01&resource={audience}"
        )
        _, _, text = fetch(url, {"Metadata": "true"})
        return {"Authorization": "Bearer " + json.loads(text)["access_token"]}

    def listed(self, what: str, headers: Dict[str, str]) -> List[Dict[str, Any]]:
        found: List[Dict[str, Any]] = []
        url: Optional[str] = (
            f"{self.base}/{what}?api-version=2022-04-01&$filter=assignedTo('{self.oid}')"
        )
        while url:
            status, _, text = fetch(url, headers)
            self.assertEqual(status, 200, text)
            found += json.loads(text)["value"]
            url = json.loads(text).get("nextLink")
        return found

    def question(self, expand: bool = True) -> Dict[str, Any]:
        return {
            "Subject": {
                "Attributes": {
                    "ObjectId": self.oid,
                    "xms-pasrp-retrievegroupmemberships": expand,
                }
            },
            "Actions": [
                {"Id": action, "IsDataAction": True, "Attributes": {}}
                for action in (LOGIN_ACTION, LOGIN_AS_ADMIN_ACTION)
            ],
            "Resource": {"Id": azure.resource_id},
        }

    def access(self, headers: Dict[str, str], expand: bool = True) -> List[str]:
        _, _, text = fetch(
            f"{self.base}/checkaccess?api-version=2018-09-01-preview",
            headers,
            self.question(expand),
        )
        return [decision["accessDecision"] for decision in json.loads(text)]

    def test_assignments_of_groups_at_all_scopes_come_in_pages(self) -> None:
        headers = self.bearer()
        group = azure.add_group("outer", [azure.add_group("inner", [self.oid])])
        scopes = [
            azure.resource_id,
            f"/subscriptions/{azure.subscription}",
            azure.resource_id + "/extensions/x",
            "/providers/Microsoft.Management/managementGroups/root",
        ]
        for scope in scopes:
            azure.assign(group, "user", scope)
        azure.assign(group, "admin", azure.resource_id + "x")  # another machine
        azure.reset_counts()
        found = self.listed("roleAssignments", headers)
        self.assertEqual([item["properties"]["scope"] for item in found], scopes)
        self.assertEqual(azure.counts()["arm.assignments"], 2)
        self.assertEqual(self.access(headers), ["Allowed", "NotAllowed"])
        self.assertEqual(self.access(headers, expand=False), ["NotAllowed", "NotAllowed"])
        role = found[0]["properties"]["roleDefinitionId"].rpartition("/")[2]
        status, _, text = fetch(
            f"{self.base}/roleDefinitions/{role}?api-version=2022-04-01", headers
        )
        self.assertIn(LOGIN_ACTION, json.loads(text)["properties"]["permissions"][0]["dataActions"])
        self.assertEqual(azure.unassign(group), 5)
        self.assertEqual(self.listed("roleAssignments", headers), [])

    def test_denials_and_conditions(self) -> None:
        headers = self.bearer()
        azure.assign(self.oid, "admin")
        denial = azure.deny(self.oid, [LOGIN_AS_ADMIN_ACTION])
        self.assertEqual(len(self.listed("denyAssignments", headers)), 1)
        self.assertEqual(self.access(headers), ["Allowed", "Denied"])
        azure.undeny(denial)
        self.assertEqual(self.access(headers), ["Allowed", "Allowed"])
        azure.unassign(self.oid)
        azure.assign(self.oid, "admin", condition="@Resource[x] StringEquals 'y'")
        self.assertEqual(self.access(headers), ["NotAllowed", "NotAllowed"])

    def test_the_regions_service_decides_alike_in_pages(self) -> None:
        url = f"https://{PDP_HOST}/providers/Microsoft.Authorization/checkAccess?api-version=2021-06-01-preview"
        azure.assign(self.oid, "user")
        self.assertEqual(fetch(url, self.bearer(), self.question())[0], 401)
        headers = self.bearer(PDP_AUDIENCE)
        _, _, text = fetch(url, headers, self.question())
        whole = json.loads(text)
        self.assertEqual([item["accessDecision"] for item in whole["value"]], ["Allowed", "NotAllowed"])
        self.assertIsNone(whole["nextLink"])
        azure.set_page_size(1)
        self.addCleanup(azure.set_page_size, 2)
        _, _, text = fetch(url, headers, self.question())
        first = json.loads(text)
        _, _, text = fetch(first["nextLink"], headers)
        second = json.loads(text)
        self.assertEqual(first["value"] + second["value"], whole["value"])
        self.assertIsNone(second["nextLink"])
        self.assertEqual(fetch(url, headers, {"Subject": []})[0], 400)

    def test_tokens_and_rights_are_checked(self) -> None:
        url = f"{self.base}/roleAssignments?api-version=2022-04-01&$filter=assignedTo('{self.oid}')"
        self.assertEqual(fetch(url)[0], 401)
        self.assertEqual(fetch(url, self.bearer("https://vault.azure.net"))[0], 401)
        azure.set_token_lifetime(-1)
        self.addCleanup(azure.set_token_lifetime, 86400)
        self.assertEqual(fetch(url, self.bearer())[0], 401)
        azure.set_token_lifetime(86400)
        azure.unassign(azure.identity)
        self.addCleanup(
            azure.assign, azure.identity, "reader", f"/subscriptions/{azure.subscription}"
        )
        status, _, text = fetch(url, self.bearer())
        self.assertEqual((status, json.loads(text)["error"]["code"]), (403, "AuthorizationFailed"))


if __name__ == "__main__":
    unittest.main(verbosity=2)
