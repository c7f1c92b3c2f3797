/* Random calls on four threads over the same few handles, NULLs, freed handles, strange integers and sizes among them:
 * every call answers with a status, and nothing is left in the end. chaos [SEED [CALLS]] */
#include <panecast.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { THREADS = 4, SLOTS = 6, W = 48, H = 32 };

/* Handles of all types in one place, freed ones among them: any may be handed to any function. */
static void *slots[9][SLOTS];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned long calls = 4000;
static unsigned long statuses[17];
static uint8_t pixels[W * H * 4];

typedef struct {
    uint64_t state;
    unsigned long done[17];
} dice;

static uint32_t roll(dice *d, uint32_t below) {
    d->state ^= d->state << 13;
    d->state ^= d->state >> 7;
    d->state ^= d->state << 17;
    return (uint32_t)(d->state >> 33) % below;
}

/* What no version of a struct of so many bytes has. A size that is larger, but could be, would be a lie about memory. */
static uint32_t wrong_size(dice *d, size_t size) {
    return roll(d, 3) ? roll(d, (uint32_t)size) : 5000 + roll(d, 1u << 30);
}

static void count(dice *d, panecast_status status) {
    if (status > 16) {
        fprintf(stderr, "status %u\n", (unsigned)status);
        abort();
    }
    if (status == PANECAST_STATUS_PANICKED) {
        fprintf(stderr, "a bug was caught\n");
        abort();
    }
    d->done[status]++;
}

/* A handle: usually of the type, seldom another's, NULL or nonsense. */
static void *any(dice *d, int type) {
    void *handle;
    uint32_t luck = roll(d, 40);
    if (luck == 0) return NULL;
    if (luck == 1) return (void *)(uintptr_t)(roll(d, 1u << 20) * 32u + 2);
    if (luck == 2) type = (int)roll(d, 9);
    pthread_mutex_lock(&lock);
    handle = slots[type][roll(d, SLOTS)];
    pthread_mutex_unlock(&lock);
    return handle;
}

/* Puts a new handle in a slot. What was there is freed, and stays known to some thread, perhaps. */
static void *swap(dice *d, int type, void *handle) {
    uint32_t at = roll(d, SLOTS);
    void *old;
    pthread_mutex_lock(&lock);
    old = slots[type][at];
    slots[type][at] = handle;
    pthread_mutex_unlock(&lock);
    return old;
}

enum { ENCODER, DECODER, PACKET, CONSENT, GRANT, SOURCES, SHARE, HOST, JOINER };

static void told(const panecast_event *event, void *user) {
    (void)user;
    if (event->kind == PANECAST_EVENT_KIND_PACKET && event->length == 0) abort();
}

static panecast_frame frame(dice *d) {
    panecast_frame f;
    static const panecast_rect rects[2] = {{0, 0, 8, 8}, {40, 30, 0xFFFFFFFFu, 5}};
    memset(&f, 0, sizeof f);
    f.struct_size = roll(d, 20) ? (uint32_t)sizeof f : wrong_size(d, sizeof f);
    f.format = roll(d, 10) ? PANECAST_FORMAT_BGRA : roll(d, 6);
    f.width = roll(d, 8) ? (uint32_t)W : 1 + roll(d, W);
    f.height = roll(d, 8) ? (uint32_t)H : roll(d, H);
    f.planes[0].bytes = roll(d, 30) ? pixels : NULL;
    f.planes[0].length = sizeof pixels - (roll(d, 20) ? 0 : roll(d, 64));
    f.planes[0].stride_bytes = roll(d, 20) ? W * 4 : roll(d, W * 5);
    if (roll(d, 2)) {
        f.damage = rects;
        f.damage_count = roll(d, 3);
    }
    f.timestamp_us = roll(d, 1u << 30);
    return f;
}

