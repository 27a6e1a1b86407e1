#!/usr/bin/env bash
# Downloads a profile into the device: SM-DP+ -> eIM -> IPA -> eUICC (Indirect Profile Download). The profile is disabled
# afterwards: enable.sh switches to it.
#
#   download.sh ACTIVATION-CODE      as '1$smdp.example.com$MATCHING-ID', in single quotes
set -euo pipefail
source "$(dirname "$0")/common.sh"
code=${1:?usage: download.sh ACTIVATION-CODE}

# --wait shows each state and ends with 0 only on success: the result is signed by the eUICC and verified.
eim operation create download "$EID" --activation-code "$code" --wait --timeout "$TIMEOUT"
