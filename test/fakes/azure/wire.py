# SPDX-License-Identifier: MIT
"""The wire server, the HostGAPlugin and the storage account, as the guest agent expects them.

There is no vmSettings (Fast Track): the agent takes 404 for "not supported" and does without.
"""

import base64
import dataclasses
import json
import re
import textwrap
import time
from typing import Any, Dict, List, Optional, Tuple
from xml.etree import ElementTree
from xml.sax.saxutils import escape, quoteattr

from azure import crypto
from azure.cloud import Cloud
from azure.http import Answer, Request, Response
from azure.model import BLOB_HOST, WIRE_SERVER, Extension
from azure.vm import Vm

VERSIONS = ("2015-04-05", "2012-11-30", "2012-09-15")
TICKS_1970 = 621355968000000000  # of 100 ns, since the year 1


def versions(cloud: Cloud, request: Request) -> Response:
    supported = "".join(f"<Version>{version}</Version>" for version in VERSIONS)
    return Response.xml(
        f"<Versions><Preferred><Version>{VERSIONS[0]}</Version></Preferred>"
        f"<Supported>{supported}</Supported></Versions>"
    )


def goal_state(cloud: Cloud, request: Request) -> Response:
    base = f"http://{WIRE_SERVER}:80/machine/{request.vm.container}/{request.vm.deployment}._{request.vm.name}?comp="
    links = {
        "HostingEnvironmentConfig": "config&type=hostingEnvironmentConfig",
        "SharedConfig": "config&type=sharedConfig",
        "ExtensionsConfig": "config&type=extensionsConfig",
        "Certificates": "certificates",
    }
    configuration = "".join(
        f"<{name}>{escape(base + query)}&amp;incarnation={request.vm.incarnation}</{name}>"
        for name, query in links.items()
    )
    return Response.xml(
        f"""
        <GoalState xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
          <Version>2012-11-30</Version>
          <Incarnation>{request.vm.fetch_goal_state()}</Incarnation>
          <Machine><ExpectedState>Started</ExpectedState></Machine>
          <Container>
            <ContainerId>{request.vm.container}</ContainerId>
            <RoleInstanceList><RoleInstance>
              <InstanceId>{request.vm.deployment}._{request.vm.name}</InstanceId>
              <State>Started</State>
              <Configuration>
                {configuration}
                <ConfigName>{request.vm.deployment}.0.{request.vm.deployment}.0._{request.vm.name}.1.xml</ConfigName>
              </Configuration>
            </RoleInstance></RoleInstanceList>
          </Container>
        </GoalState>""".strip()
    )


def hosting_environment(cloud: Cloud, request: Request) -> Response:
    return Response.xml(
        f"""
        <HostingEnvironmentConfig version="1.0.0.0" goalStateIncarnation="{request.vm.incarnation}">
          <StoredCertificates/>
          <Deployment name="{request.vm.deployment}" guid="{{{request.vm.vm_id}}}" incarnation="0"/>
          <Incarnation number="1" instance="{request.vm.name}" guid="{{{request.vm.vm_id}}}"/>
          <Role guid="{{{request.vm.vm_id}}}" name="{request.vm.name}" settleTimeSeconds="0"/>
        </HostingEnvironmentConfig>""".strip()
    )


def shared_config(cloud: Cloud, request: Request) -> Response:
    return Response.xml(
        f"""
        <SharedConfig version="1.0.0.0" goalStateIncarnation="{request.vm.incarnation}">
          <Deployment name="{request.vm.deployment}" guid="{{{request.vm.vm_id}}}" incarnation="0"/>
          <Incarnation number="1" instance="{request.vm.name}" guid="{{{request.vm.vm_id}}}"/>
          <Role guid="{{{request.vm.vm_id}}}" name="{request.vm.name}" settleTimeSeconds="0"/>
        </SharedConfig>""".strip()
    )


