#!/usr/bin/env bash
# Writes what a card must be given to belong to this eIM (ES10b.AddInitialEim): address, public key and TLS trust of the
# eIM. It holds nothing secret.
#
#   eim-configuration.sh FILE        the device then takes it with: ipa card add-eim FILE
set -euo pipefail
source "$(dirname "$0")/common.sh"
file=${1:?usage: eim-configuration.sh FILE}

# DER; ?format= also knows pem, qr (an SVG picture), qr-text and json.
api GET "/api/v1/eim-configuration?format=der" --output "$file"
echo "$file: $(wc -c <"$file") octets"

# The same with the command line, as text for people to copy.
eim configuration --format pem
