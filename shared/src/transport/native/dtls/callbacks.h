// What OpenSSL calls, and the BIO through which it reads and writes datagrams.
#pragma once
#include "core.h"

namespace dtls {

struct Callbacks {
	static int make_cookie(SSL* ssl, unsigned char* cookie, unsigned* size);
	static int verify_cookie(SSL* ssl, const unsigned char* cookie, unsigned size);
	static int verify_peer(X509_STORE_CTX* store, void* endpoint);
	static void note_alert(const SSL* ssl, int where, int value);
	static int judge_security(const SSL* ssl, const SSL_CTX* context, int operation, int bits, int nid, void* other,
	                          void* extra);
	static unsigned server_key(SSL* ssl, const char* identity, unsigned char* key, unsigned room);
	static unsigned client_key(SSL* ssl, const char* hint, char* identity, unsigned identity_room, unsigned char* key,
	                           unsigned room);
	static void log_key(const SSL* ssl, const char* line);
	static int make_session_id(SSL* ssl, unsigned char* id, unsigned* size);
	static int keep_session(SSL* ssl, SSL_SESSION* session);
	static SSL_SESSION* find_session(SSL* ssl, const unsigned char* id, int size, int* copy);
	static unsigned retransmit_us(SSL* ssl, unsigned us);

	/** A BIO that reads the datagram being taken and writes to the hooks; null when there is no memory. */
	static BIO* make_bio(Session* session);

	static int (*inherited_security)(const SSL*, const SSL_CTX*, int, int, int, void*, void*);

 private:
	static BIO_METHOD* method();
	static int bio_read(BIO* bio, char* out, int room);
	static int bio_write(BIO* bio, const char* octets, int size);
	static long bio_control(BIO* bio, int command, long number, void* pointer);
};

}  // namespace dtls
