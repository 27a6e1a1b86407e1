// Real handshakes between a server and a client of the core: checks what comes of them, and records what each side was
// sent as inputs for the fuzzer. Usage: handshakes KEYS [CORPUS], or: handshakes KEYS --replay FILE...
#include <cstdio>
#include <cstring>
#include <fstream>

#include "world.h"

using dtls::Session;
using fuzz::Bytes;

namespace {

void demand(bool holds, const std::string& what) {
	if (holds) return;
	fprintf(stderr, "FAILED: %s\n", what.c_str());
	exit(1);
}

const char* const kNames[] = {"mutual", "server-only", "key", "brainpool"};

/** Both ends of one association; each draws from its own randomness, as the fuzzer's end will. */
class Pair {
 public:
	Pair(fuzz::Credentials credentials, const std::string& folder)
	    : server_(true, credentials, folder),
	      client_(false, credentials, folder),
	      server_random_(0xF00D + fuzz::mode_of(true, credentials)),
	      client_random_(0xF00D + fuzz::mode_of(false, credentials)) {
		server_input_.push_back(fuzz::mode_of(true, credentials));
		client_input_.push_back(fuzz::mode_of(false, credentials));
	}

	/** `loses` says which datagram, counted from 0, gets lost on its first way. */
	void connect(int loses, const Bytes& resumed) {
		client_random_.use();
		if (!resumed.empty()) append_step(&client_input_, fuzz::Operation::kResume, resumed);
		client_session_.reset(
		    client_.endpoint()->connect(fuzz::to_octets(resumed), "", fuzz::kNow, &client_told_));
		client_session_->start();
		int count = 0;
		for (int round = 0; round < 40 && !is_done(); round++) {
			exchange(loses, &count);
			if (is_done()) break;
			client_random_.use();
			append_step(&client_input_, fuzz::Operation::kTimer, {});
			client_session_->timer();
			if (server_session_ == nullptr) continue;
			server_random_.use();
			append_step(&server_input_, fuzz::Operation::kTimer, {});
			server_session_->timer();
		}
	}

	void talk() {
		const Bytes message(200, 'm');
		client_random_.use();
		append_step(&client_input_, fuzz::Operation::kSend, message);
		demand(client_session_->send(fuzz::to_octets(message)), "an open session sends");
		const Bytes large(client_session_->largest_message() + 1, 'm');
		demand(!client_session_->send(fuzz::to_octets(large)), "what is too large is not sent");
		int count = 1000;
		exchange(-1, &count);
		demand(server_told_.delivered.size() == 1 && server_told_.delivered[0] == message, "a message arrives");
		server_random_.use();
		append_step(&server_input_, fuzz::Operation::kClose, {});
		server_session_->close();
		exchange(-1, &count);
		demand(client_session_->state() == Session::State::kClosed, "the end is told to the peer");
	}

	Bytes session() {
		SSL_SESSION* session = SSL_get_session(client_session_->ssl());
		uint8_t* der = nullptr;
		int size = i2d_SSL_SESSION(session, &der);
		demand(size > 0, "a session can be kept");
		Bytes kept(der, der + size);
		OPENSSL_free(der);
		return kept;
	}

	/** The same ends, new associations. */
	void again() {
		client_session_.reset();
		server_session_.reset();
		client_told_ = server_told_ = fuzz::Told();
	}

	bool is_done() const {
		return server_session_ != nullptr && server_session_->state() != Session::State::kHandshake &&
		       client_session_->state() != Session::State::kHandshake;
	}
	Session& client() { return *client_session_; }
	Session& server() { return *server_session_; }
	fuzz::End& server_end() { return server_; }
	fuzz::End& client_end() { return client_; }
	const Bytes& server_input() const { return server_input_; }
	const Bytes& client_input() const { return client_input_; }

 private:
	void exchange(int loses, int* count) {
		while (!client_told_.sent.empty() || !server_told_.sent.empty()) {
			std::vector<Bytes> sent;
			sent.swap(client_told_.sent);
			for (const Bytes& datagram : sent) {
				if ((*count)++ != loses) to_server(datagram);
			}
			sent.clear();
			sent.swap(server_told_.sent);
			for (const Bytes& datagram : sent) {
				if ((*count)++ != loses) to_client(datagram);
			}
		}
	}

