// Hands the core to JavaScript: `features()`, `createEndpoint(options, hooks)`; see addon.ts for the shapes.
#include <openssl/crypto.h>

#include "error-queue.h"
#include "js-hooks.h"

namespace dtls {
namespace {

constexpr napi_type_tag kEndpointTag = {0x6f4d7a2c5b1e4f80ULL, 0x9d3b0c61e8a2f517ULL};
constexpr napi_type_tag kSessionTag = {0x1c8e5d90a7f34b26ULL, 0xb04f92d7635ae1c8ULL};
// Sessions

struct Call {
	napi_value self = nullptr;
	napi_value arguments[3] = {nullptr, nullptr, nullptr};
};

bool read_call(napi_env env, napi_callback_info info, Call* call) {
	size_t count = 3;
	return napi_get_cb_info(env, info, &count, call->arguments, &call->self, nullptr) == napi_ok;
}

template <typename Wrapped>
Wrapped* unwrap(napi_env env, napi_value object, const napi_type_tag& tag) {
	bool is_tagged = false;
	void* wrapped = nullptr;
	napi_check_object_type_tag(env, object, &tag, &is_tagged);
	if (is_tagged && napi_unwrap(env, object, &wrapped) == napi_ok) return static_cast<Wrapped*>(wrapped);
	throw_type(env, "called on another object");
	return nullptr;
}

/** The session of a call, when it may be used now. */
JsSession* session_of(napi_env env, napi_callback_info info, Call* call) {
	if (!read_call(env, info, call)) return nullptr;
	JsSession* js = unwrap<JsSession>(env, call->self, kSessionTag);
	if (js == nullptr) return nullptr;
	if (js->session != nullptr && !js->session->is_busy()) return js;
	throw_type(env, js->session == nullptr ? "the session is freed" : "the session is at work: a hook must not call it");
	return nullptr;
}

const char* state_name(Session::State state) {
	switch (state) {
		case Session::State::kHandshake:
			return "handshake";
		case Session::State::kOpen:
			return "open";
		case Session::State::kClosed:
			return "closed";
		default:
			return "failed";
	}
}

/** Does `act` to the session and returns what came of it. */
template <typename Act>
napi_value step(JsSession* js, Act act) {
	napi_env env = js->env;
	napi_create_array(env, &js->sent);
	napi_create_array(env, &js->received);
	js->sent_count = js->received_count = 0;
	act(js->session);
	napi_value result;
	if (napi_create_object(env, &result) != napi_ok) return nullptr;
	const Session& session = *js->session;
	set_member(env, result, "sent", js->sent);
	set_member(env, result, "received", js->received);
	set_member(env, result, "state", to_text(env, state_name(session.state())));
	set_member(env, result, "reason", to_text(env, session.reason()));
	set_member(env, result, "alert", to_number(env, session.alert()));
	set_member(env, result, "timerGeneration", to_number(env, session.timer_generation()));
	set_member(env, result, "timerMs", to_number(env, session.timer_ms()));
	js->sent = js->received = nullptr;
	return result;
}

napi_value session_start(napi_env env, napi_callback_info info) {
	Call call;
	JsSession* js = session_of(env, info, &call);
	return js == nullptr ? nullptr : step(js, [](Session* session) { session->start(); });
}

napi_value session_receive(napi_env env, napi_callback_info info) {
	Call call;
	Octets datagram;
	JsSession* js = session_of(env, info, &call);
	if (js == nullptr || !read_octets(env, call.arguments[0], &datagram)) return nullptr;
	return step(js, [datagram](Session* session) { session->receive(datagram); });
}

napi_value session_send(napi_env env, napi_callback_info info) {
	Call call;
	Octets message;
	JsSession* js = session_of(env, info, &call);
	if (js == nullptr || !read_octets(env, call.arguments[0], &message)) return nullptr;
	return step(js, [message](Session* session) { session->send(message); });
}

napi_value session_timer(napi_env env, napi_callback_info info) {
	Call call;
	JsSession* js = session_of(env, info, &call);
	return js == nullptr ? nullptr : step(js, [](Session* session) { session->timer(); });
}

napi_value session_close(napi_env env, napi_callback_info info) {
	Call call;
	JsSession* js = session_of(env, info, &call);
	return js == nullptr ? nullptr : step(js, [](Session* session) { session->close(); });
}

/** Who the peer is and what was agreed, once open. */
napi_value session_agreed(napi_env env, napi_callback_info info) {
	Call call;
	JsSession* js = session_of(env, info, &call);
	napi_value result;
	if (js == nullptr || napi_create_object(env, &result) != napi_ok) return nullptr;
	const Session& session = *js->session;
	uint8_t* der = nullptr;
	int size = peer_certificate(session.ssl(), &der);
	if (size > 0) set_member(env, result, "certificate", to_octets(env, Octets{der, static_cast<size_t>(size)}));
	OPENSSL_free(der);
	der = nullptr;
	size = peer_public_key(session.ssl(), &der);
	if (size > 0) set_member(env, result, "publicKey", to_octets(env, Octets{der, static_cast<size_t>(size)}));
	OPENSSL_free(der);
	if (session.identity() != nullptr) set_member(env, result, "pskIdentity", to_text(env, session.identity()));
	set_member(env, result, "cipherSuite", to_text(env, session.cipher_suite()));
	set_member(env, result, "isResumed", to_flag(env, session.is_resumed()));
	set_member(env, result, "largestMessage", to_number(env, static_cast<double>(session.largest_message())));
	unsigned id_size = 0;
	const SSL_SESSION* kept = SSL_get_session(session.ssl());
	const uint8_t* id = kept == nullptr ? nullptr : SSL_SESSION_get_id(kept, &id_size);
	set_member(env, result, "sessionId", to_octets(env, Octets{id, id_size}));
	return result;
}

/** What resumes this session later: DER with the master secret in it; undefined when the peer keeps none. */
napi_value session_export(napi_env env, napi_callback_info info) {
	Call call;
	JsSession* js = session_of(env, info, &call);
	if (js == nullptr) return nullptr;
	SSL_SESSION* session = SSL_get_session(js->session->ssl());
	if (session == nullptr || SSL_SESSION_is_resumable(session) != 1) return to_nothing(env);
	EmptyErrorQueue empty;
	uint8_t* der = nullptr;
	int size = i2d_SSL_SESSION(session, &der);
	if (size <= 0) return to_nothing(env);
	napi_value exported = to_octets(env, Octets{der, static_cast<size_t>(size)});
	OPENSSL_clear_free(der, static_cast<size_t>(size));
	return exported;
}

napi_value session_client_random(napi_env env, napi_callback_info info) {
	Call call;
	JsSession* js = session_of(env, info, &call);
	return js == nullptr ? nullptr : to_octets(env, Octets{js->session->client_random(), 32});
}

napi_value session_free(napi_env env, napi_callback_info info) {
	Call call;
	JsSession* js = session_of(env, info, &call);
	if (js != nullptr) js->free_session();
	return nullptr;
}

void finalize_session(napi_env, void* wrapped, void*) {
	JsSession* js = static_cast<JsSession*>(wrapped);
	js->free_session();
	delete js;
}

napi_property_descriptor method(const char* name, napi_callback callback) {
	return {name, nullptr, callback, nullptr, nullptr, nullptr, napi_default, nullptr};
}

napi_value wrap_session(JsSession* js, napi_value endpoint) {
	napi_env env = js->env;
	napi_value object;
	const napi_property_descriptor methods[] = {
	    method("start", session_start),     method("receive", session_receive), method("send", session_send),
	    method("timer", session_timer),     method("close", session_close),     method("agreed", session_agreed),
	    method("export", session_export),   method("free", session_free),       method("clientRandom", session_client_random),
	};
	if (napi_create_object(env, &object) != napi_ok ||
	    napi_define_properties(env, object, sizeof methods / sizeof *methods, methods) != napi_ok ||
	    napi_create_reference(env, endpoint, 1, &js->endpoint) != napi_ok)
		return nullptr;
	int64_t now = 0;
	napi_adjust_external_memory(env, kSessionMemory, &now);
	if (napi_wrap(env, object, js, finalize_session, nullptr, nullptr) != napi_ok) return nullptr;
	napi_type_tag_object(env, object, &kSessionTag);
	return object;
}

// Endpoints

napi_value endpoint_hello(napi_env env, napi_callback_info info) {
	Call call;
	Octets address;
	Octets datagram;
	double now = 0;
	if (!read_call(env, info, &call)) return nullptr;
	JsEndpoint* js = unwrap<JsEndpoint>(env, call.self, kEndpointTag);
	if (js == nullptr || !read_octets(env, call.arguments[0], &address) ||
	    !read_octets(env, call.arguments[1], &datagram) || napi_get_value_double(env, call.arguments[2], &now) != napi_ok)
		return nullptr;
	uint8_t verify[kHelloVerifyRequestSize];
	JsSession* owner = new JsSession();
	if (owner == nullptr) return to_nothing(env);
	owner->env = env;
	Endpoint::Answer answer =
	    js->endpoint->hello(address, datagram, static_cast<uint64_t>(now), owner, verify, &owner->session);
	if (answer == Endpoint::Answer::kAccepted) return wrap_session(owner, call.self);
	delete owner;
	if (answer == Endpoint::Answer::kVerify) return to_octets(env, Octets{verify, sizeof verify});
	return to_nothing(env);
}

napi_value endpoint_connect(napi_env env, napi_callback_info info) {
	Call call;
	Octets resumed;
	Text server_name;
	double now = 0;
	if (!read_call(env, info, &call)) return nullptr;
	JsEndpoint* js = unwrap<JsEndpoint>(env, call.self, kEndpointTag);
	if (js == nullptr) return nullptr;
	if (!is_absent(env, call.arguments[0]) && !read_octets(env, call.arguments[0], &resumed)) return nullptr;
	if (!server_name.read(env, call.arguments[1], "serverName")) return nullptr;
	if (napi_get_value_double(env, call.arguments[2], &now) != napi_ok) return nullptr;
	JsSession* owner = new JsSession();
	if (owner == nullptr) return to_nothing(env);
	owner->env = env;
	owner->session = js->endpoint->connect(resumed, server_name.get(), static_cast<uint64_t>(now), owner);
	if (owner->session != nullptr) return wrap_session(owner, call.self);
	delete owner;
	napi_throw_error(env, nullptr, "OpenSSL cannot make a session");
	return nullptr;
}

void finalize_endpoint(napi_env env, void* wrapped, void*) {
	JsEndpoint* js = static_cast<JsEndpoint*>(wrapped);
	if (js->endpoint != nullptr) js->endpoint->release();
	if (js->hooks != nullptr) napi_delete_reference(env, js->hooks);
	delete js;
}

Endpoint* make_endpoint(napi_env env, napi_value given, JsEndpoint* js) {
	EndpointOptions options;
	Text certificates;
	Text private_key;
	Text trusted;
	Text cipher_suites;
	Text identity;
	bool keeps_sessions = false;
	if (!read_flag(env, given, "isServer", &options.is_server) ||
	    !read_text(env, given, "certificates", &certificates) || !read_text(env, given, "privateKey", &private_key) ||
	    !read_text(env, given, "trusted", &trusted) || !read_text(env, given, "cipherSuites", &cipher_suites) ||
	    !read_flag(env, given, "asksCertificate", &options.asks_certificate) ||
	    !read_flag(env, given, "rawPublicKeys", &options.raw_public_keys) ||
	    !read_flag(env, given, "hasKeys", &options.has_keys) || !read_text(env, given, "identity", &identity) ||
	    !read_flag(env, given, "logsKeys", &options.logs_keys) ||
	    !read_flag(env, given, "keepsSessions", &keeps_sessions) || !read_number(env, given, "mtu", &options.mtu) ||
	    !read_number(env, given, "firstRetransmitMs", &options.first_retransmit_ms) ||
	    !read_number(env, given, "longestRetransmitMs", &options.longest_retransmit_ms))
		return nullptr;
	options.certificates = certificates.octets();
	options.private_key = private_key.octets();
	options.trusted = trusted.octets();
	options.cipher_suites = cipher_suites.get();
	options.identity = identity.get();
	char error[200] = {0};
	Endpoint* endpoint = Endpoint::create(options, js_hooks(js, keeps_sessions), error, sizeof error);
	if (endpoint == nullptr) napi_throw_error(env, nullptr, error);
	return endpoint;
}

napi_value create_endpoint(napi_env env, napi_callback_info info) {
	Call call;
	napi_value object;
	if (!read_call(env, info, &call) || napi_create_object(env, &object) != napi_ok) return nullptr;
	JsEndpoint* js = new JsEndpoint();
	if (js == nullptr) return nullptr;
	js->env = env;
	js->endpoint = make_endpoint(env, call.arguments[0], js);
	const napi_property_descriptor methods[] = {method("hello", endpoint_hello), method("connect", endpoint_connect)};
	if (js->endpoint == nullptr || napi_create_reference(env, call.arguments[1], 1, &js->hooks) != napi_ok ||
	    napi_define_properties(env, object, 2, methods) != napi_ok ||
	    napi_wrap(env, object, js, finalize_endpoint, nullptr, nullptr) != napi_ok) {
		finalize_endpoint(env, js, nullptr);
		return nullptr;
	}
	napi_type_tag_object(env, object, &kEndpointTag);
	return object;
}

napi_value features(napi_env env, napi_callback_info) {
	napi_value result;
	if (napi_create_object(env, &result) != napi_ok) return nullptr;
	set_member(env, result, "openssl", to_text(env, OpenSSL_version(OPENSSL_VERSION_STRING)));
	set_member(env, result, "rawPublicKeys", to_flag(env, has_raw_public_keys()));
	set_member(env, result, "foreignClock", to_flag(env, has_foreign_clock()));
	return result;
}

}  // namespace
}  // namespace dtls

NAPI_MODULE_INIT() {
	const napi_property_descriptor functions[] = {dtls::method("features", dtls::features),
	                                              dtls::method("createEndpoint", dtls::create_endpoint)};
	napi_define_properties(env, exports, 2, functions);
	return exports;
}
