#!/usr/bin/env bash
# The light stand-in (ministack): localstack/start.sh --standin, with the same options.
exec "$(dirname "${BASH_SOURCE[0]}")/start.sh" --standin "$@"
