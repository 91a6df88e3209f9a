#!/usr/bin/env bash
# pages.sh [SHOTS]: renders the catalogue twice, without a site's configuration and with one, and looks at it:
# the Nu checker, headless Chromium (links, sizes, 320 px, axe, without JavaScript; scripts/pages/look.js),
# and AsyncAPI's own parser. SHOTS: a folder for pictures, to be judged by eye.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/places.sh"
source "$ROOT/scripts/needs.sh"
cd "$ROOT"
need node npm java chromium

if ! has node || ! has npm; then
  skip "the look at the catalogue's pages (node or npm is missing)"
  exit 0
fi
cargo build --locked --quiet
NODE_MODULES=$(scripts/node_modules.sh pages scripts/pages)
CHROMIUM=$(command -v chromium || command -v chromium-browser || true)
export NODE_MODULES CHROMIUM

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
msp() { "$CARGO_TARGET_DIR/debug/moodle-sns-producer" "$@"; }

# A site with a topic of each kind.
msp init "$folder/config" >/dev/null 2>&1
cat >>"$folder/config/config.toml" <<'TOPIC'

[topics.course]
arn = "arn:aws:sns:eu-west-2:111122223333:moodle-course"
contracts = ["moodle.course.*.v1"]
drafts = true
TOPIC
msp contracts render --html "$folder/plain"
msp contracts render --html "$folder/sited" --config "$folder/config/config.toml"

if has java; then
  say "The Nu checker"
  mapfile -t files < <(find "$folder/sited" "$folder/plain/index.html" -name '*.html' -o -path "$folder/sited/*.css")
  java -Xss4m -jar "$NODE_MODULES/vnu-jar/build/dist/vnu.jar" --errors-only --also-check-css "${files[@]}"
  say "${#files[@]} files: nothing wrong"
else
  skip "the Nu checker (java is missing)"
fi

say "AsyncAPI's parser"
node scripts/pages/asyncapi.js "$folder/plain/asyncapi.json" "$folder/sited/asyncapi.json"

if [[ -n $CHROMIUM ]]; then
  say "Headless Chromium"
  node scripts/pages/look.js "$folder/sited" "$@"
else
  skip "the pages in a browser (chromium is missing)"
fi
