#!/usr/bin/env bash
# run.sh PORT DATABASE: starts the rival on 127.0.0.1, in the foreground; SIGTERM ends it. Its Python
# environment is made the first time. Settings by environment: the head of app.py.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../../../scripts/places.sh"
[[ $# -eq 2 ]] || die "usage: run.sh PORT DATABASE"
here=$ROOT/benches/rivals/fastapi_outbox
venv=$("$ROOT/scripts/venv.sh" rival-fastapi "$here/requirements.txt")

export DATABASE=$2 SECRET=${SECRET:-whsec_$(printf 'a secret for benchmarks only' | base64)}
export AWS_ACCESS_KEY_ID=${AWS_ACCESS_KEY_ID:-test} AWS_SECRET_ACCESS_KEY=${AWS_SECRET_ACCESS_KEY:-test}
export AWS_DEFAULT_REGION=${AWS_DEFAULT_REGION:-eu-west-2} AWS_EC2_METADATA_DISABLED=true
# One process: SQLite has one writer, and the client of the benchmark needs a core too.
exec "$venv/bin/uvicorn" --app-dir "$here" app:app --host 127.0.0.1 --port "$1" \
  --loop uvloop --http httptools --no-access-log --log-level warning --backlog 1024
