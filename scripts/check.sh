#!/usr/bin/env bash
# check.sh [PART…]: everything that is checked without running the product. Parts, in order of cost:
#   format scripts moodle template documents dependencies lint docs
# Without arguments all of them; each problem is shown, and one fault makes the whole fail at its end.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/places.sh"
source "$ROOT/scripts/needs.sh"
cd "$ROOT"
need_cargo

linters() { "$ROOT/scripts/venv.sh" linters "$ROOT/scripts/requirements.txt"; }

format() { cargo fmt --check; }

scripts() {
  local venv files
  python_with_venv || { skip "shellcheck (python3-venv is missing)"; return 0; }
  venv=$(linters)
  mapfile -t files < <(git ls-files --cached --others --exclude-standard -- '*.sh' .ci/run)
  "$venv/bin/shellcheck" --external-sources --source-path=SCRIPTDIR "${files[@]}"
  # Python files must at least compile.
  mapfile -t files < <(git ls-files --cached --others --exclude-standard -- '*.py')
  "$venv/bin/python" -c 'import sys; [compile(open(f, encoding="utf-8").read(), f, "exec") for f in sys.argv[1:]]' "${files[@]}"
}

# The Moodle plugin without a Moodle: syntax, its frame, words, tables, and the tests of its pure parts.
moodle() {
  local files
  php_with_xml || { skip "the Moodle plugin's checks (php-cli or php-xml is missing)"; return 0; }
  mapfile -t files < <(git ls-files --cached --others --exclude-standard -- '*.php')
  local file faults=0
  for file in "${files[@]}"; do
    [[ ! -f $file ]] || php -l "$file" >/dev/null || faults=1
  done
  [[ $faults -eq 0 ]] || die "PHP files that PHP can't read"
  php scripts/moodle_check.php
  if [[ -f moodle/tests-pure/run.php ]]; then php moodle/tests-pure/run.php; fi
  local zip
  zip=$(mktemp -d)
  scripts/plugin-zip.sh "$zip/1.zip" >/dev/null 2>&1
  scripts/plugin-zip.sh "$zip/2.zip" >/dev/null 2>&1
  cmp "$zip/1.zip" "$zip/2.zip" || die "scripts/plugin-zip.sh made two different files of one source"
  rm -rf "$zip"
}

template() {
  local venv
  python_with_venv || { skip "cfn-lint (python3-venv is missing)"; return 0; }
  venv=$(linters)
  "$venv/bin/cfn-lint" deploy/aws/*.yaml
}

documents() {
  has python3 || { skip "links and commands of the documents (python3 is missing)"; return 0; }
  cargo build --locked --quiet
  python3 scripts/documents.py --binary "$CARGO_TARGET_DIR/debug/moodle-sns-producer"
}

dependencies() {
  local deny=$BUILD_CACHE/tools/bin/cargo-deny
  if [[ ! -x $deny ]]; then
    if has cargo-deny; then
      deny=cargo-deny
    else
      say "Installing cargo-deny, once: 1 to 3 minutes"
      # Cheaply built: it runs for seconds. Its own folder, so that it can be removed afterwards.
      CARGO_TARGET_DIR=$BUILD_CACHE/tools/target CARGO_PROFILE_RELEASE_OPT_LEVEL=0 CARGO_PROFILE_RELEASE_LTO=off \
        cargo install --locked --quiet --root "$BUILD_CACHE/tools" cargo-deny@0.20.2
      rm -rf "$BUILD_CACHE/tools/target"
    fi
  fi
  "$deny" --log-level error check bans licenses sources
}

lint() {
  cargo clippy --locked --all-targets -- -D warnings
  cargo clippy --locked --all-targets --features planted-bugs -- -D warnings
}

docs() { RUSTDOCFLAGS="-D warnings" cargo doc --locked --no-deps --quiet; }

parts=("$@")
[[ ${#parts[@]} -gt 0 ]] || parts=(format scripts moodle template documents dependencies lint docs)
tell_of_first_build
failed=()
for part in "${parts[@]}"; do
  [[ $(type -t "$part") == function ]] || die "no part $part; the head of scripts/check.sh lists them"
  say "check: $part"
  # In a shell of its own: there `set -e` holds, which it doesn't inside an `||`.
  set +e
  (set -e; "$part")
  code=$?
  set -e
  [[ $code -eq 0 ]] || failed+=("$part")
done
[[ ${#failed[@]} -eq 0 ]] || die "make check: ${failed[*]} failed; run one alone with scripts/check.sh PART"
say "check: all passed"
