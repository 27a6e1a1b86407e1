#!/usr/bin/env bash
# Asks the eUICC which profiles it holds, and shows what the eIM knows afterwards.
#
#   list-profiles.sh
set -euo pipefail
source "$(dirname "$0")/common.sh"

eim operation create list-profiles "$EID" --wait --timeout "$TIMEOUT"
eim device profiles "$EID"

# With curl, what was reported last, without asking the device: GET /api/v1/devices/EID/profiles
api GET "/api/v1/devices/$EID/profiles"
echo
