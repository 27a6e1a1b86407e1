/*
 * An LwM2M device with this project's ESipa object (examples/lwm2m/esipa.xml) on the public API of Eclipse Wakaama. The
 * LwM2M client itself is Wakaama's; here is the object, and a pipe to whoever plays the IPA.
 *
 *   esipa-client ENDPOINT HOST PORT LIFETIME [PSK-IDENTITY PSK-KEY-HEX]
 *
 * Lines in:  message HEX   the object's message becomes this; whoever observes it is notified
 *            send HEX      the same, by the operation Send of LwM2M 1.1 (900 octets at most: Wakaama's room for SenML)
 *            none          there is no message any more
 *            update        a registration update
 *            quit          deregisters
 * Lines out: state NAME    registered, unregistered
 *            message HEX   a message that the server has written
 *            wake-up       the server has something for the device
 *            sent CODE     what became of a send
 *
 * Built with Wakaama's client sources and one of its two transports: UDP, or with WITH_TINYDTLS that of tinydtls.
 */

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <unistd.h>

#include "liblwm2m.h"
#ifdef WITH_TINYDTLS
#include "tinydtls/connection.h"
typedef lwm2m_dtls_connection_t connection_t;
#else
#include "udp/connection.h"
typedef lwm2m_connection_t connection_t;
#endif

#ifndef ESIPA_OBJECT
#define ESIPA_OBJECT 32032
#endif
#define SHORT_SERVER_ID 1
#define LONGEST_MESSAGE (160 * 1024)
/* Wakaama sends a notification in one datagram, whatever its length. */
#define LONGEST_NOTIFICATION 1024

enum { TO_DEVICE = 0, FROM_DEVICE = 1, WAKE_UP = 2, EID = 3 };

typedef struct {
    lwm2m_context_t *lwm2m;
    lwm2m_object_t *security;
    connection_t *connections;
    int socket;
    char *host;
    char *port;
    char uri[128];
    char *endpoint;
    int lifetime;
    char *identity;
    uint8_t key[64];
    size_t keyLength;
    uint8_t *message;
    size_t messageLength;
    bool isNotifying;
} device_t;

static device_t device;

/* One value of a fixed resource; what is not known is left undefined. */
static bool fixedValue(uint16_t object, lwm2m_data_t *value) {
    switch ((object << 8) | value->id) {
    case (LWM2M_SECURITY_OBJECT_ID << 8) | LWM2M_SECURITY_URI_ID:
        lwm2m_data_encode_string(device.uri, value);
        return true;
    case (LWM2M_SECURITY_OBJECT_ID << 8) | LWM2M_SECURITY_BOOTSTRAP_ID:
        lwm2m_data_encode_bool(false, value);
        return true;
    case (LWM2M_SECURITY_OBJECT_ID << 8) | LWM2M_SECURITY_SECURITY_ID:
        lwm2m_data_encode_int(device.identity ? LWM2M_SECURITY_MODE_PRE_SHARED_KEY : LWM2M_SECURITY_MODE_NONE, value);
        return true;
    case (LWM2M_SECURITY_OBJECT_ID << 8) | LWM2M_SECURITY_PUBLIC_KEY_ID:
        lwm2m_data_encode_opaque((uint8_t *)(device.identity ? device.identity : ""),
                                 device.identity ? strlen(device.identity) : 0, value);
        return true;
    case (LWM2M_SECURITY_OBJECT_ID << 8) | LWM2M_SECURITY_SECRET_KEY_ID:
        lwm2m_data_encode_opaque(device.key, device.keyLength, value);
        return true;
    case (LWM2M_SECURITY_OBJECT_ID << 8) | LWM2M_SECURITY_SHORT_SERVER_ID:
    case (LWM2M_SERVER_OBJECT_ID << 8) | LWM2M_SERVER_SHORT_ID_ID:
        lwm2m_data_encode_int(SHORT_SERVER_ID, value);
        return true;
    case (LWM2M_SECURITY_OBJECT_ID << 8) | LWM2M_SECURITY_HOLD_OFF_ID:
        lwm2m_data_encode_int(0, value);
        return true;
    case (LWM2M_SERVER_OBJECT_ID << 8) | LWM2M_SERVER_LIFETIME_ID:
        lwm2m_data_encode_int(device.lifetime, value);
        return true;
    case (LWM2M_SERVER_OBJECT_ID << 8) | LWM2M_SERVER_STORING_ID:
    case (LWM2M_SERVER_OBJECT_ID << 8) | LWM2M_SERVER_MUTE_SEND_ID:
        lwm2m_data_encode_bool(false, value);
        return true;
    case (LWM2M_SERVER_OBJECT_ID << 8) | LWM2M_SERVER_BINDING_ID:
        lwm2m_data_encode_string("U", value);
        return true;
    case (LWM2M_DEVICE_OBJECT_ID << 8) | 0:
        lwm2m_data_encode_string("ESipa over LwM2M", value);
        return true;
    case (LWM2M_DEVICE_OBJECT_ID << 8) | 16:
        lwm2m_data_encode_string("U", value);
        return true;
    }
    return false;
}

