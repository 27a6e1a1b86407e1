#!/bin/sh
# Registers every simulated device at the eIM and gives the eIM's configuration to its card (ES10b.AddInitialEim): the
# one way in which a device comes to belong to an eIM. Done once for each device, before its IPA starts.
#
#   SIM_FOLDER, SECRETS_FOLDER   as init.sh left them
#   EIM_URL                      API of the eIM
set -eu

mkdir -p "$SIM_FOLDER/ipa"
deploy/eim configuration --format der >"$SIM_FOLDER/eim-configuration.der"
while read -r name eid modem; do
	if [ -e "$SIM_FOLDER/ipa/$name.associated" ]; then continue; fi
	deploy/eim device show "$eid" >/dev/null 2>&1 || deploy/eim device add "$eid" --name "$name"
	node ipa/dist/main.js card add-eim "$SIM_FOLDER/eim-configuration.der" --card "vpcd://$modem" </dev/null
	touch "$SIM_FOLDER/ipa/$name.associated"
done <deploy/devices.txt
