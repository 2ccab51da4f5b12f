# SPDX-License-Identifier: MIT
"""The words that the fake Azure and its users share."""

import dataclasses
from typing import Any, Dict, List, Optional

WIRE_SERVER = "168.63.129.16"
METADATA = "169.254.169.254"
LOGIN_HOST = "login.microsoftonline.com"
ARM_HOST = "management.azure.com"
BLOB_HOST = "labstorage.blob.core.windows.net"
PACKAGE_HOSTS = ("packages.contoso.com", "packages.microsoft.com")
PROXY_PORT = 3128  # on 127.0.0.1
ARM_AUDIENCE = f"https://{ARM_HOST}"
ARM_AUDIENCES = (ARM_AUDIENCE, "https://management.core.windows.net")  # the second is the older name
REGION = "westeurope"
PDP_AUDIENCE = "https://authorization.azure.net"
PDP_HOST = f"{REGION}.authorization.azure.net"
EVERYONE = "00000000-0000-0000-0000-000000000000"  # principal of a deny assignment
CONSUMER_TENANT = "9188040d-6c67-4c5b-b112-36a304b66dad"

ADMIN_LOGIN = "1c0163c0-47e6-4577-8991-ea5c82e286e4"
USER_LOGIN = "fb879df8-f326-4884-b1cf-06f3ad86be52"
READER = "acdd72a7-3385-48ef-bd42-f606fba81ae7"
OWNER = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"
ROLE_NAMES = {"admin": ADMIN_LOGIN, "user": USER_LOGIN, "reader": READER, "owner": OWNER}

LOGIN_ACTION = "Microsoft.Compute/virtualMachines/login/action"
LOGIN_AS_ADMIN_ACTION = "Microsoft.Compute/virtualMachines/loginAsAdmin/action"


@dataclasses.dataclass
class Extension:
    """One extension in a goal state."""

    name: str
    version: str
    state: str = "enabled"  # or "uninstall", "disabled"
    public: Any = None
    protected: Any = None  # encrypted for the VM's certificate; text is encrypted as it is
    cipher: str = "des3"  # that it is encrypted with, by openssl's name
    seq: int = 0
    settings: bool = True  # False: the goal state has no settings for it at all
    depends: int = 0  # dependency level; lower levels come first
    thumbprint: Optional[str] = None  # to announce instead of the VM certificate's
    raw: Optional[str] = None  # the whole text of the runtime settings, right or wrong


@dataclasses.dataclass
class ExtensionStatus:
    """What the guest agent reported of one extension."""

    name: str
    version: str
    handler: str  # Ready, NotReady, ...
    code: int
    message: str
    seq: Optional[int] = None  # this and the following: None when no status file counts
    status: Optional[str] = None  # success, error, transitioning, warning
    status_code: Optional[int] = None
    status_message: str = ""
    substatus: List[Dict[str, Any]] = dataclasses.field(default_factory=list)

    @classmethod
    def from_report(cls, report: Dict[str, Any]) -> "ExtensionStatus":
        found = cls(
            name=report["handlerName"],
            version=report["handlerVersion"],
            handler=report["status"],
            code=report["code"],
            message=report.get("formattedMessage", {}).get("message", ""),
        )
        settings = report.get("runtimeSettingsStatus")
        if settings is not None:
            status = settings["settingsStatus"]["status"]
            found.seq = int(settings["sequenceNumber"])
            found.status, found.status_code = status["status"], status["code"]
            found.status_message = status["formattedMessage"]["message"] or ""
            found.substatus = status.get("substatus", [])
        return found


@dataclasses.dataclass
class Role:
    """A role definition."""

    id: str
    name: str
    actions: List[str] = dataclasses.field(default_factory=list)
    not_actions: List[str] = dataclasses.field(default_factory=list)
    data_actions: List[str] = dataclasses.field(default_factory=list)
    not_data_actions: List[str] = dataclasses.field(default_factory=list)
    kind: str = "BuiltInRole"


BUILT_IN_ROLES = [
    Role(
        ADMIN_LOGIN,
        "Virtual Machine Administrator Login",
        actions=[
            "Microsoft.Network/publicIPAddresses/read",
            "Microsoft.Network/virtualNetworks/read",
            "Microsoft.Network/loadBalancers/read",
            "Microsoft.Network/networkInterfaces/read",
            "Microsoft.Compute/virtualMachines/*/read",
            "Microsoft.HybridCompute/machines/*/read",
            "Microsoft.HybridConnectivity/endpoints/listCredentials/action",
        ],
        data_actions=[
            LOGIN_ACTION,
            LOGIN_AS_ADMIN_ACTION,
            "Microsoft.HybridCompute/machines/login/action",
            "Microsoft.HybridCompute/machines/loginAsAdmin/action",
        ],
    ),
    Role(
        USER_LOGIN,
        "Virtual Machine User Login",
        actions=[
            "Microsoft.Network/publicIPAddresses/read",
            "Microsoft.Network/virtualNetworks/read",
            "Microsoft.Network/loadBalancers/read",
            "Microsoft.Network/networkInterfaces/read",
            "Microsoft.Compute/virtualMachines/*/read",
            "Microsoft.HybridCompute/machines/*/read",
            "Microsoft.HybridConnectivity/endpoints/listCredentials/action",
        ],
        data_actions=[LOGIN_ACTION, "Microsoft.HybridCompute/machines/login/action"],
    ),
    Role(READER, "Reader", actions=["*/read"]),
    Role(OWNER, "Owner", actions=["*"]),
    # The following with the actions alone that anybody here needs.
    Role(
        "9980e02c-c2be-4d73-94e8-173b1dc7cf3c",
        "Virtual Machine Contributor",
        actions=[
            "Microsoft.Authorization/*/read",
            "Microsoft.Compute/virtualMachines/*",
            "Microsoft.Compute/virtualMachineScaleSets/*",
            "Microsoft.Resources/deployments/*",
        ],
    ),
    Role(
        "cd570a14-e51a-42ad-bac8-bafd67325302",
        "Azure Connected Machine Resource Administrator",
        actions=["Microsoft.HybridCompute/machines/*", "Microsoft.Resources/deployments/*"],
    ),
    Role(
        "f58310d9-a9f6-439a-9e8d-f62e7b41a168",
        "Role Based Access Control Administrator",
        actions=[
            "Microsoft.Authorization/roleAssignments/write",
            "Microsoft.Authorization/roleAssignments/delete",
            "*/read",
        ],
    ),
]


@dataclasses.dataclass
class Fault:
    """
    How an endpoint misbehaves.  All that is set happens, headers alone go with the right answer; the first fault
    that matches counts.
    """

    endpoint: str  # a shell pattern of endpoint names
    about: str = ""  # text in the path or query: a tenant, an object id, the id of a role
    status: Optional[int] = None
    headers: Dict[str, str] = dataclasses.field(default_factory=dict)
    body: Any = None  # text as it is, anything else as JSON
    delay: float = 0  # seconds before the answer
    hang: bool = False  # no answer until the faults are cleared
    truncate: Optional[int] = None  # promise the whole body, send so many bytes, hang up
    huge: Optional[int] = None  # a body of so many bytes
    times: Optional[int] = None  # then it is over
