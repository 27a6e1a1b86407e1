#!/usr/bin/env bash
# Tells devices of the signing key and the TLS trust that this eIM has now, and shows how far that is. Before: restart the
# eIM with the new key in keys.signingKey and the old one in keys.formerSigningKeys.
#
#   key-roll-over.sh [DEVICES]        how many devices at once; 1 when absent
set -euo pipefail
source "$(dirname "$0")/common.sh"

# With curl: api POST /api/v1/eim-keys/updates --header "Content-Type: application/json" --data '{"limit": 1}'
eim key update --limit "${1:-1}"
api GET /api/v1/eim-keys
echo
# Each device is signed for with the key that its card knows, until its own update is verified.
eim key status
