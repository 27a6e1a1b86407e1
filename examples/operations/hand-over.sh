#!/usr/bin/env bash
# Hands the device over to another eIM: this one adds the other to the eUICC, and the other is told of the device with the
# token that the eUICC has chosen. From then on both may order. The last step, when the device has polled the other, is
# for either of them and is only printed.
#
#   hand-over.sh NEXT_EIM_URL NEXT_EIM_API_KEY
set -euo pipefail
source "$(dirname "$0")/common.sh"
next_url=${1:?usage: hand-over.sh NEXT_EIM_URL NEXT_EIM_API_KEY}
next_key=${2:?usage: hand-over.sh NEXT_EIM_URL NEXT_EIM_API_KEY}
at_next() { EIM_URL=$next_url EIM_API_KEY=$next_key api "$@"; }

configuration=$(at_next GET "/api/v1/eim-configuration?format=json")
id=$(order "{\"type\": \"addEim\", \"configuration\": \"$(field "$configuration" der)\"}")
# The command line: eim operation create add-eim EID FILE (what `eim configuration` of the other eIM has written)
eim operation show "$id" --wait --timeout "$TIMEOUT"
added=$(api GET "/api/v1/operations/$id")
token=$(field "$added" outcome.associationToken)
echo "the eUICC knows $(field "$added" outcome.eimId) by the association token $token"

[ "$token" = undefined ] && token="" || token=", \"associationToken\": $token"
at_next POST /api/v1/devices --header "Content-Type: application/json" --data "{\"eid\": \"$EID\"$token}"
echo
own=$(field "$(api GET "/api/v1/eim-configuration?format=json")" eimId)
echo "when it has polled there, order delete-eim $EID $own: there, or here as this eIM's last word"
