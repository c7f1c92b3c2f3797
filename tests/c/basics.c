/* What the header promises, call by call. C99 and C++11. */
#include <panecast.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(condition)                                                       \
    do {                                                                       \
        if (!(condition)) {                                                    \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);    \
            exit(1);                                                           \
        }                                                                      \
    } while (0)
#define OK(call) CHECK((call) == PANECAST_STATUS_OK)
#define BAD(call) CHECK((call) == PANECAST_STATUS_INVALID_INPUT)

enum { W = 64, H = 48 };
static uint8_t pixels[W * H * 4];

static panecast_frame sound_frame(void) {
    panecast_frame frame;
    memset(&frame, 0, sizeof frame);
    frame.struct_size = sizeof frame;
    frame.format = PANECAST_FORMAT_BGRA;
    frame.width = W;
    frame.height = H;
    frame.planes[0].bytes = pixels;
    frame.planes[0].length = sizeof pixels;
    frame.planes[0].stride_bytes = W * 4;
    return frame;
}

static panecast_grant *granted(const char *source) {
    panecast_consent *consent = NULL;
    panecast_grant *grant = NULL;
    OK(panecast_consent_ask(PANECAST_PURPOSE_CAMERA, source, &consent));
    OK(panecast_consent_answer(consent, 1, &grant));
    return grant;
}

static void texts(void) {
    char text[8];
    char *text_of_mine = text;
    panecast_encoder *none = NULL;
    CHECK(strcmp(panecast_status_name(PANECAST_STATUS_DESYNC), "desync") == 0);
    CHECK(strcmp(panecast_status_name(4000), "unknown") == 0);
    CHECK(strlen(panecast_strerror(PANECAST_STATUS_REVOKED)) > 5);
    CHECK(strlen(panecast_strerror(0xFFFFFFFFu)) > 5);
    CHECK(strlen(panecast_version()) >= 5);
    BAD(panecast_encoder_forget(none));
    CHECK(panecast_last_error(NULL, text_of_mine, sizeof text) > sizeof text);
    CHECK(strlen(text) == sizeof text - 1);
    CHECK(panecast_last_error(NULL, NULL, 0) > 0);
}

