#!/bin/sh
# SPDX-License-Identifier: MIT
# manifest/publish: the documents of a version at each stage of its life, and the zips that it must refuse.
set -eu

top=$(cd "${srcdir:-.}" && pwd)
image=$top/manifest/publish/image
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
fail()
{
	echo "FAIL: $*" >&2
	exit 1
}
for tool in zip unzip sha256sum; do
	type $tool >/dev/null || { echo "SKIP: there is no $tool" >&2; exit 77; }
done

# packed NAME VERSION: a zip as make extension makes it, but small
packed()
{
	rm -rf folder
	mkdir -p folder/bin
	echo program >folder/bin/program
	sed "s/@EXTENSION_VERSION@/$2/" "$top/manifest/HandlerManifest.json" >folder/HandlerManifest.json
	(cd folder && sha256sum HandlerManifest.json bin/program >SHA256SUMS && zip -qr "../$1" .)
}
zip=AADSSHLoginForLinux-1.2.3.4.zip
packed $zip 1.2.3.4
sum=$(sha256sum <$zip | cut -d ' ' -f 1)
container='https://account.blob.core.windows.net/extensions'

# element NAME FILE
element()
{
	sed -n "s|.*<$1>\(.*\)</$1>.*|\1|p" "$2"
}
# expect FILE NAME VALUE
expect()
{
	got=$(element "$2" "$1")
	[ "$got" = "$3" ] || fail "$1: $2 is '$got', not '$3'"
}
well_formed()
{
	python3 -c 'import sys, xml.etree.ElementTree as x
root = x.parse(sys.argv[1]).getroot()
space = "{http://schemas.microsoft.com/windowsazure}"
order = """ProviderNameSpace Type Version Label HostingResources MediaLink Description IsInternalExtension
IsJsonExtension SupportedOS Regions""".split()
names = [each.tag.replace(space, "") for each in root]
assert root.tag == space + "ExtensionImage" and names == [n for n in order if n in names], names' "$1" ||
		fail "$1 is not well formed"
}
"$image" internal $zip $container >internal
"$image" regions $zip "$container/" 'West Central US' 'East US 2' >regions
"$image" everywhere $zip $container >everywhere
"$image" withdrawn $zip >withdrawn
for stage in internal regions everywhere withdrawn; do
	well_formed $stage
	expect $stage ProviderNameSpace Microsoft.Azure.ActiveDirectory
	expect $stage Type AADSSHLoginForLinux
	expect $stage Version 1.2.3.4
	expect $stage IsJsonExtension true
done
for stage in internal regions everywhere; do
	expect $stage MediaLink "$container/AADSSHLoginForLinux-1.2.3.4-$sum.zip"
	expect $stage SupportedOS Linux
	expect $stage HostingResources VmRole
done
expect internal IsInternalExtension true
expect regions IsInternalExtension false
expect everywhere IsInternalExtension false
expect withdrawn IsInternalExtension true
expect regions Regions 'West Central US;East US 2'
grep -q '<Regions></Regions>' everywhere || fail "everywhere has regions"
for stage in internal withdrawn; do
	! grep -q Regions $stage || fail "$stage has regions"
done
! grep -q MediaLink withdrawn || fail "withdrawn has a link"
[ "$("$image" link $zip $container)" = "$container/AADSSHLoginForLinux-1.2.3.4-$sum.zip" ] || fail "link"

for stage in internal withdrawn; do
	PUBLISHER=Contoso.Identity "$image" $stage $zip $([ $stage = withdrawn ] || echo "$container") >own
	well_formed own
	expect own ProviderNameSpace Contoso.Identity
	expect own Type AADSSHLoginForLinux
done

"$image" internal $zip 'https://h/c?a=1&b=<2>' >escaped
well_formed escaped

# refused WHY STATUS ARGUMENT...
refused()
{
	why=$1 wanted=$2
	shift 2
	status=0
	"$image" "$@" >out 2>err || status=$?
	[ $status = "$wanted" ] || fail "$why: exit $status, $(cat err)"
	[ ! -s out ] || fail "$why: prints a document"
}
refused 'no arguments' 2
refused 'an unknown stage' 2 published $zip $container
refused 'no container' 2 internal $zip
refused 'no region' 2 regions $zip $container
refused 'too much' 2 everywhere $zip $container 'East US'
refused 'an address without TLS' 1 internal $zip http://account/extensions
refused 'a region that is none' 1 regions $zip $container 'East US;West US'
refused 'an empty region' 1 regions $zip $container ''
PUBLISHER='Contoso</ProviderNameSpace>' refused 'a publisher that is no name' 1 internal $zip $container
PUBLISHER=.Identity refused 'a publisher without a beginning' 1 internal $zip $container
refused 'no zip' 1 internal none.zip $container
cp $zip AADSSHLoginForLinux-1.2.3.5.zip
refused 'the name of another version' 1 internal AADSSHLoginForLinux-1.2.3.5.zip $container
packed AADSSHLoginForLinux-1.2.zip 1.2
refused 'a version of two numbers' 1 internal AADSSHLoginForLinux-1.2.zip $container
packed AADSSHLoginForLinux-1.2.3.6.zip 1.2.3.6
echo other >folder/bin/program
(cd folder && zip -q ../AADSSHLoginForLinux-1.2.3.6.zip bin/program)
refused 'a program that is not the one that was packed' 1 internal AADSSHLoginForLinux-1.2.3.6.zip $container
packed AADSSHLoginForLinux-1.2.3.7.zip 1.2.3.7
zip -qd AADSSHLoginForLinux-1.2.3.7.zip SHA256SUMS
refused 'no sums' 1 internal AADSSHLoginForLinux-1.2.3.7.zip $container
echo 'ok: 4 stages, 13 refusals'
