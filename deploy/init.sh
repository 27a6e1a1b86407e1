#!/bin/sh
# What the parts of docker-compose.yml need before they start, made once: keys and passwords, a PKI, cards with their
# bootstrap profiles, profiles in the inventory of the SM-DP+. Nothing of it is in git, and all of it is for tests.
#
#   SIM_FOLDER, TRUST_FOLDER, SECRETS_FOLDER   where things go
#   DATABASE                                   host:port/name of PostgreSQL
set -eu
umask 077

if [ -e "$SIM_FOLDER/made" ]; then
	echo "everything is there already"
	exit 0
fi

random() { node -e 'process.stdout.write(require("node:crypto").randomBytes(24).toString("hex"))'; }
random >"$SECRETS_FOLDER/api-key"
random >"$SECRETS_FOLDER/postgres-password"
cat >"$SECRETS_FOLDER/eim.yaml" <<YAML
database: { url: "postgres://eim:$(cat "$SECRETS_FOLDER/postgres-password")@$DATABASE" }
api: { firstKey: "$(cat "$SECRETS_FOLDER/api-key")" }
YAML

# An earlier run may have been cut off in the middle.
rm -rf "$SIM_FOLDER/pki" "$SIM_FOLDER/upp" "$SIM_FOLDER/cards" "$SIM_FOLDER/smdp"
mkdir -p "$SIM_FOLDER/upp" "$SIM_FOLDER/cards"

read -r _ first _ <deploy/devices.txt
node sim/dist/pki/main.js init --dir "$SIM_FOLDER/pki" --eid "$first" \
	--dp-host smdp.example.com --ds-host smds.example.com --eim-host eim.example.com
cp "$SIM_FOLDER/pki/ci.pem" "$TRUST_FOLDER/ci.pem"

while read -r name eid _; do
	[ "$eid" = "$first" ] || node sim/dist/pki/main.js euicc --dir "$SIM_FOLDER/pki" --eid "$eid"
	node dist/examples/build-profile.js "deploy/profiles/bootstrap-$name.yaml" "$SIM_FOLDER/upp/$name.der"
	node sim/dist/euicc/main.js init --dir "$SIM_FOLDER/cards/$name" --pki "$SIM_FOLDER/pki" --eid "$eid" --mode iot \
		--bootstrap "$SIM_FOLDER/upp/$name.der" --bootstrap-name Bootstrap
done <deploy/devices.txt

node sim/dist/smdp/main.js import deploy/profiles/operator-1.yaml deploy/profiles/operator-2.yaml \
	deploy/profiles/operator-3.yaml --dir "$SIM_FOLDER/smdp" --address smdp.example.com
touch "$SIM_FOLDER/made"
