#!/usr/bin/env bash
# test-the-tests.sh [BUG…]: plants each known bug, one at a time, and demands that a named test fails.
# A bug is chosen at run time by MSP_PLANTED_BUG in a build with the feature planted-bugs (src/planted.rs); a
# test that passes with its bug planted proves nothing, and fails this. SKIPPED where a tool is missing;
# with FAULT_REQUIRED=1 or TESTS_REQUIRED=1 that is a failure.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/places.sh"
source "$ROOT/scripts/needs.sh"
cd "$ROOT"

# What finds a bug in minutes finds it sooner in a smaller run.
export FIRST=${FIRST:-40} EVERY=${EVERY:-1000} CUTS=${CUTS:-4} CASES=${CASES:-60}

# The bug | test target | the test that must fail | what the test needs of the machine.
TABLE=(
  "answer-before-commit|fault|a_kill_at_any_system_call_loses_nothing|strace"
  "sync-normal|fault|a_power_cut_on_ext4_loses_nothing_that_got_a_202|root mkfs.ext4 mkfs.xfs xfs_io"
  "settle-before-answer|behaviour|an_answer_cut_at_any_byte_loses_nothing|"
  "missing-id-taken|behaviour|missing_invented_and_repeated_ids_settle_only_what_was_sent|"
  "group-free-on-retry|behaviour|a_group_keeps_its_order_whatever_goes_wrong|"
  "no-dedup|behaviour|a_known_id_is_a_duplicate_and_other_content_is_a_conflict|"
  "new-id-at-redrive|behaviour|a_redriven_message_says_so_and_is_else_the_same|"
  "verify-after-parse|behaviour|nothing_is_parsed_before_its_signature_is_verified|"
  "timestamp-unchecked|behaviour|a_clock_that_is_off_is_told_with_both_times|"
  "mac-by-equals|behaviour|secrets_and_statements_are_handled_by_the_rules|"
  "checkpoint-errors-ignored|fault|a_checkpoint_that_fails_is_told_within_seconds|strace"
  "batch-parked-for-one|behaviour|an_entry_at_fault_is_parked_and_its_nine_neighbours_are_published|"
  "prune-takes-held|behaviour|after_any_walk_the_spool_is_what_the_model_says|"
  "wall-clock-backoff|fault|a_clock_that_goes_back_stops_no_retry|faketime_library"
  "undeclared-passed|behaviour|what_no_contract_declares_never_reaches_the_spool|"
)

has_all() {
  local need
  for need in "$@"; do
    case $need in
      root) [[ $(id -u) -eq 0 ]] || return 1 ;;
      faketime_library) faketime_library || return 1 ;;
      *) has "$need" || return 1 ;;
    esac
  done
}

log=$(mktemp)
trap 'rm -f "$log"' EXIT
run() { cargo test --locked --quiet --features planted-bugs --test "$1" -- "$2" >"$log" 2>&1; }

cargo test --locked --quiet --features planted-bugs --test fault --test behaviour --no-run
found=0 missed=()
for row in "${TABLE[@]}"; do
  IFS='|' read -r bug target name needs <<<"$row"
  [[ $# -eq 0 || " $* " == *" $bug "* ]] || continue
  read -ra tools <<<"$needs"
  if ! has_all "${tools[@]}"; then
    skip "that $name finds $bug (needs $needs)"
    [[ -z ${FAULT_REQUIRED:-} ]] || die "nothing may be skipped"
    continue
  fi
  # It must pass without the bug, or its failure says nothing; and it must have run.
  run "$target" "$name" || { cat "$log"; die "$name fails without any bug"; }
  grep -Eq '^test result: ok\. [1-9]' "$log" || die "there is no test $name in tests/$target"
  if MSP_PLANTED_BUG=$bug run "$target" "$name"; then
    missed+=("$bug")
    say "NOT FOUND: $bug, by $name"
  else
    found=$((found + 1))
    say "found: $bug, by $name: $(grep -m1 -A1 'panicked at' "$log" | tail -n1 | cut -c1-120)"
  fi
done
[[ ${#missed[@]} -eq 0 ]] || die "planted and not found: ${missed[*]}"
say "$found planted bugs, each found by its test"
