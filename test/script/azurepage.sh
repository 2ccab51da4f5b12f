#!/bin/sh
# SPDX-License-Identifier: MIT
# queries/warnings.sh, and the loop of remediations on the page of manifest/azure, with an az that says what it is told to:
# when it fails, and when it ends.  The real az plays both in test/lab.
set -eu

source=$(cd "${srcdir:-.}" && pwd)
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
failed=0
mkdir "$tmp/bin"
export SAYS="$tmp/says" ASKED="$tmp/asked"

# The answer to a command is in the file of the name of its first words that end at an option, and of its --ids or --name;
# without one it fails.  Each line "---" ends what is said the first time.
cat >"$tmp/bin/az" <<'END'
#!/bin/sh
echo "$*" >>"$ASKED"
name= of=
for word; do
	case $word in -*) break ;; esac
	name="$name${name:+_}$word"
done
while [ $# -gt 0 ]; do
	case $1 in --ids | --name) of=${2##*/} ;; esac
	shift
done
file=$SAYS/$name${of:+_$of}
[ -e "$file" ] || { echo "ERROR: (ResourceNotFound)" >&2; exit 3; }
sed '/^---$/,$d' "$file"
! grep -q '^---$' "$file" || sed -i '1,/^---$/d' "$file"
END
printf '#!/bin/sh\n' >"$tmp/bin/sleep"
chmod +x "$tmp/bin/az" "$tmp/bin/sleep"
export PATH="$tmp/bin:$PATH"

check() { # NAME WANTED GOT
	[ "$2" = "$3" ] || { printf 'FAIL: %s: wanted\n%s\ngot\n%s\n' "$1" "$2" "$3" >&2; failed=1; }
}

says() { # COMMAND LINE...
	file=$1
	shift
	[ $# -eq 0 ] && : >"$SAYS/$file" || printf '%s\n' "$@" >"$SAYS/$file"
}

run() { # NAME STATUS OUTPUT [ARGUMENT...]
	name=$1 wanted=$2 output=$3 status=0
	shift 3
	: >"$ASKED"
	got=$(sh "$source/manifest/azure/queries/warnings.sh" "$@" 2>"$tmp/errors") || status=$?
	check "$name: exit status" "$wanted" "$status"
	check "$name: output" "$output" "$got"
}

fleet() {
	rm -rf "$SAYS"
	mkdir "$SAYS"
	says vm_list /subscriptions/s/vm1 /subscriptions/s/vm2 /subscriptions/s/vm3
	says vmss_list
	for vm in 1 2 3; do
		says "vm_get-instance-view_vm$vm"
	done
}

tab=$(printf '\t')
one="/subscriptions/s/vm1${tab}no role" three="/subscriptions/s/vm3${tab}two accounts"
fleet
run "all well" 0 ""
says vm_get-instance-view_vm1 "$one"
says vm_get-instance-view_vm3 "$three"
run "two machines warn" 1 "$one
$three"
check "whoever published the extension" 0 "$(grep -c Microsoft.Azure "$ASKED")"
rm "$SAYS/vm_get-instance-view_vm2"
run "one that is gone hides no other" 2 "$one
$three"
check "it is named" 1 "$(grep -c '/subscriptions/s/vm2 could not be looked at' "$tmp/errors")"
fleet
rm "$SAYS/vm_get-instance-view_vm2"
run "one that is gone is not well" 2 ""
rm "$SAYS/vm_list"
run "no list of machines" 2 ""
fleet
rm "$SAYS/vmss_list"
run "no list of scale sets" 2 ""
says vmss_list "rg${tab}web" "rg${tab}api"
says vmss_list-instances_web "/subscriptions/s/web/0${tab}first" "and its second line" "/subscriptions/s/web/1${tab}other"
run "a scale set that cannot be asked hides no other" 2 "/subscriptions/s/web/0${tab}first and its second line
/subscriptions/s/web/1${tab}other"
says vmss_list-instances_api
run "instances warn" 1 "/subscriptions/s/web/0${tab}first and its second line
/subscriptions/s/web/1${tab}other"
run "of another subscription" 1 "$got" --subscription S
check "each list is of that one" 4 "$(grep -c -- '^vm.* list.* --subscription S ' "$ASKED")"
run "of one substatus" 1 "$got" local-accounts authorized-keys
check "it is asked for" 5 "$(grep -c "(contains(code, '/local-accounts/') || contains(code, '/authorized-keys/'))" "$ASKED")"
run "what is no name" 2 "" "local'accounts"
run "no subscription" 2 "" --subscription

# The page's remediations.
sed -n '/^for reference in /,/^done$/p' "$source/manifest/azure/README.md" >"$tmp/loop"
check "each task takes all that it may" 1 "$(grep -c '"resourceCount": 50000}' "$tmp/loop")"
for end in Succeeded Complete Failed Canceled; do
	rm -rf "$SAYS"
	mkdir "$SAYS"
	says rest
	for reference in identity role vm vmss arc; do
		says "policy_remediation_show_aadsshlogin-$reference" Evaluating --- Cancelling --- $end
	done
	: >"$ASKED"
	check "the loop ends when all are $end" "5 $end" "$(timeout 60 sh -eu "$tmp/loop" | sort | uniq -c | sed 's/^ *//')"
	check "the states before are none" 15 "$(grep -c '^policy remediation show' "$ASKED")"
done

exit $failed