static const uint16_t securityResources[] = {0, 1, 2, 3, 5, 10, 11};
static const uint16_t serverResources[] = {0, 1, 6, 7, 23};
static const uint16_t deviceResources[] = {0, 16};
static const uint16_t esipaResources[] = {FROM_DEVICE, EID};

/* Names the resources where the server asks for the whole instance. */
static bool nameAll(int *count, lwm2m_data_t **values, const uint16_t *ids, int known) {
    if (*count != 0) return true;
    *values = lwm2m_data_new(known);
    if (*values == NULL) return false;
    *count = known;
    for (int i = 0; i < known; i++) (*values)[i].id = ids[i];
    return true;
}

static uint8_t readFixed(lwm2m_context_t *context, uint16_t instance, int *count, lwm2m_data_t **values,
                         lwm2m_object_t *object) {
    (void)context;
    const uint16_t *ids = object->objID == LWM2M_SECURITY_OBJECT_ID ? securityResources
                          : object->objID == LWM2M_SERVER_OBJECT_ID ? serverResources
                                                                    : deviceResources;
    int known = object->objID == LWM2M_SECURITY_OBJECT_ID ? 7 : object->objID == LWM2M_SERVER_OBJECT_ID ? 5 : 2;
    if (instance != 0) return COAP_404_NOT_FOUND;
    if (!nameAll(count, values, ids, known)) return COAP_500_INTERNAL_SERVER_ERROR;
    for (int i = 0; i < *count; i++) {
        if (!fixedValue(object->objID, *values + i)) return COAP_404_NOT_FOUND;
    }
    return COAP_205_CONTENT;
}

/* Of a long message only the beginning is told; the server sees by its length that there is more, and reads it. */
static size_t lengthTold(void) {
    bool isCut = device.isNotifying && device.messageLength > LONGEST_NOTIFICATION;
    return isCut ? LONGEST_NOTIFICATION : device.messageLength;
}

static uint8_t readEsipa(lwm2m_context_t *context, uint16_t instance, int *count, lwm2m_data_t **values,
                         lwm2m_object_t *object) {
    (void)context;
    (void)object;
    if (instance != 0) return COAP_404_NOT_FOUND;
    if (!nameAll(count, values, esipaResources, 2)) return COAP_500_INTERNAL_SERVER_ERROR;
    for (int i = 0; i < *count; i++) {
        lwm2m_data_t *value = *values + i;
        switch (value->id) {
        case FROM_DEVICE:
            lwm2m_data_encode_opaque(device.message, lengthTold(), value);
            break;
        case EID:
            lwm2m_data_encode_string(device.endpoint, value);
            break;
        case TO_DEVICE:
        case WAKE_UP:
            return COAP_405_METHOD_NOT_ALLOWED;
        default:
            return COAP_404_NOT_FOUND;
        }
    }
    return COAP_205_CONTENT;
}

static void printHex(const char *word, const uint8_t *octets, size_t length) {
    printf("%s ", word);
    for (size_t i = 0; i < length; i++) printf("%02X", octets[i]);
    printf("\n");
    fflush(stdout);
}

static uint8_t writeEsipa(lwm2m_context_t *context, uint16_t instance, int count, lwm2m_data_t *values,
                          lwm2m_object_t *object, lwm2m_write_type_t type) {
    (void)context;
    (void)object;
    (void)type;
    if (instance != 0) return COAP_404_NOT_FOUND;
    for (int i = 0; i < count; i++) {
        lwm2m_data_t *value = values + i;
        bool isOctets = value->type == LWM2M_TYPE_OPAQUE || value->type == LWM2M_TYPE_STRING;
        if (value->id != TO_DEVICE) return value->id <= EID ? COAP_405_METHOD_NOT_ALLOWED : COAP_404_NOT_FOUND;
        if (!isOctets) return COAP_400_BAD_REQUEST;
        /* What was said is answered, or overtaken. */
        device.messageLength = 0;
        printHex("message", value->value.asBuffer.buffer, value->value.asBuffer.length);
    }
    return COAP_204_CHANGED;
}

