#define OPENSSL_SUPPRESS_DEPRECATED
#include "world.h"

#include <openssl/err.h>
#include <openssl/rand.h>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>

namespace fuzz {
namespace {

Random* in_use = nullptr;

int random_bytes(unsigned char* out, int size) {
	if (in_use == nullptr) abort();
	in_use->fill(out, size);
	return 1;
}
int random_status() { return 1; }

void demand(bool holds, const char* promise) {
	if (holds) return;
	fprintf(stderr, "broken promise: %s\n", promise);
	abort();
}

const uint8_t kKey[16] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};

bool trust(void* context, dtls::Octets, dtls::Octets public_key, const char* chain_error) {
	End* end = static_cast<End*>(context);
	if (end->refuses || public_key.size == 0 || chain_error != nullptr) return false;
	end->has_trusted = true;
	return true;
}

size_t key_of(void* context, const char* identity, uint8_t* key, size_t room) {
	if (strcmp(identity, "device") != 0 || room < sizeof kKey) return 0;
	static_cast<End*>(context)->has_given_key = true;
	memcpy(key, kKey, sizeof kKey);
	return sizeof kKey;
}

void keep(void* context, dtls::Octets id, dtls::Octets session, const char* identity, dtls::Octets key_digest) {
	demand((identity != nullptr) == (key_digest.size == dtls::kKeyDigestSize), "a key's session comes with its digest");
	static_cast<End*>(context)->kept[to_bytes(id)] = to_bytes(session);
}

size_t find(void* context, dtls::Octets id, uint8_t* session, size_t room) {
	End* end = static_cast<End*>(context);
	auto found = end->kept.find(to_bytes(id));
	if (found == end->kept.end() || found->second.size() > room) return 0;
	memcpy(session, found->second.data(), found->second.size());
	if (end->damages) session[0] ^= 0xFF;
	return found->second.size();
}

void send(void* owner, dtls::Octets datagram) { static_cast<Told*>(owner)->sent.push_back(to_bytes(datagram)); }
void deliver(void* owner, dtls::Octets message) {
	Told* told = static_cast<Told*>(owner);
	const bool is_done = told->session == nullptr || (told->session->state() == dtls::Session::State::kOpen &&
	                                                  SSL_is_init_finished(told->session->ssl()));
	demand(is_done, "nothing is delivered before the handshake is done");
	told->delivered.push_back(to_bytes(message));
}

const char* suites(Credentials credentials) {
	switch (credentials) {
		case Credentials::kKey:
			return "PSK-AES128-CCM8:PSK-AES128-GCM-SHA256";
		case Credentials::kServerOnly:
			return "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES128-CCM";
		default:
			return "ECDHE-ECDSA-AES128-CCM8";
	}
}

}  // namespace

void Random::fill(uint8_t* out, int size) {
	for (int i = 0; i < size; i++) {
		state_ = state_ * 6364136223846793005ULL + 1442695040888963407ULL;
		out[i] = static_cast<uint8_t>(state_ >> 56);
	}
}

void Random::use() {
	static const RAND_METHOD method = {nullptr, random_bytes, nullptr, nullptr, random_bytes, random_status};
	if (in_use == nullptr) RAND_set_rand_method(&method);
	in_use = this;
}

Bytes to_bytes(dtls::Octets octets) { return Bytes(octets.data, octets.data + octets.size); }
dtls::Octets to_octets(const Bytes& bytes) { return dtls::Octets{bytes.data(), bytes.size()}; }

std::string read_file(const std::string& path) {
	std::ifstream file(path, std::ios::binary);
	std::ostringstream text;
	text << file.rdbuf();
	if (!file) {
		fprintf(stderr, "cannot read %s\n", path.c_str());
		exit(2);
	}
	return text.str();
}