static void frames(void) {
    panecast_encoder *encoder = NULL;
    panecast_encoder_config config;
    panecast_packet *packet = NULL;
    panecast_update update;
    panecast_frame frame = sound_frame();
    panecast_rect rect = {0, 0, 8, 8};
    const uint8_t *bytes = NULL;
    size_t length = 0;
    memset(&config, 0, sizeof config);
    memset(&update, 0, sizeof update);
    BAD(panecast_encoder_new(&config, &encoder)); /* struct_size of 0 */
    config.struct_size = sizeof config - 1;
    BAD(panecast_encoder_new(&config, &encoder));
    config.struct_size = 1u << 30;
    BAD(panecast_encoder_new(&config, &encoder));
    config.struct_size = sizeof config;
    config.mode = 77;
    BAD(panecast_encoder_new(&config, &encoder));
    config.mode = PANECAST_MODE_LOSSLESS;
    config.quality = 101;
    BAD(panecast_encoder_new(&config, &encoder));
    config.quality = 0;
    BAD(panecast_encoder_new(&config, NULL));
    CHECK(encoder == NULL);
    OK(panecast_encoder_new(&config, &encoder));

    BAD(panecast_encoder_encode(encoder, NULL, &packet, NULL));
    BAD(panecast_encoder_encode(encoder, &frame, NULL, NULL));
    BAD(panecast_encoder_encode(encoder, &frame, &packet, &update)); /* its struct_size is 0 */
    update.struct_size = sizeof update;
    frame.format = 4;
    BAD(panecast_encoder_encode(encoder, &frame, &packet, &update));
    frame = sound_frame();
    frame.width = 0;
    BAD(panecast_encoder_encode(encoder, &frame, &packet, &update));
    frame = sound_frame();
    frame.planes[0].stride_bytes = W * 4 - 1;
    BAD(panecast_encoder_encode(encoder, &frame, &packet, &update));
    frame.planes[0].stride_bytes = (size_t)-1;
    BAD(panecast_encoder_encode(encoder, &frame, &packet, &update));
    frame = sound_frame();
    frame.planes[0].length--;
    BAD(panecast_encoder_encode(encoder, &frame, &packet, &update));
    frame.planes[0].length = (size_t)-1;
    BAD(panecast_encoder_encode(encoder, &frame, &packet, &update));
    frame = sound_frame();
    frame.planes[0].bytes = NULL;
    BAD(panecast_encoder_encode(encoder, &frame, &packet, &update));
    frame = sound_frame();
    frame.format = PANECAST_FORMAT_I420; /* planes 1 and 2 are missing */
    BAD(panecast_encoder_encode(encoder, &frame, &packet, &update));
    frame = sound_frame();
    frame.damage_count = 1; /* NULL */
    BAD(panecast_encoder_encode(encoder, &frame, &packet, &update));
    frame.damage = &rect;
    frame.damage_count = (size_t)-1;
    CHECK(panecast_encoder_encode(encoder, &frame, &packet, &update) == PANECAST_STATUS_LIMIT_EXCEEDED);
    CHECK(packet == NULL);
    frame = sound_frame();
    frame.width = 1u << 20; /* a picture over the limits, in bytes that are there */
    frame.height = 1;
    frame.planes[0].stride_bytes = (size_t)4 << 20;
    frame.planes[0].length = (size_t)4 << 20;
    frame.planes[0].bytes = (uint8_t *)calloc(1, (size_t)4 << 20);
    CHECK(panecast_encoder_encode(encoder, &frame, &packet, &update) == PANECAST_STATUS_LIMIT_EXCEEDED);
    free((void *)(uintptr_t)frame.planes[0].bytes);

    frame = sound_frame();
    OK(panecast_encoder_encode(encoder, &frame, &packet, &update));
    CHECK(packet != NULL && update.kind == PANECAST_UPDATE_KIND_KEYFRAME && update.sequence == 1);
    BAD(panecast_packet_bytes(packet, NULL, &length));
    BAD(panecast_packet_bytes(packet, &bytes, NULL));
    OK(panecast_packet_bytes(packet, &bytes, &length));
    CHECK(length > 8 && bytes != NULL);
    OK(panecast_packet_free(packet));
    BAD(panecast_packet_free(packet));
    BAD(panecast_packet_bytes(packet, &bytes, &length));
    OK(panecast_encoder_encode(encoder, &frame, &packet, &update));
    CHECK(packet == NULL && update.kind == PANECAST_UPDATE_KIND_UNCHANGED);
    /* One type's handle in another's place. */
    BAD(panecast_packet_free((panecast_packet *)(void *)encoder));
    BAD(panecast_decoder_reset((panecast_decoder *)(void *)encoder));
    BAD(panecast_encoder_free((panecast_encoder *)(void *)&frame));
    OK(panecast_encoder_free(encoder));
    BAD(panecast_encoder_free(encoder));
    BAD(panecast_encoder_encode(encoder, &frame, &packet, &update));
    OK(panecast_encoder_free(NULL));
    OK(panecast_packet_free(NULL));
}

static void newer_callers(void) {
    struct {
        panecast_encoder_config known;
        uint64_t newer;
    } config;
    panecast_encoder *encoder = NULL;
    memset(&config, 0, sizeof config);
    config.known.struct_size = sizeof config;
    OK(panecast_encoder_new(&config.known, &encoder));
    OK(panecast_encoder_free(encoder));
    config.newer = 1;
    CHECK(panecast_encoder_new(&config.known, &encoder) == PANECAST_STATUS_UNSUPPORTED);
}

