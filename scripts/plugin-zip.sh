#!/usr/bin/env bash
# plugin-zip.sh [FILE]: the Moodle plugin as Moodle's installer takes it: a zip with the one folder `snsproducer`.
# Equal sources give equal bytes: order, times and modes are fixed. Default: dist/local_snsproducer-RELEASE.zip
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/places.sh"
cd "$ROOT"
has python3 || die "python3 is missing, and it makes the zip: sudo apt-get install python3"

plugin=moodle/local_snsproducer
release=$(sed -n "s/^\$plugin->release = '\(.*\)';/\1/p" "$plugin/version.php")
[[ -n $release ]] || die "$plugin/version.php names no release"
out=${1:-dist/local_snsproducer-$release.zip}
mkdir -p "$(dirname "$out")"

# What git knows or would take, so that no file of an editor comes along; without git all that lies there.
if git rev-parse --is-inside-work-tree >/dev/null 2>&1; then
  mapfile -t files < <(git -C "$plugin" ls-files --cached --others --exclude-standard | LC_ALL=C sort)
else
  mapfile -t files < <(cd "$plugin" && find . -type f | sed 's#^\./##' | LC_ALL=C sort)
fi

python3 - "$plugin" "$out" "${files[@]}" <<'PYTHON'
import os, sys, zipfile

plugin, out, names = sys.argv[1], sys.argv[2], sys.argv[3:]
with zipfile.ZipFile(out + ".part", "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
    for name in names:
        path = os.path.join(plugin, name)
        if not os.path.isfile(path):
            continue  # deleted, and not committed yet
        # The zip format's first day: the files' own times differ from checkout to checkout.
        entry = zipfile.ZipInfo("snsproducer/" + name, date_time=(1980, 1, 1, 0, 0, 0))
        entry.compress_type = zipfile.ZIP_DEFLATED
        entry.create_system = 3
        entry.external_attr = 0o100644 << 16
        with open(path, "rb") as file:
            archive.writestr(entry, file.read())
os.replace(out + ".part", out)
PYTHON
say "$out: $(wc -c <"$out") bytes, SHA-256 $(sha256sum "$out" | cut -d' ' -f1)"
echo "$out"
