#!/usr/bin/env bash
# Switches the device to another profile and deletes the one before, in one package: one signature, one result, one state.
# The eUICC stops at the first command that fails; the outcome shows what came of each. With --keep nothing is deleted.
#
#   package.sh FROM_ICCID TO_ICCID [--keep]
set -euo pipefail
source "$(dirname "$0")/common.sh"
from=${1:?usage: package.sh FROM_ICCID TO_ICCID [--keep]}
to=${2:?usage: package.sh FROM_ICCID TO_ICCID [--keep]}

# A list comes before the switch, since what follows it takes effect only after the package. A rollback would need the
# profile before, so it is granted only where that is kept.
deletion=", {\"type\": \"delete\", \"iccid\": \"$from\"}" rollback=false
[ "${3:-}" = "--keep" ] && deletion="" rollback=true
id=$(order "{\"type\": \"euiccPackage\", \"commands\": [
	{\"type\": \"listProfiles\"},
	{\"type\": \"enable\", \"iccid\": \"$to\", \"rollback\": $rollback}$deletion]}")
# The command line: eim operation create euicc-package EID --command list-profiles --command "enable ICCID"
eim operation show "$id" --wait --timeout "$TIMEOUT"
