#!/usr/bin/env bash
# Runs every command of docs/operations/by-hand.md, each printed before, and ends what they have started.
#
#   examples/by-hand.sh            needs curl, openssl and mosquitto, and the ports that the page names
set -euo pipefail
cd "$(dirname "$0")/.."
page=docs/operations/by-hand.md

trap 'set +v; jobs -p | xargs -r kill 2>/dev/null || true' EXIT
# What a run that was cut off has left.
rm -rf /tmp/by-hand
set -v
source <(awk '/^```sh$/ { on = 1; next } /^```$/ { on = 0 } on' "$page")
