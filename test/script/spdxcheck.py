# SPDX-License-Identifier: MIT
"""Is this SPDX document what SPDX 2.3 demands, and what the folder, the lock and the table of licences say?

usage: spdxcheck.py DOCUMENT FOLDER [LOCK TABLE]    exit status 1, and why, if not
"""

import hashlib
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ID = re.compile(r"SPDXRef-[A-Za-z0-9.-]+")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
CREATOR = re.compile(r"(Person|Organization|Tool): .+")
HEX = {"SHA1": 40, "SHA256": 64}
LICENCE = r"(NONE|NOASSERTION|[A-Za-z0-9.+-]+( WITH [A-Za-z0-9.-]+)?)"
EXPRESSION = re.compile(rf"{LICENCE}( (AND|OR) {LICENCE})*")
RELATIONS = {"DESCRIBES", "CONTAINS", "STATIC_LINK", "BUILD_DEPENDENCY_OF"}
PURPOSES = {"APPLICATION", "FRAMEWORK", "LIBRARY", "CONTAINER", "OPERATING-SYSTEM", "DEVICE", "FIRMWARE", "SOURCE", "ARCHIVE",
            "FILE", "INSTALL", "OTHER"}
TYPES = {"SOURCE", "BINARY", "ARCHIVE", "APPLICATION", "AUDIO", "IMAGE", "TEXT", "VIDEO", "DOCUMENTATION", "SPDX", "OTHER"}
LISTS = ("SHA256SUMS",)  # made after the document

# Each key that may be there, and whether it must.
TOP = {"spdxVersion": True, "dataLicense": True, "SPDXID": True, "name": True, "documentNamespace": True,
       "creationInfo": True, "documentDescribes": False, "packages": True, "files": True, "relationships": True}
PACKAGE = {"name": True, "SPDXID": True, "downloadLocation": True, "filesAnalyzed": False, "packageVerificationCode": False,
           "versionInfo": False, "packageFileName": False, "checksums": False, "licenseConcluded": False,
           "licenseInfoFromFiles": False, "licenseDeclared": False, "licenseComments": False, "copyrightText": False,
           "sourceInfo": False, "externalRefs": False, "primaryPackagePurpose": False}
FILE = {"fileName": True, "SPDXID": True, "checksums": True, "fileTypes": False, "licenseConcluded": False,
        "licenseInfoInFiles": False, "copyrightText": False}
RELATIONSHIP = {"spdxElementId": True, "relationshipType": True, "relatedSpdxElement": True}


def need(condition: object, *what: object) -> None:
    if not condition:
        sys.exit("spdxcheck: " + " ".join(map(str, what)))


def check_keys(thing: dict, keys: dict, what: str) -> None:
    need(isinstance(thing, dict), what, "is no object")
    for key, must in keys.items():
        need(key in thing or not must, what, "lacks", key)
    need(not thing.keys() - keys.keys(), what, "has", thing.keys() - keys.keys())
    need(all(value not in ("", [], None) for value in thing.values()), what, "has an empty value")


def check_expressions(thing: dict, what: str) -> None:
    for key in ("licenseConcluded", "licenseDeclared"):
        need(EXPRESSION.fullmatch(thing.get(key, "NONE")), what, key, thing.get(key))


def sums_of(thing: dict, what: str, must: set) -> dict:
    sums = {}
    for entry in thing.get("checksums", []):
        check_keys(entry, {"algorithm": True, "checksumValue": True}, what)
        name, value = entry["algorithm"], entry["checksumValue"]
        need(name in HEX and re.fullmatch(f"[0-9a-f]{{{HEX[name]}}}", value) and name not in sums, what, entry)
        sums[name] = value
    need(must <= sums.keys(), what, "lacks a checksum of", must)
    return sums


def verification_code(files: list) -> str:
    return hashlib.sha1("".join(sorted(sums_of(file, "file", {"SHA1"})["SHA1"] for file in files)).encode()).hexdigest()