static uint8_t executeEsipa(lwm2m_context_t *context, uint16_t instance, uint16_t resource, uint8_t *arguments,
                            int length, lwm2m_object_t *object) {
    (void)context;
    (void)arguments;
    (void)length;
    (void)object;
    if (instance != 0 || resource > EID) return COAP_404_NOT_FOUND;
    if (resource != WAKE_UP) return COAP_405_METHOD_NOT_ALLOWED;
    printf("wake-up\n");
    fflush(stdout);
    return COAP_204_CHANGED;
}

static lwm2m_object_t *makeObject(uint16_t id) {
    lwm2m_object_t *object = calloc(1, sizeof(lwm2m_object_t));
    lwm2m_list_t *instance = calloc(1, sizeof(lwm2m_list_t));
    if (object == NULL || instance == NULL) exit(1);
    object->objID = id;
    object->instanceList = LWM2M_LIST_ADD(object->instanceList, instance);
    object->readFunc = readFixed;
    if (id == ESIPA_OBJECT) {
        object->readFunc = readEsipa;
        object->writeFunc = writeEsipa;
        object->executeFunc = executeEsipa;
    }
    return object;
}

/* What Wakaama asks of its user. */
void *lwm2m_connect_server(uint16_t securityInstance, void *user) {
    (void)user;
#ifdef WITH_TINYDTLS
    connection_t *made = lwm2m_connection_create(device.connections, device.socket, device.security, securityInstance,
                                                 device.lwm2m, AF_INET);
#else
    (void)securityInstance;
    connection_t *made = lwm2m_connection_create(device.connections, device.socket, device.host, device.port, AF_INET);
#endif
    if (made != NULL) device.connections = made;
    return made;
}

void lwm2m_close_connection(void *session, void *user) {
    (void)user;
    connection_t **at = &device.connections;
    while (*at != NULL && *at != session) at = &(*at)->next;
    if (*at == NULL) return;
    *at = (*at)->next;
    free(session);
}

static int digit(char one) {
    const char *digits = "0123456789ABCDEF";
    const char *found = one == 0 ? NULL : strchr(digits, toupper((unsigned char)one));
    return found == NULL ? -1 : (int)(found - digits);
}

static size_t readHex(const char *text, uint8_t *octets, size_t room) {
    size_t length = 0;
    while (length < room && digit(text[2 * length]) >= 0 && digit(text[2 * length + 1]) >= 0) {
        octets[length] = (uint8_t)(digit(text[2 * length]) << 4 | digit(text[2 * length + 1]));
        length++;
    }
    return length;
}

static void sent(lwm2m_context_t *context, lwm2m_transaction_t *transaction, void *message) {
    (void)context;
    (void)transaction;
    printf("sent %s\n", message == NULL ? "timeout" : "answered");
    fflush(stdout);
}

static bool command(char *line) {
    lwm2m_uri_t uri;
    LWM2M_URI_RESET(&uri);
    uri.objectId = ESIPA_OBJECT;
    uri.instanceId = 0;
    uri.resourceId = FROM_DEVICE;
    bool isSend = strncmp(line, "send ", 5) == 0;
    if (isSend || strncmp(line, "message ", 8) == 0) {
        device.messageLength = readHex(line + (isSend ? 5 : 8), device.message, LONGEST_MESSAGE);
        if (isSend) {
            int result = lwm2m_send(device.lwm2m, SHORT_SERVER_ID, &uri, 1, sent, NULL);
            if (result != 0) printf("sent %d.%02d\n", result >> 5, result & 31);
            fflush(stdout);
        } else {
            time_t seconds = 1;
            lwm2m_resource_value_changed(device.lwm2m, &uri);
            device.isNotifying = true;
            lwm2m_step(device.lwm2m, &seconds);
            device.isNotifying = false;
        }
    } else if (strncmp(line, "none", 4) == 0) {
        device.messageLength = 0;
    } else if (strncmp(line, "update", 6) == 0) {
        lwm2m_update_registration(device.lwm2m, SHORT_SERVER_ID, false);
    } else if (strncmp(line, "quit", 4) == 0) {
        return false;
    }
    return true;
}

