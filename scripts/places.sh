# shellcheck shell=bash
# Sourced by the other scripts: where things lie, and how they speak.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# Python environments and tools that the scripts install. Outside the checkout where BUILD_CACHE says so.
BUILD_CACHE=${BUILD_CACHE:-$ROOT/.venv}
CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$ROOT/target}
export ROOT BUILD_CACHE CARGO_TARGET_DIR
# No Python of its own choosing: the machine's.
export UV_PYTHON_DOWNLOADS=never PIP_DISABLE_PIP_VERSION_CHECK=1

# say TEXT: a step, on standard error, so that output stays output.
say() {
  if [[ -t 2 ]]; then printf '\033[1m==>\033[0m %s\n' "$*" >&2; else printf '==> %s\n' "$*" >&2; fi
}

# die TEXT: the end, with what to try.
die() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}

# skip TEXT: something could not be run. With TESTS_REQUIRED=1 that is a failure.
skip() {
  printf 'SKIPPED: %s\n' "$*" >&2
  if [[ ${TESTS_REQUIRED:-} == 1 ]]; then
    die "everything is required here (TESTS_REQUIRED=1), so a skip is a failure"
  fi
}

has() { command -v "$1" >/dev/null 2>&1; }

# built: is there a build already, so that the next one is short?
built() { [[ -d $CARGO_TARGET_DIR/debug/deps ]]; }

# tell_of_first_build: a first build is long; say so before it begins.
tell_of_first_build() {
  built || say "First build: the dependencies are compiled once, 2 to 5 minutes on two cores. Later ones take seconds."
}
