#!/usr/bin/env bash
# The product's main job on events of a real Moodle: the real binary, an AWS stand-in on loopback, 200
# recorded events signed and posted as the plugin would, one message shown beside its contract, and the
# ledger. Then each verb below breaks or mends something. Everything lies in .demo/.
#
#   scripts/demo.sh run [localstack]   from nothing to the ledger; leaves all running
#   scripts/demo.sh send               200 more events, under new ids
#   scripts/demo.sh status             what the sidecar says of itself
#   scripts/demo.sh stop-aws           end the stand-in, as in an outage
#   scripts/demo.sh start-aws          start it again
#   scripts/demo.sh kill               kill -9 the sidecar
#   scripts/demo.sh start              start it again, on the same spool
#   scripts/demo.sh wrong-signature    post a forged batch
#   scripts/demo.sh queues             how many messages lie in each queue
#   scripts/demo.sh stop               end sidecar and stand-in
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/places.sh"
source "$ROOT/scripts/needs.sh"

DEMO=${DEMO_DIR:-$ROOT/.demo}
BINARY=${BINARY:-$CARGO_TARGET_DIR/debug/moodle-sns-producer}
CONFIG=$DEMO/config.toml

# The stand-in takes any key; these are worth nothing anywhere else. Nothing of the machine's own AWS
# settings may leak in.
for name in $(compgen -e AWS_ || true); do unset "$name"; done
export AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test AWS_EC2_METADATA_DISABLED=true
export AWS_CONFIG_FILE=/dev/null AWS_SHARED_CREDENTIALS_FILE=/dev/null

helper() { "$BUILD_CACHE/standin/bin/python" "$ROOT/scripts/demo.py" "$@"; }
msp() { "$BINARY" "$@"; }
port() { cut -d' ' -f"$1" "$DEMO/ports"; }   # 1 receive, 2 operate, 3 aws
endpoint() { printf 'http://127.0.0.1:%s' "$(port 3)"; }
seconds_since() { awk -v a="$1" -v b="$(date +%s.%N)" 'BEGIN { printf "%.1f", b - a }'; }

there() { [[ -f $CONFIG && -f $DEMO/ports ]] || die "there is no demo yet: make demo"; }

# alive FILE: does the process still run whose id the file holds? Ids are given again after a restart of
# the machine, so where /proc shows command lines it must be one of this demo's.
alive() {
  [[ -f $1 ]] && kill -0 "$(cat "$1")" 2>/dev/null || return 1
  [[ ! -r /proc/$(cat "$1")/cmdline ]] || tr '\0' ' ' <"/proc/$(cat "$1")/cmdline" | grep -qF "$DEMO"
}

# end FILE SIGNAL: ends that process and waits until it is gone.
end() {
  alive "$1" || { rm -f "$1"; return 0; }
  local id tries
  id=$(cat "$1")
  kill "-$2" "$id" 2>/dev/null || true
  for ((tries = 0; tries < 150; tries++)); do
    kill -0 "$id" 2>/dev/null || { rm -f "$1"; return 0; }
    sleep 0.1
  done
  die "process $id did not end within 15 s"
}

# background FILE LOG COMMAND…: runs it apart from this shell, and leaves its id in the file.
background() {
  local file=$1 log=$2
  shift 2
  if has setsid; then set -- setsid "$@"; fi
  "$@" >"$log" 2>&1 </dev/null &
  printf '%s' $! >"$file"
}

start_aws() {
  there
  alive "$DEMO/aws.pid" && { say "The stand-in runs already"; return 0; }
  launch_aws
  wait_for_aws
}

launch_aws() {
  local which=()
  [[ $(cat "$DEMO/aws.kind") == localstack ]] || which=(--standin)
  background "$DEMO/aws.pid" "$DEMO/aws.log" "$ROOT/localstack/start.sh" "${which[@]}" --port "$(port 3)" --dir "$DEMO/aws"
}

wait_for_aws() {
  until grep -q '^ready' "$DEMO/aws.log"; do
    alive "$DEMO/aws.pid" || { cat "$DEMO/aws.log" >&2; die "the stand-in did not start"; }
    sleep 0.05
  done
}

start() {
  there
  alive "$DEMO/sidecar.pid" && { say "The sidecar runs already"; return 0; }
  background "$DEMO/sidecar.pid" "$DEMO/sidecar.log" "$BINARY" run --config "$CONFIG"
  local tries
  for ((tries = 0; tries < 100; tries++)); do
    msp healthcheck --config "$CONFIG" >/dev/null 2>&1 && return 0
    alive "$DEMO/sidecar.pid" || { tail -n 20 "$DEMO/sidecar.log" >&2; die "the sidecar did not start; its log is above"; }
    sleep 0.05
  done
  tail -n 20 "$DEMO/sidecar.log" >&2
  die "the sidecar was not healthy within 5 s; its log is above"
}

send() {
  there
  msp send "$DEMO/events.jsonl" --config "$CONFIG" --source demo --now
}

stop() {
  end "$DEMO/sidecar.pid" TERM
  end "$DEMO/aws.pid" TERM
}

# Ports that are free now: the usual ones where they can be had.
choose_ports() {
  python3 - <<'PY'
import socket
def free(wanted):
    for port in (wanted, 0):
        s = socket.socket()
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            s.bind(("127.0.0.1", port))
            return s, s.getsockname()[1]
        except OSError:
            s.close()
held = [free(p) for p in (8080, 9080, 4566)]
print(*(port for _, port in held))
PY
}