static void encoder_call(dice *d) {
    panecast_encoder *encoder = (panecast_encoder *)any(d, ENCODER);
    panecast_packet *packet = NULL, *second = NULL;
    panecast_frame f = frame(d);
    switch (roll(d, 8)) {
    case 0: {
        panecast_encoder_config config;
        memset(&config, 0, sizeof config);
        config.struct_size = roll(d, 10) ? (uint32_t)sizeof config : wrong_size(d, sizeof config);
        config.mode = roll(d, 10) ? roll(d, 2) : roll(d, 9);
        config.no_av1 = 1;
        config.quality = roll(d, 110);
        encoder = NULL;
        count(d, panecast_encoder_new(roll(d, 3) ? &config : NULL, &encoder));
        count(d, panecast_encoder_free((panecast_encoder *)swap(d, ENCODER, encoder)));
        return;
    }
    case 1: count(d, panecast_encoder_free(encoder)); return;
    case 2: count(d, panecast_encoder_forget(encoder)); return;
    case 3: count(d, panecast_encoder_late_join(encoder, roll(d, 1000), &packet, roll(d, 9) ? &second : NULL)); break;
    case 4: count(d, panecast_encoder_refine(encoder, (uint64_t)1 << 40, 100000, NULL, &packet)); break;
    case 5: count(d, panecast_encoder_finish(encoder, 3, roll(d, 3), &packet)); break;
    default: count(d, panecast_encoder_encode(encoder, &f, roll(d, 30) ? &packet : NULL, NULL)); break;
    }
    count(d, panecast_packet_free(second));
    count(d, panecast_packet_free((panecast_packet *)swap(d, PACKET, packet)));
}

static void decoder_call(dice *d) {
    panecast_decoder *decoder = (panecast_decoder *)any(d, DECODER);
    panecast_packet *packet = (panecast_packet *)any(d, PACKET);
    panecast_decoded decoded;
    uint64_t lossy;
    panecast_rect rect = {1, 2, 3, 4};
    static __thread uint8_t out[W * H * 4];
    memset(&decoded, 0, sizeof decoded);
    decoded.struct_size = roll(d, 20) ? (uint32_t)sizeof decoded : wrong_size(d, sizeof decoded);
    switch (roll(d, 8)) {
    case 0:
        decoder = NULL;
        count(d, panecast_decoder_new(NULL, roll(d, 20) ? &decoder : NULL));
        count(d, panecast_decoder_free((panecast_decoder *)swap(d, DECODER, decoder)));
        break;
    case 1: count(d, panecast_decoder_free(decoder)); break;
    case 2: count(d, panecast_decoder_reset(decoder)); break;
    case 3: count(d, panecast_decoder_feed(decoder, pixels, roll(d, 200))); break;
    case 4: count(d, panecast_decoder_copy_picture(decoder, W, H, out, sizeof out, W * 4)); break;
    case 5: count(d, panecast_decoder_lossy_px(decoder, roll(d, 9) ? &rect : NULL, &lossy)); break;
    case 6: {
        /* A packet's bytes are its owner's: nobody else may free it meanwhile. */
        const uint8_t *bytes = NULL;
        size_t length = 0;
        pthread_mutex_lock(&lock);
        if (panecast_packet_bytes(packet, &bytes, &length) == PANECAST_STATUS_OK) {
            count(d, panecast_decoder_feed(decoder, bytes, length));
        }
        pthread_mutex_unlock(&lock);
        break;
    }
    default: count(d, panecast_decoder_next(decoder, roll(d, 5) ? &decoded : NULL)); break;
    }
}

static void word_call(dice *d) {
    static const char *names[] = {"push:48x32", "push:48x32", "push:48x32", "pattern:48x32@60", "screen:99", "", "push:0x0", NULL};
    panecast_consent *consent = (panecast_consent *)any(d, CONSENT);
    panecast_grant *grant = NULL;
    uint32_t revoked;
    switch (roll(d, 6)) {
    case 0:
    case 1:
        consent = NULL;
        count(d, panecast_consent_ask(roll(d, 7), names[roll(d, 8)], &consent));
        count(d, panecast_consent_free((panecast_consent *)swap(d, CONSENT, consent)));
        break;
    case 2: count(d, panecast_consent_free(consent)); break;
    case 3: count(d, panecast_grant_is_revoked((panecast_grant *)any(d, GRANT), &revoked)); break;
    case 4:
        if (roll(d, 4) == 0) count(d, panecast_grant_revoke((panecast_grant *)any(d, GRANT)));
        break;
    default:
        count(d, panecast_consent_answer(consent, roll(d, 4), &grant));
        count(d, panecast_grant_free((panecast_grant *)swap(d, GRANT, grant)));
        break;
    }
}

