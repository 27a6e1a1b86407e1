#!/usr/bin/env bash
# Reads certificates and capabilities of the eUICC and of the IPA (IpaEuiccDataRequest).
#
#   read-euicc-data.sh
set -euo pipefail
source "$(dirname "$0")/common.sh"

id=$(order '{"type": "readEuiccData"}')
eim operation show "$id" --wait --timeout "$TIMEOUT" --json
