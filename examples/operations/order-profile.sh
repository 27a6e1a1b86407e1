#!/usr/bin/env bash
# Orders a profile at the simulated SM-DP+, as an operator does over ES2+ (DownloadOrder, ConfirmOrder with release), and
# prints its activation code. With a description (YAML) the profile is made and put into the inventory first.
#
#   SMDP_BENCH=http://127.0.0.1:PORT order-profile.sh ICCID
#   SMDP_BENCH=http://127.0.0.1:PORT order-profile.sh PROFILE.yaml
#
# With SMDS=smds.example.com the SM-DS of that name tells the device of it: eim operation create download EID --smds ...
# With MATCHING_ID= (empty) it waits for the EID alone: eim operation create download EID --default-smdp
set -euo pipefail
source "$(dirname "$0")/common.sh"
profile=${1:?usage: order-profile.sh ICCID or PROFILE.yaml}
bench=${SMDP_BENCH:?set SMDP_BENCH to the bench face of the SM-DP+, as the demo prints it}

if [ -f "$profile" ]; then
	answer=$(curl --silent --show-error --fail-with-body --data-binary "@$profile" \
		"$bench/bench/v1/profiles?fileName=$(basename "$profile")") || {
		echo "$answer" >&2
		exit 1
	}
	iccid=$(field "$answer" iccid)
else
	iccid=$profile
fi

# Bound to the EID: no other card can download it.
more=()
if [ -n "${SMDS:-}" ]; then more+=(--smds "$SMDS"); fi
if [ -n "${MATCHING_ID+given}" ]; then more+=(--matching-id "$MATCHING_ID"); fi
confirmed_order() {
	node "$ROOT/sim/dist/smdp/main.js" order --bench "$bench" --iccid "$iccid" --eid "$EID" "${more[@]}"
}
answer=$(confirmed_order)
field "$answer" ordered.activationCode
