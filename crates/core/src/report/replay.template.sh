#!/bin/sh
# Replays the two decisive evaluations of a nix-culprit report with plain git and nix, and says
# whether they end as reported. Exit: 0 as reported, 1 not as reported, 2 could not be replayed.
#
# Usage: sh replay.sh [FLAKE [REPOSITORY]]
#   FLAKE       the flake's folder (default: the current folder); it is only read
#   REPOSITORY  a local clone of the searched input (default: the commits are fetched)
#
# The limit is that of a scope (systemd-run --user --scope) where systemd's user manager answers and
# the kernel enforces it: for all processes of an evaluation together, and without swap. Elsewhere it
# is one of *virtual* memory (ulimit -v). Nix reserves about 480 MiB of it before it evaluates
# anything, so 1 GiB is added to the budget that was measured as resident memory. LIMIT_BY=ulimit
# takes the latter anyway.
#
# shellcheck disable=SC2016 # single quotes are meant: values are never expanded
set -u

@VALUES@
FLAKE=${1:-.}
REPOSITORY=${2:-}
NIX=${NIX:-nix}
MEMORY_KIB=${MEMORY_KIB:-$BUDGET_KIB}
SECONDS_EACH=${SECONDS_EACH:-$BUDGET_SECONDS}
LIMIT_KIB=$((MEMORY_KIB + 1048576))
LIMIT_BY=${LIMIT_BY:-}
CGROUPS=${CGROUPS:-/sys/fs/cgroup}

# The lock file of the failing state: all inputs but the searched one stay as it says.
lock_file() {
@LOCK@
}

# Evaluates the flake's copy with the searched input at flake reference $1, without limits if
# $2 is "fetch" (which fetches the input beforehand), under both limits if it is "evaluate".
run() {
	action=$2
	set -- --extra-experimental-features 'nix-command flakes' --no-write-lock-file \
		--override-input "$INPUT" "$1"
@ARGUMENTS@
	if [ "$action" = fetch ]; then
		"$NIX" flake metadata "$@" "$SELF"
	else
		set -- timeout -k 5 "$SECONDS_EACH" \
			"$NIX" eval --raw --option eval-cache false "$@" "$SELF#$ATTRIBUTE"
		if [ "$LIMIT_BY" = scope ]; then
			scope sh -c "$WATCHED" sh "$CGROUPS" "$work/full" "$@"
		else
			# shellcheck disable=SC3045 # not in POSIX, but in the shells that Linux systems have
			ulimit -v "$LIMIT_KIB" || exit 126
			# timeout makes a group of its own, which Ctrl-C does not reach.
			trap 'kill "${!:-0}"' INT
			"$@" &
			wait "$!"
		fi
	fi
}

# Runs a command in a scope of systemd's user manager.
scope() {
	systemd-run --user --scope --quiet --collect \
		-p "MemoryMax=${MEMORY_KIB}K" -p MemorySwapMax=0 -- "$@"
}

# Says whether there are scopes, and the kernel has the limit: where it cannot have it, systemd does
# not complain.
has_scope() {
	command -v systemd-run >/dev/null 2>&1 || return 1
	has=$(scope timeout 10 sh -c 'cat "$1$(sed -n "s/^0:://p" /proc/self/cgroup)/memory.max"' \
		sh "$CGROUPS" </dev/null 2>/dev/null) || return 1
	case $has in '' | *[!0-9]*) return 1 ;; esac
	# The kernel rounds down to whole pages.
	[ "$has" -le "$((MEMORY_KIB * 1024))" ] && [ "$has" -gt "$((MEMORY_KIB * 1024 - 65536))" ]
}

