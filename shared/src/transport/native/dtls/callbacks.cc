#include "callbacks.h"

#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/x509_vfy.h>
#include <sys/time.h>
#include <cstring>

#include "error-queue.h"

// Not in OpenSSL before 3.2: null there.
extern "C" __attribute__((weak)) EVP_PKEY* X509_STORE_CTX_get0_rpk(const X509_STORE_CTX*);

namespace dtls {
namespace {

/** Only a name to find it by: whoever resumes must know the master secret. */
constexpr unsigned kSessionIdSize = 8;
constexpr size_t kLargestStoredSession = 16384;

Session* session_of(const SSL* ssl) { return static_cast<Session*>(SSL_get_app_data(ssl)); }
Endpoint* endpoint_of(const SSL* ssl) {
	return static_cast<Endpoint*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
}

}  // namespace

int (*Callbacks::inherited_security)(const SSL*, const SSL_CTX*, int, int, int, void*, void*) = nullptr;

// Hellos without a good cookie never reach OpenSSL, so it has none to make.
int Callbacks::make_cookie(SSL*, unsigned char*, unsigned*) { return 0; }

int Callbacks::verify_cookie(SSL* ssl, const unsigned char* cookie, unsigned size) {
	return size == kCookieSize && CRYPTO_memcmp(cookie, session_of(ssl)->cookie_, size) == 0;
}

int Callbacks::verify_peer(X509_STORE_CTX* store, void* endpoint) {
	SameErrorQueue same;
	const Hooks& hooks = static_cast<Endpoint*>(endpoint)->hooks();
	X509* certificate = X509_STORE_CTX_get0_cert(store);
	uint8_t* der = nullptr;
	uint8_t* key = nullptr;
	int der_size = 0;
	int key_size = 0;
	const char* chain_error = "a raw public key has no chain";
	if (certificate != nullptr) {
		der_size = i2d_X509(certificate, &der);
		key_size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &key);
		bool is_good = X509_verify_cert(store) == 1;
		chain_error = is_good ? nullptr : X509_verify_cert_error_string(X509_STORE_CTX_get_error(store));
	} else if (X509_STORE_CTX_get0_rpk != nullptr && X509_STORE_CTX_get0_rpk(store) != nullptr) {
		key_size = i2d_PUBKEY(X509_STORE_CTX_get0_rpk(store), &key);
	}
	bool trusted = key_size > 0 && der_size >= 0 &&
	               hooks.trust(hooks.context, Octets{der, static_cast<size_t>(der_size)},
	                           Octets{key, static_cast<size_t>(key_size)}, chain_error);
	OPENSSL_free(der);
	OPENSSL_free(key);
	if (trusted)
		X509_STORE_CTX_set_error(store, X509_V_OK);
	else if (X509_STORE_CTX_get_error(store) == X509_V_OK)
		X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_REJECTED);
	return trusted ? 1 : 0;
}

void Callbacks::note_alert(const SSL* ssl, int where, int value) {
	if (where == SSL_CB_READ_ALERT && value >> 8 == SSL3_AL_FATAL) session_of(ssl)->alert_ = value & 0xFF;
}

/** CCM-8 counts as 64 bits since OpenSSL 3.2, for its short tag; devices need it (RFC 7925 4.2). */
int Callbacks::judge_security(const SSL* ssl, const SSL_CTX* context, int operation, int bits, int nid, void* other,
                              void* extra) {
	if (operation == SSL_SECOP_CIPHER_SUPPORTED || operation == SSL_SECOP_CIPHER_SHARED ||
	    operation == SSL_SECOP_CIPHER_CHECK) {
		const char* name = SSL_CIPHER_get_name(static_cast<const SSL_CIPHER*>(other));
		if (strstr(name, "AES128-CCM8") != nullptr) return 1;
	}
	return inherited_security(ssl, context, operation, bits, nid, other, extra);
}

unsigned Callbacks::server_key(SSL* ssl, const char* identity, unsigned char* key, unsigned room) {
	SameErrorQueue same;
	const Hooks& hooks = endpoint_of(ssl)->hooks();
	Session* session = session_of(ssl);
	if (identity == nullptr) return 0;
	size_t size = hooks.key_of(hooks.context, identity, key, room);
	if (size > room) return 0;
	session->has_key_digest_ = EVP_Digest(key, size, session->key_digest_, nullptr, EVP_sha256(), nullptr) == 1;
	return session->has_key_digest_ ? static_cast<unsigned>(size) : 0;
}

unsigned Callbacks::client_key(SSL* ssl, const char*, char* identity, unsigned identity_room, unsigned char* key,
                               unsigned room) {
	Endpoint* endpoint = endpoint_of(ssl);
	size_t size = strlen(endpoint->identity_);
	if (size + 1 > identity_room) return 0;
	memcpy(identity, endpoint->identity_, size + 1);
	return server_key(ssl, identity, key, room);
}

void Callbacks::log_key(const SSL* ssl, const char* line) {
	SameErrorQueue same;
	const Hooks& hooks = endpoint_of(ssl)->hooks();
	hooks.log_key(hooks.context, line);
}

int Callbacks::make_session_id(SSL*, unsigned char* id, unsigned* size) {
	SameErrorQueue same;
	*size = kSessionIdSize;
	return RAND_bytes(id, kSessionIdSize) == 1;
}

