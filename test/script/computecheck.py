# SPDX-License-Identifier: MIT
"""What the fake Resource Manager makes of versions, of agents' reports, and of a rolling upgrade's policy."""

import json
import unittest
from types import SimpleNamespace
from typing import List, Optional, Sequence

from azure.compute import Compute, Resource, ScaleSet, batches, breach, judge, newest
from azure.deployments import evaluated
from azure.model import ExtensionStatus
from azure.operations import Refused
from azure.policies import resource_count
from manifest.template import LEVELS, MANAGEMENT_GROUP

PROPERTIES = {"publisher": "Lab", "type": "Toy"}


def report(handler: str, code: int = 0, **more: object) -> ExtensionStatus:
    return ExtensionStatus("Lab.Toy", "1.0.0.0", handler, code, "[Error] exit code: 22", **more)


class RemediationTest(unittest.TestCase):
    def test_a_task_takes_500_resources_unless_it_is_told(self) -> None:
        for properties, count in (({}, 500), ({"resourceCount": 1}, 1), ({"resourceCount": 50000}, 50000)):
            with self.subTest(properties):
                self.assertEqual(resource_count(properties), count)

    def test_what_is_no_count_is_refused(self) -> None:
        for count in (0, 50001, "500", None):
            with self.subTest(count), self.assertRaises(Refused):
                resource_count({"resourceCount": count})


class DeploymentTest(unittest.TestCase):
    PLACES = {"group": ("/subscriptions/s", "rg"), "subscription": ("/subscriptions/s", None), "management group": (MANAGEMENT_GROUP, None)}

    def made(self, level: str, where: str) -> str:
        """Id of a resource that is deployed by a template of this level."""
        resource = {"type": "Contoso.Things/things", "apiVersion": "2026-01-01", "name": "one"}
        sent = {"properties": {"template": {"$schema": {name: schema for schema, name in LEVELS.items()}[level], "resources": [resource]}}}
        cloud = SimpleNamespace(arc=None, vms={}, compute=SimpleNamespace(scale_sets={}), subscription="s", tenant="t")
        return evaluated(cloud, SimpleNamespace(body=json.dumps(sent).encode()), *self.PLACES[where]).resources[0]["id"]

    def test_a_template_goes_to_where_its_schema_says(self) -> None:
        for where, (scope, group) in self.PLACES.items():
            for level in self.PLACES:
                with self.subTest(level=level, where=where):
                    if level == where:
                        below = f"{scope}/resourceGroups/{group}" if group else scope
                        self.assertEqual(self.made(level, where), f"{below}/providers/Contoso.Things/things/one")
                    else:
                        self.assertRaises(Refused, self.made, level, where)


class NewestTest(unittest.TestCase):
    def test_versions(self) -> None:
        published = ["1.0.0.0", "1.0.10.0", "1.0.9.0", "1.2.0.0", "2.0.0.0"]
        rows = [("1.0", False, "1.0.10.0"), ("1.0", True, "1.2.0.0"), ("2.0", True, "2.0.0.0"), ("1.3", True, None),
                ("1.1", False, None), ("7.0", True, None)]
        for wanted, minor, found in rows:
            with self.subTest(wanted=wanted, minor=minor):
                self.assertEqual(newest(published, wanted, minor), found)