def check_package(package: dict, contained: list) -> None:
    what = f"package {package.get('name')}"
    check_keys(package, PACKAGE, what)
    check_expressions(package, what)
    need(package.get("primaryPackagePurpose", "OTHER") in PURPOSES, what, "has no such purpose")
    location = package["downloadLocation"]
    need(location in ("NONE", "NOASSERTION") or re.match(r"[a-z+]+://", location), what, location)
    sums_of(package, what, set())
    for ref in package.get("externalRefs", []):
        check_keys(ref, {"referenceCategory": True, "referenceType": True, "referenceLocator": True}, what)
        need(ref["referenceCategory"] in ("SECURITY", "PACKAGE-MANAGER", "PERSISTENT-ID", "OTHER"), what, ref)
        need(ref["referenceType"] != "purl" or re.fullmatch(r"pkg:deb/debian/[a-z0-9.+-]+@[A-Za-z0-9.~%-]+\?arch=[a-z0-9]+",
                                                           ref["referenceLocator"]), what, ref)
    if package.get("filesAnalyzed", True):
        code = package.get("packageVerificationCode")
        need(code, what, "lacks its verification code")
        check_keys(code, {"packageVerificationCodeValue": True, "packageVerificationCodeExcludedFiles": False}, what)
        need(code["packageVerificationCodeValue"] == verification_code(contained), what, "has another verification code")
    else:
        need("packageVerificationCode" not in package and "licenseInfoFromFiles" not in package and not contained, what,
             "has files, which are not analyzed")


def check_structure(document: dict) -> None:
    check_keys(document, TOP, "the document")
    need(document["spdxVersion"] == "SPDX-2.3", "another version of SPDX")
    need(document["dataLicense"] == "CC0-1.0", "the document's licence")
    need(document["SPDXID"] == "SPDXRef-DOCUMENT", "the document's id")
    need(re.fullmatch(r"https?://[^#\s]+", document["documentNamespace"]), "namespace", document["documentNamespace"])
    check_keys(document["creationInfo"], {"created": True, "creators": True}, "creationInfo")
    need(TIME.fullmatch(document["creationInfo"]["created"]), "created", document["creationInfo"]["created"])
    need(all(CREATOR.fullmatch(creator) for creator in document["creationInfo"]["creators"]), "creators")

    elements = {"SPDXRef-DOCUMENT": document}
    for element in document["packages"] + document["files"]:
        name = element.get("SPDXID", "")
        need(ID.fullmatch(name) and name not in elements, "id", name)
        elements[name] = element
    files = {file["SPDXID"] for file in document["files"]}
    contains = {}
    for relation in document["relationships"]:
        check_keys(relation, RELATIONSHIP, "a relationship")
        need(relation["relationshipType"] in RELATIONS, relation)
        need(relation["spdxElementId"] in elements and relation["relatedSpdxElement"] in elements, relation)
        if relation["relationshipType"] == "CONTAINS":
            contains.setdefault(relation["spdxElementId"], []).append(relation["relatedSpdxElement"])
    inside = [name for names in contains.values() for name in names if name in files]
    need(sorted(inside) == sorted(files), "a file is in no package, or in two")
    for file in document["files"]:
        what = f"file {file.get('fileName')}"
        check_keys(file, FILE, what)
        check_expressions(file, what)
        need(file["fileName"].startswith("./"), what, "has no relative name")
        need(set(file.get("fileTypes", [])) <= TYPES, what, file.get("fileTypes"))
        sums_of(file, what, {"SHA1", "SHA256"})
    for package in document["packages"]:
        check_package(package, [elements[name] for name in contains.get(package["SPDXID"], []) if name in files])
    described = [relation["relatedSpdxElement"] for relation in document["relationships"]
                 if relation["relationshipType"] == "DESCRIBES"]
    need(described == document.get("documentDescribes"), "described:", described)


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def regular(folder: Path) -> dict:
    return {f"./{path.relative_to(folder)}": path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()}