	void to_server(const Bytes& datagram) {
		server_random_.use();
		append_step(&server_input_, fuzz::Operation::kReceive, datagram);
		if (server_session_ != nullptr) return server_session_->receive(fuzz::to_octets(datagram));
		const Bytes address = {1, 2, 3};
		uint8_t verify[dtls::kHelloVerifyRequestSize];
		Session* accepted = nullptr;
		auto answer = server_.endpoint()->hello(fuzz::to_octets(address), fuzz::to_octets(datagram), fuzz::kNow,
		                                        &server_told_, verify, &accepted);
		if (answer == dtls::Endpoint::Answer::kVerify) to_client(Bytes(verify, verify + sizeof verify));
		if (answer != dtls::Endpoint::Answer::kAccepted) return;
		server_session_.reset(accepted);
		server_random_.use();
		accepted->start();
	}

	void to_client(const Bytes& datagram) {
		client_random_.use();
		append_step(&client_input_, fuzz::Operation::kReceive, datagram);
		client_session_->receive(fuzz::to_octets(datagram));
	}

	fuzz::End server_;
	fuzz::End client_;
	fuzz::Random server_random_;
	fuzz::Random client_random_;
	fuzz::Told server_told_;
	fuzz::Told client_told_;
	std::unique_ptr<Session> server_session_;
	std::unique_ptr<Session> client_session_;
	Bytes server_input_;
	Bytes client_input_;
};

void record(const std::string& corpus, const std::string& name, const Bytes& input) {
	if (corpus.empty()) return;
	std::ofstream file(corpus + "/" + name, std::ios::binary);
	file.write(reinterpret_cast<const char*>(input.data()), static_cast<std::streamsize>(input.size()));
	demand(file.good(), "write " + name);
}

void record(const std::string& corpus, const std::string& name, const Pair& pair) {
	record(corpus, name + "-server", pair.server_input());
	record(corpus, name + "-client", pair.client_input());
}

void run_credentials(fuzz::Credentials credentials, const std::string& keys, const std::string& corpus) {
	const std::string name = kNames[static_cast<int>(credentials)];
	const int most = dtls::has_foreign_clock() ? 12 : 0;
	for (int loses = -1; loses < most; loses++) {
		Pair pair(credentials, keys);
		pair.connect(loses, {});
		demand(pair.is_done() && pair.client().state() == Session::State::kOpen, name + ": the client is open");
		demand(pair.server().state() == Session::State::kOpen, name + ": the server is open");
		Bytes session = pair.session();
		pair.talk();
		record(corpus, name + "-loses-" + std::to_string(loses), pair);
		if (loses != -1) continue;
		pair.again();
		pair.connect(-1, session);
		demand(pair.is_done() && pair.client().is_resumed() && pair.server().is_resumed(), name + ": resumed");
		pair.talk();
		record(corpus, name + "-resumed", pair);
		session = pair.session();
		pair.server_end().damages = true;
		pair.again();
		pair.connect(-1, session);
		demand(pair.is_done() && pair.client().state() == Session::State::kOpen && !pair.server().is_resumed(),
		       name + ": a damaged session in the store costs a whole handshake");
		pair.talk();
	}
	if (credentials == fuzz::Credentials::kKey) return;
	Pair pair(credentials, keys);
	pair.client_end().refuses = true;
	pair.connect(-1, {});
	demand(pair.client().state() == Session::State::kFailed, name + ": a refused server ends the handshake");
	record(corpus, name + "-refused", pair);
}

}  // namespace

int main(int count, char** arguments) {
	demand(count >= 2, "usage: handshakes KEYS [CORPUS] | handshakes KEYS --replay FILE...");
	const std::string keys = arguments[1];
	if (count > 2 && strcmp(arguments[2], "--replay") == 0) {
		for (int i = 3; i < count; i++) {
			const std::string input = fuzz::read_file(arguments[i]);
			const int opened = fuzz::run_input(reinterpret_cast<const uint8_t*>(input.data()), input.size(), keys);
			const std::string name = arguments[i];
			const int expected = name.find("-refused") != std::string::npos ? 0 : name.find("-resumed") != std::string::npos ? 2 : 1;
			demand(opened == expected, name + " opens " + std::to_string(opened) + " sessions when replayed");
		}
		printf("%d inputs replayed, each to its open session\n", count - 3);
		return 0;
	}
	const std::string corpus = count > 2 ? arguments[2] : "";
	for (int i = 0; i < fuzz::kCredentials; i++) run_credentials(static_cast<fuzz::Credentials>(i), keys, corpus);
	printf("handshakes with certificates, keys, losses and resumption are as they should be\n");
	return 0;
}