def certificates(cloud: Cloud, request: Request) -> Response:
    """The VM's key pair, a PFX without password, in an envelope for the agent's own key."""
    recipient = request.headers.get("x-ms-guest-agent-public-x509-cert")
    if recipient is None:
        return Response(400)
    pem = (
        "-----BEGIN CERTIFICATE-----\n"
        + "\n".join(textwrap.wrap(recipient, 64))
        + "\n-----END CERTIFICATE-----\n"
    )
    cipher = {"DES_EDE3_CBC": "des3", "AES128_CBC": "aes128"}.get(
        request.headers.get("x-ms-cipher-name", "")
    )
    if cipher is None:
        return Response(400)
    data = base64.encodebytes(crypto.envelope(crypto.pfx(request.vm.pair), pem, cipher)).decode()
    return Response.xml(
        "<CertificateFile><Version>2010-12-15</Version>"
        f"<Incarnation>{request.vm.incarnation}</Incarnation>"
        f"<Format>Pkcs7BlobWithPfxContents</Format><Data>{data}</Data></CertificateFile>"
    )


def runtime_settings(vm: Vm, extension: Extension, protected: Optional[str]) -> str:
    if extension.raw is not None:
        return extension.raw
    settings: Dict[str, Any] = {}
    if protected is not None:
        settings["protectedSettingsCertThumbprint"] = (
            extension.thumbprint or vm.pair.thumbprint
        )
        settings["protectedSettings"] = protected
    if extension.public is not None:
        settings["publicSettings"] = extension.public
    return json.dumps({"runtimeSettings": [{"handlerSettings": settings}]})


def extensions_config(cloud: Cloud, request: Request) -> Response:
    plugins: List[str] = []
    settings: List[str] = []
    for extension, protected in zip(request.vm.extensions, request.vm.protected):
        names = f"name={quoteattr(extension.name)} version={quoteattr(extension.version)}"
        location = quoteattr(f"https://{BLOB_HOST}/manifests/{extension.name}.xml")
        plugins.append(
            f"<Plugin {names} location={location} failoverlocation={location} "
            f'state={quoteattr(extension.state)} autoUpgrade="false" runAsStartupTask="false" '
            'isJson="true" useExactVersion="true"/>'
        )
        if extension.settings:
            depends = (
                f'<DependsOn dependencyLevel="{extension.depends}"/>' if extension.depends else ""
            )
            text = escape(runtime_settings(request.vm, extension, protected))
            settings.append(
                f'<Plugin {names}>{depends}<RuntimeSettings seqNo="{extension.seq}">{text}'
                "</RuntimeSettings></Plugin>"
            )
    status = escape(f"https://{BLOB_HOST}/status/{request.vm.name}.status?sv=2018-03-28&sr=b&sig=bGFi&sp=w")
    ticks = TICKS_1970 + int(time.time() * 10**7)
    return Response.xml(
        f"""
        <Extensions version="1.0.0.0" goalStateIncarnation="{request.vm.incarnation}">
          <GuestAgentExtension><GAFamilies>
            <GAFamily>
              <Name>Prod</Name>
              <Uris><Uri>https://{BLOB_HOST}/manifests/agent.xml</Uri></Uris>
            </GAFamily>
          </GAFamilies></GuestAgentExtension>
          <StatusUploadBlob statusBlobType="BlockBlob">{status}</StatusUploadBlob>
          <InVMGoalStateMetaData inSvdSeqNo="{request.vm.incarnation}" createdOnTicks="{ticks}"
            certificatesRevision="0" activityId="{request.vm.vm_id}" correlationId="{request.vm.vm_id}"/>
          <Plugins>{"".join(plugins)}</Plugins>
          <PluginSettings>{"".join(settings)}</PluginSettings>
        </Extensions>""".strip()
    )


def health(cloud: Cloud, request: Request) -> Response:
    request.vm.add_health(ElementTree.fromstring(request.body).findtext(".//State") or "")
    return Response(200)


def accept(cloud: Cloud, request: Request) -> Response:
    return Response(202)