# What runs in a scope: the command $3... and a watch, which tells the file $2 of an end for lack of
# memory. A kernel can take minutes to kill what fills its limit, as it drops and reads again the
# pages of programs; so what holds 98 % of the limit for three seconds is ended here.
WATCHED='
cgroup=$1$(sed -n "s/^0:://p" /proc/self/cgroup)
full=$2
shift 2
command=
trap : TERM
trap "kill \"\${command:-\${!:-0}}\"" INT
"$@" &
command=$!
(
	seconds=0
	most=$(($(cat "$cgroup/memory.max") / 100 * 98))
	while sleep 1; do
		[ "$(cat "$cgroup/memory.current")" -ge "$most" ] || seconds=-1
		seconds=$((seconds + 1))
		[ "$seconds" -lt 3 ] || { echo watch >>"$full"; kill -KILL "-$command" "$command"; break; }
	done
) </dev/null >/dev/null 2>&1 &
watch=$!
wait "$command"
status=$?
# systemd may ask what is left of a scope to end when memory ran out in it.
if [ "$status" -eq 143 ] && kill -0 "$command" 2>/dev/null; then wait "$command"; status=$?; fi
kill -KILL "$watch" 2>/dev/null
! grep -q "^oom_kill [1-9]" "$cgroup/memory.events" || echo kernel >>"$full"
exit "$status"'

die() {
	printf 'replay: %s\n' "$1" >&2
	exit 2
}

# Percent-encodes what has a meaning in a URL.
encode() {
	printf '%s' "$1" | sed -e 's/%/%25/g' -e 's/ /%20/g' -e 's/?/%3F/g' -e 's/#/%23/g' -e 's/&/%26/g'
}

# Says in one word how an evaluation ended: $1 exit status, $2 its messages, $3 seconds taken.
kind() {
	if [ "$1" -eq 0 ]; then
		echo success
	elif [ -s "$work/full" ]; then
		echo out-of-memory
	elif [ "$3" -ge "$SECONDS_EACH" ] && { [ "$1" -eq 124 ] || [ "$1" -eq 137 ]; }; then
		echo time-out
	elif grep -q -e 'error: out of memory' -e 'std::bad_alloc' \
		-e 'Insufficient space for initial table allocation' "$2"; then
		echo out-of-memory
	elif grep -q 'infinite recursion encountered' "$2"; then
		echo infinite-recursion
	elif grep -q 'max-call-depth exceeded' "$2"; then
		echo call-depth
	elif grep -q 'error: stack overflow' "$2" && grep -q 'Failed to expand heap' "$2"; then
		# The limit holds for the stack too: where the heap could not grow, the stack could not either.
		echo out-of-memory
	elif grep -q 'error: stack overflow' "$2"; then
		echo stack-overflow
	else
		echo failure
	fi
}

# Evaluates one commit and compares: $1 commit, $2 flake reference, $3 expected kind, $4 part of the
# expected message.
compare() {
	printf '%s: reported %s; ' "$(printf '%.12s' "$1")" "$3"
	(run "$2" fetch) </dev/null >/dev/null 2>"$work/messages" || true
	rm -f "$work/full"
	began=$(date +%s)
	(run "$2" evaluate) </dev/null >"$work/result" 2>"$work/messages"
	status=$?
	took=$(($(date +%s) - began))
	seen=$(kind "$status" "$work/messages" "$took")
	if [ "$seen" != "$3" ]; then
		printf 'now %s (exit %s, %s s): NOT as reported\n' "$seen" "$status" "$took"
		tail -n 15 "$work/messages" >&2
		same=no
	elif [ "$seen" = failure ] && [ -n "$4" ] && ! grep -q -F -e "$4" "$work/messages"; then
		printf 'now another %s (exit %s, %s s): NOT as reported\n' "$seen" "$status" "$took"
		tail -n 15 "$work/messages" >&2
		same=no
	else
		printf 'now %s (exit %s, %s s): as reported\n' "$seen" "$status" "$took"
	fi
}

for program in git timeout "$NIX"; do
	command -v "$program" >/dev/null 2>&1 || die "the program '$program' is needed"
done
if [ "$LIMIT_BY" != ulimit ] && has_scope; then
	LIMIT_BY=scope
	limit='in a scope of systemd, without swap'
else
	LIMIT_BY='ulimit'
	limit='by ulimit, of virtual memory and with 1024 MiB on top'
	# shellcheck disable=SC3045 # as above
	(ulimit -v "$LIMIT_KIB") 2>/dev/null || die "this system or shell cannot limit memory to $LIMIT_KIB KiB"
fi

work=$(mktemp -d) || die 'no temporary folder'
work=$(cd "$work" && pwd -P)
trap 'rm -rf -- "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE GIT_OBJECT_DIRECTORY

