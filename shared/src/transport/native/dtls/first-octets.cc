#include "first-octets.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <cstring>

namespace dtls {
namespace {

constexpr size_t kRecordHeader = 13;
constexpr size_t kHandshakeHeader = 12;
constexpr uint8_t kHandshake = 22;
constexpr uint8_t kClientHello = 1;
constexpr uint8_t kHelloVerifyRequest = 3;

/** Takes octets from the front; once something is missing, all that follows is missing too. */
class Reader {
 public:
	explicit Reader(Octets octets) : data_(octets.data), left_(octets.size) {}

	const uint8_t* take(size_t count) {
		if (!ok_ || count > left_) {
			ok_ = false;
			return nullptr;
		}
		const uint8_t* taken = data_;
		data_ += count;
		left_ -= count;
		return taken;
	}

	size_t number(size_t octets) {
		const uint8_t* taken = take(octets);
		size_t value = 0;
		for (size_t i = 0; taken != nullptr && i < octets; i++) value = value << 8 | taken[i];
		return value;
	}

	/** A vector with its length in front. */
	Octets vector(size_t length_octets) {
		size_t size = number(length_octets);
		const uint8_t* taken = take(size);
		return taken == nullptr ? Octets{} : Octets{taken, size};
	}

	bool ok() const { return ok_; }
	const uint8_t* here() const { return data_; }

 private:
	const uint8_t* data_;
	size_t left_;
	bool ok_ = true;
};

}  // namespace

bool starts_client_hello(Octets datagram) {
	const uint8_t* d = datagram.data;
	return datagram.size > kRecordHeader && d[0] == kHandshake && d[1] == 0xFE && d[3] == 0 && d[4] == 0 &&
	       d[kRecordHeader] == kClientHello;
}

bool has_stunted_record(Octets datagram, size_t shortest) {
	Reader reader(datagram);
	for (;;) {
		reader.take(3);
		size_t epoch = reader.number(2);
		reader.take(6);
		Octets fragment = reader.vector(2);
		if (!reader.ok()) return false;
		if (epoch > 0 && fragment.size < shortest) return true;
	}
}

bool parse_client_hello(Octets datagram, ClientHello* hello) {
	if (!starts_client_hello(datagram)) return false;
	Reader record(datagram);
	record.take(5);
	hello->record_sequence = record.take(6);
	Octets fragment = record.vector(2);
	if (!record.ok()) return false;

	Reader handshake(fragment);
	handshake.take(1);
	size_t length = handshake.number(3);
	handshake.take(2);
	size_t offset = handshake.number(3);
	if (handshake.number(3) != length || offset != 0) return false;
	const uint8_t* body = handshake.take(length);
	if (body == nullptr) return false;

	Reader reader(Octets{body, length});
	reader.take(2);
	hello->random = reader.take(32);
	reader.vector(1);
	hello->fixed = Octets{body, static_cast<size_t>(reader.here() - body)};
	hello->cookie = reader.vector(1);
	const uint8_t* suites = reader.here();
	reader.vector(2);
	reader.vector(1);
	hello->suites_and_compression = Octets{suites, static_cast<size_t>(reader.here() - suites)};
	return reader.ok();
}

bool make_cookie(const uint8_t secret[kCookieSecretSize], Octets address, const ClientHello& hello,
                 uint8_t cookie[kCookieSize]) {
	// One digest of each part, so that no octet can move from one part into the next.
	uint8_t input[3][EVP_MAX_MD_SIZE];
	const Octets parts[3] = {address, hello.fixed, hello.suites_and_compression};
	uint8_t joined[3 * 32];
	for (size_t i = 0; i < 3; i++) {
		unsigned size = 0;
		if (!EVP_Digest(parts[i].data, parts[i].size, input[i], &size, EVP_sha256(), nullptr)) return false;
		memcpy(joined + i * 32, input[i], 32);
	}
	uint8_t mac[EVP_MAX_MD_SIZE];
	unsigned size = 0;
	if (HMAC(EVP_sha256(), secret, kCookieSecretSize, joined, sizeof joined, mac, &size) == nullptr) return false;
	memcpy(cookie, mac, kCookieSize);
	return true;
}

void write_hello_verify_request(const ClientHello& hello, const uint8_t cookie[kCookieSize],
                                uint8_t request[kHelloVerifyRequestSize]) {
	constexpr uint8_t body = 2 + 1 + kCookieSize;
	// DTLS 1.0 in the record and in the body, whatever follows (RFC 6347 4.2.1).
	const uint8_t head[kRecordHeader] = {kHandshake, 0xFE, 0xFF, 0, 0, 0, 0, 0, 0, 0, 0, 0, kHandshakeHeader + body};
	const uint8_t handshake[kHandshakeHeader] = {kHelloVerifyRequest, 0, 0, body, 0, 0, 0, 0, 0, 0, 0, body};
	memcpy(request, head, kRecordHeader);
	memcpy(request + 5, hello.record_sequence, 6);
	memcpy(request + kRecordHeader, handshake, kHandshakeHeader);
	uint8_t* out = request + kRecordHeader + kHandshakeHeader;
	out[0] = 0xFE;
	out[1] = 0xFF;
	out[2] = kCookieSize;
	memcpy(out + 3, cookie, kCookieSize);
}

}  // namespace dtls