static void share_call(dice *d) {
    panecast_share *share = (panecast_share *)any(d, SHARE);
    panecast_frame f = frame(d);
    panecast_event event;
    panecast_stats stats;
    panecast_mask mask;
    memset(&event, 0, sizeof event);
    memset(&stats, 0, sizeof stats);
    memset(&mask, 0, sizeof mask);
    event.struct_size = roll(d, 20) ? (uint32_t)sizeof event : wrong_size(d, sizeof event);
    stats.struct_size = roll(d, 20) ? (uint32_t)sizeof stats : wrong_size(d, sizeof stats);
    mask.kind = roll(d, 4);
    mask.rect.width = roll(d, 9);
    mask.rect.height = roll(d, 9);
    mask.window = roll(d, 2) ? "title:x" : NULL;
    switch (roll(d, 16)) {
    case 0: {
        panecast_share_config config;
        memset(&config, 0, sizeof config);
        config.struct_size = roll(d, 20) ? (uint32_t)sizeof config : wrong_size(d, sizeof config);
        config.fps = roll(d, 1000);
        config.on_event = roll(d, 2) ? told : NULL;
        share = NULL;
        count(d, panecast_share_start((panecast_grant *)any(d, GRANT), "push:48x32", roll(d, 9) ? &config : NULL, &share));
        count(d, panecast_share_free((panecast_share *)swap(d, SHARE, share)));
        break;
    }
    case 1:
        if (roll(d, 4) == 0) count(d, panecast_share_free(share));
        break;
    case 2:
        if (roll(d, 3) == 0) count(d, panecast_share_stop(share));
        break;
    case 3: count(d, panecast_share_viewer_joined(share, roll(d, 3))); break;
    case 4: count(d, panecast_share_viewer_left(share, roll(d, 3))); break;
    case 5: count(d, panecast_share_viewer_behind(share, roll(d, 3))); break;
    case 6: count(d, panecast_share_viewer_ack(share, roll(d, 3), roll(d, 30), roll(d, 1000))); break;
    case 7: count(d, panecast_share_pause(share)); break;
    case 8:
    case 9: count(d, panecast_share_resume(share)); break;
    case 10: count(d, panecast_share_set_masks(share, roll(d, 9) ? &mask : NULL, roll(d, 2))); break;
    case 11: count(d, panecast_share_stats(share, &stats)); break;
    case 12:
        if (roll(d, 3) == 0) count(d, panecast_share_end(share));
        break;
    case 13:
        count(d, panecast_share_next(share, roll(d, 3), &event));
        count(d, panecast_packet_free((panecast_packet *)swap(d, PACKET, event.packet)));
        break;
    default: count(d, panecast_share_push(share, &f)); break;
    }
}

/* What a relay may say, and what none does. */
static const char *said[] = {
    "{\"type\":\"hosted\",\"room\":\"r\",\"token\":\"t\"}",
    "{\"type\":\"opened\",\"door\":{\"by\":\"key\",\"number\":\"1234\"}}",
    "{\"type\":\"came\",\"joiner\":7,\"door\":{\"by\":\"key\",\"number\":\"1234\"}}",
    "{\"type\":\"joined\",\"room\":\"r\",\"joiner\":7,\"token\":\"t\"}",
    "{\"type\":\"gone\",\"joiner\":7}", "{\"type\":\"ping\"}", "nonsense", "{}"};

static void heard(const panecast_session_event *event, void *user) {
    (void)user;
    if (event->kind > PANECAST_SESSION_EVENT_KIND_CURSOR || event->held != NULL) abort();
}