End::End(bool is_server, Credentials credentials, const std::string& folder) {
	Random random(0x5EED);
	random.use();
	const std::string curve = credentials == Credentials::kBrainpool ? "brainpool" : "p256";
	const std::string own = folder + "/" + curve + (is_server ? "-server" : "-client");
	const bool has_certificate =
	    credentials != Credentials::kKey && (is_server || credentials != Credentials::kServerOnly);
	std::string certificate = has_certificate ? read_file(own + ".pem") : "";
	std::string key = has_certificate ? read_file(own + ".key") : "";
	std::string trusted = read_file(folder + "/" + curve + "-ca.pem");
	auto octets = [](const std::string& text) {
		return dtls::Octets{reinterpret_cast<const uint8_t*>(text.data()), text.size()};
	};
	dtls::EndpointOptions options;
	options.is_server = is_server;
	options.certificates = octets(certificate);
	options.private_key = octets(key);
	options.trusted = octets(trusted);
	options.cipher_suites = suites(credentials);
	options.asks_certificate = credentials == Credentials::kMutual || credentials == Credentials::kBrainpool;
	options.has_keys = credentials == Credentials::kKey;
	options.identity = "device";
	options.mtu = 512;
	dtls::Hooks hooks;
	hooks.context = this;
	hooks.send = send;
	hooks.deliver = deliver;
	hooks.trust = trust;
	hooks.key_of = key_of;
	hooks.keep_session = keep;
	hooks.find_session = find;
	char error[200] = {0};
	endpoint_ = dtls::Endpoint::create(options, hooks, error, sizeof error);
	if (endpoint_ == nullptr) fprintf(stderr, "%s\n", error);
	demand(endpoint_ != nullptr, "an end can be made");
	// The first hello draws the secret of the cookies.
	uint8_t hello[13 + 12 + 39] = {22, 0xFE, 0xFF, 0, 0, 0, 0, 0, 0, 0, 0, 0, 12 + 39, 1, 0, 0, 39};
	hello[13 + 11] = 39;
	uint8_t verify[dtls::kHelloVerifyRequestSize];
	dtls::Session* none = nullptr;
	auto answer = endpoint_->hello(dtls::Octets{}, dtls::Octets{hello, sizeof hello}, kNow, nullptr, verify, &none);
	demand(answer == dtls::Endpoint::Answer::kVerify, "a hello without a cookie is asked for one");
}

End::~End() { endpoint_->release(); }

void append_step(Bytes* input, Operation operation, const Bytes& octets) {
	input->push_back(static_cast<uint8_t>(operation));
	input->push_back(static_cast<uint8_t>(octets.size()));
	input->push_back(static_cast<uint8_t>(octets.size() >> 8));
	input->insert(input->end(), octets.begin(), octets.end());
}

uint8_t mode_of(bool is_server, Credentials credentials) {
	return static_cast<uint8_t>(static_cast<int>(credentials) << 1 | (is_server ? 1 : 0));
}

namespace {

/** One end under attack. */
class Attack {
 public:
	Attack(End* end, bool is_server, Credentials credentials)
	    : end_(end), is_server_(is_server), credentials_(credentials) {}

	void step(Operation operation, const Bytes& octets) {
		if (is_over()) forget();
		if (!is_server_ && session_ == nullptr) connect(operation == Operation::kResume ? octets : Bytes());
		switch (operation) {
			case Operation::kReceive:
				receive(octets, {1, 2, 3});
				break;
			case Operation::kReceiveElsewhere:
				receive(octets, {4, 5});
				break;
			case Operation::kTimer:
				if (session_ != nullptr) session_->timer();
				break;
			case Operation::kSend:
				if (session_ != nullptr) send(octets);
				break;
			case Operation::kClose:
				if (session_ != nullptr) session_->close();
				break;
			default:
				break;
		}
		check();
	}

	int opened() const { return opened_count_; }

 private:
	bool is_over() const {
		return session_ != nullptr && (session_->state() == dtls::Session::State::kClosed ||
		                               session_->state() == dtls::Session::State::kFailed);
	}

