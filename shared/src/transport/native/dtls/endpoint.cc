#include <openssl/pem.h>
#include <openssl/rand.h>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "callbacks.h"
#include "core.h"
#include "error-queue.h"

// Not in OpenSSL before 3.2: null there.
extern "C" {
__attribute__((weak)) int SSL_CTX_set1_client_cert_type(SSL_CTX*, const unsigned char*, size_t);
__attribute__((weak)) int SSL_CTX_set1_server_cert_type(SSL_CTX*, const unsigned char*, size_t);
}

namespace dtls {
namespace {

constexpr uint64_t kSecretLifeMs = 60000;
/** X25519 first for its short keys; a certificate is only good where its curve is in the list. */
constexpr const char* kGroups = "X25519:P-256:brainpoolP256r1";
constexpr const char* kSignatures = "ECDSA+SHA256:ECDSA+SHA384:ECDSA+SHA512";
constexpr long kYears = 10L * 365 * 86400;

bool say(char* error, size_t room, const char* what) {
	unsigned long code = ERR_peek_last_error();
	const char* why = code == 0 ? nullptr : ERR_reason_error_string(code);
	snprintf(error, room, "%s%s%s", what, why == nullptr ? "" : ": ", why == nullptr ? "" : why);
	ERR_clear_error();
	return false;
}

/** Calls `use` with each certificate of a PEM text; the count, or -1 when one is refused or not readable. */
template <typename Use>
int each_certificate(Octets pem, Use use) {
	BIO* bio = BIO_new_mem_buf(pem.data, static_cast<int>(pem.size));
	if (bio == nullptr) return -1;
	int count = 0;
	while (X509* certificate = PEM_read_bio_X509(bio, nullptr, nullptr, nullptr)) {
		bool used = use(certificate, count);
		X509_free(certificate);
		if (!used) {
			BIO_free(bio);
			return -1;
		}
		count++;
	}
	bool at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
	BIO_free(bio);
	if (!at_end) return -1;
	ERR_clear_error();
	return count;
}

}  // namespace

void* Endpoint::operator new(size_t size) noexcept { return calloc(1, size); }
void Endpoint::operator delete(void* memory) { free(memory); }

Endpoint* Endpoint::create(const EndpointOptions& options, const Hooks& hooks, char* error, size_t room) {
	EmptyErrorQueue empty;
	Endpoint* endpoint = new Endpoint();
	if (endpoint == nullptr) return nullptr;
	endpoint->options_ = options;
	endpoint->hooks_ = hooks;
	bool good = endpoint->configure(error, room);
	// What the caller lent for this call only.
	endpoint->options_.certificates = endpoint->options_.private_key = endpoint->options_.trusted = Octets{};
	endpoint->options_.cipher_suites = endpoint->options_.identity = nullptr;
	if (good) return endpoint;
	endpoint->release();
	return nullptr;
}

Endpoint::~Endpoint() {
	EmptyErrorQueue empty;
	SSL_CTX_free(context_);
	free(identity_);
	OPENSSL_cleanse(secrets_, sizeof secrets_);
}

void Endpoint::release() {
	if (--holders_ == 0) delete this;
}

bool Endpoint::configure(char* error, size_t room) {
	const EndpointOptions& o = options_;
	context_ = SSL_CTX_new(o.is_server ? DTLS_server_method() : DTLS_client_method());
	identity_ = strdup(o.identity);
	if (context_ == nullptr || identity_ == nullptr) return say(error, room, "no memory");
	SSL_CTX_set_app_data(context_, this);
	if (!SSL_CTX_set_min_proto_version(context_, DTLS1_2_VERSION) ||
	    !SSL_CTX_set_max_proto_version(context_, DTLS1_2_VERSION))
		return say(error, room, "this OpenSSL has no DTLS 1.2");
	// No tickets: they carry the whole session with the certificate in it over the air, twice.
	SSL_CTX_set_options(context_, SSL_OP_NO_QUERY_MTU | SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION |
	                                  SSL_OP_NO_COMPRESSION | SSL_OP_NO_ENCRYPT_THEN_MAC);
	SSL_CTX_set_mode(context_, SSL_MODE_NO_AUTO_CHAIN);
	if (!SSL_CTX_set_cipher_list(context_, o.cipher_suites))
		return say(error, room, "none of the cipher suites is known here");
	if (!SSL_CTX_set1_groups_list(context_, kGroups) || !SSL_CTX_set1_sigalgs_list(context_, kSignatures))
		return say(error, room, "this OpenSSL lacks an elliptic curve that is needed");
	if (!use_identity(error, room)) return false;
	if (o.raw_public_keys && !use_raw_public_keys(error, room)) return false;
	use_callbacks();
	return true;
}

bool Endpoint::use_identity(char* error, size_t room) {
	SSL_CTX* context = context_;
	if (options_.certificates.size > 0) {
		int count = each_certificate(options_.certificates, [context](X509* certificate, int index) {
			return index == 0 ? SSL_CTX_use_certificate(context, certificate) == 1
			                  : SSL_CTX_add1_chain_cert(context, certificate) == 1;
		});
		if (count < 1) return say(error, room, "the certificate chain cannot be read as PEM");
	}
	if (options_.private_key.size > 0) {
		BIO* bio = BIO_new_mem_buf(options_.private_key.data, static_cast<int>(options_.private_key.size));
		EVP_PKEY* key = bio == nullptr ? nullptr : PEM_read_bio_PrivateKey(bio, nullptr, nullptr, nullptr);
		BIO_free(bio);
		bool used = key != nullptr && SSL_CTX_use_PrivateKey(context, key) == 1;
		EVP_PKEY_free(key);
		if (!used) return say(error, room, "the private key cannot be read as PEM, or is not of this certificate");
	}
	if (options_.trusted.size > 0) {
		X509_STORE* store = SSL_CTX_get_cert_store(context);
		int count = each_certificate(options_.trusted,
		                             [store](X509* certificate, int) { return X509_STORE_add_cert(store, certificate) == 1; });
		if (count < 1) return say(error, room, "a trusted certificate cannot be read as PEM");
	}
	return true;
}

bool has_raw_public_keys() {
	return SSL_CTX_set1_client_cert_type != nullptr && SSL_CTX_set1_server_cert_type != nullptr;
}

bool Endpoint::use_raw_public_keys(char* error, size_t room) {
	const unsigned char raw = 2;  // RFC 7250 7
	if (has_raw_public_keys() && SSL_CTX_set1_client_cert_type(context_, &raw, 1) == 1 &&
	    SSL_CTX_set1_server_cert_type(context_, &raw, 1) == 1)
		return true;
	return say(error, room, "raw public keys need OpenSSL 3.2 or newer");
}

void Endpoint::use_callbacks() {
	SSL_CTX* c = context_;
	SSL_CTX_set_cookie_generate_cb(c, Callbacks::make_cookie);
	SSL_CTX_set_cookie_verify_cb(c, Callbacks::verify_cookie);
	SSL_CTX_set_cert_verify_callback(c, Callbacks::verify_peer, this);
	SSL_CTX_set_info_callback(c, Callbacks::note_alert);
	Callbacks::inherited_security = SSL_CTX_get_security_callback(c);
	SSL_CTX_set_security_callback(c, Callbacks::judge_security);
	if (!options_.is_server || options_.asks_certificate)
		SSL_CTX_set_verify(c, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
	if (options_.has_keys && options_.is_server) SSL_CTX_set_psk_server_callback(c, Callbacks::server_key);
	if (options_.has_keys && !options_.is_server) SSL_CTX_set_psk_client_callback(c, Callbacks::client_key);
	if (options_.logs_keys) SSL_CTX_set_keylog_callback(c, Callbacks::log_key);
	SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF);
	if (!options_.is_server || hooks_.keep_session == nullptr) return;
	// Sessions live and expire with the host program, which also bounds their number.
	SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_SERVER | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_set_timeout(c, kYears);
	SSL_CTX_set_session_id_context(c, reinterpret_cast<const unsigned char*>("dtls"), 4);
	SSL_CTX_set_generate_session_id(c, Callbacks::make_session_id);
	SSL_CTX_sess_set_new_cb(c, Callbacks::keep_session);
	SSL_CTX_sess_set_get_cb(c, Callbacks::find_session);
}

bool Endpoint::rotate_secrets(uint64_t now_ms) {
	if (has_secret_ && now_ms - secret_since_ms_ < kSecretLifeMs) return true;
	bool both = !has_secret_ || now_ms - secret_since_ms_ >= 2 * kSecretLifeMs;
	memcpy(secrets_[1], secrets_[0], kCookieSecretSize);
	if (RAND_bytes(secrets_[0], kCookieSecretSize) != 1) return false;
	if (both && RAND_bytes(secrets_[1], kCookieSecretSize) != 1) return false;
	secret_since_ms_ = now_ms;
	has_secret_ = true;
	return true;
}

bool Endpoint::knows_cookie(Octets address, const ClientHello& hello) {
	if (hello.cookie.size != kCookieSize) return false;
	for (const auto& secret : secrets_) {
		uint8_t cookie[kCookieSize];
		if (make_cookie(secret, address, hello, cookie) && CRYPTO_memcmp(cookie, hello.cookie.data, kCookieSize) == 0)
			return true;
	}
	return false;
}

Endpoint::Answer Endpoint::hello(Octets address, Octets datagram, uint64_t now_ms, void* owner,
                                 uint8_t verify[kHelloVerifyRequestSize], Session** session) {
	EmptyErrorQueue empty;
	ClientHello hello;
	if (!parse_client_hello(datagram, &hello) || !rotate_secrets(now_ms)) return Answer::kDropped;
	if (!knows_cookie(address, hello)) {
		uint8_t cookie[kCookieSize];
		if (!make_cookie(secrets_[0], address, hello, cookie)) return Answer::kDropped;
		write_hello_verify_request(hello, cookie, verify);
		return Answer::kVerify;
	}
	Session* accepted = new Session(this, owner);
	if (accepted == nullptr) return Answer::kDropped;
	if (!accepted->prepare(now_ms) || !accepted->accept(datagram, hello)) {
		delete accepted;
		return Answer::kDropped;
	}
	*session = accepted;
	return Answer::kAccepted;
}

Session* Endpoint::connect(Octets resumed, const char* server_name, uint64_t now_ms, void* owner) {
	EmptyErrorQueue empty;
	Session* session = new Session(this, owner);
	if (session == nullptr) return nullptr;
	bool good = session->prepare(now_ms);
	if (good && server_name[0] != '\0') good = SSL_set_tlsext_host_name(session->ssl_, server_name) == 1;
	if (good && resumed.size > 0) {
		const unsigned char* der = resumed.data;
		SSL_SESSION* earlier = d2i_SSL_SESSION(nullptr, &der, static_cast<long>(resumed.size));
		// One that cannot be used costs a whole handshake, nothing else.
		if (earlier != nullptr) SSL_set_session(session->ssl_, earlier);
		SSL_SESSION_free(earlier);
	}
	if (good) return session;
	delete session;
	return nullptr;
}

}  // namespace dtls