def telemetry(cloud: Cloud, request: Request) -> Response:
    """Each event is a CDATA section with parameters of an undeclared name space."""
    events = []
    for event in ElementTree.fromstring(request.body).iter("Event"):
        parameters = ElementTree.fromstring(
            re.sub(r'T="mt:', 'T="', f"<Event>{event.text}</Event>")
        )
        events.append({item.get("Name", ""): item.get("Value", "") for item in parameters})
    request.vm.add_telemetry(events)
    return Response(200)


def wire_site(cloud: Cloud, request: Request) -> Optional[Tuple[str, Answer]]:
    comp = request.query.get("comp", "")
    if request.path == "/HealthService":
        return "wire.health", accept
    if comp == "config":
        return {
            "hostingEnvironmentConfig": ("wire.hosting", hosting_environment),
            "sharedConfig": ("wire.shared", shared_config),
            "extensionsConfig": ("wire.extensions", extensions_config),
        }.get(request.query.get("type", ""))
    return {
        "versions": ("wire.versions", versions),
        "goalstate": ("wire.goalstate", goal_state),
        "certificates": ("wire.certificates", certificates),
        "health": ("wire.health", health),
        "roleProperties": ("wire.health", accept),
        "telemetrydata": ("wire.telemetry", telemetry),
    }.get(comp)


# The storage account


def manifest(cloud: Cloud, request: Request) -> Response:
    name = request.path.rpartition("/")[2][: -len(".xml")]
    if name not in cloud.packages and name != "agent":
        return Response(404)
    plugins = "".join(
        f"<Plugin><Version>{version}</Version>"
        f"<Uris><Uri>https://{BLOB_HOST}/packages/{path.name}</Uri></Uris></Plugin>"
        for version, path in cloud.packages.get(name, {}).items()
    )
    return Response.xml(
        f"<PluginVersionManifest><Plugins>{plugins}</Plugins></PluginVersionManifest>"
    )


def package(cloud: Cloud, request: Request) -> Response:
    name = request.path.rpartition("/")[2]
    for versions_of in cloud.packages.values():
        for path in versions_of.values():
            if path.name == name:
                return Response(200, path.read_bytes(), {"Content-Type": "application/zip"})
    return Response(404)


def put_status(cloud: Cloud, request: Request) -> Response:
    request.vm.set_status(json.loads(request.body))
    return Response(201)


def blob_site(cloud: Cloud, request: Request) -> Optional[Tuple[str, Answer]]:
    if request.method == "PUT" and request.path.startswith("/status/"):
        return "blob.status", put_status
    if request.path.startswith("/manifests/"):
        return "blob.manifest", manifest
    if request.path.startswith("/packages/"):
        return "blob.package", package
    return None


# The HostGAPlugin: the agent's second way to the storage account, and its first for the status


def plugin_versions(cloud: Cloud, request: Request) -> Response:
    return Response.json(["2015-09-01", "2018-10-15"])


def plugin_status(cloud: Cloud, request: Request) -> Response:
    put = json.loads(request.body)
    request.vm.set_status(json.loads(base64.b64decode(put["content"])))
    return Response(200)


def plugin_artifact(cloud: Cloud, request: Request) -> Response:
    location = request.headers.get("x-ms-artifact-location", "")
    path = location.removeprefix(f"https://{BLOB_HOST}").partition("?")[0]
    inner = dataclasses.replace(request, method="GET", host=BLOB_HOST, path=path, query={}, body=b"")
    blob = blob_site(cloud, inner)
    return blob[1](cloud, inner) if blob else Response(404)


def empty(cloud: Cloud, request: Request) -> Response:
    return Response(200)


def no_settings(cloud: Cloud, request: Request) -> Response:
    return Response(404)


def plugin_site(cloud: Cloud, request: Request) -> Optional[Tuple[str, Answer]]:
    return {
        "/versions": ("hgap.versions", plugin_versions),
        "/vmSettings": ("hgap.vmsettings", no_settings),
        "/extensionArtifact": ("hgap.artifact", plugin_artifact),
        "/status": ("hgap.status", plugin_status),
        "/health": ("hgap.health", empty),
        "/vmAgentLog": ("hgap.log", empty),
    }.get(request.path)
