/** What both scripts begin with: nothing of the machine's git configuration, and names that cannot leave the workspace. */
const BEGINNING = `set -eu

LC_ALL=C
GIT_TERMINAL_PROMPT=0
GIT_CONFIG_NOSYSTEM=1
GIT_CONFIG_GLOBAL=/dev/null
GIT_OPTIONAL_LOCKS=0
GIT_ALLOW_PROTOCOL=file:https:ssh
export LC_ALL GIT_TERMINAL_PROMPT GIT_CONFIG_NOSYSTEM GIT_CONFIG_GLOBAL GIT_OPTIONAL_LOCKS GIT_ALLOW_PROTOCOL
unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE GIT_OBJECT_DIRECTORY GIT_ALTERNATE_OBJECT_DIRECTORIES || true

refuse() {
  printf '%s\\n' "$1" >&2
  exit 2
}

check_name() {
  case "$2" in
  '' | .* | -* | *[!A-Za-z0-9._-]*) refuse "The $1 must be a plain name, not \\"$2\\"." ;;
  bin | repos) refuse "The $1 cannot be called $2 here." ;;
  esac
}

work_git() {
  git -c core.hooksPath=/dev/null -c core.fsmonitor=false -c core.autocrlf=false -c gc.auto=0 \\
    --git-dir="$work/.git" --work-tree="$work" "$@"
}

# Whether the process of that number is an apply: after a restart of the machine numbers are given out anew.
is_applying() {
  [ -n "$1" ] || return 1
  kill -0 "$1" 2>/dev/null || return 1
  [ ! -r "/proc/$1/cmdline" ] || tr '\\0' ' ' <"/proc/$1/cmdline" | grep -q 'apply\\.sh'
}
`;

/** Brings one service of one environment to one commit. */
export const APPLY_SCRIPT = `#!/bin/sh
# apply.sh <environment> <service> <commit> <repository URL>
#
# Checks the commit out into <workspace>/<environment>/<service>, a git work tree of its own. The same commit twice
# changes nothing. May be killed at any moment and run again: a new work tree appears whole or not at all, and one
# that was being changed is set right. Exit 0: it is there. 1: it is not. 2: asked wrongly.
${BEGINNING}
[ "$#" -eq 4 ] || refuse 'Usage: apply.sh <environment> <service> <commit> <repository URL>'
environment=$1
service=$2
commit=$3
url=$4
check_name environment "$environment"
check_name service "$service"
case "$commit" in
*[!0-9a-f]*) refuse 'The commit must be a full commit id.' ;;
esac
[ "\${#commit}" -eq 40 ] || [ "\${#commit}" -eq 64 ] || refuse 'The commit must be a full commit id.'
case "$url" in
'' | -*) refuse 'The repository must have an address.' ;;
esac

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd -P)
place=$root/$environment
final=$place/$service
fresh=$place/.$service.new
lock=$place/.$service.applying
short=$(printf '%.10s' "$commit")

fail() {
  printf '%s\\n' "$1" >&2
  exit 1
}

is_whole() {
  changes=$(work_git status --porcelain) && [ -z "$changes" ]
}

mkdir -p "$place"

# One at a time for each service. A link is made in one step and says who made it, so nothing is ever half locked.
waited=0
until ln -s "$$" "$lock" 2>/dev/null; do
  holder=$(readlink "$lock" 2>/dev/null || true)
  if [ -n "$holder" ] && ! is_applying "$holder"; then
    echo 'taking over from an apply that was killed'
    rm -f "$lock"
  elif [ "$waited" -ge 60 ]; then
    fail "Another apply of $service in $environment is still running (process $holder)."
  else
    waited=$((waited + 1))
    sleep 1
  fi
done
trap 'rm -f "$lock"' EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

rm -rf "$fresh"
if [ -d "$final/.git" ]; then
  work=$final
  rm -f "$work/.git/index.lock" "$work/.git/HEAD.lock"
  if [ "$(work_git rev-parse --verify --quiet HEAD || true)" = "$commit" ] && is_whole; then
    echo "$service in $environment is at $short already, nothing to do"
    exit 0
  fi
elif [ -e "$final" ]; then
  fail "$final is in the way, because it is no git work tree. Move it away, then try again."
else
  work=$fresh
  git init --quiet --template= "$work"
fi

if ! work_git cat-file -e "$commit^{commit}" 2>/dev/null; then
  echo "fetching $short from $url"
  work_git fetch --quiet --no-tags --no-write-fetch-head "$url" "$commit" 2>/dev/null ||
    work_git fetch --quiet --no-tags --no-write-fetch-head "$url" '+refs/heads/*:refs/remotes/origin/*' ||
    fail "$url cannot be fetched from."
  work_git cat-file -e "$commit^{commit}" 2>/dev/null || fail "There is no commit $short in $url."
fi

echo "checking out $short"
work_git checkout --quiet --force --detach "$commit" || fail "$short cannot be checked out."
work_git clean --quiet --force --force -d -x
is_whole || fail "The files of $service in $environment are not those of $short."

[ "$work" = "$final" ] || mv "$work" "$final"
echo "$service in $environment is at $short now"
`;

/** Tells what one service of one environment runs. */
export const OBSERVE_SCRIPT = `#!/bin/sh
# observe.sh <environment> <service>
#
# Prints the commit that is checked out in <workspace>/<environment>/<service>, or nothing when there is none.
# Exit 0: well. 3: not well, with the reason on standard error. 2: asked wrongly.
${BEGINNING}
[ "$#" -eq 2 ] || refuse 'Usage: observe.sh <environment> <service>'
environment=$1
service=$2
check_name environment "$environment"
check_name service "$service"

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd -P)
work=$root/$environment/$service

unwell() {
  printf '%s\\n' "$1" >&2
  exit 3
}

[ -e "$work" ] || exit 0
[ -d "$work/.git" ] || unwell "$service in $environment is no git work tree."
commit=$(work_git rev-parse --verify --quiet 'HEAD^{commit}') ||
  unwell "$service in $environment has nothing checked out."
echo "$commit"

holder=$(readlink "$root/$environment/.$service.applying" 2>/dev/null || true)
if is_applying "$holder"; then
  unwell "$service in $environment is being changed right now."
fi
[ ! -e "$work/.git/index.lock" ] || unwell "A checkout of $service in $environment was interrupted."
changes=$(work_git status --porcelain) ||
  unwell "The files of $service in $environment cannot be compared with its commit."
[ -z "$changes" ] ||
  unwell "$(printf '%s\\n' "$changes" | wc -l | tr -d ' ') files of $service in $environment are not as in its commit."
`;