static void pictures(void) {
    panecast_decoder *decoder = NULL;
    panecast_encoder *encoder = NULL;
    panecast_packet *packet = NULL;
    panecast_frame frame = sound_frame();
    panecast_decoded decoded;
    panecast_picture picture;
    panecast_cursor cursor;
    panecast_limits limits;
    panecast_rect all = {0, 0, 0xFFFFFFFFu, 0xFFFFFFFFu};
    uint64_t lossy = 7;
    static uint8_t copy[H * (W * 4 + 8)];
    const uint8_t *bytes = NULL;
    size_t length = 0;
    memset(&decoded, 0, sizeof decoded);
    memset(&picture, 0, sizeof picture);
    memset(&cursor, 0, sizeof cursor);
    memset(&limits, 0, sizeof limits);
    decoded.struct_size = sizeof decoded;
    picture.struct_size = sizeof picture;
    cursor.struct_size = sizeof cursor;
    limits.struct_size = sizeof limits;
    OK(panecast_encoder_new(NULL, &encoder));
    OK(panecast_encoder_encode(encoder, &frame, &packet, NULL));
    OK(panecast_packet_bytes(packet, &bytes, &length));
    OK(panecast_decoder_new(&limits, &decoder));
    CHECK(panecast_decoder_picture(decoder, &picture) == PANECAST_STATUS_NOTHING_NOW);
    CHECK(panecast_decoder_next(decoder, &decoded) == PANECAST_STATUS_NOTHING_NOW);
    BAD(panecast_decoder_feed(decoder, NULL, 3));
    OK(panecast_decoder_feed(decoder, NULL, 0));
    OK(panecast_decoder_feed(decoder, bytes, length));
    OK(panecast_decoder_next(decoder, &decoded));
    CHECK(decoded.kind == PANECAST_DECODED_KIND_HEADER);
    OK(panecast_decoder_next(decoder, &decoded));
    CHECK(decoded.kind == PANECAST_DECODED_KIND_PICTURE && decoded.keyframe == 1 && decoded.dirty.width == W);
    OK(panecast_decoder_picture(decoder, &picture));
    CHECK(picture.width == W && picture.height == H && picture.length == sizeof pixels);
    CHECK(picture.struct_size == sizeof picture && picture.lossy_px == 0);
    BAD(panecast_decoder_copy_picture(decoder, W, H, copy, W * 4 * H - 1, W * 4));
    BAD(panecast_decoder_copy_picture(decoder, W, H, copy, sizeof copy, W * 4 - 1));
    BAD(panecast_decoder_copy_picture(decoder, W + 1, H, copy, sizeof copy, W * 4 + 8));
    BAD(panecast_decoder_copy_picture(decoder, W, H, NULL, sizeof copy, W * 4));
    memset(copy, 9, sizeof copy);
    OK(panecast_decoder_copy_picture(decoder, W, H, copy, sizeof copy - 8, W * 4 + 8));
    CHECK(memcmp(copy + W * 4 + 8, picture.pixels + W * 4, W * 4) == 0 && copy[W * 4] == 9);
    OK(panecast_decoder_lossy_px(decoder, &all, &lossy));
    CHECK(lossy == 0);
    OK(panecast_decoder_cursor(decoder, &cursor));
    CHECK(cursor.visible == 0 && cursor.pixels == NULL);
    OK(panecast_decoder_feed(decoder, pixels, 200));
    CHECK(panecast_decoder_next(decoder, &decoded) == PANECAST_STATUS_INVALID_DATA);
    CHECK(panecast_last_error(decoder, NULL, 0) > 0);
    CHECK(panecast_decoder_picture(decoder, &picture) == PANECAST_STATUS_NOTHING_NOW);
    OK(panecast_decoder_reset(decoder));
    OK(panecast_decoder_feed(decoder, bytes, length));
    OK(panecast_decoder_next(decoder, NULL));
    OK(panecast_packet_free(packet));
    OK(panecast_encoder_free(encoder));
    OK(panecast_decoder_free(decoder));
}

