#!/usr/bin/env bash
# test-long.sh MINUTES SEED FOLDER: the random tests in their long forms, again and again with new seeds, until
# so many minutes of testing are in FOLDER. Each run is one line of FOLDER/results.tsv (test, seed, result,
# seconds, what it printed) and one log. Started again with the same folder it goes on where it was. ONLY="…"
# picks some tests by their names. Ends with 1 when any run failed.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/places.sh"
[[ $# -eq 3 && $1 =~ ^[0-9]+$ && $2 =~ ^[0-9]+$ ]] || die "usage: scripts/test-long.sh MINUTES SEED FOLDER"
minutes=$1 first=$2
mkdir -p "$3"
folder=$(cd "$3" && pwd)
cd "$ROOT"

# Test target | test | the size of one run.
RUNS=(
  "fault|nothing_that_got_a_202_is_lost_to_sigkill|KILLS=500"
  "fault|a_kill_at_any_system_call_loses_nothing|FIRST=400"
  "fault|a_power_cut_on_ext4_loses_nothing_that_got_a_202|CUTS=200"
  "fault|a_power_cut_on_xfs_loses_nothing_that_got_a_202|CUTS=200"
  "fault|it_ends_in_order_whenever_it_is_told_to|"
  "fault|a_clock_that_goes_back_stops_no_retry|"
  "behaviour|groups_keep_their_order_over_many_seeds|SEEDS=5000"
  "behaviour|after_any_walk_the_spool_is_what_the_model_says|CASES=5000"
  "behaviour|no_batch_is_ever_too_long|"
)

results=$folder/results.tsv
[[ -f $results ]] || printf 'test\tseed\tresult\tseconds\tsaid\n' >"$results"
spent() { awk -F'\t' 'NR > 1 { s += $4 } END { print int(s) }' "$results"; }
cargo test --locked --quiet --test fault --test behaviour --no-run
say "$(spent) s of $((minutes * 60)) s are in $results already"

round=0
while (($(spent) < minutes * 60)); do
  seed=$((first + round * 100000))
  for row in "${RUNS[@]}"; do
    IFS='|' read -r target name size <<<"$row"
    [[ -z ${ONLY:-} || " $ONLY " == *" $name "* ]] || continue
    # Done by a run before this one.
    awk -F'\t' -v t="$name" -v s="$seed" '$1 == t && $2 == s { f = 1 } END { exit !f }' "$results" && continue
    (($(spent) < minutes * 60)) || break
    log=$folder/$name-$seed.log
    begun=$(date +%s)
    result=ok
    # Where nothing may be skipped, since a skip proves nothing.
    env ${size:+"$size"} SEED="$seed" FAULT_REQUIRED=1 \
      cargo test --locked --quiet --test "$target" -- "$name" --nocapture >"$log" 2>&1 || result=FAILED
    said=$(grep -Ev '^($|running|test |SEED=|seeds|thread|note:|\.)' "$log" | tail -n1 | tr '\t' ' ' | cut -c1-300)
    printf '%s\t%s\t%s\t%s\t%s\n' "$name" "$seed" "$result" "$(($(date +%s) - begun))" "$said" >>"$results"
    say "$name, seed $seed: $result; $said"
  done
  round=$((round + 1))
done

if grep -q $'\tFAILED\t' "$results"; then
  grep $'\tFAILED\t' "$results" >&2
  die "some runs failed; their logs lie in $folder"
fi
say "$(($(wc -l <"$results") - 1)) runs, none failed: $results"
