// A server or a client whose randomness and time are the same in every run, so that recorded handshakes replay.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "../core.h"

namespace fuzz {

using Bytes = std::vector<uint8_t>;

enum class Credentials : uint8_t { kMutual, kServerOnly, kKey, kBrainpool };
constexpr int kCredentials = 4;
constexpr uint64_t kNow = 2000000000000;  // 2033

/** Octets that look random and are the same from each seed on. All randomness of OpenSSL comes from the one in use. */
class Random {
 public:
	explicit Random(uint64_t seed) : state_(seed) {}
	void fill(uint8_t* out, int size);
	/** OpenSSL takes its octets from here until the next call. */
	void use();

 private:
	uint64_t state_;
};

/** What an end has told through its hooks. */
struct Told {
	/** Who tells, where it is to be checked. */
	const dtls::Session* session = nullptr;
	std::vector<Bytes> sent;
	std::vector<Bytes> delivered;
};

/** One end with its sessions; `refuses` makes its trust say no, `damages` its store. */
class End {
 public:
	End(bool is_server, Credentials credentials, const std::string& folder);
	~End();
	dtls::Endpoint* endpoint() { return endpoint_; }

	bool has_trusted = false;
	bool has_given_key = false;
	bool refuses = false;
	bool damages = false;
	std::map<Bytes, Bytes> kept;

 private:
	dtls::Endpoint* endpoint_ = nullptr;
};

Bytes to_bytes(dtls::Octets octets);
dtls::Octets to_octets(const Bytes& bytes);
std::string read_file(const std::string& path);

/** One step of an input: operation, then two octets of length, then so many octets. */
enum class Operation : uint8_t { kReceive, kTimer, kSend, kClose, kReceiveElsewhere, kResume, kOperations };
void append_step(Bytes* input, Operation operation, const Bytes& octets);

/** First octet of an input: bit 0 server, bits 1 and 2 the credentials. */
uint8_t mode_of(bool is_server, Credentials credentials);

/** Runs an input against the end that its first octet names; how many sessions it opened. Aborts when a promise is broken. */
int run_input(const uint8_t* data, size_t size, const std::string& folder);

}  // namespace fuzz