class JudgeTest(unittest.TestCase):
    def state(self, found: "ExtensionStatus | None", settings: object, seq: int = 1) -> "str | None":
        resource = Resource("toy", {**PROPERTIES, "settings": settings}, None, "1.0.0.0", seq)
        judged = judge(resource, found)
        if judged and judged[1]:
            return judged[1]["code"]
        return judged[0] if judged else None

    def test_the_extensions_own_status_comes_first(self) -> None:
        rows = [("success", 1, "Succeeded"), ("error", 1, "VMExtensionProvisioningError"), ("transitioning", 1, None),
                ("warning", 1, None), ("success", 0, None)]
        for status, seq, end in rows:
            for handler in ("Ready", "NotReady"):
                with self.subTest(status=status, seq=seq, handler=handler):
                    self.assertEqual(self.state(report(handler, 1009, seq=seq, status=status), {"a": 1}), end)

    def test_without_one_the_handlers_counts(self) -> None:
        nontransient = "VMExtensionHandlerNonTransientError"
        rows = [("Ready", None, "Succeeded"), ("NotReady", None, nontransient), ("Installing", None, None),
                ("Ready", {"a": 1}, None), ("NotReady", {"a": 1}, nontransient)]
        for handler, settings, end in rows:
            with self.subTest(handler=handler, settings=settings):
                self.assertEqual(self.state(report(handler, 1007), settings), end)

    def test_no_report_tells_nothing(self) -> None:
        self.assertIsNone(self.state(None, None))

    def test_the_error_has_the_agents_message(self) -> None:
        _, error = judge(Resource("toy", PROPERTIES, None, "1.0.0.0", 0), report("NotReady", 1007))
        self.assertIn("exit code: 22", error["message"])
        self.assertIn("Install handler failed", error["message"])


class RollingTest(unittest.TestCase):
    def test_batches(self) -> None:
        for count, percent, sizes in [(40, 20, [8] * 5), (5, 20, [1] * 5), (7, 50, [3, 3, 1]), (3, 100, [3]), (2, 20, [1, 1]), (0, 20, [])]:
            with self.subTest(count=count, percent=percent):
                self.assertEqual([len(batch) for batch in batches(list(range(count)), percent)], sizes)

    def test_a_policy_bears_as_much_as_it_says_and_no_more(self) -> None:
        rows = [(0, 0, False), (1, 5, False), (1, 4, True), (8, 40, False), (9, 40, True), (1, 1, True)]
        for unhealthy, count, stops in rows:
            for after, name in ((False, "MaxUnhealthyInstancePercent"), (True, "MaxUnhealthyUpgradedInstancePercent")):
                with self.subTest(unhealthy=unhealthy, count=count, after=after):
                    error = breach(unhealthy, count, 20, after)
                    self.assertEqual(error["code"] if error else "", f"{name}ExceededInRollingUpgrade" if stops else "")


class Upgrades(Compute):
    """No agents: each instance that gets the model is at an end at once, and fails when it is one of these."""

    def __init__(self, failing: Sequence[str]) -> None:
        super().__init__(None)
        self.failing = failing

    def upgrade_at_once_later(self, scale_set: ScaleSet, vms: "Optional[List[SimpleNamespace]]" = None) -> None:
        for vm in vms or []:
            vm.resources = {"toy": SimpleNamespace(provisioning="Failed" if vm.name in self.failing else "Succeeded")}


class UpgradeTest(unittest.TestCase):
    def test_a_rolling_upgrade_stops_where_its_policy_says(self) -> None:
        rows = [  # who fails, how the upgrade ends, how many instances it reached
            ((), "Completed", 10),
            (("4",), "Completed", 10),
            (("0",), "Faulted", 2),  # one of two that are upgraded
            (("4", "8"), "Completed", 10),
            (("4", "5"), "Faulted", 6),  # two of six
            (("4", "6", "8"), "Faulted", 8),  # two of eight
        ]
        for failing, end, reached in rows:
            with self.subTest(failing=failing):
                every = [SimpleNamespace(name=str(number), resources={}, pid=0) for number in range(10)]
                rules = {"maxBatchInstancePercent": 20, "maxUnhealthyInstancePercent": 20, "maxUnhealthyUpgradedInstancePercent": 20}
                model = {"properties": {"upgradePolicy": {"mode": "Rolling", "rollingUpgradePolicy": rules}}}
                scale_set = ScaleSet("lab", model, instances=every)
                error = Upgrades(failing).roll_later(scale_set)
                self.assertEqual((scale_set.rolling["running"], sum(bool(vm.resources) for vm in every)), (end, reached))
                self.assertEqual(error is None, end == "Completed")
                self.assertEqual(scale_set.rolling["pending"], 10 - reached)


if __name__ == "__main__":
    unittest.main()
