#!/usr/bin/env bash
# Fuzzes the core with libFuzzer under AddressSanitizer and UndefinedBehaviorSanitizer, from recorded handshakes.
# Usage: run.sh [SECONDS] (an hour when absent). Needs clang, libclang-rt-14-dev, libssl-dev, openssl.
source "$(dirname "$0")/common.sh"
need clang++ "clang libclang-rt-14-dev"
make_keys
clang++ "${flags[@]}" -O1 -fsanitize=address,undefined "${sources[@]}" "$fuzz/handshakes.cc" "${libraries[@]}" \
	-o "$work/handshakes"
"$work/handshakes" "$keys" "$corpus"
clang++ "${flags[@]}" -O1 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all "${sources[@]}" \
	"$fuzz/fuzz-core.cc" "${libraries[@]}" -o "$work/fuzz-core"
mkdir -p "$work/found"
cd "$work"
FUZZ_KEYS=$keys exec nice -n 10 ./fuzz-core -max_total_time="${1:-3600}" -max_len=16384 -len_control=0 -timeout=20 \
	-rss_limit_mb=2048 -print_final_stats=1 -artifact_prefix="$work/found/" "$corpus"