# A copy of the flake: of the files that git tracks, as they are in the folder, or of all files.
mkdir "$work/flake" "$work/objects"
FLAKE=$(cd "$FLAKE" && pwd -P) || die 'the flake has no such folder'
[ -f "$FLAKE/flake.nix" ] || die "there is no flake.nix in $FLAKE"
SELF=path:.
copy=$work/flake
if top=$(git -C "$FLAKE" rev-parse --show-toplevel 2>/dev/null); then
	folder=$(git -C "$FLAKE" rev-parse --show-prefix)
	index=$(git -C "$FLAKE" rev-parse --absolute-git-dir)/index
	[ ! -f "$index" ] || cp "$index" "$work/index"
	objects=$(cd "$top" && cd "$(git rev-parse --git-common-dir)/objects" && pwd -P)
	(
		cd "$top" || exit
		# New objects go to the temporary folder: the repository is only read. `git add` must not even see the
		# repository's own objects, as it renews the times of those that it would write once more.
		GIT_INDEX_FILE=$work/index GIT_OBJECT_DIRECTORY=$work/objects
		export GIT_INDEX_FILE GIT_OBJECT_DIRECTORY
		git add -u || exit
		GIT_ALTERNATE_OBJECT_DIRECTORIES=$objects git checkout-index -a --prefix="$work/flake/"
	) || die 'the flake could not be copied'
	if [ -n "$folder" ]; then
		SELF="path:.?dir=$(encode "${folder%/}")"
		copy=$work/flake/$folder
	fi
	head=$(git -C "$FLAKE" rev-parse -q --verify HEAD || true)
	if [ -n "$FLAKE_REVISION" ] && [ "$head" != "$FLAKE_REVISION" ]; then
		printf 'note: the flake is at another commit than in the report (%s)\n' "$FLAKE_REVISION"
	fi
else
	cp -R "$FLAKE/." "$work/flake/" || die 'the flake could not be copied'
fi
lock_file >"$copy/flake.lock"

# The searched input: from a local clone, or as the flake's lock file has it, or cloned.
if [ -n "$REPOSITORY" ] || [ -n "$CLONE_URL" ]; then
	if [ -n "$REPOSITORY" ]; then
		git clone -q --shared --no-checkout -- "$REPOSITORY" "$work/input" || die 'no repository there'
	else
		echo "cloning the input's repository; a local clone as second argument is faster" >&2
		git clone -q --no-checkout -- "$CLONE_URL" "$work/input" || die 'the input could not be cloned'
	fi
	for commit in "$BEFORE" "$AFTER"; do
		git -C "$work/input" cat-file -e "$commit^{commit}" 2>/dev/null || die "commit $commit is not in the repository"
	done
	query=allRefs=1${INPUT_FOLDER:+"&dir=$(encode "$INPUT_FOLDER")"}
	BEFORE_REFERENCE="git+file://$(encode "$work/input")?$query&rev=$BEFORE"
	AFTER_REFERENCE="git+file://$(encode "$work/input")?$query&rev=$AFTER"
fi

cd "$work/flake" || exit 2
if [ "$SELF" != path:. ] && "$NIX" --extra-experimental-features 'nix-command flakes' flake metadata \
	--no-write-lock-file "$SELF" 2>&1 </dev/null | grep -q "unsupported parameter 'dir'"; then
	# Old versions (2.8) only know a flake that is the whole of a path.
	SELF=path:.
	cd "$copy" || exit 2
fi
printf '%s; budget %s MiB (%s) and %s s each\n' "$("$NIX" --version)" "$((MEMORY_KIB / 1024))" "$limit" "$SECONDS_EACH"
same=yes
compare "$BEFORE" "$BEFORE_REFERENCE" "$BEFORE_KIND" "$BEFORE_MESSAGE"
compare "$AFTER" "$AFTER_REFERENCE" "$AFTER_KIND" "$AFTER_MESSAGE"
if [ "$same" = yes ]; then
	echo 'Both evaluations ended as reported.'
else
	echo 'At least one evaluation did not end as reported.'
	exit 1
fi
