#!/usr/bin/env bash
# Asks the eUICC for its Rules Authorisation Table: which policy rules the profiles of which operators may carry.
#
#   policy-rules.sh
set -euo pipefail
source "$(dirname "$0")/common.sh"

# With curl. The command line: eim operation create get-rat EID --wait
id=$(order '{"type": "getRat"}')
eim operation show "$id" --wait --timeout "$TIMEOUT"