static void words(void) {
    panecast_consent *consent = NULL;
    panecast_grant *grant = NULL;
    panecast_share *share = NULL;
    panecast_mask mask;
    panecast_frame frame = sound_frame();
    uint32_t revoked = 7;
    const char bad_utf8[] = "file:\xff\xfe";
    BAD(panecast_consent_ask(9, "screen", &consent));
    BAD(panecast_consent_ask(PANECAST_PURPOSE_SCREEN, NULL, &consent));
    BAD(panecast_consent_ask(PANECAST_PURPOSE_SCREEN, bad_utf8, &consent));
    BAD(panecast_consent_ask(PANECAST_PURPOSE_SCREEN, "no such source", &consent));
    OK(panecast_consent_ask(PANECAST_PURPOSE_CAMERA, "push:64x48", &consent));
    BAD(panecast_consent_answer(consent, 2, &grant));
    BAD(panecast_consent_answer(consent, 1, NULL));
    CHECK(panecast_consent_answer(consent, 0, &grant) == PANECAST_STATUS_DENIED && grant == NULL);
    BAD(panecast_consent_answer(consent, 1, &grant));
    BAD(panecast_consent_free(consent));
    BAD(panecast_share_start(grant, "push:64x48", NULL, &share));
    grant = granted("push:64x48");
    CHECK(panecast_share_start(grant, "push:64x49", NULL, &share) == PANECAST_STATUS_DENIED);
    OK(panecast_share_start(grant, "push:64x48", NULL, &share));
    memset(&mask, 0, sizeof mask);
    mask.kind = 3;
    BAD(panecast_share_set_masks(share, &mask, 1));
    mask.kind = PANECAST_MASK_KIND_RECT;
    BAD(panecast_share_set_masks(share, &mask, 1));
    mask.kind = PANECAST_MASK_KIND_WINDOW;
    BAD(panecast_share_set_masks(share, &mask, 1));
    mask.window = "title:bank";
    OK(panecast_share_set_masks(share, &mask, 1));
    BAD(panecast_share_set_masks(share, NULL, 1));
    OK(panecast_share_set_masks(share, NULL, 0));
    OK(panecast_grant_is_revoked(grant, &revoked));
    CHECK(revoked == 0);
    OK(panecast_share_push(share, &frame));
    OK(panecast_grant_revoke(grant));
    OK(panecast_grant_is_revoked(grant, &revoked));
    CHECK(revoked == 1);
    CHECK(panecast_share_push(share, &frame) == PANECAST_STATUS_REVOKED);
    OK(panecast_share_stop(share));
    CHECK(panecast_share_push(share, &frame) == PANECAST_STATUS_CLOSED);
    OK(panecast_grant_free(grant));
    OK(panecast_share_free(share));
    BAD(panecast_share_free(share));
}

typedef struct {
    pthread_mutex_t lock;
    pthread_cond_t came;
    panecast_share *share;
    int calls, freed, stopped;
} callback;

static void told(const panecast_event *event, void *user) {
    callback *me = (callback *)user;
    CHECK(event->struct_size == sizeof *event);
    pthread_mutex_lock(&me->lock);
    me->calls++;
    if (event->kind == PANECAST_EVENT_KIND_PACKET && me->share != NULL) {
        /* It may call back into the library, but not free its own share. */
        panecast_stats stats;
        memset(&stats, 0, sizeof stats);
        stats.struct_size = sizeof stats;
        OK(panecast_share_stats(me->share, &stats));
        CHECK(event->packet == NULL && event->length > 0);
        BAD(panecast_share_free(me->share));
        me->freed = 1;
        OK(panecast_share_stop(me->share));
        me->stopped = 1;
    }
    pthread_cond_signal(&me->came);
    pthread_mutex_unlock(&me->lock);
}

static void callbacks(void) {
    callback me;
    panecast_grant *grant = granted("push:64x48");
    panecast_share_config config;
    panecast_frame frame = sound_frame();
    panecast_event event;
    panecast_share *share = NULL;
    memset(&me, 0, sizeof me);
    memset(&event, 0, sizeof event);
    pthread_mutex_init(&me.lock, NULL);
    pthread_cond_init(&me.came, NULL);
    memset(&config, 0, sizeof config);
    config.struct_size = sizeof config;
    config.on_event = told;
    config.user = &me;
    event.struct_size = sizeof event;
    OK(panecast_share_start(grant, "push:64x48", &config, &share));
    pthread_mutex_lock(&me.lock);
    me.share = share;
    pthread_mutex_unlock(&me.lock);
    BAD(panecast_share_next(share, 0, &event));
    OK(panecast_share_viewer_joined(share, 1));
    OK(panecast_share_push(share, &frame));
    pthread_mutex_lock(&me.lock);
    while (!me.stopped) pthread_cond_wait(&me.came, &me.lock);
    CHECK(me.freed);
    pthread_mutex_unlock(&me.lock);
    OK(panecast_share_free(share));
    /* Nothing is told after the share is freed: the lock may go. */
    pthread_mutex_destroy(&me.lock);
    pthread_cond_destroy(&me.came);
    OK(panecast_grant_free(grant));
}

