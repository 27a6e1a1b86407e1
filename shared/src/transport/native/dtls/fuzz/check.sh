#!/usr/bin/env bash
# Runs real handshakes of the core (certificates, keys, losses, fragments, resumption, refusal), and replays what they
# sent, under AddressSanitizer with UndefinedBehaviorSanitizer and under valgrind; then calls the addon in wrong ways, in Node
# under the sanitizers. Any finding is a failure. Needs g++, libssl-dev, openssl, valgrind, Node's headers.
source "$(dirname "$0")/common.sh"
need g++ g++
need valgrind valgrind
make_keys
rm -rf "$work/check"
mkdir -p "$work/check"
g++ "${flags[@]}" -O1 -fsanitize=address,undefined -fno-sanitize-recover=all "${sources[@]}" "$fuzz/handshakes.cc" \
	"${libraries[@]}" -o "$work/handshakes-sanitized"
"$work/handshakes-sanitized" "$keys" "$work/check"
"$work/handshakes-sanitized" "$keys" --replay "$work/check"/*
g++ "${flags[@]}" -O1 "${sources[@]}" "$fuzz/handshakes.cc" "${libraries[@]}" -o "$work/handshakes-plain"
valgrind --quiet --error-exitcode=9 --leak-check=full --errors-for-leak-kinds=definite,indirect \
	"$work/handshakes-plain" "$keys"
headers=$(node -p 'require("node:path").join(require("node:path").dirname(process.execPath), "../include/node")')
g++ "${flags[@]}" -O1 -shared -fPIC -fno-exceptions -fno-rtti -fsanitize=address,undefined -fno-sanitize-recover=all \
	-DNAPI_VERSION=8 -I "$headers" -I /usr/include/node "${sources[@]:0:4}" "$core/js-hooks.cc" "$core/addon.cc" -o "$work/dtls.node"
# Node itself ends with memory that it has not given back.
ASAN_OPTIONS=detect_leaks=0 LD_PRELOAD="$(g++ -print-file-name=libasan.so) $(g++ -print-file-name=libubsan.so)" \
	node "$fuzz/misuse.cjs" "$work/dtls.node"
echo "clean under AddressSanitizer, UndefinedBehaviorSanitizer and valgrind"