static void host_call(dice *d) {
    panecast_host *host = (panecast_host *)any(d, HOST);
    const char *text = said[roll(d, 8)];
    panecast_frame f = frame(d);
    panecast_session_event event;
    panecast_stats stats;
    memset(&event, 0, sizeof event);
    memset(&stats, 0, sizeof stats);
    event.struct_size = roll(d, 20) ? (uint32_t)sizeof event : wrong_size(d, sizeof event);
    stats.struct_size = roll(d, 20) ? (uint32_t)sizeof stats : wrong_size(d, sizeof stats);
    switch (roll(d, 18)) {
    case 0: {
        panecast_host_config config;
        memset(&config, 0, sizeof config);
        config.struct_size = roll(d, 20) ? (uint32_t)sizeof config : wrong_size(d, sizeof config);
        config.no_keys = roll(d, 8) ? 0 : roll(d, 3);
        config.on_event = roll(d, 2) ? heard : NULL;
        host = NULL;
        count(d, panecast_host_new(roll(d, 9) ? &config : NULL, &host));
        count(d, panecast_host_free((panecast_host *)swap(d, HOST, host)));
        break;
    }
    case 1:
        if (roll(d, 4) == 0) count(d, panecast_host_free(host));
        break;
    case 2:
        if (roll(d, 4) == 0) count(d, panecast_host_stop(host));
        break;
    case 3: count(d, panecast_host_connected(host, roll(d, 2) ? "token" : NULL)); break;
    case 4: count(d, panecast_host_disconnected(host)); break;
    case 5: count(d, panecast_host_text(host, text, strlen(text))); break;
    case 6: count(d, panecast_host_binary(host, pixels, roll(d, 80))); break;
    case 7: count(d, panecast_host_allow(host, roll(d, 9), roll(d, 6), roll(d, 9) ? "push:48x32" : NULL)); break;
    case 8: count(d, panecast_host_decline(host, roll(d, 9))); break;
    case 9: count(d, panecast_host_push(host, &f)); break;
    case 10: count(d, roll(d, 2) ? panecast_host_pause(host) : panecast_host_resume(host)); break;
    case 11: count(d, panecast_host_set_masks(host, NULL, roll(d, 2))); break;
    case 12: count(d, panecast_host_stats(host, &stats)); break;
    case 13: count(d, panecast_host_open_link(host, roll(d, 3), 1 + roll(d, 2), 60)); break;
    case 14: count(d, panecast_host_take_link(host, roll(d, 2) ? "nonsense" : NULL)); break;
    case 15: count(d, panecast_host_dismiss(host, roll(d, 9))); break;
    case 16:
        if (roll(d, 4) == 0) count(d, panecast_host_end(host));
        break;
    default:
        count(d, panecast_host_next(host, roll(d, 2), &event));
        count(d, panecast_packet_free((panecast_packet *)swap(d, PACKET, event.held)));
        break;
    }
}

static void joiner_call(dice *d) {
    panecast_joiner *joiner = (panecast_joiner *)any(d, JOINER);
    const char *text = said[roll(d, 8)];
    panecast_session_event event;
    panecast_cursor cursor;
    static const panecast_point points[2] = {{1, 2}, {-5, 70000}};
    static __thread uint8_t out[W * H * 4];
    memset(&event, 0, sizeof event);
    memset(&cursor, 0, sizeof cursor);
    event.struct_size = roll(d, 20) ? (uint32_t)sizeof event : wrong_size(d, sizeof event);
    cursor.struct_size = sizeof cursor;
    switch (roll(d, 14)) {
    case 0: {
        panecast_joiner_config config;
        memset(&config, 0, sizeof config);
        config.struct_size = roll(d, 20) ? (uint32_t)sizeof config : wrong_size(d, sizeof config);
        config.purpose = roll(d, 6);
        config.key = roll(d, 9) ? "123 456 789" : "1";
        config.link = roll(d, 9) ? NULL : "nonsense";
        config.on_event = roll(d, 2) ? heard : NULL;
        joiner = NULL;
        count(d, panecast_joiner_new(&config, &joiner));
        count(d, panecast_joiner_free((panecast_joiner *)swap(d, JOINER, joiner)));
        break;
    }
    case 1:
        if (roll(d, 4) == 0) count(d, panecast_joiner_free(joiner));
        break;
    case 2:
        if (roll(d, 4) == 0) count(d, panecast_joiner_stop(joiner));
        break;
    case 3: count(d, panecast_joiner_connected(joiner, NULL)); break;
    case 4: count(d, panecast_joiner_disconnected(joiner)); break;
    case 5: count(d, panecast_joiner_text(joiner, text, strlen(text))); break;
    case 6: count(d, panecast_joiner_binary(joiner, pixels, roll(d, 80))); break;
    case 7: count(d, panecast_joiner_draw(joiner, roll(d, 3), roll(d, 4), roll(d, 1u << 25), points, roll(d, 3))); break;
    case 8: count(d, panecast_joiner_point(joiner, roll(d, 2) ? points : NULL)); break;
    case 9: count(d, panecast_joiner_pause(joiner, roll(d, 3))); break;
    case 10: count(d, panecast_joiner_copy_picture(joiner, W, H, out, sizeof out, W * 4)); break;
    case 11: count(d, panecast_joiner_cursor(joiner, &cursor)); break;
    case 12: count(d, roll(d, 4) ? panecast_joiner_clear(joiner) : panecast_joiner_leave(joiner)); break;
    default:
        count(d, panecast_joiner_next(joiner, roll(d, 2), &event));
        count(d, panecast_packet_free((panecast_packet *)swap(d, PACKET, event.held)));
        break;
    }
}

