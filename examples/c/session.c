/* A session through a relay, with a WebSocket of libwebsockets':
 *
 *   session host http://127.0.0.1:8080 [--yes]     shows frames of its own to whom you allow, and prints the key
 *   session join http://127.0.0.1:8080 KEY [--cut] watches, and leaves after five pictures; cuts its line after two
 *
 * The library tells what happens on a thread of its own; the main thread serves the socket. */
#include <panecast.h>
#include <libwebsockets.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WIDTH = 320, HEIGHT = 240, ENOUGH = 5 };

typedef struct message {
    struct message *next;
    int binary;
    size_t length;
    unsigned char bytes[]; /* LWS_PRE bytes that libwebsockets wants, then the message */
} message;

typedef struct {
    /* One of the two. */
    panecast_host *host;
    panecast_joiner *joiner;
    char address[128];
    int port, yes, cut;
    struct lws_context *context;
    struct lws *socket;
    lws_sorted_usec_list_t timer;
    unsigned char *received;
    size_t received_length;
    /* Between the two threads. */
    pthread_mutex_t lock;
    message *first, **last;
    long connect_ms; /* below 0: not now */
    int disconnect, ended, watched, pictures, reason, connections, early;
} session;

static session *me;

static void queue(const void *bytes, size_t length, int binary) {
    message *m = malloc(sizeof *m + LWS_PRE + length);
    if (m == NULL) abort();
    m->next = NULL;
    m->binary = binary;
    m->length = length;
    memcpy(m->bytes + LWS_PRE, bytes, length);
    *me->last = m;
    me->last = &m->next;
}

static void forget_messages(void) {
    while (me->first != NULL) {
        message *m = me->first;
        me->first = m->next;
        free(m);
    }
    me->last = &me->first;
}

/* The consent callback: who asks, and what for. */
static int allowed(const panecast_session_event *event) {
    char answer[8] = "";
    if (me->yes) return 1;
    printf("%s%s asks to see your screen. Allow? [y/n] ", event->text, event->agent ? " (proven)" : "");
    fflush(stdout);
    return fgets(answer, sizeof answer, stdin) != NULL && answer[0] == 'y';
}

/* On a thread of the library. */
static void told(const panecast_session_event *event, void *user) {
    (void)user;
    switch (event->kind) {
    case PANECAST_SESSION_EVENT_KIND_KEY:
        printf("key %s\n", event->text);
        fflush(stdout);
        return;
    case PANECAST_SESSION_EVENT_KIND_ASK:
        if (allowed(event)) {
            panecast_status status = panecast_host_allow(me->host, event->joiner, event->purpose, "push:320x240");
            pthread_mutex_lock(&me->lock);
            me->watched = status == PANECAST_STATUS_OK;
            pthread_mutex_unlock(&me->lock);
        } else {
            panecast_host_decline(me->host, event->joiner);
        }
        return;
    case PANECAST_SESSION_EVENT_KIND_LEFT:
        printf("%s left\n", event->text);
        panecast_host_end(me->host);
        return;
    case PANECAST_SESSION_EVENT_KIND_PICTURE: {
        panecast_picture picture = {0};
        picture.struct_size = sizeof picture;
        /* Within the callback the picture stays as it is: paint it here. */
        if (panecast_joiner_picture(me->joiner, &picture) == PANECAST_STATUS_OK) {
            const uint8_t *corner = picture.pixels;
            printf("picture %ux%u, %02x%02x%02x\n", picture.width, picture.height, corner[2], corner[1], corner[0]);
            if (++me->pictures == ENOUGH) panecast_joiner_leave(me->joiner);
        }
        if (me->cut && me->pictures == 2) break;
        return;
    }
    default: break;
    }
    pthread_mutex_lock(&me->lock);
    switch (event->kind) {
    case PANECAST_SESSION_EVENT_KIND_CONNECT: me->connect_ms = (long)event->after_ms; break;
    case PANECAST_SESSION_EVENT_KIND_SEND_TEXT: queue(event->text, strlen(event->text), 0); break;
    case PANECAST_SESSION_EVENT_KIND_SEND_BINARY: queue(event->bytes, event->length, 1); break;
    case PANECAST_SESSION_EVENT_KIND_DISCONNECT: me->disconnect = 1; break;
    case PANECAST_SESSION_EVENT_KIND_PICTURE: me->disconnect = 1; break; /* --cut: as a bad network does */
    case PANECAST_SESSION_EVENT_KIND_REFUSED: printf("refused: %u, %s\n", event->refusal, event->text); break;
    case PANECAST_SESSION_EVENT_KIND_ENDED:
        me->reason = (int)event->reason;
        me->ended = 1;
        break;
    default: break;
    }
    pthread_mutex_unlock(&me->lock);
    lws_cancel_service(me->context); /* wakes the main thread */
}

