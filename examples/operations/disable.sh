#!/usr/bin/env bash
# Disables the enabled profile. Mind that a device whose only way out was that profile cannot report back and is out of
# reach: to move it to another operator use enable.sh, which disables the old profile in the same step.
#
#   disable.sh ICCID
set -euo pipefail
source "$(dirname "$0")/common.sh"
iccid=${1:?usage: disable.sh ICCID}

# The eIM warns on standard error when this is the only enabled profile.
eim operation create disable "$EID" "$iccid" --wait --timeout "$TIMEOUT"