static void *run(void *argument) {
    dice *d = (dice *)argument;
    unsigned long i;
    char text[40];
    for (i = 0; i < calls; i++) {
        switch (roll(d, 16)) {
        case 0: panecast_last_error(any(d, (int)roll(d, 9)), text, roll(d, sizeof text)); break;
        case 1: {
            panecast_sources *list = NULL;
            size_t number;
            count(d, panecast_sources_count((panecast_sources *)any(d, SOURCES), &number));
            if (roll(d, 20)) break;
            count(d, panecast_sources_list(&list));
            count(d, panecast_sources_free((panecast_sources *)swap(d, SOURCES, list)));
            break;
        }
        case 2:
        case 3:
        case 4: encoder_call(d); break;
        case 5:
        case 6:
        case 7: decoder_call(d); break;
        case 8:
        case 9:
        case 10: word_call(d); break;
        case 11: host_call(d); break;
        case 12: joiner_call(d); break;
        default: share_call(d); break;
        }
    }
    return NULL;
}

int main(int argc, char **argv) {
    uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
    pthread_t threads[THREADS];
    static dice dices[THREADS];
    int i, j;
    if (argc > 2) calls = strtoul(argv[2], NULL, 10);
    for (i = 0; i < (int)sizeof pixels; i++) pixels[i] = (uint8_t)(i * 7);
    for (i = 0; i < THREADS; i++) {
        dices[i].state = (seed * 4 + (uint64_t)i + 1) * 0x9E3779B97F4A7C15u;
        if (pthread_create(&threads[i], NULL, run, &dices[i]) != 0) return 2;
    }
    for (i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        for (j = 0; j < 17; j++) statuses[j] += dices[i].done[j];
    }
    for (i = 0; i < SLOTS; i++) {
        panecast_share_free((panecast_share *)slots[SHARE][i]);
        panecast_host_free((panecast_host *)slots[HOST][i]);
        panecast_joiner_free((panecast_joiner *)slots[JOINER][i]);
        panecast_encoder_free((panecast_encoder *)slots[ENCODER][i]);
        panecast_decoder_free((panecast_decoder *)slots[DECODER][i]);
        panecast_packet_free((panecast_packet *)slots[PACKET][i]);
        panecast_consent_free((panecast_consent *)slots[CONSENT][i]);
        panecast_grant_free((panecast_grant *)slots[GRANT][i]);
        panecast_sources_free((panecast_sources *)slots[SOURCES][i]);
    }
    printf("seed %llu:", (unsigned long long)seed);
    for (j = 0; j < 17; j++) {
        if (statuses[j]) printf(" %s %lu", panecast_status_name((uint32_t)j), statuses[j]);
    }
    printf("; %lu left\n", (unsigned long)panecast_handles_alive());
    if (statuses[PANECAST_STATUS_OK] < 100 || statuses[PANECAST_STATUS_INVALID_INPUT] < 100) return 3;
    return panecast_handles_alive() == 0 ? 0 : 4;
}
