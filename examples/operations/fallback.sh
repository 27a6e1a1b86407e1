#!/usr/bin/env bash
# Makes a profile the one that the device falls back to when it finds no network; `--none` leaves it without one.
#
#   fallback.sh ICCID | --none
set -euo pipefail
source "$(dirname "$0")/common.sh"
iccid=${1:?usage: fallback.sh ICCID | --none}

if [ "$iccid" = "--none" ]; then
	eim operation create unset-fallback-attribute "$EID" --wait --timeout "$TIMEOUT"
else
	# With curl: order '{"type": "setFallbackAttribute", "iccid": "..."}'
	eim operation create set-fallback-attribute "$EID" "$iccid" --wait --timeout "$TIMEOUT"
fi
eim device profiles "$EID"
