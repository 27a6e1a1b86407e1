#include <sys/time.h>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "callbacks.h"
#include "core.h"
#include "error-queue.h"

extern "C" {
// Inside of OpenSSL, exported by Node's binary: repeats the last flight without waiting for real time to pass.
__attribute__((weak)) int dtls1_retransmit_buffered_messages(SSL*);
// Not in OpenSSL before 3.2: null there.
__attribute__((weak)) EVP_PKEY* SSL_get0_peer_rpk(const SSL*);
}

namespace dtls {
namespace {

constexpr size_t kLargestRecord = 16384;

}  // namespace

void* Session::operator new(size_t size) noexcept { return calloc(1, size); }
void Session::operator delete(void* memory) { free(memory); }

Session::Session(Endpoint* endpoint, void* owner) : endpoint_(endpoint), owner_(owner) { endpoint_->hold(); }

Session::~Session() {
	EmptyErrorQueue empty;
	SSL_free(ssl_);
	endpoint_->release();
}

bool Session::prepare(uint64_t now_ms) {
	ssl_ = SSL_new(endpoint_->context_);
	BIO* bio = ssl_ == nullptr ? nullptr : Callbacks::make_bio(this);
	if (bio == nullptr) return false;
	SSL_set_bio(ssl_, bio, bio);
	SSL_set_app_data(ssl_, this);
	X509_VERIFY_PARAM_set_time(SSL_get0_param(ssl_), static_cast<time_t>(now_ms / 1000));
	DTLS_set_timer_cb(ssl_, Callbacks::retransmit_us);
	if (endpoint_->options().is_server)
		SSL_set_accept_state(ssl_);
	else
		SSL_set_connect_state(ssl_);
	return SSL_set_mtu(ssl_, endpoint_->options().mtu) > 0;
}

/** The hello was judged by its cookie already; this only brings OpenSSL into the state after it. */
bool Session::accept(Octets datagram, const ClientHello& hello) {
	BIO_ADDR* unused = BIO_ADDR_new();
	if (unused == nullptr) return false;
	incoming_ = datagram;
	memcpy(cookie_, hello.cookie.data, sizeof cookie_);
	memcpy(client_random_, hello.random, sizeof client_random_);
	int listened = DTLSv1_listen(ssl_, unused);
	incoming_ = Octets{};
	BIO_ADDR_free(unused);
	return listened == 1 && SSL_set_mtu(ssl_, endpoint_->options().mtu) > 0;
}

void Session::start() { run(); }

/** Explicit nonce and tag. Before the cipher suite is known the longer tag: what is dropped then is sent again. */
size_t Session::shortest_record() const {
	const SSL_CIPHER* suite = SSL_get_current_cipher(ssl_);
	const bool has_short_tag = suite != nullptr && strstr(SSL_CIPHER_get_name(suite), "CCM8") != nullptr;
	return 8 + (has_short_tag ? 8 : 16);
}

void Session::receive(Octets datagram) {
	if (has_stunted_record(datagram, shortest_record())) return;
	incoming_ = datagram;
	run();
	incoming_ = Octets{};
}

void Session::run() {
	if (busy_) return;
	busy_ = true;
	EmptyErrorQueue empty;
	if (state_ == State::kHandshake) {
		int result = SSL_do_handshake(ssl_);
		int error = SSL_get_error(ssl_, result);
		if (result == 1)
			state_ = State::kOpen;
		else if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE)
			fail();
	}
	if (state_ == State::kOpen) read_messages();
	busy_ = false;
}

void Session::read_messages() {
	uint8_t message[kLargestRecord];
	for (;;) {
		int result = SSL_read(ssl_, message, sizeof message);
		if (result > 0) {
			endpoint_->hooks().deliver(owner_, Octets{message, static_cast<size_t>(result)});
			continue;
		}
		int error = SSL_get_error(ssl_, result);
		if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) break;
		if (error == SSL_ERROR_ZERO_RETURN) {
			SSL_shutdown(ssl_);
			state_ = State::kClosed;
		} else {
			fail();
		}
		timer_runs_ = false;
		break;
	}
	OPENSSL_cleanse(message, sizeof message);
}

bool Session::send(Octets message) {
	if (busy_ || state_ != State::kOpen || message.size > largest_message()) return false;
	if (message.size == 0) return false;
	busy_ = true;
	EmptyErrorQueue empty;
	int result = SSL_write(ssl_, message.data, static_cast<int>(message.size));
	if (result <= 0) fail();
	busy_ = false;
	return result > 0;
}

void Session::close() {
	if (busy_ || state_ == State::kClosed || state_ == State::kFailed) return;
	busy_ = true;
	EmptyErrorQueue empty;
	if (state_ == State::kOpen) SSL_shutdown(ssl_);
	state_ = State::kClosed;
	timer_runs_ = false;
	busy_ = false;
}

bool has_foreign_clock() { return dtls1_retransmit_buffered_messages != nullptr; }

void Session::timer() {
	if (busy_ || !timer_runs_ || state_ == State::kFailed || state_ == State::kClosed) return;
	EmptyErrorQueue empty;
	timeval left = {0, 0};
	if (DTLSv1_get_timeout(ssl_, &left) != 1) return;
	busy_ = true;
	int result = 1;
	if (left.tv_sec == 0 && left.tv_usec == 0) {
		result = DTLSv1_handle_timeout(ssl_);
	} else if (has_foreign_clock()) {
		// The caller's clock is ahead of the machine's.
		Callbacks::retransmit_us(ssl_, timer_us_);
		timer_generation_++;
		result = dtls1_retransmit_buffered_messages(ssl_);
	} else {
		timer_us_ = static_cast<unsigned>(left.tv_sec * 1000000 + left.tv_usec);
		timer_generation_++;
	}
	if (result < 0) fail();
	busy_ = false;
}

void Session::fail() {
	state_ = State::kFailed;
	timer_runs_ = false;
	unsigned long code = ERR_peek_error();
	const char* why = code == 0 ? nullptr : ERR_reason_error_string(code);
	snprintf(reason_, sizeof reason_, "%s", why == nullptr ? "no reason given" : why);
	ERR_clear_error();
}

size_t Session::largest_message() const { return DTLS_get_data_mtu(ssl_); }

const char* Session::cipher_suite() const { return SSL_get_cipher_name(ssl_); }

int peer_certificate(const SSL* ssl, uint8_t** der) {
	EmptyErrorQueue empty;
	X509* certificate = SSL_get0_peer_certificate(ssl);
	int size = certificate == nullptr ? 0 : i2d_X509(certificate, der);
	return size < 0 ? 0 : size;
}

int peer_public_key(const SSL* ssl, uint8_t** der) {
	EmptyErrorQueue empty;
	X509* certificate = SSL_get0_peer_certificate(ssl);
	int size = 0;
	if (certificate != nullptr)
		size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), der);
	else if (SSL_get0_peer_rpk != nullptr && SSL_get0_peer_rpk(ssl) != nullptr)
		size = i2d_PUBKEY(SSL_get0_peer_rpk(ssl), der);
	return size < 0 ? 0 : size;
}

}  // namespace dtls
