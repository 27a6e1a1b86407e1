// DTLS 1.2 over the OpenSSL of the host program. No sockets, no clock, no thread, no N-API: datagrams go in and out by calls.
#pragma once
#include <openssl/ssl.h>

#include "first-octets.h"

namespace dtls {

/** What the core asks and tells the program around it, always within a call that the program made. */
struct Hooks {
	void* context = nullptr;
	/** A datagram for the peer. */
	void (*send)(void* session, Octets datagram) = nullptr;
	/** A message of the peer, decrypted. */
	void (*deliver)(void* session, Octets message) = nullptr;
	/** Is this peer trusted? `certificate` is empty for a raw public key; `chain_error` null when the chain is good. */
	bool (*trust)(void* context, Octets certificate, Octets public_key, const char* chain_error) = nullptr;
	/** The key of an identity: octets written to `key`, 0 when unknown. */
	size_t (*key_of)(void* context, const char* identity, uint8_t* key, size_t room) = nullptr;
	/**
	 * Server: a session to keep (DER), and one to find again: octets written to `session`, 0 when unknown. One made with a
	 * pre-shared key comes with its identity and the key's SHA-256, any other with null and nothing.
	 */
	void (*keep_session)(void* context, Octets id, Octets session, const char* identity, Octets key_digest) = nullptr;
	size_t (*find_session)(void* context, Octets id, uint8_t* session, size_t room) = nullptr;
	/** Lab only. */
	void (*log_key)(void* context, const char* line) = nullptr;
};

struct EndpointOptions {
	bool is_server = false;
	Octets certificates;  // PEM, own certificate first
	Octets private_key;   // PEM
	Octets trusted;       // PEM, CA certificates
	const char* cipher_suites = nullptr;
	bool asks_certificate = false;  // a client always does
	bool raw_public_keys = false;
	bool has_keys = false;      // pre-shared
	const char* identity = "";  // of the client, for its pre-shared key
	bool logs_keys = false;
	unsigned mtu = 1232;
	unsigned first_retransmit_ms = 1000;
	unsigned longest_retransmit_ms = 60000;
};

class Session;

constexpr size_t kKeyDigestSize = 32;

/** What all sessions of one server, or of one client, have in common. */
class Endpoint {
 public:
	/** Null with a plain reason in `error` when the options cannot work. */
	static Endpoint* create(const EndpointOptions& options, const Hooks& hooks, char* error, size_t room);
	void hold() { holders_++; }
	void release();

	/** What came of a datagram of an address without a session. */
	enum class Answer { kDropped, kVerify, kAccepted };
	/**
	 * Keeps nothing unless the peer has repeated the cookie made for this address. `verify` is written for kVerify,
	 * `session` for kAccepted; it has taken the hello and answers it when started.
	 */
	Answer hello(Octets address, Octets datagram, uint64_t now_ms, void* owner,
	             uint8_t verify[kHelloVerifyRequestSize], Session** session);
	/** A client's session; `resumed` (DER of an earlier one) may be empty. Null when it cannot be made. */
	Session* connect(Octets resumed, const char* server_name, uint64_t now_ms, void* owner);

	const EndpointOptions& options() const { return options_; }
	const Hooks& hooks() const { return hooks_; }

	static void* operator new(size_t size) noexcept;
	static void operator delete(void* memory);

 private:
	friend class Session;
	friend struct Callbacks;
	Endpoint() = default;
	~Endpoint();
	bool configure(char* error, size_t room);
	bool use_identity(char* error, size_t room);
	bool use_raw_public_keys(char* error, size_t room);
	void use_callbacks();
	bool rotate_secrets(uint64_t now_ms);
	bool knows_cookie(Octets address, const ClientHello& hello);

	int holders_ = 1;
	SSL_CTX* context_ = nullptr;
	EndpointOptions options_;
	Hooks hooks_;
	char* identity_ = nullptr;
	uint8_t secrets_[2][kCookieSecretSize];  // the present one, the one before
	uint64_t secret_since_ms_ = 0;
	bool has_secret_ = false;
};

/** One association with one peer. */
class Session {
 public:
	enum class State { kHandshake, kOpen, kClosed, kFailed };

	~Session();

	/** The first flight of a client, the answer to its hello of a server. */
	void start();
	/** Takes one datagram; what it causes goes out by the hooks. Datagrams that are not of this session change nothing. */
	void receive(Octets datagram);
	/** False when the session is not open or the message is larger than `largest_message`. */
	bool send(Octets message);
	/** Says close_notify when open, and ends. */
	void close();
	/** The retransmission timer of the caller has run out. */
	void timer();

	State state() const { return state_; }
	/** Why the session failed, in OpenSSL's words; empty otherwise. */
	const char* reason() const { return reason_; }
	/** The last fatal alert that the peer sent, -1 when none. */
	int alert() const { return alert_; }
	/** Counts up whenever the timer is set or stopped. */
	unsigned timer_generation() const { return timer_generation_; }
	/** Milliseconds until the last flight goes out again, 0 when no timer runs. */
	unsigned timer_ms() const { return timer_runs_ ? timer_us_ / 1000 : 0; }
	size_t largest_message() const;
	const char* cipher_suite() const;
	bool is_resumed() const { return SSL_session_reused(ssl_) == 1; }
	/** Random of the ClientHello that opened the session at a server: tells a repeated hello from a new one. */
	const uint8_t* client_random() const { return client_random_; }
	const char* identity() const { return SSL_get_psk_identity(ssl_); }
	SSL* ssl() const { return ssl_; }
	bool is_busy() const { return busy_; }

	static void* operator new(size_t size) noexcept;
	static void operator delete(void* memory);

 private:
	friend class Endpoint;
	friend struct Callbacks;
	Session(Endpoint* endpoint, void* owner);
	bool prepare(uint64_t now_ms);
	bool accept(Octets datagram, const ClientHello& hello);
	void run();
	size_t shortest_record() const;
	void read_messages();
	void fail();

	Endpoint* endpoint_;
	void* owner_;
	SSL* ssl_ = nullptr;
	State state_ = State::kHandshake;
	Octets incoming_;
	uint8_t cookie_[kCookieSize] = {0};
	uint8_t client_random_[32] = {0};
	unsigned timer_us_ = 0;
	unsigned timer_generation_ = 0;
	bool timer_runs_ = false;
	int alert_ = -1;
	bool busy_ = false;
	bool has_key_digest_ = false;
	uint8_t key_digest_[kKeyDigestSize] = {0};
	char reason_[160] = {0};
};

/** Raw public keys need OpenSSL 3.2. */
bool has_raw_public_keys();
/** False where a flight can be repeated only after real time has passed (a libssl that hides its inner functions). */
bool has_foreign_clock();

/** DER of the peer's certificate (i2d), or of the public key; the caller frees `*der` with OPENSSL_free. 0 when none. */
int peer_certificate(const SSL* ssl, uint8_t** der);
int peer_public_key(const SSL* ssl, uint8_t** der);

}  // namespace dtls
