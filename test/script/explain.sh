#!/bin/sh
# SPDX-License-Identifier: MIT
# aadsshlogin explain as it is built, with the real getent, NSS module and ssh-keygen, over layers in
# memory: nothing reaches the machine.  Where there is no sshd, a program of the test's prints what
# `sshd -T` would.  Needs root.  make check runs this in the build directory.
set -u
# shellcheck source=test/script/conforms.sh
. "$(dirname "$0")/conforms.sh"
layers='usr etc var home'
# shellcheck source=test/script/layers.sh
. "$(dirname "$0")/layers.sh"
cp aadsshlogin libnss_aad.so.2 pam_aad.so "$tmp" || exit 1
mount -t tmpfs none /run || exit 77
failures=0

fail()
{
	printf 'FAIL: %s\n' "$*"
	failures=$((failures + 1))
}

# ---- the machine
oid=6d1f0a52-93c4-4be1-8f07-2f6c1b7a9e30
other=11111111-93c4-4be1-8f07-2f6c1b7a9e30
tid=0b9c7c11-5f3e-4d52-a6b8-7e9d3c2f1a44
alice=alice@contoso.com
pam=$(dirname "$(find /usr/lib* -name pam_permit.so | head -n 1)")
install -m 644 "$tmp/pam_aad.so" "$pam/pam_aad.so"
install -m 644 "$tmp/libnss_aad.so.2" "$(dirname "$pam")/libnss_aad.so.2"
mkdir -p /usr/lib64/security
install -m 644 "$tmp/pam_aad.so" /usr/lib64/security/pam_aad.so
sed -i -e '/^passwd:/d' -e '/^group:/d' -e '/^initgroups:/d' -e '/aadsshlogin/d' /etc/nsswitch.conf
printf 'passwd: files aad\ngroup: files aad\n' >>/etc/nsswitch.conf
sed -i '/^aadsshlogin:/d' /etc/passwd
echo 'aadsshlogin:x:64990:64990::/nonexistent:/usr/sbin/nologin' >>/etc/passwd
rm -f /etc/aadpasswd /etc/aadadmins /usr/bin/sudo /usr/bin/sudo-rs /usr/bin/sudo.ws
mkdir -p /run/aadsshlogin/decisions /var/lib/aadsshlogin
control='success=ok new_authtok_reqd=ok ignore=ignore module_unknown=ignore default=die'
printf 'account [%s] pam_aad.so\naccount required pam_unix.so\n' "$control" >/etc/pam.d/sshd
cat >/etc/aadsshlogin.conf <<END
tenant $tid
role_backend static
roles_file /etc/roles
keys_file /etc/keys.json
END
echo "$oid admin" >/etc/roles
cat >/usr/sbin/sshd <<'END'
#!/bin/sh
[ "$1" = -T ] || exit 0
printf 'usepam yes\nauthenticationmethods publickey\npubkeyauthentication yes\n'
printf 'authorizedkeyscommand /usr/sbin/aad_certhandler %%u %%k\n'
printf 'authorizedkeyscommanduser aadsshlogin\nauthorizedkeysfile none\n'
cat /etc/sshd-lists 2>/dev/null || :
END
chmod 755 /usr/sbin/sshd

# ---- certificates
cd "$tmp" || exit 1
for key in ca otherca user; do
	ssh-keygen -q -t rsa -b 2048 -N '' -f $key
done
python3 - ca.pub >/etc/keys.json <<'END'
import base64, json, struct, sys
blob = base64.b64decode(open(sys.argv[1]).read().split()[1])
fields = []
while blob:
    size = struct.unpack(">I", blob[:4])[0]
    fields.append(blob[4:4 + size])
    blob = blob[4 + size:]
number = lambda field: base64.urlsafe_b64encode(field.lstrip(b"\0")).rstrip(b"=").decode()
print(json.dumps({"keys": [{"kty": "RSA", "use": "sig", "kid": "1", "e": number(fields[1]), "n": number(fields[2])}]}))
END

