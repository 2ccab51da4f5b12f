#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Make tenant.json: a key set as Entra publishes it, in which one key is the CA of ../cert.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

number() { # public key in PEM -> n as JWK writes it
	openssl rsa -pubin -in "$1" -noout -modulus | cut -d= -f2 | tr -d '\n' |
		basenc -d --base16 | basenc -w0 --base64url | tr -d =
}

entry() { # kid, use, issuer, cloud, public key in PEM
	printf '{"kty":"RSA","use":"%s","kid":"%s","x5t":"%s","n":"%s","e":"AQAB",' \
		"$2" "$1" "$1" "$(number "$5")"
	printf '"x5c":["MIIC"],"cloud_instance_name":"%s","issuer":"%s"}' "$4" "$3"
}

ssh-keygen -e -m PKCS8 -f "$here/../cert/ca.pub" >"$work/ca"
for name in rolled tenant other consumer china enc; do
	openssl genrsa 2048 2>/dev/null | openssl rsa -pubout -out "$work/$name" 2>/dev/null
done

login=https://login.microsoftonline.com
{
	printf '{"keys":['
	entry ca sig "$login/{tenantid}/v2.0" microsoftonline.com "$work/ca"
	printf ','
	entry rolled sig "$login/{tenantid}/v2.0" microsoftonline.com "$work/rolled"
	printf ','
	entry tenant sig "$login/0b9c7c11-5f3e-4d52-a6b8-7e9d3c2f1a44/v2.0" microsoftonline.com \
		"$work/tenant"
	printf ','
	entry other sig "$login/11111111-2222-4333-8444-555555555555/v2.0" microsoftonline.com \
		"$work/other"
	printf ','
	entry consumer sig "$login/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0" microsoftonline.com \
		"$work/consumer"
	printf ','
	entry china sig "$login/{tenantid}/v2.0" partner.microsoftonline.cn "$work/china"
	printf ','
	entry enc enc "$login/{tenantid}/v2.0" microsoftonline.com "$work/enc"
	printf ',{"kty":"EC","use":"sig","kid":"ec","crv":"P-256","x":"AQ","y":"AQ"}]}\n'
} >"$here/tenant.json"
