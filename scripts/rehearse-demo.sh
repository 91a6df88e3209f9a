#!/usr/bin/env bash
# The demo and each command that it names, in a folder of its own, and what must be seen after each.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/places.sh"

DEMO_DIR=$(mktemp -d)/demo
export DEMO_DIR
out=$DEMO_DIR.out
demo() { "$ROOT/scripts/demo.sh" "$@"; }
finish() {
  local code=$?
  trap - EXIT
  [[ $code -eq 0 ]] || { cat "$out" "$DEMO_DIR/sidecar.log" 2>/dev/null | tail -n 60 >&2 || true; }
  demo stop >/dev/null 2>&1 || true
  rm -rf "$(dirname "$DEMO_DIR")"
  exit "$code"
}
trap finish EXIT

# How many messages lie in the queues.
queued() { demo queues 2>/dev/null | awk '{ n += $1 } END { print n + 0 }'; }

# until_queued N SECONDS: waits until that many have come.
until_queued() {
  local end=$((SECONDS + $2)) now
  while now=$(queued); [[ $now -lt $1 ]]; do
    [[ $SECONDS -lt $end ]] || die "$now of $1 messages came within $2 s"
    sleep 0.3
  done
  # At least once: a copy more is allowed after a kill, none may be missing.
}

say "demo: from nothing to the ledger"
demo run "${1:-}" >"$out" 2>&1
grep -q '"specversion": "1.0"' "$out" || die "the demo showed no message"
sed -n 's/^==> \(From built binary.*\)/    \1/p' "$out" >&2
first=$(queued)
[[ $first -gt 0 ]] || die "nothing lies in the queues after the demo"

say "demo: AWS away, events still taken, AWS back"
demo stop-aws
demo send
demo status >/dev/null
demo start-aws
[[ ${1:-} == localstack ]] && first=0   # it comes back with empty queues
until_queued $((first * 2)) 60
say "demo: killed and started again"
demo kill
demo start
demo send
until_queued $((first * 3)) 30
demo status
say "demo: a forged batch"
demo wrong-signature | grep -q '^401' || die "a forged batch was not answered 401"
demo stop
say "demo: all of it works as it says"