write_config() {
  mkdir -p "$DEMO/spool"
  (umask 077
   msp keys new --file "$DEMO/demo.secret" >"$DEMO/keys.txt" 2>&1 || { cat "$DEMO/keys.txt" >&2; exit 1; }
   od -An -N24 -tx1 /dev/urandom | tr -d ' \n' >"$DEMO/operator.token")
  cat >"$CONFIG" <<TOML
# The demo's configuration, written by scripts/demo.sh.
[receive]
listen = "127.0.0.1:$(port 1)"

[operate]
listen     = "127.0.0.1:$(port 2)"
token_file = "$DEMO/operator.token"

[spool]
path = "$DEMO/spool/spool.db"

[aws]
region                = "eu-west-2"
endpoint_url          = "$(endpoint)"
allow_custom_endpoint = true

[sources.demo]
source  = "https://moodle.example.ac.uk"
secrets = [{ id = "demo", file = "$DEMO/demo.secret" }]

[topics.grades]          # FIFO: the order of one student's grades matters
arn       = "arn:aws:sns:eu-west-2:000000000000:moodle-grades.fifo"
contracts = ["moodle.grade.*.v1"]
drafts    = true

[topics.enrolments]
arn       = "arn:aws:sns:eu-west-2:000000000000:moodle-enrolments"
contracts = ["moodle.enrolment.*.v1", "moodle.group.*.v1"]
drafts    = true

[topics.activity]
arn       = "arn:aws:sns:eu-west-2:000000000000:moodle-activity"
contracts = ["moodle.submission.*.v1", "moodle.course.*.v1"]
drafts    = true
test      = true         # what the test button of Moodle's plugin sends comes here
TOML
}

run() {
  local kind=${1:-standin} began
  need_cargo
  need c_compiler python_with_venv
  if [[ -z ${BINARY_IS_BUILT:-} ]]; then
    tell_of_first_build
    say "Building the binary (dev profile)"
    (cd "$ROOT" && cargo build --locked)
  fi
  "$ROOT/scripts/venv.sh" standin "$ROOT/localstack/standin.txt" >/dev/null
  if [[ $kind == localstack ]]; then
    "$ROOT/scripts/venv.sh" localstack "$ROOT/localstack/requirements.txt" >/dev/null
    say "Amazon's place is taken by LocalStack, on loopback: nothing leaves this machine. It starts in about 15 s."
  else
    say "Amazon's place is taken by ministack, a light stand-in on loopback: it is not AWS, and nothing leaves"
    say "this machine. \`make demo-localstack\` does the same on LocalStack, which checks more and starts slower."
  fi

  began=$(date +%s.%N)
  [[ -d $DEMO ]] && stop
  rm -rf "$DEMO"
  mkdir -p "$DEMO"
  printf '%s' "$kind" >"$DEMO/aws.kind"
  choose_ports >"$DEMO/ports"
  launch_aws
  write_config
  msp config check --config "$CONFIG" >"$DEMO/check.txt" 2>&1 || { cat "$DEMO/check.txt" >&2; die "the demo's configuration is wrong"; }
  say "Events recorded on a running Moodle: 200, of them $(helper slice "$DEMO/events.jsonl")"
  wait_for_aws
  say "Topics, queues and subscriptions are there, from deploy/aws/topics.yaml"
  start
  say "The sidecar runs; its spool is .demo/spool/spool.db. Sending the events, signed, as the plugin would:"
  send
  say "The first message in the queue moodle-grades-records.fifo, whole:"
  helper first "$(endpoint)" "$DEMO/aws/stack.json" GradesQueueUrl "$DEMO/type"
  say "From built binary to this message: $(seconds_since "$began") s"
  say "The contract it belongs to (moodle-sns-producer contracts show $(cat "$DEMO/type")):"
  msp contracts show --output table "$(cat "$DEMO/type")"
  say "Messages in the queues:"
  helper count "$(endpoint)" "$DEMO/aws/stack.json"
  say "The ledger (moodle-sns-producer status --config .demo/config.toml):"
  status
  tell_how_to_break_it
}

status() {
  there
  local code=0
  msp status --output table --config "$CONFIG" || code=$?
  [[ $code -eq 0 || $code -eq 2 ]] || exit "$code"   # 2: something wants a person, and is said
}

tell_how_to_break_it() {
  local again="it is back with its topics and queues: what waits drains within seconds"
  [[ $(cat "$DEMO/aws.kind") == standin ]] || again="back, with empty queues; the topics are probed every 30 s"
  cat <<TEXT

All of it is still running. Break it; each line is a command:

  make demo-stop-aws          the stand-in ends, as in an outage
  make demo-send              200 more events: answered 202 all the same
  make demo-status            they wait, and the ledger still adds up
  make demo-start-aws         $again
  make demo-status            nothing waits any more
  make demo-kill              kill -9 the sidecar
  make demo-start             it opens its spool and goes on
  make demo-wrong-signature   a batch signed with another secret: 401
  make demo-queues            how many messages lie in each queue
  make demo-stop              the end

The sidecar's log is .demo/sidecar.log, its status page http://127.0.0.1:$(port 2)/status
TEXT
}

case ${1:-} in
  run) run "${2:-}" ;;
  send) send ;;
  status) status ;;
  stop-aws) there; end "$DEMO/aws.pid" TERM; say "The stand-in has ended" ;;
  start-aws) start_aws; say "The stand-in answers again at $(endpoint)" ;;
  kill) there; end "$DEMO/sidecar.pid" KILL; say "The sidecar was killed with SIGKILL" ;;
  start) start; say "The sidecar runs" ;;
  wrong-signature) there; helper forge "http://127.0.0.1:$(port 1)/v1/sources/demo/events" ;;
  queues) there; helper count "$(endpoint)" "$DEMO/aws/stack.json" ;;
  stop) stop; say "Sidecar and stand-in have ended" ;;
  *) sed -n '2,/^set /p' "${BASH_SOURCE[0]}" | sed '$d; s/^# \{0,1\}//' >&2; exit 64 ;;
esac