static int lines;
static void logged(uint32_t level, const char *line, void *user) {
    CHECK(level >= PANECAST_LOG_LEVEL_ERROR && level <= PANECAST_LOG_LEVEL_DEBUG && strlen(line) > 0);
    CHECK(user == (void *)&lines);
    lines++;
    panecast_encoder_forget(NULL); /* its failing is not told */
}

static void logs(void) {
    BAD(panecast_log_set(4, logged, &lines));
    OK(panecast_log_set(PANECAST_LOG_LEVEL_DEBUG, logged, &lines));
    BAD(panecast_encoder_forget(NULL));
    CHECK(lines == 1);
    OK(panecast_log_set(PANECAST_LOG_LEVEL_INFO, logged, &lines));
    BAD(panecast_encoder_forget(NULL));
    CHECK(lines == 1);
    OK(panecast_log_set(0, NULL, NULL));
    BAD(panecast_encoder_forget(NULL));
    CHECK(lines == 1);
}

typedef struct {
    pthread_mutex_t lock;
    pthread_cond_t came;
    int within, left;
} hall;

/* Both threads are in their callback before either asks for another one. */
static void meets(uint32_t level, const char *line, void *user) {
    hall *here = (hall *)user;
    (void)level, (void)line;
    pthread_mutex_lock(&here->lock);
    here->within++;
    pthread_cond_broadcast(&here->came);
    while (here->within < 2) pthread_cond_wait(&here->came, &here->lock);
    pthread_mutex_unlock(&here->lock);
    OK(panecast_log_set(PANECAST_LOG_LEVEL_INFO, meets, here));
    pthread_mutex_lock(&here->lock);
    here->left++;
    pthread_mutex_unlock(&here->lock);
}

static void *fails(void *unused) {
    (void)unused;
    BAD(panecast_encoder_forget(NULL));
    return NULL;
}

static void logs_by_two(void) {
    pthread_t two[2];
    hall here;
    memset(&here, 0, sizeof here);
    pthread_mutex_init(&here.lock, NULL);
    pthread_cond_init(&here.came, NULL);
    OK(panecast_log_set(PANECAST_LOG_LEVEL_DEBUG, meets, &here));
    CHECK(pthread_create(&two[0], NULL, fails, NULL) == 0);
    CHECK(pthread_create(&two[1], NULL, fails, NULL) == 0);
    pthread_mutex_lock(&here.lock);
    while (here.within < 2) pthread_cond_wait(&here.came, &here.lock);
    pthread_mutex_unlock(&here.lock);
    OK(panecast_log_set(0, NULL, NULL));
    /* Nothing is called any more, so this needs no lock. */
    CHECK(here.left == 2);
    CHECK(pthread_join(two[0], NULL) == 0 && pthread_join(two[1], NULL) == 0);
    pthread_mutex_destroy(&here.lock);
    pthread_cond_destroy(&here.came);
}

static void sources(void) {
    panecast_sources *list = NULL;
    panecast_source source;
    size_t count = 0;
    memset(&source, 0, sizeof source);
    source.struct_size = sizeof source;
    OK(panecast_sources_list(&list));
    OK(panecast_sources_count(list, &count));
    CHECK(count >= 1);
    CHECK(panecast_sources_at(list, count, &source) == PANECAST_STATUS_NOT_FOUND);
    OK(panecast_sources_at(list, count - 1, &source));
    CHECK(source.kind == PANECAST_SOURCE_KIND_PATTERN && strncmp(source.id, "pattern:", 8) == 0);
    CHECK(source.width > 0 && strlen(source.name) > 0);
    CHECK(source.has_place == 0 && source.scale_percent == 100 && source.rotation_degrees == 0);
    CHECK(source.class_name == NULL && source.facing == PANECAST_FACING_UNKNOWN);
    OK(panecast_sources_free(list));
    BAD(panecast_sources_count(list, &count));
}