# sign OUTPUT CA NAME OID WINDOW [OPTION]...
sign()
{
	output=$1 ca=$2 name=$3 id=$4 window=$5
	shift 5
	cp user.pub "$output.pub"
	ssh-keygen -q -s "$ca" -t rsa-sha2-256 -I "$id@$tid" -n "$name" -V "$window" \
		-O "extension:oid@sshservice.azure.net=$id" \
		-O "extension:tid@sshservice.azure.net=$tid" \
		-O 'extension:displayname@sshservice.azure.net=Alice' "$@" "$output.pub"
	mv "$output-cert.pub" "$output.cert"
}
sign good ca Alice@contoso.com $oid -1m:+64m
sign expired ca $alice $oid -3h:-2h
sign forged otherca $alice $oid -1m:+64m
sign bob ca bob@contoso.com $other -1m:+64m
sign long ca $alice $oid -1m:+2d
sign forced ca $alice $oid -1m:+64m -O force-command=id
sign namesake ca $alice $other -1m:+64m
head -c 70000 /dev/zero | tr '\0' A >huge.cert
cp user.pub plain.cert

explain() { ./aadsshlogin explain "$@"; }

# narrow NAME: no line of what was told is longer than a terminal, but for words and commands that cannot be broken
narrow()
{
	grep -E '^.{81}' out | grep -vE '^ *([$] .*|-.*|[^ ]+)$' && fail "$1: a line of more than 80 columns"
}

# row CERT CHECK REASON [WORDS]: the first refusal, and the exit status.
row()
{
	explain $alice --cert "$tmp/$1.cert" >out 2>&1
	[ $? -eq 1 ] || fail "$1: exit status"
	narrow "$1"
	grep -A 4 "^refused $2" out | tr -s ' \n' ' ' | grep -q "^refused $2 .*${4-}" ||
		fail "$1: $2 does not refuse: $(cat out)"
	grep -q "reason: $3\$" out || fail "$1: not $3: $(cat out)"
	explain --json $alice --cert - <"$1.cert" >json 2>&1
	python3 -c 'import json, sys; d = json.load(open("json")); sys.exit(d["ok"] or [d["refusedAt"], d["reason"]] != sys.argv[1:])' \
		"$2" "$3" || fail "$1: $(cat json)"
	conforms aadsshlogin-explain
}

# ---- accepted
explain ALICE@contoso.com --cert "$tmp/good.cert" >out 2>&1 || fail "good: $(cat out)"
grep -q '^the login would be accepted' out || fail "good: $(cat out)"
narrow good
grep -q '^ok *entry *uid 96865231, as the name gives it' out || fail "entry: $(cat out)"
grep -q '^ok *signing-key *is one of the 1 keys of keys_file' out || fail "key: $(cat out)"
grep -q '^ok *role *by the file; login: granted' out || fail "role: $(cat out)"
explain $alice >out 2>&1 || fail "no certificate: $(cat out)"
grep -q '^skipped certificate' out || fail "no certificate: $(cat out)"
explain --json $alice --cert - <good.cert >json 2>&1 || fail "good: $(cat json)"
conforms aadsshlogin-explain
python3 - "$schemas/aadsshlogin-explain.schema.json" <<'END' || fail 'the schema does not list the checks as they are'
import json, sys
listed = json.load(open(sys.argv[1]))["$defs"]["check"]["properties"]["check"]["enum"]
sys.exit(listed != [row["check"] for row in json.load(open("json"))["checks"]])
END
grep -F "$(cut -d' ' -f2 good.cert | cut -c100-160)" out && fail 'a body was printed'

# ---- refused, by the certificate
row expired validity cert-expired
row forged signing-key ca-not-trusted
row bob principal principal-mismatch bob@contoso.com
row long identity cert-window
row forced identity cert-option
row huge certificate cert-malformed
row plain certificate record-missing ssh-rsa