static void disconnected(void) {
    me->socket = NULL;
    me->received_length = 0;
    if (me->host != NULL) {
        panecast_host_disconnected(me->host);
    } else {
        panecast_joiner_disconnected(me->joiner);
    }
}

/* The first messages go with the request where the relay takes them. */
static void connect_now(lws_sorted_usec_list_t *timer) {
    struct lws_client_connect_info info;
    panecast_packet *early = NULL;
    const uint8_t *protocols = NULL;
    size_t length = 0;
    (void)timer;
    memset(&info, 0, sizeof info);
    if (me->socket != NULL) lws_set_timeout(me->socket, PENDING_TIMEOUT_CLOSE_SEND, LWS_TO_KILL_ASYNC);
    pthread_mutex_lock(&me->lock);
    forget_messages(); /* of the line before */
    me->disconnect = 0;
    pthread_mutex_unlock(&me->lock);
    if (me->host != NULL) {
        panecast_host_early(me->host, NULL, &early);
    } else {
        panecast_joiner_early(me->joiner, NULL, &early);
    }
    if (early != NULL) panecast_packet_bytes(early, &protocols, &length);
    info.protocol = (const char *)protocols;
    info.context = me->context;
    info.address = info.host = me->address;
    info.port = me->port;
    info.path = me->host != NULL ? "/ws/host" : "/ws/join";
    info.local_protocol_name = "panecast";
    me->socket = lws_client_connect_via_info(&info);
    panecast_packet_free(early);
    if (me->socket == NULL) disconnected();
}

/* What the library asked for, on the main thread. */
static void carry_out(void) {
    pthread_mutex_lock(&me->lock);
    if (me->connect_ms >= 0) {
        lws_sul_schedule(me->context, 0, &me->timer, connect_now, (lws_usec_t)me->connect_ms * 1000 + 1);
        me->connect_ms = -1;
    }
    if (me->socket != NULL && (me->first != NULL || me->disconnect)) lws_callback_on_writable(me->socket);
    pthread_mutex_unlock(&me->lock);
}

/* Sends the next message; below 0 to close. */
static int send_next(struct lws *socket) {
    message *m;
    int more, written = 0;
    pthread_mutex_lock(&me->lock);
    m = me->first;
    if (m != NULL) {
        me->first = m->next;
        if (me->first == NULL) me->last = &me->first;
    }
    more = me->first != NULL || me->disconnect;
    pthread_mutex_unlock(&me->lock);
    if (m == NULL) return me->disconnect ? -1 : 0;
    written = lws_write(socket, m->bytes + LWS_PRE, m->length, m->binary ? LWS_WRITE_BINARY : LWS_WRITE_TEXT);
    free(m);
    if (more) lws_callback_on_writable(socket);
    return written < 0 ? -1 : 0;
}

static void receive(struct lws *socket, const void *bytes, size_t length) {
    me->received = realloc(me->received, me->received_length + length + 1);
    if (me->received == NULL) abort();
    memcpy(me->received + me->received_length, bytes, length);
    me->received_length += length;
    if (!lws_is_final_fragment(socket) || lws_remaining_packet_payload(socket) > 0) {
        if (me->host != NULL) panecast_host_alive(me->host);
        if (me->joiner != NULL) panecast_joiner_alive(me->joiner);
        return;
    }
    if (me->host != NULL) {
        if (lws_frame_is_binary(socket)) {
            panecast_host_binary(me->host, me->received, me->received_length);
        } else {
            panecast_host_text(me->host, (const char *)me->received, me->received_length);
        }
    } else if (lws_frame_is_binary(socket)) {
        panecast_joiner_binary(me->joiner, me->received, me->received_length);
    } else {
        panecast_joiner_text(me->joiner, (const char *)me->received, me->received_length);
    }
    me->received_length = 0;
}

static int served(struct lws *socket, enum lws_callback_reasons reason, void *user, void *in, size_t length) {
    static char protocol[64];
    (void)user;
    switch (reason) {
    case LWS_CALLBACK_EVENT_WAIT_CANCELLED: carry_out(); break;
    case LWS_CALLBACK_CLIENT_FILTER_PRE_ESTABLISH:
        protocol[0] = 0; /* stays so if the answer names none */
        lws_hdr_copy(socket, protocol, sizeof protocol, WSI_TOKEN_PROTOCOL);
        break;
    case LWS_CALLBACK_CLIENT_ESTABLISHED:
        me->connections++;
        me->early += protocol[0] != 0;
        if (me->host != NULL) {
            panecast_host_opened(me->host, protocol);
        } else {
            panecast_joiner_opened(me->joiner, protocol);
        }
        break;
    case LWS_CALLBACK_CLIENT_RECEIVE: receive(socket, in, length); break;
    case LWS_CALLBACK_CLIENT_WRITEABLE: return send_next(socket);
    case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
    case LWS_CALLBACK_CLIENT_CLOSED:
        if (socket == me->socket) disconnected();
        break;
    default: break;
    }
    return 0;
}