	/** The next step begins a new association with the same end. */
	void forget() {
		session_.reset();
		told_ = Told();
		opened_ = false;
		end_->has_trusted = end_->has_given_key = false;
	}

	void connect(const Bytes& resumed) {
		session_.reset(end_->endpoint()->connect(to_octets(resumed), "", kNow, &told_));
		demand(session_ != nullptr, "a client can be made");
		told_.session = session_.get();
		session_->start();
	}

	void receive(const Bytes& datagram, const Bytes& address) {
		if (session_ != nullptr) {
			session_->receive(to_octets(datagram));
			const bool has_failed = session_->state() == dtls::Session::State::kFailed;
			demand(!opened_ || !has_failed, "an open session fails by nothing that its peer has not protected");
			return;
		}
		uint8_t verify[dtls::kHelloVerifyRequestSize];
		dtls::Session* accepted = nullptr;
		auto answer =
		    end_->endpoint()->hello(to_octets(address), to_octets(datagram), kNow, &told_, verify, &accepted);
		demand((answer == dtls::Endpoint::Answer::kAccepted) == (accepted != nullptr), "accepted means a session");
		demand(told_.sent.empty(), "nothing is sent before the cookie has come back");
		if (accepted == nullptr) return;
		demand(address.size() == 3, "a cookie is good for one address only");
		session_.reset(accepted);
		told_.session = accepted;
		session_->start();
	}

	void send(const Bytes& message) {
		const bool fits = message.size() <= session_->largest_message() && !message.empty();
		const bool was_open = session_->state() == dtls::Session::State::kOpen;
		if (!session_->send(to_octets(message))) return;
		demand(fits && was_open, "only what fits is sent, and only when open");
	}

	void check() {
		demand(ERR_peek_error() == 0, "no error is left in the queue that Node's cryptography reads");
		if (session_ == nullptr) return;
		// The end of the handshake can release a message and the end of the session, which came before it.
		const bool is_open = session_->state() == dtls::Session::State::kOpen || !told_.delivered.empty();
		if (!is_open) return;
		if (!opened_) opened_count_++;
		opened_ = true;
		const bool asks = credentials_ != Credentials::kKey && !(is_server_ && credentials_ == Credentials::kServerOnly);
		if (session_->is_resumed()) return;
		if (asks) demand(end_->has_trusted, "an open session has a trusted peer");
		if (credentials_ == Credentials::kKey) demand(end_->has_given_key, "an open session has a known key");
	}

	End* end_;
	bool is_server_;
	Credentials credentials_;
	bool opened_ = false;
	int opened_count_ = 0;
	Told told_;
	std::unique_ptr<dtls::Session> session_;
};

}  // namespace

int run_input(const uint8_t* data, size_t size, const std::string& folder) {
	static std::map<uint8_t, std::unique_ptr<End>> ends;
	if (size == 0) return 0;
	const uint8_t mode = data[0] & 7;
	const bool is_server = (mode & 1) != 0;
	const auto credentials = static_cast<Credentials>(mode >> 1);
	std::unique_ptr<End>& end = ends[mode];
	if (end == nullptr) end = std::make_unique<End>(is_server, credentials, folder);
	end->has_trusted = end->has_given_key = false;
	end->kept.clear();
	Random random(0xF00D + mode);
	random.use();
	Attack attack(end.get(), is_server, credentials);
	size_t at = 1;
	for (int steps = 0; at + 3 <= size && steps < 64; steps++) {
		const auto operation =
		    static_cast<Operation>(data[at] % static_cast<uint8_t>(Operation::kOperations));
		size_t length = data[at + 1] | data[at + 2] << 8;
		at += 3;
		if (length > size - at) length = size - at;
		attack.step(operation, Bytes(data + at, data + at + length));
		at += length;
	}
	return attack.opened();
}

}  // namespace fuzz
