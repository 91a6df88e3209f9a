#!/usr/bin/env bash
# Starts an AWS stand-in on this machine's loopback, without Docker, and makes the topics and queues of
# deploy/aws/topics.yaml in it. Stays in the foreground; SIGTERM or Ctrl-C ends it.
#
#   localstack/start.sh [--standin] [--port N] [--dir D] [--until-eof]
#
#   --standin     ministack instead of LocalStack: starts in a second, checks less
#   --port N      default 4566; 0 takes a free one
#   --dir D       its files (log, state); default a new folder that is removed at the end. The light
#                 stand-in keeps topics, queues and messages there over a restart; LocalStack does not.
#   --until-eof   end, too, when standard input closes: for a test that may be killed
#
# Standard output is one line, once SNS has answered a real call and the stack is there:
#   ready http://127.0.0.1:PORT
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../scripts/places.sh"

which=localstack port=4566 dir="" until_eof=""
while [[ $# -gt 0 ]]; do
  case $1 in
    --standin) which=standin ;;
    --port) port=${2:?--port needs a number} && shift ;;
    --dir) dir=${2:?--dir needs a folder} && shift ;;
    --until-eof) until_eof=yes ;;
    *) die "unknown option $1; see the head of localstack/start.sh" ;;
  esac
  shift
done

case $which in
  standin) venv=$("$ROOT/scripts/venv.sh" standin "$ROOT/localstack/standin.txt") ;;
  localstack) venv=$("$ROOT/scripts/venv.sh" localstack "$ROOT/localstack/requirements.txt") ;;
esac

free_port='import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
taken='import socket, sys; s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); s.bind(("127.0.0.1", int(sys.argv[1])))'
if [[ $port == 0 ]]; then
  port=$("$venv/bin/python" -c "$free_port")
elif ! "$venv/bin/python" -c "$taken" "$port" 2>/dev/null; then
  die "port $port is taken on 127.0.0.1: stop what listens there, or give another with --port"
fi

own_dir=""
if [[ -z $dir ]]; then
  own_dir=$(mktemp -d)
  dir=$own_dir
fi
mkdir -p "$dir"
log=$dir/$which.log

emulator="" watcher=""
finish() {
  trap - EXIT TERM INT
  if [[ -n $watcher ]]; then kill "$watcher" 2>/dev/null || true; fi
  if [[ -n $emulator ]]; then
    kill "$emulator" 2>/dev/null || true
    wait "$emulator" 2>/dev/null || true
  fi
  if [[ -n $own_dir ]]; then rm -rf "$own_dir"; fi
}
trap finish EXIT
trap 'exit 0' TERM INT

# Nothing of the machine's AWS settings may leak in: no profile, no region, no endpoint.
for name in $(compgen -e AWS_ || true); do unset "$name"; done
export AWS_CONFIG_FILE=/dev/null AWS_SHARED_CREDENTIALS_FILE=/dev/null AWS_EC2_METADATA_DISABLED=true
# Python's cache of compiled files would be of use in the venv and nowhere else.
case $which in
  standin)
    env HOME="$dir" TMPDIR="$dir" BIND_HOST=127.0.0.1 GATEWAY_PORT="$port" PERSIST_STATE=1 STATE_DIR="$dir/state" \
      "$venv/bin/python" -c 'from ministack.app import main; main()' >"$log" 2>&1 </dev/null &
    ;;
  localstack)
    env HOME="$dir" XDG_CACHE_HOME="$dir/cache" LOCALSTACK_VOLUME_DIR="$dir/volume" \
      GATEWAY_LISTEN="127.0.0.1:$port" SERVICES=sns,sqs,cloudformation,iam,kms,sts \
      DISABLE_EVENTS=1 SKIP_SSL_CERT_DOWNLOAD=1 DNS_ADDRESS=0 \
      "$venv/bin/python" "$ROOT/localstack/loopback.py" >"$log" 2>&1 </dev/null &
    ;;
esac
emulator=$!

"$venv/bin/python" "$ROOT/localstack/stack.py" --endpoint "http://127.0.0.1:$port" \
  --template "$ROOT/deploy/aws/topics.yaml" --alive "$emulator" >"$dir/stack.json" \
  || { tail -n 5 "$log" >&2; die "$which did not start; its log is above"; }
printf 'ready http://127.0.0.1:%s\n' "$port"

if [[ -n $until_eof ]]; then
  # In bash a background job's input is /dev/null unless it is given.
  exec 3<&0
  { cat <&3 >/dev/null; kill -TERM $$ 2>/dev/null; } &
  watcher=$!
fi
wait "$emulator" || { tail -n 5 "$log" >&2; die "$which ended by itself; its log is above"; }
