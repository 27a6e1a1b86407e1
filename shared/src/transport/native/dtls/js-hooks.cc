#include "js-hooks.h"

namespace dtls {
namespace {

/** Calls a hook; null when it is absent or has thrown, which counts as "no". */
napi_value call_hook(JsEndpoint* js, const char* name, size_t count, const napi_value* arguments) {
	napi_value hooks;
	napi_value hook;
	napi_value result = nullptr;
	napi_valuetype type = napi_undefined;
	if (napi_get_reference_value(js->env, js->hooks, &hooks) != napi_ok) return nullptr;
	if (napi_get_named_property(js->env, hooks, name, &hook) != napi_ok) return nullptr;
	if (napi_typeof(js->env, hook, &type) != napi_ok || type != napi_function) return nullptr;
	if (napi_call_function(js->env, hooks, hook, count, arguments, &result) == napi_ok) return result;
	napi_value thrown;
	napi_get_and_clear_last_exception(js->env, &thrown);
	return nullptr;
}

bool trust(void* context, Octets certificate, Octets public_key, const char* chain_error) {
	JsEndpoint* js = static_cast<JsEndpoint*>(context);
	napi_value none = to_nothing(js->env);
	const napi_value arguments[] = {certificate.size == 0 ? none : to_octets(js->env, certificate),
	                                to_octets(js->env, public_key),
	                                chain_error == nullptr ? none : to_text(js->env, chain_error)};
	if (arguments[0] == nullptr || arguments[1] == nullptr) return false;
	napi_value answer = call_hook(js, "trust", 3, arguments);
	bool is_trusted = false;
	return answer != nullptr && napi_get_value_bool(js->env, answer, &is_trusted) == napi_ok && is_trusted;
}

/** Octets that a hook answers with, 0 for none and for more than there is room. */
size_t octets_of_hook(JsEndpoint* js, const char* name, napi_value argument, uint8_t* out, size_t room) {
	if (argument == nullptr) return 0;
	napi_value answer = call_hook(js, name, 1, &argument);
	if (answer == nullptr || is_absent(js->env, answer)) return 0;
	Octets octets;
	if (!read_octets(js->env, answer, &octets)) {
		napi_value thrown;
		napi_get_and_clear_last_exception(js->env, &thrown);
		return 0;
	}
	if (octets.size > room) return 0;
	if (octets.size > 0) memcpy(out, octets.data, octets.size);
	return octets.size;
}

size_t key_of(void* context, const char* identity, uint8_t* key, size_t room) {
	JsEndpoint* js = static_cast<JsEndpoint*>(context);
	return octets_of_hook(js, "keyOf", to_text(js->env, identity), key, room);
}

size_t find_session(void* context, Octets id, uint8_t* session, size_t room) {
	JsEndpoint* js = static_cast<JsEndpoint*>(context);
	return octets_of_hook(js, "findSession", to_octets(js->env, id), session, room);
}

void keep_session(void* context, Octets id, Octets session, const char* identity, Octets key_digest) {
	JsEndpoint* js = static_cast<JsEndpoint*>(context);
	const bool by_key = identity != nullptr && key_digest.size > 0;
	napi_value none = to_nothing(js->env);
	const napi_value arguments[] = {to_octets(js->env, id), to_octets(js->env, session),
	                                by_key ? to_text(js->env, identity) : none,
	                                by_key ? to_octets(js->env, key_digest) : none};
	for (napi_value argument : arguments) {
		if (argument == nullptr) return;
	}
	call_hook(js, "keepSession", 4, arguments);
}

void log_key(void* context, const char* line) {
	JsEndpoint* js = static_cast<JsEndpoint*>(context);
	napi_value argument = to_text(js->env, line);
	call_hook(js, "logKey", 1, &argument);
}

void send(void* owner, Octets datagram) {
	JsSession* js = static_cast<JsSession*>(owner);
	napi_value octets = js->sent == nullptr ? nullptr : to_octets(js->env, datagram);
	if (octets != nullptr) napi_set_element(js->env, js->sent, js->sent_count++, octets);
}

void deliver(void* owner, Octets message) {
	JsSession* js = static_cast<JsSession*>(owner);
	napi_value octets = js->received == nullptr ? nullptr : to_octets(js->env, message);
	if (octets != nullptr) napi_set_element(js->env, js->received, js->received_count++, octets);
}

}  // namespace

Hooks js_hooks(JsEndpoint* endpoint, bool keeps_sessions) {
	Hooks hooks;
	hooks.context = endpoint;
	hooks.send = send;
	hooks.deliver = deliver;
	hooks.trust = trust;
	hooks.key_of = key_of;
	hooks.log_key = log_key;
	if (keeps_sessions) {
		hooks.keep_session = keep_session;
		hooks.find_session = find_session;
	}
	return hooks;
}

}  // namespace dtls