# ---- refused, by the machine
echo "$alice:$oid:96865231:96865231::/home/$alice:/bin/bash" >/etc/aadpasswd
row namesake object-id oid-mismatch $oid
echo "ann@contoso.com:$oid:1234567:1234567::/home/ann:/bin/bash" >/etc/aadpasswd
row good ledger account-renamed ann@contoso.com
rm /etc/aadpasswd
echo 'allowusers root' >/etc/sshd-lists
row good sshd-access sshd-access AllowUsers
printf 'allowgroups wheel\nallowgroups aad_users\n' >/etc/sshd-lists
explain $alice --cert "$tmp/good.cert" >out 2>&1 || fail "groups: $(cat out)"
rm /etc/sshd-lists
echo 'account required pam_unix.so' >/etc/pam.d/sshd.new
cp /etc/pam.d/sshd sshd.ours
mv /etc/pam.d/sshd.new /etc/pam.d/sshd
row good pam-sshd pam-line-missing /etc/pam.d/sshd
cp sshd.ours /etc/pam.d/sshd
mkdir "/home/$alice"
row good home home-owned
rmdir "/home/$alice"
: >/etc/roles
row good role role-missing

# ---- whoever is asked for, a document is printed
chmod 755 "$tmp"
explain --json "$(printf 'ann\351@contoso.com')" >json 2>&1
[ $? -eq 1 ] || fail "a name that is no UTF-8: $(cat json)"
grep -q '"user": "ann?@contoso.com"' json || fail "a name that is no UTF-8: $(cat json)"
conforms aadsshlogin-explain
echo "$alice:$oid:96865231:96865231::/home/$alice:/bin/bash" >/etc/aadpasswd
echo "bob@contoso.com:$other:12345678:12345678::/home/bob:/bin/bash" >/var/lib/aadsshlogin/users
chmod 600 /var/lib/aadsshlogin/users
./aadsshlogin users --json >json 2>&1 || fail "users: $(cat json)"
grep -q '"present": false' json || fail "users: $(cat json)"
conforms aadsshlogin-users
./aadsshlogin users >out 2>&1 || fail "users: $(cat out)"
narrow users
./aadsshlogin status >out 2>&1
narrow status
./aadsshlogin status --json >json 2>&1
[ $? -eq 1 ] || fail "status without sshd's lines: $(cat json)"
grep -q '"check": "pam-module"' json || fail "status without sshd's lines: $(cat json)"
conforms aadsshlogin-status
for verb in status users "explain $alice"; do
	# shellcheck disable=SC2086 # words
	setpriv --reuid=65534 --regid=65534 --clear-groups ./aadsshlogin $verb --json >json 2>&1
	grep -q '"problem": .*only root' json || fail "$verb without root: $(cat json)"
	conforms "aadsshlogin-${verb%% *}"
done

# ---- accounts are made and taken away
ln -s aadsshlogin aaduseradd
ln -s aadsshlogin aaduserdel
# account STATUS WORDS PROGRAM ARGUMENT...
account()
{
	status=$1 words=$2 program=$3
	shift 3
	"./$program" --json "$@" >json 2>error
	[ $? -eq "$status" ] || fail "$program $*: $(cat json error)"
	grep -q "$words" json || fail "$program $*, without $words: $(cat json error)"
	conforms aaduser
}
account 0 '"uid": 12345678' aaduseradd Bob@contoso.com "$other"
account 0 '"renamedFrom": "bob@contoso.com"' aaduseradd bo@contoso.com "$other"
account 1 '"problem": "nobody is no name' aaduseradd nobody "$other"
account 1 '"remedy": ' aaduseradd $alice "$other"
account 0 '"homeKept": true' aaduserdel Bo@contoso.com
account 0 '"homeKept": false' aaduserdel --remove bo@contoso.com
account 1 '"problem": "there is no Entra user' aaduserdel bo@contoso.com

# ---- nothing can be told
explain >out 2>&1
[ $? -eq 2 ] || fail 'usage'
explain $alice --cert relative.cert >out 2>&1
[ $? -eq 2 ] || fail 'a relative path'
explain $alice --cert /nonexistent >out 2>&1
[ $? -eq 2 ] || fail 'a missing file'
setpriv --reuid=65534 --regid=65534 --clear-groups ./aadsshlogin explain $alice >out 2>&1
[ $? -eq 2 ] || fail 'without root'
grep -q 'only root' out || fail "without root: $(cat out)"
[ "$failures" -eq 0 ]
