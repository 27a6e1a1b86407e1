#!/usr/bin/env bash
# Registers a device at the eIM. Until then a device that polls is refused (eidNotFound) and only remembered among the
# unknown ones: `eim device unknown`.
#
#   register-device.sh EID [NAME]
set -euo pipefail
source "$(dirname "$0")/common.sh"
eid=${1:?usage: register-device.sh EID [NAME]}
name=${2:-device $eid}

api POST /api/v1/devices --header "Content-Type: application/json" \
	--data "{\"eid\": \"$eid\", \"name\": \"$name\", \"tags\": {\"origin\": \"example\"}}" >/dev/null

# The same with the command line: eim device add EID --name NAME --tag origin=example
eim device show "$eid"
