#!/bin/sh
# SPDX-License-Identifier: MIT
# extension.sh ZIP: what the extension's zip for every distribution holds, each of its bytes in a table, and that it
# is small enough.  ./bootstrap check runs it on the zip that it made.
set -eu
exec python3 - "$1" <<'END'
import hashlib, os, re, sys, zipfile

LARGEST = 9_000_000
path = sys.argv[1]
version = re.search(r"-([0-9.]+)\.zip$", path)[1]
wanted = {"HandlerManifest.json", "SHA256SUMS", "bin/aadssh-shim", "manifest/clouds.yaml", "manifest/distros.yaml"}
wanted |= {f"bin/{arch}/aadssh-handler" for arch in ("x86_64", "aarch64")}
wanted |= {f"packages/aadsshlogin_{version}_{arch}.deb" for arch in ("amd64", "arm64")}
wanted |= {f"packages/aadsshlogin-{version}-1.{arch}.rpm" for arch in ("x86_64", "aarch64")}
wanted |= {f"packages/aadsshlogin-selinux_{version}_all.deb", f"packages/aadsshlogin-selinux-{version}-1.noarch.rpm"}
# What the programs hold of others, and its terms: that these are all is spdx.sh's to say.
libraries = ("curl", "jansson", "libarchive", "libyaml", "musl", "openssl", "xz-utils", "zlib")
wanted |= {"AADSSHLoginForLinux.spdx.json"} | {f"licences/{library}" for library in libraries}
total = os.stat(path).st_size
with zipfile.ZipFile(path) as archive:
    entries = archive.infolist()
    names = {entry.filename for entry in entries}
    sums = dict(reversed(line.split("  ")) for line in archive.read("SHA256SUMS").decode().splitlines())
    for name in names - {"SHA256SUMS"}:
        if hashlib.sha256(archive.read(name)).hexdigest() != sums.pop(name, None):
            sys.exit(f"FAIL: {name} is not what SHA256SUMS says")
for entry in sorted(entries, key=lambda entry: -entry.compress_size):
    print(f"{entry.compress_size:9d} of {entry.file_size:9d}  {entry.filename}")
print(f"{total - sum(entry.compress_size for entry in entries):9d}               names, times and modes")
print(f"{total:9d}               {path}")
if sums or names != wanted or len(entries) != len(names):
    sys.exit(f"FAIL: missing {wanted - names or '{}'}, besides {names - wanted or '{}'}, listed alone {sums}")
if total > LARGEST:
    sys.exit(f"FAIL: it is larger than {LARGEST} bytes")
END
