#!/usr/bin/env bash
# Runs every command of docs/operations/by-hand.md, each printed before, and ends what they have started. What fails leaves
# its folder with the logs, as $H, in $TMPDIR or /tmp.
#
#   examples/by-hand.sh            needs curl, openssl and mosquitto, and the ports that the page names
set -euo pipefail
cd "$(dirname "$0")/.."
page=docs/operations/by-hand.md

trap 'set +v; jobs -p | xargs -r kill 2>/dev/null || true; wait' EXIT
set -v
source <(awk '/^```sh$/ { on = 1; next } /^```$/ { on = 0 } on' "$page")
