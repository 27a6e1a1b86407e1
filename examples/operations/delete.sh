#!/usr/bin/env bash
# Deletes a disabled profile from the eUICC. Its operator is told by a notification, which the eIM forwards.
#
#   delete.sh ICCID
set -euo pipefail
source "$(dirname "$0")/common.sh"
iccid=${1:?usage: delete.sh ICCID}

eim operation create delete "$EID" "$iccid" --wait --timeout "$TIMEOUT"
eim device notifications "$EID"
