// The objects behind JavaScript's, and what the core calls: each call goes on to a function of JavaScript.
#pragma once
#include "core.h"
#include "napi-values.h"

namespace dtls {

/** JavaScript's collector is told. Measured with all of JavaScript's part: 50 KB with a pre-shared key, 70 KB with certificates. */
constexpr int64_t kSessionMemory = 42000;

struct JsEndpoint {
	napi_env env = nullptr;
	napi_ref hooks = nullptr;
	Endpoint* endpoint = nullptr;

	static void* operator new(size_t size) noexcept { return calloc(1, size); }
	static void operator delete(void* memory) { free(memory); }
};

struct JsSession {
	napi_env env = nullptr;
	napi_ref endpoint = nullptr;
	Session* session = nullptr;
	// Only within a call: what the call sends and delivers.
	napi_value sent = nullptr;
	napi_value received = nullptr;
	uint32_t sent_count = 0;
	uint32_t received_count = 0;

	static void* operator new(size_t size) noexcept { return calloc(1, size); }
	static void operator delete(void* memory) { free(memory); }

	void free_session() {
		if (session == nullptr) return;
		delete session;
		session = nullptr;
		int64_t now = 0;
		napi_adjust_external_memory(env, -kSessionMemory, &now);
		napi_delete_reference(env, endpoint);
		endpoint = nullptr;
	}
};

/** Hooks that call the members `trust`, `keyOf`, `keepSession`, `findSession` and `logKey` of `endpoint`'s hooks. */
Hooks js_hooks(JsEndpoint* endpoint, bool keeps_sessions);

}  // namespace dtls
