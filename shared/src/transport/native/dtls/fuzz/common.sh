# Sourced by run.sh and check.sh: the folder of the work, keys and certificates, and how the core is compiled.
set -euo pipefail
fuzz=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
core=$(dirname "$fuzz")
work=${FUZZ_WORK:-$core/build/fuzz}
keys=$work/keys
corpus=$work/corpus
mkdir -p "$keys" "$corpus"

need() {
	command -v "$1" >/dev/null || {
		echo "$1 is missing: apt-get install $2"
		exit 2
	}
}

# Certificates for the two ends, and the CA that both trust, on both curves; made once for each work folder.
make_keys() {
	need openssl openssl
	local name curve end
	for name in p256:prime256v1 brainpool:brainpoolP256r1; do
		curve=${name#*:} name=${name%%:*}
		[ -e "$keys/$name-client.pem" ] && continue
		openssl ecparam -genkey -noout -name "$curve" -out "$keys/$name-ca.key"
		openssl req -x509 -new -key "$keys/$name-ca.key" -subj "/CN=ca" -days 7300 -out "$keys/$name-ca.pem" 2>/dev/null
		for end in server client; do
			openssl ecparam -genkey -noout -name "$curve" -out "$keys/$name-$end.key"
			openssl req -new -key "$keys/$name-$end.key" -subj "/CN=$end" 2>/dev/null |
				openssl x509 -req -CA "$keys/$name-ca.pem" -CAkey "$keys/$name-ca.key" -CAcreateserial -days 7300 \
					-out "$keys/$name-$end.pem" 2>/dev/null
		done
	done
}

sources=("$core"/first-octets.cc "$core"/callbacks.cc "$core"/endpoint.cc "$core"/session.cc "$fuzz"/world.cc)
# The archives, where they are: they do not hide what repeats a flight without waiting for real time.
if [ -e /usr/lib/"$(uname -m)"-linux-gnu/libssl.a ]; then
	libraries=(-l:libssl.a -l:libcrypto.a -ldl -lpthread)
else
	libraries=(-lssl -lcrypto)
fi
flags=(-std=c++17 -g -Wall -Wextra -fno-omit-frame-pointer)
