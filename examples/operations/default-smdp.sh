#!/usr/bin/env bash
# Sets the SM-DP+ that the device asks for profiles without an activation code, and lets it enable such a profile right
# after its download; `--none` takes both away.
#
#   default-smdp.sh ADDRESS | --none
set -euo pipefail
source "$(dirname "$0")/common.sh"
address=${1:?usage: default-smdp.sh ADDRESS | --none}

# Both in one package. With curl, as one of them alone: order '{"type": "setDefaultDpAddress", "smdpAddress": "..."}'
if [ "$address" = "--none" ]; then
	eim operation create euicc-package "$EID" --command "set-default-dp-address --none" --command "configure-immediate-enable --deny" --wait
else
	eim operation create euicc-package "$EID" --command "set-default-dp-address $address" --command "configure-immediate-enable --smdp $address" --wait
fi
