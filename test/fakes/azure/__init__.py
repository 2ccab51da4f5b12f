# SPDX-License-Identifier: MIT
"""A fake Azure for virtual machines: what they and people can see of it, and a handle to move it.

    model    what people and the program say to each other: extensions, roles, faults
    crypto   keys, certificates, envelopes and tokens, by the openssl program
    cloud    the state: tenant, people, roles, packages
    vm       the state of one machine: identity, goal state, reports
    network  sockets in the networks of further machines
    http     listeners that count requests and fail on demand
    wire     wire server, HostGAPlugin and the storage account
    imds     instance metadata and identity tokens
    himds    the same of an Arc machine, with its challenge
    entra    OpenID configuration and signing keys
    oauth    who signs in to Resource Manager: device codes, secrets
    arm      role assignments, role definitions, deny assignments, checkaccess, pdp
    operations   which request to Resource Manager is which, and who may send it
    compute  virtual machines, scale sets and their extensions in Resource Manager
    deployments  of templates, whose resources become those of compute
    policies  definitions, assignments and remediations of Azure Policy
    proxy    a CONNECT proxy in front of them
    sshcert  OpenSSH certificates, byte by byte
    control  the Unix socket that the client talks to
    client   class Azure, for programs and for people

The facts behind each are public: the guest agent's own source for the wire server, Microsoft's
reference for the rest.
"""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[2]))  # test/manifest evaluates templates and policies
