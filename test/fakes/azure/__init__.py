# SPDX-License-Identifier: MIT
"""A fake Azure for one virtual machine: what the machine can see of it, and a handle to move it.

    model    what people and the program say to each other: extensions, roles, faults
    crypto   keys, certificates, envelopes and tokens, by the openssl program
    cloud    the state: tenant, people, roles, identity, goal state
    http     listeners that count requests and fail on demand
    wire     wire server, HostGAPlugin and the storage account
    imds     instance metadata and identity tokens
    himds    the same of an Arc machine, with its challenge
    entra    OpenID configuration and signing keys
    arm      role assignments, role definitions, deny assignments, checkaccess, pdp
    proxy    a CONNECT proxy in front of them
    sshcert  OpenSSH certificates, byte by byte
    control  the Unix socket that the client talks to
    client   class Azure, for programs and for people

The facts behind each are public: the guest agent's own source for the wire server, Microsoft's
reference for the rest.
"""
