#!/usr/bin/env bash
# The live suite of the Moodle plugin: a throwaway Moodle on loopback, with the plugin of this checkout,
# the real sidecar, and an AWS stand-in.
#
#   moodle/tests-live/run.sh              everything that Moodle does here, and what came of it
#   moodle/tests-live/run.sh faults       the sidecar, PHP and the database failing in each way
#   moodle/tests-live/run.sh commands     the plugin's command line, backfill included
#   moodle/tests-live/run.sh cost         what a page costs with the plugin, beside none and a synchronous one
#   moodle/tests-live/run.sh gate         of that only what is added before the browser is let go, in 2 minutes
#   moodle/tests-live/run.sh site         the site alone, until Ctrl-C: to look at
#
#   MOODLE_DIR=folder   a Moodle code base: 4.5, 5.0 or 5.1. Default: `moodle` beside this checkout. It is
#                       only read: the site runs on an overlay (as root) or on a copy
#   DB=mariadb          on MariaDB in place of PostgreSQL
#   CAPTURE=folder      keeps there each event as it was sent, each message, and coverage.tsv
#   ONLY=words          only the chapters whose names hold one of these words
#   KILLS=8             at how many places a script of strict mode is killed (faults); 100: at each
#   KEEP=1              leaves the temporary folder there, whatever happens
#
# Without a Moodle it says SKIPPED and what that leaves unproven, and ends well, also with
# TESTS_REQUIRED=1: no package registry has Moodle, so a machine can't be asked to get one by itself.
# An installed site takes about 2 minutes to make; it is kept as a template under BUILD_CACHE.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../../scripts/places.sh"
source "$ROOT/scripts/needs.sh"
here=$ROOT/moodle/tests-live

moodle=${MOODLE_DIR:-$ROOT/../moodle}
if [[ ! -f $moodle/version.php && ! -f $moodle/public/version.php ]]; then
  [[ -z ${MOODLE_DIR:-} ]] || die "MOODLE_DIR=$MOODLE_DIR holds no Moodle: neither version.php nor public/version.php is there"
  cat >&2 <<'TEXT'
SKIPPED: the live suite of the Moodle plugin. There is no Moodle code base: set MOODLE_DIR, or put one
SKIPPED: into the folder `moodle` beside this checkout. Unproven without it: that the plugin installs and
SKIPPED: upgrades, that what Moodle commits arrives as valid messages, that a page waits for nothing, and
SKIPPED: everything that CONTRIBUTING.md lists under "Moodle".
TEXT
  exit 0
fi
moodle=$(cd "$moodle" && pwd)

# Asked for here and not by `make test`: only who has a Moodle needs them.
wanted=(php_of_moodle "in_sbin php-fpm" "in_sbin nginx" strace)
case ${DB:-pgsql} in
  pgsql) wanted+=(postgres) ;;
  mariadb) wanted+=("in_sbin mariadbd") ;;
  *) die "DB=$DB: pgsql or mariadb" ;;
esac
[[ ${1:-} != cost ]] || wanted+=(apache_php)
[[ ${1:-} != faults ]] || wanted+=(faketime_library)
need python_with_venv "${wanted[@]}"
python_with_venv || die "Python's venv is missing: sudo apt-get install python3-venv"

BINARY=${BINARY:-$CARGO_TARGET_DIR/debug/moodle-sns-producer}
if [[ -z ${BINARY_IS_BUILT:-} ]]; then
  need_cargo
  tell_of_first_build
  (cd "$ROOT" && cargo build --locked --quiet)
fi
"$ROOT/scripts/venv.sh" standin "$ROOT/localstack/standin.txt" >/dev/null
venv=$("$ROOT/scripts/venv.sh" moodle-suite "$here/requirements.txt")

for name in $(compgen -e AWS_ || true); do unset "$name"; done
LIVE_FOLDER=$(mktemp -d "${TMPDIR:-/tmp}/moodle-live-XXXXXX")
chmod 755 "$LIVE_FOLDER"
export LIVE_FOLDER BINARY MOODLE_DIR=$moodle PYTHONPATH=$here PYTHONDONTWRITEBYTECODE=1
command=("$venv/bin/python" -m live "${@:-events}")
# In name spaces of its own everything ends with that one process, mounts and daemons too, however it ends.
if [[ $(id -u) -eq 0 ]] && unshare --mount --pid --fork --mount-proc true 2>/dev/null; then
  command=(env OVERLAY=1 unshare --mount --pid --fork --kill-child --mount-proc --propagation private "${command[@]}")
fi

suite=""
# shellcheck disable=SC2329   # the trap calls it
finish() {
  trap - EXIT TERM INT
  # `unshare` itself is deaf to kind signals.
  if [[ -n $suite ]] && kill -0 "$suite" 2>/dev/null; then
    kill -TERM "$suite" 2>/dev/null || true
    pkill -TERM -P "$suite" 2>/dev/null || true
    local tries
    for ((tries = 0; tries < 100; tries++)); do
      kill -0 "$suite" 2>/dev/null || break
      sleep 0.1
    done
    kill -KILL "$suite" 2>/dev/null || true
    wait "$suite" 2>/dev/null || true
  fi
  [[ ${KEEP:-} == 1 ]] || rm -rf "$LIVE_FOLDER"
}
trap finish EXIT
trap 'exit 143' TERM
trap 'exit 130' INT
"${command[@]}" &
suite=$!
code=0
wait "$suite" || code=$?
exit "$code"
