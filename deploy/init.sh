#!/bin/sh
# What the parts of docker-compose.yml need before they start, made once: keys and passwords, a PKI, cards with their
# bootstrap profiles, profiles in the inventory of the SM-DP+. Nothing of it is in git, and all of it is for tests.
#
#   SIM_FOLDER, TRUST_FOLDER, SECRETS_FOLDER, BROKER_FOLDER   where things go
#   DATABASE                                                  host:port/name of PostgreSQL
#   BROKER                                                    host:port of Mosquitto
set -eu
umask 077

if [ -e "$SIM_FOLDER/made" ]; then
	echo "everything is there already"
	exit 0
fi

random() { node -e 'process.stdout.write(require("node:crypto").randomBytes(24).toString("hex"))'; }
random >"$SECRETS_FOLDER/api-key"
random >"$SECRETS_FOLDER/postgres-password"
random >"$SECRETS_FOLDER/mqtt-password"
cat >"$SECRETS_FOLDER/eim.yaml" <<YAML
database: { url: "postgres://eim:$(cat "$SECRETS_FOLDER/postgres-password")@$DATABASE" }
api: { firstKey: "$(cat "$SECRETS_FOLDER/api-key")" }
mqtt: { url: "mqtt://$BROKER", username: eim, password: "$(cat "$SECRETS_FOLDER/mqtt-password")" }
YAML

# A line of Mosquitto's password file, as mosquitto_passwd writes it.
hashed() {
	node -e 'const { pbkdf2Sync, randomBytes } = require("node:crypto"); const [name, password] = process.argv.slice(1);
		const [salt, rounds] = [randomBytes(12), 1000]; const hash = pbkdf2Sync(password, salt, rounds, 64, "sha512");
		console.log([`${name}:`, 7, rounds, salt.toString("base64"), hash.toString("base64")].join("$"))' "$1" "$2"
}
cat >"$BROKER_FOLDER/mosquitto.conf" <<CONF
listener ${BROKER##*:}
allow_anonymous false
password_file $BROKER_FOLDER/passwords
acl_file $BROKER_FOLDER/acl
set_tcp_nodelay true
message_size_limit 1048576
CONF
cp examples/mosquitto/acl "$BROKER_FOLDER/acl"
hashed eim "$(cat "$SECRETS_FOLDER/mqtt-password")" >"$BROKER_FOLDER/passwords"

# An earlier run may have been cut off in the middle.
rm -rf "$SIM_FOLDER/pki" "$SIM_FOLDER/upp" "$SIM_FOLDER/cards" "$SIM_FOLDER/smdp"
mkdir -p "$SIM_FOLDER/upp" "$SIM_FOLDER/cards" "$SIM_FOLDER/ipa-config"

read -r _ first _ <deploy/devices.txt
node sim/dist/pki/main.js init --dir "$SIM_FOLDER/pki" --eid "$first" \
	--dp-host smdp.example.com --ds-host smds.example.com --eim-host eim.example.com
cp "$SIM_FOLDER/pki/ci.pem" "$TRUST_FOLDER/ci.pem"

while read -r name eid _; do
	[ "$eid" = "$first" ] || node sim/dist/pki/main.js euicc --dir "$SIM_FOLDER/pki" --eid "$eid"
	node dist/examples/build-profile.js "deploy/profiles/bootstrap-$name.yaml" "$SIM_FOLDER/upp/$name.der"
	node sim/dist/euicc/main.js init --dir "$SIM_FOLDER/cards/$name" --pki "$SIM_FOLDER/pki" --eid "$eid" --mode iot \
		--bootstrap "$SIM_FOLDER/upp/$name.der" --bootstrap-name Bootstrap
	password=$(random)
	hashed "$eid" "$password" >>"$BROKER_FOLDER/passwords"
	echo "mqtt: { password: \"$password\" }" >"$SIM_FOLDER/ipa-config/$name.yaml"
done <deploy/devices.txt

node sim/dist/smdp/main.js import deploy/profiles/operator-1.yaml deploy/profiles/operator-2.yaml \
	deploy/profiles/operator-3.yaml --dir "$SIM_FOLDER/smdp" --address smdp.example.com
# Mosquitto runs as another user, and has hashes alone.
chmod 644 "$BROKER_FOLDER/mosquitto.conf" "$BROKER_FOLDER/acl" "$BROKER_FOLDER/passwords"
touch "$SIM_FOLDER/made"
