// Values to and from JavaScript. Every reader throws a TypeError in JavaScript and returns false for a wrong type.
#pragma once
#include <node_api.h>
#include <cstdlib>
#include <cstring>

#include "first-octets.h"

namespace dtls {

inline bool throw_type(napi_env env, const char* message) {
	bool is_pending = false;
	napi_is_exception_pending(env, &is_pending);
	if (!is_pending) napi_throw_type_error(env, nullptr, message);
	return false;
}

/** Text of JavaScript, freed with the scope. */
class Text {
 public:
	Text() = default;
	Text(const Text&) = delete;
	Text& operator=(const Text&) = delete;
	~Text() { free(text_); }

	bool read(napi_env env, napi_value value, const char* what) {
		size_t size = 0;
		if (napi_get_value_string_utf8(env, value, nullptr, 0, &size) != napi_ok) return throw_type(env, what);
		free(text_);
		text_ = static_cast<char*>(malloc(size + 1));
		if (text_ == nullptr) return throw_type(env, "no memory");
		size_ = size;
		return napi_get_value_string_utf8(env, value, text_, size + 1, &size_) == napi_ok;
	}

	const char* get() const { return text_ == nullptr ? "" : text_; }
	Octets octets() const { return Octets{reinterpret_cast<const uint8_t*>(get()), size_}; }

 private:
	char* text_ = nullptr;
	size_t size_ = 0;
};

inline bool is_absent(napi_env env, napi_value value) {
	napi_valuetype type = napi_undefined;
	napi_typeof(env, value, &type);
	return type == napi_undefined || type == napi_null;
}

/** The memory stays JavaScript's. */
inline bool read_octets(napi_env env, napi_value value, Octets* octets) {
	bool is_array = false;
	napi_is_typedarray(env, value, &is_array);
	if (!is_array) return throw_type(env, "a Uint8Array is expected");
	napi_typedarray_type type;
	void* data = nullptr;
	size_t size = 0;
	if (napi_get_typedarray_info(env, value, &type, &size, &data, nullptr, nullptr) != napi_ok || type != napi_uint8_array)
		return throw_type(env, "a Uint8Array is expected");
	*octets = Octets{static_cast<const uint8_t*>(data), size};
	return true;
}

inline bool read_member(napi_env env, napi_value object, const char* name, napi_value* value) {
	if (napi_get_named_property(env, object, name, value) == napi_ok) return true;
	return throw_type(env, "an object is expected");
}

inline bool read_text(napi_env env, napi_value object, const char* name, Text* text) {
	napi_value value;
	return read_member(env, object, name, &value) && text->read(env, value, name);
}

inline bool read_flag(napi_env env, napi_value object, const char* name, bool* flag) {
	napi_value value;
	if (!read_member(env, object, name, &value)) return false;
	return napi_get_value_bool(env, value, flag) == napi_ok || throw_type(env, name);
}

inline bool read_number(napi_env env, napi_value object, const char* name, unsigned* number) {
	napi_value value;
	if (!read_member(env, object, name, &value)) return false;
	return napi_get_value_uint32(env, value, number) == napi_ok || throw_type(env, name);
}

/** A copy in JavaScript's memory; null when there is none left. */
inline napi_value to_octets(napi_env env, Octets octets) {
	void* data = nullptr;
	napi_value buffer;
	napi_value array = nullptr;
	if (napi_create_arraybuffer(env, octets.size, &data, &buffer) != napi_ok) return nullptr;
	if (octets.size > 0) memcpy(data, octets.data, octets.size);
	if (napi_create_typedarray(env, napi_uint8_array, octets.size, buffer, 0, &array) != napi_ok) return nullptr;
	return array;
}

inline napi_value to_text(napi_env env, const char* text) {
	napi_value value = nullptr;
	napi_create_string_utf8(env, text, NAPI_AUTO_LENGTH, &value);
	return value;
}

inline napi_value to_number(napi_env env, double number) {
	napi_value value = nullptr;
	napi_create_double(env, number, &value);
	return value;
}

inline napi_value to_flag(napi_env env, bool flag) {
	napi_value value = nullptr;
	napi_get_boolean(env, flag, &value);
	return value;
}

inline napi_value to_nothing(napi_env env) {
	napi_value value = nullptr;
	napi_get_undefined(env, &value);
	return value;
}

inline void set_member(napi_env env, napi_value object, const char* name, napi_value value) {
	if (value != nullptr) napi_set_named_property(env, object, name, value);
}

}  // namespace dtls
