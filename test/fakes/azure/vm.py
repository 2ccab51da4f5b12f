# SPDX-License-Identifier: MIT
"""
One virtual machine: what the cloud wants of it, and what its guest agent reports.

Public methods are what control.py lets clients call; their arguments and results are JSON values.
"""

import base64
import dataclasses
import json
import secrets
import threading
import uuid
from typing import Any, Dict, List, Optional, Union

from azure import crypto
from azure.model import Extension, ExtensionStatus

RECORDS_MAX = 10000  # of what the agent sends, the newest are kept


class Vm:
    """Its methods take the lock of the cloud."""

    def __init__(self, name: str, resource_id: str, pair: crypto.KeyPair, changed: threading.Condition) -> None:
        """pair: with which protected settings are encrypted; changed: of the cloud, and with its lock"""
        self.name, self.resource_id, self.pair, self.changed = name, resource_id, pair, changed
        self.vm_id, self.identity, self.client_id = (str(uuid.uuid4()) for _ in range(3))
        self.container, self.deployment = str(uuid.uuid4()), secrets.token_hex(16)
        self.identity_kind = "system-assigned"
        self.scale_set = ""  # that it is an instance of
        self.pid = 0  # of a process in its network
        # What compute.py keeps of it: extensions by name, the model that it has, and the next sequence numbers.
        self.resources: Dict[str, Any] = {}
        self.model: Any = None
        self.next_seq: Dict[str, int] = {}

        self.incarnation = 1
        self.fetched = False  # did the agent ask for the current goal state?
        self.reported = 0  # how often it did report since then
        self.extensions: List[Extension] = []
        self.protected: List[Optional[str]] = []  # their encrypted settings
        self.status: Optional[Dict[str, Any]] = None
        self.health: List[str] = []
        self.telemetry: List[Dict[str, str]] = []
        self.counts: Dict[str, int] = {}

    @property
    def is_uniform(self) -> bool:
        """An instance of a Uniform scale set is no virtual machine to Resource Manager."""
        return "/virtualMachineScaleSets/" in self.resource_id

    def describe(self) -> Dict[str, str]:
        return {name: getattr(self, name) for name in ("resource_id", "vm_id", "identity")}

    def set_identity(self, present: Union[bool, str]) -> None:
        """True: system-assigned.  "user-assigned": two such, one of which must be named."""
        with self.changed:
            self.identity_kind = present if isinstance(present, str) else "system-assigned" if present else "none"

    def goal_state(self, extensions: List[Dict[str, Any]]) -> int:
        with self.changed:  # requests wait for the lock, so none sees half of this
            self.extensions = [Extension(**extension) for extension in extensions]
            self.protected = [self.encrypt(extension) for extension in self.extensions]
            self.incarnation += 1
            self.fetched, self.reported = False, 0
            return self.incarnation

    def encrypt(self, extension: Extension) -> Optional[str]:
        secret = extension.protected
        if secret is None:
            return None
        text = secret if isinstance(secret, str) else json.dumps(secret)
        recipient = self.pair.certificate.read_text(encoding="ascii")
        return base64.b64encode(crypto.envelope(text.encode(), recipient, extension.cipher)).decode()

    def fetch_goal_state(self) -> int:
        with self.changed:
            self.fetched = True
            return self.incarnation

    def last_status(self) -> Optional[Dict[str, Any]]:
        with self.changed:
            return self.status

    def settled(self) -> bool:
        """
        Is there a report on the current goal state?  The agent has then run all its commands.  Agent 2.2.47 does not
        say what it reports on.  Several of its threads fetch the goal state too, so the first report after that may be
        an older one's; but one thread runs the commands and reports.
        """
        with self.changed:
            if self.status is None:
                return False
            artifacts = self.status["aggregateStatus"].get("vmArtifactsAggregateStatus")
            if artifacts is None:
                return self.reported >= 2
            goal = artifacts.get("goalStateAggregateStatus") or {}
            return str(goal.get("inSvdSeqNo")) == str(self.incarnation)

    def set_status(self, status: Dict[str, Any]) -> None:
        with self.changed:
            self.status = status
            self.reported += self.fetched
            self.changed.notify_all()

    def report_of(self, handler: str) -> Optional[ExtensionStatus]:
        """One extension in the last report; None if it is not there."""
        with self.changed:
            reports = self.status["aggregateStatus"]["handlerAggregateStatus"] if self.status else []
        return next((ExtensionStatus.from_report(report) for report in reports if report["handlerName"] == handler), None)

    def add_health(self, state: str) -> None:
        with self.changed:
            self.health = (self.health + [state])[-RECORDS_MAX:]

    def add_telemetry(self, events: List[Dict[str, str]]) -> None:
        with self.changed:
            self.telemetry = (self.telemetry + events)[-RECORDS_MAX:]

    def reports(self, kind: str) -> Union[List[str], List[Dict[str, str]]]:
        with self.changed:
            return list(self.health if kind == "health" else self.telemetry)

    def requests(self) -> Dict[str, int]:
        """How often it asked, by endpoint."""
        with self.changed:
            return dict(self.counts)