/* The app's own frames: a box that moves. */
static void push(int index) {
    static uint8_t pixels[HEIGHT][WIDTH][4];
    panecast_frame frame = {0};
    int x, y;
    for (y = 0; y < HEIGHT; y++) {
        for (x = 0; x < WIDTH; x++) {
            int box = x / 20 == index % 16 && y / 20 == 5;
            pixels[y][x][0] = 0x99;
            pixels[y][x][1] = box ? 0xFF : 0x66;
            pixels[y][x][2] = box ? 0xFF : 0x33;
            pixels[y][x][3] = 255;
        }
    }
    frame.struct_size = sizeof frame;
    frame.format = PANECAST_FORMAT_BGRA;
    frame.width = WIDTH;
    frame.height = HEIGHT;
    frame.planes[0].bytes = &pixels[0][0][0];
    frame.planes[0].length = sizeof pixels;
    frame.planes[0].stride_bytes = sizeof pixels[0];
    frame.timestamp_us = (uint64_t)index * 50000;
    panecast_host_push(me->host, &frame);
}

static void push_again(lws_sorted_usec_list_t *timer) {
    static int index;
    int watched;
    pthread_mutex_lock(&me->lock);
    watched = me->watched;
    pthread_mutex_unlock(&me->lock);
    if (watched) push(index++);
    lws_sul_schedule(me->context, 0, timer, push_again, 50000);
}

static int usage(void) {
    fprintf(stderr, "usage: session host URL [--yes] | session join URL KEY [--cut]\n");
    return 2;
}

int main(int argc, char **argv) {
    static session all;
    static const struct lws_protocols protocols[] = {{"panecast", served, 0, 65536, 0, NULL, 0}, {NULL, NULL, 0, 0, 0, NULL, 0}};
    struct lws_context_creation_info info;
    lws_sorted_usec_list_t pushes;
    panecast_status status;
    int ended = 0, hosts = argc >= 3 && strcmp(argv[1], "host") == 0;
    if (argc < 3 || sscanf(argv[2], "http://%127[^:/]:%d", all.address, &all.port) != 2) return usage();
    if (!hosts && argc < 4) return usage();
    me = &all;
    pthread_mutex_init(&all.lock, NULL);
    all.last = &all.first;
    all.connect_ms = -1;
    all.yes = hosts && argc > 3 && strcmp(argv[3], "--yes") == 0;
    all.cut = !hosts && argc > 4 && strcmp(argv[4], "--cut") == 0;
    lws_set_log_level(LLL_ERR, NULL);
    memset(&info, 0, sizeof info);
    memset(&pushes, 0, sizeof pushes);
    info.port = CONTEXT_PORT_NO_LISTEN;
    info.protocols = protocols;
    info.max_http_header_data = 8192; /* first messages have up to 4 KiB */
    info.pt_serv_buf_size = 16384;
    all.context = lws_create_context(&info);
    if (all.context == NULL) return 1;
    if (hosts) {
        panecast_host_config config = {0};
        config.struct_size = sizeof config;
        config.on_event = told;
        status = panecast_host_new(&config, &all.host);
        push_again(&pushes);
    } else {
        panecast_joiner_config config = {0};
        config.struct_size = sizeof config;
        config.purpose = PANECAST_PURPOSE_SCREEN;
        config.who = "the C example";
        config.key = argv[3];
        config.on_event = told;
        status = panecast_joiner_new(&config, &all.joiner);
    }
    if (status != PANECAST_STATUS_OK) {
        char text[256];
        panecast_last_error(NULL, text, sizeof text);
        fprintf(stderr, "%s: %s\n", panecast_status_name(status), text);
    }
    while (status == PANECAST_STATUS_OK && (!ended || all.socket != NULL) && lws_service(all.context, 0) >= 0) {
        pthread_mutex_lock(&all.lock);
        ended = all.ended;
        pthread_mutex_unlock(&all.lock);
    }
    panecast_host_free(all.host); /* after these, nothing is told any more */
    panecast_joiner_free(all.joiner);
    lws_context_destroy(all.context);
    forget_messages();
    free(all.received);
    printf("ended, reason %d, %d connections, %d with first messages\n", all.reason, all.connections, all.early);
    return status == PANECAST_STATUS_OK && (hosts || all.pictures >= ENOUGH) ? 0 : 1;
}