def unpack(package: Path, to: str) -> None:
    if package.suffix == ".deb":
        subprocess.run(["dpkg-deb", "-x", package, to], check=True)
    else:
        cpio = subprocess.run(["rpm2cpio", package], check=True, stdout=subprocess.PIPE).stdout
        subprocess.run(["cpio", "-idm", "--quiet", "--no-absolute-filenames"], input=cpio, check=True, cwd=to)


def check_folder(document: dict, name: str, folder: Path) -> None:
    """Each file that is there is in the document, by the tools of dpkg and rpm for what is in a package."""
    elements = {element["SPDXID"]: element for element in document["packages"] + document["files"]}
    contains = {}
    for relation in document["relationships"]:
        if relation["relationshipType"] == "CONTAINS":
            contains.setdefault(relation["spdxElementId"], []).append(elements[relation["relatedSpdxElement"]])

    def compare(package: dict, root: Path, without: tuple) -> None:
        told = {file["fileName"]: sums_of(file, "file", {"SHA256"})["SHA256"]
                for file in contains[package["SPDXID"]] if "fileName" in file}
        found = {path: sha256(place) for path, place in regular(root).items() if path[2:] not in without}
        need(told == found, package["name"], "differs:", set(told.items()) ^ set(found.items()))

    main = elements[document["documentDescribes"][0]]
    compare(main, folder, (name, *LISTS))
    packages = {package["packageFileName"]: package for package in contains[main["SPDXID"]] if "packageFileName" in package}
    need(packages.keys() == {path for path in regular(folder) if path.endswith((".deb", ".rpm"))}, "packages:", packages.keys())
    for path, package in packages.items():
        need(sums_of(package, path, {"SHA256"})["SHA256"] == sha256(folder / path), path, "is another")
        with tempfile.TemporaryDirectory() as temporary:
            unpack((folder / path).resolve(), temporary)
            compare(package, Path(temporary), ())


def check_lock(document: dict, lock: Path, table: Path) -> None:
    """Whatever is in a program is locked and has its licence, and what is locked is in the document."""
    rows = [line.split() for line in lock.read_text(encoding="utf-8").splitlines() if line and line[0] != "#"]
    licences = {}
    for line in table.read_text(encoding="utf-8").splitlines():
        if line and line[0] != "#":
            _, source, text, expression = line.split(None, 3)
            licences.setdefault(source, set()).add(expression)
            need(text == "-" or (table.parent / source).is_file(), "no text of", source)
    elements = {element["SPDXID"]: element for element in document["packages"] + document["files"]}
    linked = [elements[relation["relatedSpdxElement"]] for relation in document["relationships"]
              if relation["relationshipType"] == "STATIC_LINK"]
    libraries = [package for package in document["packages"] if package.get("primaryPackagePurpose") == "LIBRARY"]
    if not libraries:
        return
    need(linked, "nothing is linked")
    for package in libraries:
        name, version = package["name"], package["versionInfo"]
        if name == "libgcc":
            need({package["licenseConcluded"]} == licences["-"], name, package["licenseConcluded"])
            continue
        own = [row for row in rows if row[2].partition(":")[0] == name and row[3] == version]
        sums = sums_of(package, name, {"SHA256"})["SHA256"]
        need((package["packageFileName"], sums) in {(row[4], row[5]) for row in own}, name, version, "is not what is locked")
        for row in own:
            need(":" in row[2] or f"{row[4]} SHA-256 {row[5]}" in package["sourceInfo"], name, "does not tell of", row[4])
        need(package not in linked or package["licenseConcluded"] != "NOASSERTION", name, "is linked without a licence")
        need(package["licenseConcluded"] == (" AND ".join(sorted(licences.get(name, {"NOASSERTION"})))), name,
             "has another licence than the table says")
    need({row[2].partition(":")[0] for row in rows} <= {package["name"] for package in libraries}, "locked, but not told of")


def main() -> None:
    path, folder = Path(sys.argv[1]), Path(sys.argv[2])
    document = json.loads(path.read_text(encoding="utf-8"))
    check_structure(document)
    check_folder(document, path.name, folder)
    if len(sys.argv) > 3:
        check_lock(document, Path(sys.argv[3]), Path(sys.argv[4]))


main()