static void permission(void) {
    uint32_t state = 99;
    char next[8];
    memset(next, 'x', sizeof next);
    OK(panecast_permission(PANECAST_PURPOSE_PREPARED, &state, next, sizeof next));
    CHECK(state == PANECAST_PERMISSION_STATE_GRANTED && next[0] == 0);
    OK(panecast_permission(PANECAST_PURPOSE_CAMERA, &state, NULL, 0));
    CHECK(state <= PANECAST_PERMISSION_STATE_RESTRICTED);
    OK(panecast_permission(PANECAST_PURPOSE_CAMERA, &state, next, sizeof next));
    CHECK(memchr(next, 0, sizeof next) != NULL);
    BAD(panecast_permission(PANECAST_PURPOSE_PREPARED, NULL, NULL, 0));
    BAD(panecast_permission(77, &state, NULL, 0));
}

static panecast_session_event fresh(void) {
    panecast_session_event event;
    memset(&event, 0, sizeof event);
    event.struct_size = sizeof event;
    return event;
}

/* Links that open an app, and relays' addresses. */
static void links(void) {
    static const char secret[] = "0123456789abcdefghjkmnpqr0";
    panecast_link *link = NULL, *again = NULL;
    panecast_link_info info, drawn;
    memset(&info, 0, sizeof info);
    BAD(panecast_link_read(NULL, NULL, &link));
    BAD(panecast_link_read("https://relay.example/camera#short", NULL, &link));
    BAD(panecast_link_read("shop://relay.example/camera#0123456789abcdefghjkmnpqr0", NULL, &link));
    BAD(panecast_link_read("https://relay.example/camera#0123456789abcdefghjkmnpqr0", NULL, NULL));
    OK(panecast_link_read("shop://relay.example/camera?tenant=a%20b#0123456789abcdefghjkmnpqr0", "shop", &link));
    BAD(panecast_link_tell(link, &info));
    info.struct_size = sizeof info;
    OK(panecast_link_tell(link, &info));
    CHECK(info.goal == PANECAST_LINK_GOAL_CAMERA && info.secure == 1 && info.needs_key == 0);
    CHECK(strcmp(info.relay, "https://relay.example") == 0 && strcmp(info.tenant, "a b") == 0);
    CHECK(strcmp(info.host_socket, "wss://relay.example/ws/host") == 0);
    CHECK(strcmp(info.joiner_socket, "wss://relay.example/ws/join") == 0);
    CHECK(strcmp(info.secret, secret) == 0 && strncmp(info.url, "https://relay.example/camera?", 29) == 0);
    OK(panecast_link_free(link));
    BAD(panecast_link_tell(link, &info));
    BAD(panecast_link_free(link));
    OK(panecast_link_write(PANECAST_LINK_GOAL_KEY, "127.0.0.1:7700", NULL, "482 913 507", &link));
    OK(panecast_link_tell(link, &info));
    CHECK(strcmp(info.url, "http://127.0.0.1:7700/#482913507") == 0 && strcmp(info.tenant, "default") == 0);
    OK(panecast_link_free(link));
    BAD(panecast_link_write(4, "127.0.0.1:7700", NULL, "482 913 507", &link));
    BAD(panecast_link_write(PANECAST_LINK_GOAL_KEY, "127.0.0.1:7700", "", "482 913 507", &link));
    OK(panecast_link_draw("relay.example", NULL, &link));
    OK(panecast_link_draw("relay.example", NULL, &again));
    memset(&drawn, 0, sizeof drawn);
    drawn.struct_size = sizeof drawn;
    OK(panecast_link_tell(link, &info));
    OK(panecast_link_tell(again, &drawn));
    CHECK(info.goal == PANECAST_LINK_GOAL_CAMERA && strcmp(info.secret, drawn.secret) != 0);
    OK(panecast_link_free(link));
    OK(panecast_link_free(again));
    BAD(panecast_link_relay("ftp://relay.example", &link));
    OK(panecast_link_relay("wss://relay.example:8443/", &link));
    OK(panecast_link_tell(link, &info));
    CHECK(info.goal == PANECAST_LINK_GOAL_NONE && info.tenant == NULL && info.secret == NULL);
    CHECK(strcmp(info.host_socket, "wss://relay.example:8443/ws/host") == 0);
    OK(panecast_link_free(link));
    OK(panecast_link_free(NULL));
}

