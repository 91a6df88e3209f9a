#!/usr/bin/env bash
# The plugin's PHPUnit tests in Moodle's own frame.
#
#   moodle/phpunit.sh                                                   all of the plugin's
#   moodle/phpunit.sh moodle/local_snsproducer/tests/local/sender_test.php
#   moodle/phpunit.sh --filter outbox
#
#   MOODLE_DIR=folder   a Moodle 4.5 code base, or a later one with PHPUnit in its vendor/. Default: `moodle`
#                       beside this checkout. It is only read
#   DB=mariadb          on MariaDB in place of PostgreSQL
#
# Without a Moodle it says SKIPPED and ends well, also with TESTS_REQUIRED=1, as moodle/tests-live/run.sh does.
# Installing the frame takes about 2 minutes, once for each version of Moodle and of the plugin's database.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../scripts/places.sh"
source "$ROOT/scripts/needs.sh"

moodle=${MOODLE_DIR:-$ROOT/../moodle}
if [[ ! -f $moodle/version.php && ! -f $moodle/public/version.php ]]; then
  [[ -z ${MOODLE_DIR:-} ]] || die "MOODLE_DIR=$MOODLE_DIR holds no Moodle: neither version.php nor public/version.php is there"
  echo "SKIPPED: the PHPUnit tests of the Moodle plugin: there is no Moodle code base (MOODLE_DIR)" >&2
  exit 0
fi
moodle=$(cd "$moodle" && pwd)

case ${DB:-pgsql} in
  pgsql) database=postgres ;;
  mariadb) database="in_sbin mariadbd" ;;
  *) die "DB=$DB: pgsql or mariadb" ;;
esac
need php_of_moodle "$database" "has phpunit" australian

export PYTHONPATH=$ROOT/moodle/tests-live PYTHONDONTWRITEBYTECODE=1 MOODLE_DIR=$moodle
command=(python3 -m live.phpunit "$@")
# In name spaces of its own everything ends with this process, mounts and daemons too, even on kill -9.
if [[ $(id -u) -eq 0 ]] && unshare --mount --pid --fork --mount-proc true 2>/dev/null; then
  OVERLAY=1 exec unshare --mount --pid --fork --kill-child --mount-proc --propagation private "${command[@]}"
fi
exec "${command[@]}"