static void receive(void) {
    uint8_t datagram[LWM2M_COAP_MAX_MESSAGE_SIZE + 64];
    struct sockaddr_storage from;
    socklen_t fromLength = sizeof(from);
    ssize_t length = recvfrom(device.socket, datagram, sizeof(datagram), 0, (struct sockaddr *)&from, &fromLength);
    if (length <= 0) return;
    connection_t *connection = lwm2m_connection_find(device.connections, &from, fromLength);
    if (connection == NULL) return;
#ifdef WITH_TINYDTLS
    lwm2m_connection_handle_packet(connection, datagram, (size_t)length);
#else
    lwm2m_handle_packet(device.lwm2m, datagram, (size_t)length, connection);
#endif
}

static void tellState(void) {
    static bool wasRegistered = false;
    lwm2m_server_t *server = device.lwm2m->serverList;
    bool isRegistered = server != NULL && (server->status == STATE_REGISTERED || server->status == STATE_REG_UPDATE_PENDING ||
                                           server->status == STATE_REG_UPDATE_NEEDED);
    if (isRegistered != wasRegistered) printf("state %s\n", isRegistered ? "registered" : "unregistered");
    fflush(stdout);
    wasRegistered = isRegistered;
}

/* Lines may come in parts, and several at once. */
static bool takeLines(void) {
    static char lines[2 * LONGEST_MESSAGE + 64];
    static size_t filled = 0;
    ssize_t length = read(STDIN_FILENO, lines + filled, sizeof(lines) - 1 - filled);
    if (length <= 0) return false;
    filled += (size_t)length;
    lines[filled] = 0;
    char *end;
    while ((end = memchr(lines, '\n', filled)) != NULL) {
        *end = 0;
        if (!command(lines)) return false;
        size_t used = (size_t)(end - lines) + 1;
        memmove(lines, end + 1, filled - used + 1);
        filled -= used;
    }
    return true;
}

int main(int argc, char *argv[]) {
    if (argc != 5 && argc != 7) {
        fprintf(stderr, "usage: %s ENDPOINT HOST PORT LIFETIME [PSK-IDENTITY PSK-KEY-HEX]\n", argv[0]);
        return 2;
    }
    device.endpoint = argv[1];
    device.host = argv[2];
    device.port = argv[3];
    device.lifetime = atoi(argv[4]);
    if (argc == 7) {
        device.identity = argv[5];
        device.keyLength = readHex(argv[6], device.key, sizeof(device.key));
    }
    snprintf(device.uri, sizeof(device.uri), "%s://%s:%s", device.identity ? "coaps" : "coap", device.host, device.port);
    device.message = malloc(LONGEST_MESSAGE);
    device.socket = lwm2m_create_socket("0", AF_INET);
    device.lwm2m = lwm2m_init(&device);
    if (device.message == NULL || device.socket < 0 || device.lwm2m == NULL) return 1;
    lwm2m_object_t *objects[] = {makeObject(LWM2M_SECURITY_OBJECT_ID), makeObject(LWM2M_SERVER_OBJECT_ID),
                                 makeObject(LWM2M_DEVICE_OBJECT_ID), makeObject(ESIPA_OBJECT)};
    device.security = objects[0];
    if (lwm2m_configure(device.lwm2m, device.endpoint, NULL, NULL, 4, objects) != 0) return 1;
    bool goesOn = true;
    while (goesOn) {
        time_t seconds = 60;
        if (lwm2m_step(device.lwm2m, &seconds) != 0) fprintf(stderr, "lwm2m_step failed\n");
        tellState();
        struct timeval wait = {.tv_sec = seconds < 1 ? 1 : seconds, .tv_usec = 0};
        fd_set readable;
        FD_ZERO(&readable);
        FD_SET(device.socket, &readable);
        FD_SET(STDIN_FILENO, &readable);
        int ready = select(device.socket + 1, &readable, NULL, NULL, &wait);
        if (ready < 0 && errno != EINTR) return 1;
        if (ready <= 0) continue;
        if (FD_ISSET(device.socket, &readable)) receive();
        if (FD_ISSET(STDIN_FILENO, &readable)) goesOn = takeLines();
    }
    lwm2m_close(device.lwm2m);
    return 0;
}