/* Every refusal of the relay's arrives as its number and its text. */
static void refusals(void) {
    static const char *kinds[] = {"wrong-key", "full", "version", "bad-message", "too-many-tries",
                                  "declined", "unavailable", "not-allowed", "spent"};
    uint32_t i;
    for (i = 0; i < 9; i++) {
        panecast_joiner *joiner = NULL;
        panecast_joiner_config way;
        panecast_session_event event = fresh();
        char text[96];
        memset(&way, 0, sizeof way);
        way.struct_size = sizeof way;
        way.key = "123456789";
        OK(panecast_joiner_new(&way, &joiner));
        OK(panecast_joiner_connected(joiner, NULL));
        snprintf(text, sizeof text, "{\"type\":\"refused\",\"kind\":\"%s\",\"message\":\"no %u\"}", kinds[i], (unsigned)i);
        OK(panecast_joiner_text(joiner, text, strlen(text)));
        do {
            OK(panecast_packet_free(event.held));
            event = fresh();
            OK(panecast_joiner_next(joiner, 1000, &event));
        } while (event.kind != PANECAST_SESSION_EVENT_KIND_REFUSED);
        snprintf(text, sizeof text, "no %u", (unsigned)i);
        CHECK(event.refusal == i && strcmp(event.text, text) == 0);
        OK(panecast_packet_free(event.held));
        OK(panecast_joiner_free(joiner));
    }
    CHECK(PANECAST_REFUSAL_SPENT == 8);
}

static void ends_of_sessions(void) {
    panecast_host *host = NULL;
    panecast_joiner *joiner = NULL;
    panecast_host_config config;
    panecast_joiner_config way;
    panecast_session_event event = fresh();
    panecast_frame frame = sound_frame();
    panecast_picture picture;
    panecast_stats stats;
    panecast_point point = {1, 2};
    memset(&config, 0, sizeof config);
    memset(&way, 0, sizeof way);
    memset(&picture, 0, sizeof picture);
    memset(&stats, 0, sizeof stats);
    BAD(panecast_host_new(&config, &host));
    config.struct_size = sizeof config;
    config.reserved = 1;
    BAD(panecast_host_new(&config, &host));
    config.reserved = 0;
    config.visitor = "visitor 1"; /* without the tenant's key */
    BAD(panecast_host_new(&config, &host));
    config.tenant_key = "no key at all";
    CHECK(panecast_host_new(&config, &host) != PANECAST_STATUS_OK);
    config.visitor = config.tenant_key = NULL;
    OK(panecast_host_new(&config, &host));
    event.struct_size = 3;
    BAD(panecast_host_next(host, 0, &event));
    event = fresh();
    OK(panecast_host_next(host, 1000, &event));
    CHECK(event.kind == PANECAST_SESSION_EVENT_KIND_CONNECT && event.after_ms == 0 && event.held == NULL);
    CHECK(panecast_host_next(host, 0, &event) == PANECAST_STATUS_NOTHING_NOW);
    OK(panecast_host_connected(host, NULL));
    OK(panecast_host_next(host, 1000, &event));
    CHECK(event.kind == PANECAST_SESSION_EVENT_KIND_SEND_TEXT && strstr(event.text, "hello") != NULL);
    OK(panecast_packet_free(event.held));
    BAD(panecast_packet_free(event.held));
    BAD(panecast_host_text(host, "\xff", 1));
    BAD(panecast_host_text(host, NULL, 1));
    CHECK(panecast_host_push(host, &frame) == PANECAST_STATUS_DENIED);
    BAD(panecast_host_allow(host, 7, PANECAST_PURPOSE_SCREEN, "push:64x48"));
    BAD(panecast_host_allow(host, 7, 9, "push:64x48"));
    BAD(panecast_host_open_link(host, 5, 1, 60));
    BAD(panecast_host_stats(host, &stats));
    stats.struct_size = sizeof stats;
    OK(panecast_host_stats(host, &stats));
    OK(panecast_host_stop(host));
    CHECK(panecast_host_next(host, 0, &event) == PANECAST_STATUS_CLOSED);
    CHECK(panecast_host_pause(host) == PANECAST_STATUS_CLOSED);
    OK(panecast_host_free(host));
    BAD(panecast_host_free(host));

    way.struct_size = sizeof way;
    BAD(panecast_joiner_new(NULL, &joiner));
    BAD(panecast_joiner_new(&way, &joiner)); /* no way in */
    way.key = "12";
    CHECK(panecast_joiner_new(&way, &joiner) != PANECAST_STATUS_OK && joiner == NULL);
    way.key = "123 456 789";
    way.sent_link = "two ways";
    CHECK(panecast_joiner_new(&way, &joiner) != PANECAST_STATUS_OK);
    way.sent_link = NULL;
    OK(panecast_joiner_new(&way, &joiner));
    OK(panecast_joiner_next(joiner, 1000, &event));
    CHECK(event.kind == PANECAST_SESSION_EVENT_KIND_CONNECT);
    picture.struct_size = sizeof picture;
    CHECK(panecast_joiner_picture(joiner, &picture) == PANECAST_STATUS_NOT_FOUND);
    CHECK(panecast_joiner_copy_picture(joiner, W, H, pixels, sizeof pixels, W * 4) == PANECAST_STATUS_NOT_FOUND);
    OK(panecast_joiner_point(joiner, &point));
    OK(panecast_joiner_point(joiner, NULL));
    BAD(panecast_joiner_draw(joiner, 1, 9, 0xFF0000, &point, 1));
    BAD(panecast_joiner_draw(joiner, 1, PANECAST_TOOL_PEN, 0xFF0000, &point, 513));
    BAD(panecast_joiner_draw(joiner, 1, PANECAST_TOOL_PEN, 0xFF0000, NULL, 1));
    BAD(panecast_joiner_pause(joiner, 2));
    OK(panecast_joiner_free(joiner));
    OK(panecast_joiner_free(NULL));
}

