#!/usr/bin/env bash
# Runs real handshakes of the core (certificates, keys, losses, fragments, resumption, refusal), and replays what they
# sent, under AddressSanitizer with UndefinedBehaviorSanitizer and under valgrind. Any finding is a failure.
# Needs g++, libssl-dev, openssl, valgrind.
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
echo "clean under AddressSanitizer, UndefinedBehaviorSanitizer and valgrind"
