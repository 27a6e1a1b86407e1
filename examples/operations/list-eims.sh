#!/usr/bin/env bash
# Asks the eUICC which eIMs it belongs to, and tells it what this one is now: signing key, TLS trust and address.
#
#   list-eims.sh
set -euo pipefail
source "$(dirname "$0")/common.sh"

# With curl: order '{"type": "listEims"}'
eim operation create list-eims "$EID" --wait --timeout "$TIMEOUT"
eim operation create update-eim "$EID" --wait --timeout "$TIMEOUT"
eim device show "$EID"