typedef struct {
    pthread_mutex_t lock;
    pthread_cond_t came;
    panecast_host *host;
    int kinds, last;
} ear;

static void heard(const panecast_session_event *event, void *user) {
    ear *me = (ear *)user;
    pthread_mutex_lock(&me->lock);
    me->kinds++;
    me->last = (int)event->kind;
    CHECK(event->held == NULL);
    if (event->kind == PANECAST_SESSION_EVENT_KIND_SEND_TEXT) {
        CHECK(strstr(event->text, "hello") != NULL);
        BAD(panecast_host_free(me->host));
        OK(panecast_host_stop(me->host));
    }
    pthread_cond_signal(&me->came);
    pthread_mutex_unlock(&me->lock);
}

static void sessions_by_callback(void) {
    ear me;
    panecast_host_config config;
    panecast_session_event event = fresh();
    panecast_host *host = NULL;
    memset(&me, 0, sizeof me);
    memset(&config, 0, sizeof config);
    pthread_mutex_init(&me.lock, NULL);
    pthread_cond_init(&me.came, NULL);
    config.struct_size = sizeof config;
    config.on_event = heard;
    config.user = &me;
    pthread_mutex_lock(&me.lock);
    OK(panecast_host_new(&config, &host));
    me.host = host;
    while (me.kinds < 1) pthread_cond_wait(&me.came, &me.lock);
    CHECK(me.last == PANECAST_SESSION_EVENT_KIND_CONNECT);
    pthread_mutex_unlock(&me.lock);
    BAD(panecast_host_next(host, 0, &event));
    OK(panecast_host_connected(host, "token"));
    pthread_mutex_lock(&me.lock);
    while (me.kinds < 2) pthread_cond_wait(&me.came, &me.lock);
    pthread_mutex_unlock(&me.lock);
    OK(panecast_host_free(host));
    CHECK(me.kinds == 2); /* stopped in the second call */
    pthread_mutex_destroy(&me.lock);
    pthread_cond_destroy(&me.came);
    /* Freed at once, before or after its first event. */
    config.on_event = NULL;
    OK(panecast_host_new(&config, &host));
    OK(panecast_host_free(host));
}

int main(void) {
    size_t i;
    for (i = 0; i < sizeof pixels; i++) pixels[i] = (uint8_t)(i * i >> 5);
    texts();
    frames();
    newer_callers();
    pictures();
    words();
    callbacks();
    logs();
    logs_by_two();
    sources();
    permission();
    ends_of_sessions();
    refusals();
    links();
    sessions_by_callback();
    CHECK(panecast_handles_alive() == 0);
    printf("# pass 11\n");
    return 0;
}
