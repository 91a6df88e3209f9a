#!/usr/bin/env bash
# bench.sh [BENCH…]: the benchmarks, ours beside the rivals in one run; figures are ratios. Without
# arguments all of them. Their profile is the release's without its long link.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/places.sh"
source "$ROOT/scripts/needs.sh"
cd "$ROOT"
need_cargo
need c_compiler python_with_venv strace

# What a bench starts beside ours: `$RIVAL_FASTAPI PORT DATABASE`.
scripts/venv.sh rival-fastapi benches/rivals/fastapi_outbox/requirements.txt >/dev/null
export RIVAL_FASTAPI=$ROOT/benches/rivals/fastapi_outbox/run.sh
has strace || skip "accepts with a slow disk (strace is missing)"

names=()
for name in "$@"; do names+=(--bench "$name"); done
[[ ${#names[@]} -gt 0 ]] || names=(--benches)
say "The first build with the benches' profile takes 5 to 10 minutes on two cores"
cargo bench --locked "${names[@]}"
