#!/usr/bin/env bash
# Switches the device to another profile, with rollback granted: if the device does not reach the eIM over the new
# profile, it goes back by itself and the operation ends as "rolled-back".
#
#   enable.sh ICCID
set -euo pipefail
source "$(dirname "$0")/common.sh"
iccid=${1:?usage: enable.sh ICCID}

# With curl. The command line: eim operation create enable EID ICCID [--no-rollback] --wait
id=$(order "{\"type\": \"enable\", \"iccid\": \"$iccid\", \"rollback\": true}")
eim operation show "$id" --wait --timeout "$TIMEOUT"