int Callbacks::keep_session(SSL* ssl, SSL_SESSION* session) {
	SameErrorQueue same;
	const Hooks& hooks = endpoint_of(ssl)->hooks();
	const Session* made_by = session_of(ssl);
	const char* identity = SSL_get_psk_identity(ssl);
	Octets digest;
	if (identity != nullptr && made_by->has_key_digest_) digest = Octets{made_by->key_digest_, kKeyDigestSize};
	unsigned id_size = 0;
	const unsigned char* id = SSL_SESSION_get_id(session, &id_size);
	uint8_t* der = nullptr;
	int size = i2d_SSL_SESSION(session, &der);
	if (size > 0 && static_cast<size_t>(size) <= kLargestStoredSession)
		hooks.keep_session(hooks.context, Octets{id, id_size}, Octets{der, static_cast<size_t>(size)}, identity, digest);
	if (size > 0) OPENSSL_clear_free(der, size);
	return 0;
}

SSL_SESSION* Callbacks::find_session(SSL* ssl, const unsigned char* id, int size, int* copy) {
	*copy = 0;
	SameErrorQueue same;
	const Hooks& hooks = endpoint_of(ssl)->hooks();
	uint8_t der[kLargestStoredSession];
	size_t found = hooks.find_session(hooks.context, Octets{id, static_cast<size_t>(size)}, der, sizeof der);
	if (found == 0 || found > sizeof der) return nullptr;
	const unsigned char* at = der;
	SSL_SESSION* session = d2i_SSL_SESSION(nullptr, &at, static_cast<long>(found));
	OPENSSL_cleanse(der, found);
	unsigned id_size = 0;
	const unsigned char* own_id = session == nullptr ? nullptr : SSL_SESSION_get_id(session, &id_size);
	if (session != nullptr && id_size == static_cast<unsigned>(size) && memcmp(own_id, id, id_size) == 0) return session;
	// Damaged, or another's: it costs a whole handshake, nothing else.
	SSL_SESSION_free(session);
	return nullptr;
}

/** OpenSSL asks for the first time with 0, then with the time that has just run out. */
unsigned Callbacks::retransmit_us(SSL* ssl, unsigned us) {
	Session* session = session_of(ssl);
	const EndpointOptions& options = endpoint_of(ssl)->options();
	unsigned longest = options.longest_retransmit_ms * 1000;
	unsigned next = us == 0 ? options.first_retransmit_ms * 1000 : session->timer_us_ * 2;
	session->timer_us_ = next < longest ? next : longest;
	return session->timer_us_;
}

BIO* Callbacks::make_bio(Session* session) {
	BIO_METHOD* how = method();
	BIO* bio = how == nullptr ? nullptr : BIO_new(how);
	if (bio == nullptr) return nullptr;
	BIO_set_data(bio, session);
	BIO_set_init(bio, 1);
	return bio;
}

BIO_METHOD* Callbacks::method() {
	static BIO_METHOD* made = nullptr;
	static CRYPTO_ONCE once = CRYPTO_ONCE_STATIC_INIT;
	CRYPTO_THREAD_run_once(&once, [] {
		BIO_METHOD* method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "datagrams");
		if (method == nullptr) return;
		BIO_meth_set_read(method, bio_read);
		BIO_meth_set_write(method, bio_write);
		BIO_meth_set_ctrl(method, bio_control);
		made = method;
	});
	return made;
}

int Callbacks::bio_read(BIO* bio, char* out, int room) {
	Session* session = static_cast<Session*>(BIO_get_data(bio));
	BIO_clear_retry_flags(bio);
	Octets datagram = session->incoming_;
	if (datagram.size == 0 || room <= 0) {
		BIO_set_retry_read(bio);
		return -1;
	}
	session->incoming_ = Octets{};
	size_t size = datagram.size < static_cast<size_t>(room) ? datagram.size : static_cast<size_t>(room);
	memcpy(out, datagram.data, size);
	return static_cast<int>(size);
}

int Callbacks::bio_write(BIO* bio, const char* octets, int size) {
	Session* session = static_cast<Session*>(BIO_get_data(bio));
	BIO_clear_retry_flags(bio);
	if (size <= 0) return 0;
	session->endpoint_->hooks().send(session->owner_,
	                                 Octets{reinterpret_cast<const uint8_t*>(octets), static_cast<size_t>(size)});
	return size;
}

long Callbacks::bio_control(BIO* bio, int command, long, void* pointer) {
	Session* session = static_cast<Session*>(BIO_get_data(bio));
	switch (command) {
		case BIO_CTRL_FLUSH:
			return 1;
		case BIO_CTRL_PENDING:
			return static_cast<long>(session->incoming_.size);
		case BIO_CTRL_DGRAM_SET_NEXT_TIMEOUT: {
			const timeval* due = static_cast<const timeval*>(pointer);
			session->timer_runs_ = due != nullptr && (due->tv_sec != 0 || due->tv_usec != 0);
			session->timer_generation_++;
			return 1;
		}
		case BIO_CTRL_DGRAM_QUERY_MTU:
		case BIO_CTRL_DGRAM_GET_MTU:
			return session->endpoint_->options().mtu;
		default:
			return 0;
	}
}

}  // namespace dtls
