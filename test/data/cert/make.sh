#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Make the certificates of this directory with ssh-keygen.  The private keys are thrown away: what is
# committed is what the tests read.  test_cert names the times and identifiers that stand here.
set -eu
export TZ=UTC
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

oid=6d1f0a52-93c4-4be1-8f07-2f6c1b7a9e30
tid=0b9c7c11-5f3e-4d52-a6b8-7e9d3c2f1a44
window=20260102000000:20260102010500

key() { # name, ssh-keygen's options
	name=$1
	shift
	ssh-keygen -q -N '' -C "$name" -f "$name" "$@"
}

sign() { # output, CA, key, ssh-keygen's options
	output=$1 ca=$2 user=$3
	shift 3
	cp "$user.pub" "$output.pub"
	ssh-keygen -q -s "$ca" "$@" "$output.pub"
	cp "$output-cert.pub" "$here/$output.pub"
}

entra() { # output, CA, key, signature type, principals, further options
	output=$1 ca=$2 user=$3 type=$4 principals=$5
	shift 5
	sign "$output" "$ca" "$user" -t "$type" -I "$oid@$tid" -n "$principals" -V "$window" \
		-O "extension:oid@sshservice.azure.net=$oid" \
		-O "extension:tid@sshservice.azure.net=$tid" \
		-O "extension:displayname@sshservice.azure.net=Alice Example" "$@"
}

key ca -t rsa -b 2048
key ca-ecdsa -t ecdsa
key user -t rsa -b 3072
key user-ed25519 -t ed25519
cp ca.pub user.pub "$here"
ssh-keygen -lf ca.pub | cut -d' ' -f2 >"$here/ca.fingerprint"

# As Entra writes them.
entra good-sha256 ca user rsa-sha2-256 Alice@contoso.com
entra good-sha512 ca user rsa-sha2-512 Alice@contoso.com
entra good-service ca user rsa-sha2-256 1f2e3d4c-5b6a-4798-8897-a6b5c4d3e2f1

# Each wrong in the one way that its name says.
entra bad-sha1 ca user ssh-rsa Alice@contoso.com
entra bad-ca-ecdsa ca-ecdsa user ecdsa-sha2-nistp256 Alice@contoso.com
entra bad-user-ed25519 ca user-ed25519 rsa-sha2-256 Alice@contoso.com
entra bad-host ca user rsa-sha2-256 Alice@contoso.com -h
entra bad-two-principals ca user rsa-sha2-256 Alice@contoso.com,root
entra bad-principal ca user rsa-sha2-256 'Alice@contoso.com" ssh-rsa'
entra bad-command ca user rsa-sha2-256 Alice@contoso.com -O force-command=/bin/true
entra bad-forever ca user rsa-sha2-256 Alice@contoso.com -V always:forever
entra bad-key-id ca user rsa-sha2-256 Alice@contoso.com -I "$tid@$oid"
sign bad-no-extensions ca user -t rsa-sha2-256 -I "$oid@$tid" -n Alice@contoso.com -V "$window" \
	-O clear
