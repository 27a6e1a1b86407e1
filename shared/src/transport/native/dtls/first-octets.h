// What is read of a datagram before OpenSSL sees it: the hello of a peer that nobody knows yet, without keeping anything
// (RFC 6347 4.2.1), and the lengths of records.
#pragma once
#include <cstddef>
#include <cstdint>

namespace dtls {

struct Octets {
	const uint8_t* data = nullptr;
	size_t size = 0;
};

/** A cookie proves the return path only; 64 bits can be guessed neither within the life of a secret nor after it. */
constexpr size_t kCookieSize = 8;
constexpr size_t kCookieSecretSize = 32;
/** Record header, handshake header, server version, length, cookie. */
constexpr size_t kHelloVerifyRequestSize = 13 + 12 + 2 + 1 + kCookieSize;

/** A whole ClientHello in the first record of a datagram. Points into the datagram. */
struct ClientHello {
	const uint8_t* record_sequence = nullptr;  // 6 octets
	Octets fixed;                              // version, random, session id with its length
	const uint8_t* random = nullptr;           // 32 octets
	Octets cookie;
	Octets suites_and_compression;
};

/** False for all else, fragments of a ClientHello included: only a whole one can be answered without memory. */
bool parse_client_hello(Octets datagram, ClientHello* hello);

/** True when the datagram starts with a plaintext handshake record that holds the start of a ClientHello. */
bool starts_client_hello(Octets datagram);

/** HMAC-SHA256 over the address and what the peer must repeat; false when OpenSSL has no memory. */
bool make_cookie(const uint8_t secret[kCookieSecretSize], Octets address, const ClientHello& hello,
                 uint8_t cookie[kCookieSize]);

void write_hello_verify_request(const ClientHello& hello, const uint8_t cookie[kCookieSize],
                                uint8_t request[kHelloVerifyRequestSize]);

/**
 * True when a protected record in the datagram is shorter than `shortest`, which no honest peer sends. OpenSSL ends a session
 * over such a record where RFC 6347 4.1.2.7 has it dropped: anybody could end it with one forged datagram.
 */
bool has_stunted_record(Octets datagram, size_t shortest);

}  // namespace dtls
