# SPDX-License-Identifier: MIT
"""Repositories of packages: made by the real tools, signed with throw-away keys, served as plain files.

A repository is a folder that somebody fills with deb() or rpm() and shows with Azure.show_packages(); from then on it
is https://HOST/NAME/, where HOST is one of model.PACKAGE_HOSTS.  Endpoints for faults and counts:
packages.metadata (what says what there is, and its signatures), packages.key, packages.package.
"""

import base64
import dataclasses
import os
import shutil
import subprocess
from pathlib import Path
from typing import Dict, Iterable, Optional, Sequence, Tuple

from azure.cloud import Cloud
from azure.http import Answer, Request, Response

KEY_FILES = (".asc", ".gpg", ".key")
PACKAGE_FILES = (".deb", ".rpm")


def call(argv: Sequence[str], cwd: Optional[Path] = None, env: Optional[Dict[str, str]] = None) -> bytes:
    done = subprocess.run(argv, cwd=cwd, env={**os.environ, **(env or {})}, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{argv[0]}: {done.stderr.decode(errors='replace')}")
    return done.stdout


class Signer:
    """A key pair of GnuPG's in a folder of its own; armored and binary are files with the public key."""

    def __init__(self, folder: Path, name: str = "Lab", expired: bool = False) -> None:
        """expired: the key was good for a second, a day ago"""
        folder.mkdir(mode=0o700, parents=True)
        self.folder, self.name = folder, name
        self.armored, self.binary = folder / "key.asc", folder / "key.gpg"
        past = ["--faked-system-time", "20250101T000000!"] if expired else []
        self.gpg(*past, "--passphrase", "", "--quick-gen-key", f"{name} <{name.lower()}@contoso.com>", "rsa2048", "sign",
                 "seconds=2" if expired else "never")
        self.armored.write_bytes(self.gpg("--armor", "--export"))
        self.binary.write_bytes(self.gpg("--export"))

    def gpg(self, *argv: str) -> bytes:
        return call(["gpg", "--batch", "--quiet", "--yes", "--pinentry-mode", "loopback", *argv], env={"GNUPGHOME": str(self.folder)})

    def stop(self) -> None:
        """End the agent that gpg started."""
        call(["gpgconf", "--kill", "all"], env={"GNUPGHOME": str(self.folder)})


@dataclasses.dataclass
class Package:
    """What a test package is made of.  scripts: preinst, postinst, prerm or postrm -> the body of a shell script."""

    name: str
    version: str  # without an epoch
    epoch: int = 1
    depends: str = ""
    files: Dict[str, str] = dataclasses.field(default_factory=dict)
    scripts: Dict[str, str] = dataclasses.field(default_factory=dict)

    def content(self) -> Dict[str, str]:
        return self.files or {f"/usr/share/{self.name}/version": f"{self.version}\n"}

    def fill(self, root: Path) -> None:
        for path, text in self.content().items():
            file = root / path.lstrip("/")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
            file.chmod(0o755 if text.startswith("#!") else 0o644)


def make_deb(folder: Path, package: Package, arch: str = "all") -> Path:
    """arch: as dpkg names it"""
    root = folder / "deb-root"
    shutil.rmtree(root, ignore_errors=True)
    package.fill(root)
    control = root / "DEBIAN"
    control.mkdir(mode=0o755, parents=True)
    lines = {"Package": package.name, "Version": f"{package.epoch}:{package.version}", "Architecture": arch,
             "Maintainer": "Lab <lab@contoso.com>", "Depends": package.depends, "Description": "a package of the lab"}
    (control / "control").write_text("".join(f"{key}: {value}\n" for key, value in lines.items() if value), encoding="ascii")
    for name, body in package.scripts.items():
        (control / name).write_text(f"#!/bin/sh\n{body}\n", encoding="ascii")
        (control / name).chmod(0o755)
    path = folder / f"{package.name}_{package.version}_{arch}.deb"
    call(["dpkg-deb", "--root-owner-group", "-Zxz", "--build", str(root), str(path)])
    shutil.rmtree(root)
    return path


RPM_SCRIPTS = {"preinst": "%pre", "postinst": "%post", "prerm": "%preun", "postrm": "%postun"}


def make_rpm(folder: Path, package: Package, signer: Optional[Signer] = None) -> Path:
    """Of no architecture."""
    top = folder / "rpm-root"
    shutil.rmtree(top, ignore_errors=True)
    package.fill(top / "files")
    lines = [f"Name: {package.name}", f"Epoch: {package.epoch}", f"Version: {package.version}", "Release: 1", "Summary: a package of the lab",
             "License: MIT", "BuildArch: noarch", "AutoReqProv: no", *([f"Requires: {package.depends}"] if package.depends else []),
             "%description", "A package of the lab.", "%install", "mkdir -p %{buildroot}", f"cp -r {top}/files/. %{{buildroot}}"]
    for name, body in package.scripts.items():
        lines += [RPM_SCRIPTS[name], body.replace("%", "%%")]
    folders = {str(Path(path).parent) for path in package.content()}
    lines += ["%files", *(f"%dir {folder}" for folder in folders if folder.endswith(f"/{package.name}")), *package.content()]
    spec = top / "package.spec"
    spec.write_text("\n".join(lines) + "\n", encoding="ascii")
    call(["rpmbuild", "-bb", "--define", f"_topdir {top}/build", "--define", "_binary_payload w9.gzdio", str(spec)])
    made = next((top / "build" / "RPMS").rglob("*.rpm"))
    path = folder / made.name
    shutil.move(str(made), path)
    shutil.rmtree(top)
    if signer:
        sign_rpm(path, signer)
    return path


def sign_rpm(path: Path, signer: Signer) -> None:
    call(["rpm", "--define", "__gpg /usr/bin/gpg", "--define", f"_gpg_name {signer.name}", "--addsign", str(path)],
         env={"GNUPGHOME": str(signer.folder)})


def publish_key(folder: Path, signer: Signer) -> None:
    for path in (signer.armored, signer.binary):
        shutil.copyfile(path, folder / path.name)


def sign_release(folder: Path, signer: Optional[Signer]) -> None:
    for name in ("InRelease", "Release.gpg"):
        (folder / name).unlink(missing_ok=True)
    if signer:
        release = str(folder / "Release")
        signer.gpg("--clearsign", "--output", str(folder / "InRelease"), release)
        signer.gpg("--armor", "--detach-sign", "--output", str(folder / "Release.gpg"), release)


def deb(folder: Path, packages: Iterable[Path], signer: Optional[Signer], suite: Optional[str] = None, component: str = "main",
        archs: Sequence[str] = ("amd64", "arm64")) -> None:
    """
    Make a folder a repository of apt's, flat or with a suite.  signer: whose key signs; None: nobody's does.
    """
    shutil.rmtree(folder, ignore_errors=True)
    pool = folder / "pool" if suite else folder
    lists = [folder / "dists" / suite / component / f"binary-{arch}" for arch in archs] if suite else [folder]
    for made in (pool, *lists):
        made.mkdir(parents=True, exist_ok=True)
    for package in packages:
        shutil.copy(package, pool)
    index = call(["apt-ftparchive", "packages", "pool" if suite else "."], cwd=folder)
    for path in lists:
        (path / "Packages").write_bytes(index)
        call(["gzip", "--keep", "--no-name", "Packages"], cwd=path)
    top = folder / "dists" / suite if suite else folder
    fields = {"Origin": "Lab", "Suite": suite or "stable", "Codename": suite or "stable", "Components": component,
              "Architectures": " ".join([*archs, "all"])}
    options = [word for name, value in fields.items() for word in ("-o", f"APT::FTPArchive::Release::{name}={value}")]
    text = call(["apt-ftparchive", *options, "release", "."], cwd=top)
    (top / "Release").write_bytes(text)
    sign_release(top, signer)
    if signer:
        publish_key(folder, signer)


def rpm(folder: Path, packages: Iterable[Path], signer: Optional[Signer]) -> None:
    """Make a folder a repository of dnf's, yum's, zypper's and tdnf's.  signer: whose key signs its metadata."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for package in packages:
        shutil.copy(package, folder)
    call(["createrepo_c", "--quiet", str(folder)])
    if signer:
        # A key beside the metadata is what zypper would take if it were let to.
        metadata = str(folder / "repodata" / "repomd.xml")
        signer.gpg("--armor", "--detach-sign", "--output", f"{metadata}.asc", metadata)
        shutil.copyfile(signer.armored, f"{metadata}.key")
        publish_key(folder, signer)


# What the fake Azure serves


def kind_of(path: str) -> str:
    if path.endswith(PACKAGE_FILES):
        return "packages.package"
    return "packages.key" if path.endswith(KEY_FILES) and "/repodata/" not in path else "packages.metadata"


def is_allowed(cloud: Cloud, name: str, request: Request) -> bool:
    login = cloud.package_logins.get(name)
    expected = "Basic " + base64.b64encode((login or "").encode()).decode()
    return login is None or request.headers.get("Authorization") == expected


def serve_file(cloud: Cloud, request: Request) -> Response:
    for name, folder in cloud.package_folders.items():
        if not request.path.startswith(f"/{name}/"):
            continue
        if not is_allowed(cloud, name, request):
            return Response(401, headers={"WWW-Authenticate": 'Basic realm="lab"'})
        path = (folder / request.path[len(name) + 2:]).resolve()
        if folder in path.parents and path.is_file():
            return Response(200, path.read_bytes(), {"Content-Type": "application/octet-stream"})
    return Response(404)


def site(cloud: Cloud, request: Request) -> Optional[Tuple[str, Answer]]:
    return kind_of(request.path), serve_file
