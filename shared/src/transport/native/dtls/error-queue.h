// OpenSSL keeps one queue of errors for each thread, which Node's own cryptography reads too: what is left in it is taken
// for the cause of whatever fails next, and SSL_get_error takes a wait for a failure.
#pragma once
#include <openssl/err.h>

namespace dtls {

/** For calls from outside: the queue is empty when the work begins and when it is done. */
class EmptyErrorQueue {
 public:
	EmptyErrorQueue() { ERR_clear_error(); }
	~EmptyErrorQueue() { ERR_clear_error(); }
	EmptyErrorQueue(const EmptyErrorQueue&) = delete;
	EmptyErrorQueue& operator=(const EmptyErrorQueue&) = delete;
};

/** For calls by OpenSSL: errors of the work done in between are dropped, those from before stay. */
class SameErrorQueue {
 public:
	SameErrorQueue() { ERR_set_mark(); }
	~SameErrorQueue() { ERR_pop_to_mark(); }
	SameErrorQueue(const SameErrorQueue&) = delete;
	SameErrorQueue& operator=(const SameErrorQueue&) = delete;
};

}  // namespace dtls
