#!/usr/bin/env bash
# venv.sh NAME REQUIREMENTS: prints the folder of a Python environment that holds just those
# requirements, and makes it first where it is absent or the file has changed.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/places.sh"

[[ $# -eq 2 ]] || die "usage: scripts/venv.sh NAME REQUIREMENTS"
name=$1 requirements=$2
venv=$BUILD_CACHE/$name

# uv installs in seconds what pip needs minutes for; pip gets uv, once.
uv() {
  local home=$BUILD_CACHE/uv
  if [[ ! -x $home/bin/uv ]]; then
    say "Installing uv (for Python packages), about 5 s" >&2
    rm -rf "$home"
    python3 -m venv "$home"
    "$home/bin/pip" install --quiet uv==0.13.9
  fi
  "$home/bin/uv" --quiet --no-progress "$@"
}

# The pins are for Python 3.11 and newer: the oldest first, it is what they were frozen on.
python_of_the_machine() {
  local candidate
  for candidate in python3.11 python3.12 python3.13 python3; do
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      "$candidate" -c 'import sys; print(sys.executable)'
      return
    fi
  done
  die "Python 3.11 or newer is needed for $name; this machine has $(python3 --version 2>&1)"
}

# A venv holds absolute paths, so it is remade when its folder was moved.
wanted="$venv $(cksum <"$requirements")"
holds() { [[ -x $venv/bin/python && $(cat "$venv/.holds" 2>/dev/null) == "$wanted" ]]; }

if ! holds; then
  python3 -c 'import ensurepip, venv' 2>/dev/null || die "Python's venv is missing: sudo apt-get install python3-venv"
  mkdir -p "$BUILD_CACHE"
  # Two commands at once would make the same folder.
  if command -v flock >/dev/null; then
    exec 9>"$BUILD_CACHE/.lock"
    flock 9
  fi
fi
if ! holds; then
  say "Installing $name from $(basename "$(dirname "$requirements")")/$(basename "$requirements")"
  rm -rf "$venv"
  uv venv --python "$(python_of_the_machine)" "$venv" >&2
  uv pip install --python "$venv/bin/python" --requirement "$requirements" >&2
  printf '%s' "$wanted" >"$venv/.holds"
fi
printf '%s\n' "$venv"
