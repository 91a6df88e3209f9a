#!/usr/bin/env bash
# test.sh [PART…]: everything. Parts, in their order:
#   check    scripts/check.sh
#   cargo    all tests of the package: behaviour, faults, the journey to LocalStack
#   pages    the catalogue's pages: the Nu checker, axe in a browser, links, sizes (scripts/pages.sh)
#   phpunit  the Moodle plugin's tests in Moodle's own frame, where there is a Moodle (moodle/phpunit.sh)
#   demo     the demo and each way to break it, with nobody at the keyboard
#   live     the Moodle plugin in a throwaway Moodle, and what a page costs, where there is a Moodle code base
#            (moodle/tests-live/run.sh). Without one: SKIPPED, never a failure, since no registry has Moodle
# One more is run when asked for:
#   planted  each known bug planted: a named test must find it (scripts/test-the-tests.sh)
# What can't run here is named in a line SKIPPED; with TESTS_REQUIRED=1 that is a failure.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/places.sh"
source "$ROOT/scripts/needs.sh"
cd "$ROOT"
need_cargo
need all
c_compiler || die "without a C compiler nothing can be built: sudo apt-get install gcc libc6-dev"

parts=("$@")
[[ ${#parts[@]} -gt 0 ]] || parts=(check cargo pages phpunit demo live)
tell_of_first_build

# The tests are told by environment what they may use; a test whose variable is unset says so and passes.
prepare() {
  if python_with_venv; then
    TEST_PYTHON=$(scripts/venv.sh interop tests/interop/requirements.txt)/bin/python
    scripts/venv.sh localstack localstack/requirements.txt >/dev/null
    scripts/venv.sh standin localstack/standin.txt >/dev/null
    TEST_LOCALSTACK=$ROOT/localstack/start.sh
    TEST_STANDIN=$ROOT/localstack/standin.sh
    export TEST_PYTHON TEST_LOCALSTACK TEST_STANDIN
  else
    skip "signatures against the PyPI library, the journey to LocalStack (python3-venv is missing)"
  fi
  if has node && has npm; then
    TEST_NODE_MODULES=$(scripts/node_modules.sh interop tests/interop)
    export TEST_NODE_MODULES
  else
    skip "signatures against the npm library (node or npm is missing)"
  fi
  if has php; then
    TEST_PHP=$(command -v php)
    export TEST_PHP
  else
    skip "signatures and the cut against the Moodle plugin's PHP (php-cli is missing)"
  fi
  has xfs_io || skip "power cuts (xfsprogs is missing)"
  has eatmydata || skip "the control group of the power cuts (eatmydata is missing)"
  faketime_library || skip "a wall clock that is set (libfaketime is missing)"
  has strace || skip "tests with a slow or failing disk (strace is missing)"
}

check() { scripts/check.sh; }

cargo_tests() {
  say "cargo test: behaviour, faults, the journey to LocalStack"
  cargo test --locked
}

planted() {
  say "known bugs, planted one by one: the proofs must find them"
  scripts/test-the-tests.sh
}

demo() {
  python_with_venv || { skip "the demo (python3-venv is missing)"; return 0; }
  cargo build --locked --quiet
  scripts/rehearse-demo.sh
}

live() {
  moodle/tests-live/run.sh events commands
}

for part in "${parts[@]}"; do
  case $part in
    check) check ;;
    cargo) prepare; cargo_tests ;;
    pages) scripts/pages.sh ;;
    phpunit) moodle/phpunit.sh ;;
    planted) planted ;;
    demo) demo ;;
    live) live ;;
    *) die "no part $part; the head of scripts/test.sh lists them" ;;
  esac
done
say "make test: ${parts[*]} passed"
