# What the scripts of this folder share; each of them reads it. Not a program by itself.
#
#   EIM_URL       address of the eIM's API; `npm run demo -- --keep` prints it
#   EIM_API_KEY   key of the API; printed there too
#   EID           the device; the demo's when absent
#   TIMEOUT       seconds to wait for a device; 120 when absent
: "${EIM_URL:?set EIM_URL to the address of the eIM API, as http://127.0.0.1:8080}"
: "${EIM_API_KEY:?set EIM_API_KEY to a key of the eIM API}"
export EIM_URL EIM_API_KEY
EID=${EID:-89049032123451234512345678901235}
TIMEOUT=${TIMEOUT:-120}
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

# The eIM's command line (`npm run build` makes it).
eim() { node "$ROOT/eim/dist/cli/eim.js" "$@"; }

# One member of a JSON text: TEXT PATH, as `field "$answer" ordered.activationCode`.
field() { node -p 'process.argv[2].split(".").reduce((value, name) => value[name], JSON.parse(process.argv[1]))' "$1" "$2"; }

# One call of the API with curl: METHOD PATH [curl's options...]. Whatever is not 2xx ends the script with its problem text.
api() {
	local method=$1 path=$2
	shift 2
	curl --silent --show-error --fail-with-body --request "$method" "$EIM_URL$path" \
		--header "Authorization: Bearer $EIM_API_KEY" "$@"
}

# Orders an operation with curl and prints its id. The same Idempotency-Key orders nothing again: a call whose answer was
# lost may be repeated with it.
order() {
	local answer
	answer=$(api POST "/api/v1/devices/$EID/operations" --header "Content-Type: application/json" \
		--header "Idempotency-Key: ${IDEMPOTENCY_KEY:-$(date +%s)-$$-$RANDOM}" --data "$1") || {
		local code=$?
		echo "$answer" >&2
		return "$code"
	}
	field "$answer" id
}
