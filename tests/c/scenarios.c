/* Plays the files of tests/vectors/scenarios as their README says: scenarios FILE... */
#include <panecast.h>
#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAMES = 64, LONG_MS = 60000 };

static const char *file_name;
static int step_index;

static void fail(const char *what, const char *more) {
    fprintf(stderr, "%s, step %d: %s %s\n", file_name, step_index, what, more);
    exit(1);
}

/* Named objects: the newest of a name and a type counts. */
typedef struct {
    char type;
    char name[32];
    void *object;
} named;
static named objects[NAMES];
static int object_count;

/* A frame and what its planes lie in. */
typedef struct {
    panecast_frame frame;
    uint8_t *memory[3];
} picture;

static named *find(char type, const char *name) {
    int i;
    for (i = 0; i < object_count; i++) {
        if (objects[i].type == type && strcmp(objects[i].name, name) == 0) return &objects[i];
    }
    return NULL;
}

static void drop(char type, void *object) {
    int i;
    picture *p = (picture *)object;
    switch (type) {
    case 'f':
        for (i = 0; i < 3; i++) free(p->memory[i]);
        free(p);
        break;
    case 'p': panecast_packet_free((panecast_packet *)object); break;
    case 'e': panecast_encoder_free((panecast_encoder *)object); break;
    case 'd': panecast_decoder_free((panecast_decoder *)object); break;
    case 'g': panecast_grant_free((panecast_grant *)object); break;
    case 's': panecast_share_free((panecast_share *)object); break;
    default: break; /* a question is gone once it is answered */
    }
}

static void keep(char type, const char *name, void *object) {
    named *old = find(type, name);
    if (old != NULL) {
        drop(type, old->object);
        old->object = object;
        return;
    }
    if (object_count == NAMES || strlen(name) >= sizeof objects[0].name) fail("no place for", name);
    objects[object_count].type = type;
    strcpy(objects[object_count].name, name);
    objects[object_count++].object = object;
}

static const char *text(const cJSON *step, const char *name) {
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(step, name);
    if (!cJSON_IsString(value)) fail("no text", name);
    return value->valuestring;
}

static const char *text_or(const cJSON *step, const char *name, const char *other) {
    return cJSON_GetObjectItemCaseSensitive(step, name) ? text(step, name) : other;
}

static uint64_t number_or(const cJSON *step, const char *name, uint64_t other) {
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(step, name);
    if (value == NULL) return other;
    if (cJSON_IsBool(value)) return (uint64_t)cJSON_IsTrue(value);
    return (uint64_t)value->valuedouble;
}

static int has(const cJSON *step, const char *name) {
    return cJSON_GetObjectItemCaseSensitive(step, name) != NULL;
}

static uint64_t number(const cJSON *step, const char *name) {
    if (!has(step, name)) fail("no number", name);
    return number_or(step, name, 0);
}

static uint32_t item(const cJSON *array, int index) {
    return (uint32_t)cJSON_GetArrayItem(array, index)->valuedouble;
}

static void *object(char type, const cJSON *step, const char *name) {
    named *found = find(type, text(step, name));
    if (found == NULL) fail("no object", name);
    return found->object;
}

static uint64_t fnv(const uint8_t *bytes, size_t length) {
    uint64_t hash = 0xcbf29ce484222325u;
    size_t i;
    for (i = 0; i < length; i++) hash = (hash ^ bytes[i]) * 0x100000001b3u;
    return hash;
}

/* What a step gave, as it is expected. */
static cJSON *facts;

static void fact_number(const char *name, uint64_t value) {
    cJSON_AddNumberToObject(facts, name, (double)value);
}

static void fact_hash(const char *name, const uint8_t *bytes, size_t length) {
    static const char digits[] = "0123456789abcdef";
    uint64_t hash = fnv(bytes, length);
    char hex[17] = {0};
    int i;
    for (i = 15; i >= 0; i--, hash >>= 4) hex[i] = digits[hash & 15];
    cJSON_AddStringToObject(facts, name, hex);
}

static void pixel(uint32_t x, uint32_t y, uint32_t index, uint8_t *bgr) {
    uint32_t bx = x / 16, by = y / 16;
    uint32_t h = (1 + 7919 * bx + 104729 * by + ((3 * bx + 5 * by) % 7 == 0 ? 31 * index : 0)) | 1;
    uint32_t dx = x % 16, dy = y % 16;
    h ^= h << 13;
    h ^= h >> 17;
    h ^= h << 5;
    if ((h & 0x300) == 0) dx = dy = 0;
    bgr[0] = (uint8_t)(h + 3 * dx);
    bgr[1] = (uint8_t)((h >> 8) + 2 * dy);
    bgr[2] = (uint8_t)((h >> 16) + dx + dy);
}

/* One plane: `order` says which of blue, green, red and 255 stand in a pixel. */
static void plane(picture *p, int at, uint32_t width, uint32_t rows, uint32_t step, size_t pad, uint32_t index,
                  const char *order) {
    size_t depth = strlen(order), stride = width * depth + pad, length = stride * rows - pad;
    uint8_t *memory = (uint8_t *)malloc(length);
    uint32_t x, y;
    size_t i;
    memset(memory, 0xAA, length);
    for (y = 0; y < rows; y++) {
        for (x = 0; x < width; x++) {
            uint8_t bgr[4] = {0, 0, 0, 255};
            pixel(x * step, y * step, index, bgr);
            for (i = 0; i < depth; i++) memory[y * stride + x * depth + i] = bgr[order[i] - '0'];
        }
    }
    p->memory[at] = memory;
    p->frame.planes[at].bytes = memory;
    p->frame.planes[at].length = length;
    p->frame.planes[at].stride_bytes = stride;
}

static uint32_t format_of(const char *name) {
    static const char *names[] = {"bgra", "rgba", "i420", "nv12"};
    uint32_t i;
    for (i = 0; i < 4; i++) {
        if (strcmp(name, names[i]) == 0) return i;
    }
    return 99;
}

static void pattern(const cJSON *step) {
    const cJSON *size = cJSON_GetObjectItemCaseSensitive(step, "size");
    picture *p = (picture *)calloc(1, sizeof *p);
    uint32_t w = item(size, 0), h = item(size, 1), index = (uint32_t)number(step, "index");
    uint32_t cw = (w + 1) / 2, ch = (h + 1) / 2;
    size_t pad = number_or(step, "pad", 0);
    p->frame.struct_size = sizeof p->frame;
    p->frame.format = format_of(text(step, "format"));
    p->frame.width = w;
    p->frame.height = h;
    switch (p->frame.format) {
    case PANECAST_FORMAT_BGRA: plane(p, 0, w, h, 1, pad, index, "0123"); break;
    case PANECAST_FORMAT_RGBA: plane(p, 0, w, h, 1, pad, index, "2103"); break;
    case PANECAST_FORMAT_I420:
        plane(p, 0, w, h, 1, pad, index, "1");
        plane(p, 1, cw, ch, 2, pad, index, "0");
        plane(p, 2, cw, ch, 2, pad, index, "2");
        break;
    default:
        plane(p, 0, w, h, 1, pad, index, "1");
        plane(p, 1, cw, ch, 2, pad, index, "02");
        break;
    }
    fact_hash("bytes", p->memory[0], p->frame.planes[0].length);
    keep('f', text(step, "as"), p);
}

/* The frame of a step, with what the step gets wrong on purpose. */
static panecast_frame frame_of(const cJSON *step, panecast_rect *rects) {
    panecast_frame frame = ((picture *)object('f', step, "frame"))->frame;
    const cJSON *size = cJSON_GetObjectItemCaseSensitive(step, "size");
    const cJSON *damage = cJSON_GetObjectItemCaseSensitive(step, "damage");
    int i;
    if (size != NULL) {
        frame.width = item(size, 0);
        frame.height = item(size, 1);
    }
    if (has(step, "format")) frame.format = format_of(text(step, "format"));
    frame.planes[0].stride_bytes = number_or(step, "stride_bytes", frame.planes[0].stride_bytes);
    frame.planes[0].length = number_or(step, "length", frame.planes[0].length);
    frame.timestamp_us = number(step, "timestamp_us");
    if (damage != NULL) {
        frame.damage = rects;
        frame.damage_count = (size_t)cJSON_GetArraySize(damage);
        for (i = 0; i < cJSON_GetArraySize(damage); i++) {
            const cJSON *r = cJSON_GetArrayItem(damage, i);
            rects[i].x = item(r, 0);
            rects[i].y = item(r, 1);
            rects[i].width = item(r, 2);
            rects[i].height = item(r, 3);
        }
    }
    return frame;
}

static void keep_packet(const cJSON *step, const char *name, panecast_packet *packet, int is_fact) {
    const uint8_t *bytes = NULL;
    size_t length = 0;
    if (packet != NULL) panecast_packet_bytes(packet, &bytes, &length);
    if (is_fact) {
        fact_number("length", length);
        fact_hash("bytes", bytes, length);
    }
    if (has(step, name) && packet != NULL) {
        keep('p', text(step, name), packet);
    } else {
        panecast_packet_free(packet);
    }
}

static uint32_t mode_of(const cJSON *step) {
    const char *mode = text_or(step, "mode", "lossless");
    if (strcmp(mode, "lossless") == 0) return PANECAST_MODE_LOSSLESS;
    return strcmp(mode, "auto") == 0 ? (uint32_t)PANECAST_MODE_AUTO : 99;
}

static panecast_status play_encoder(const char *verb, const cJSON *step) {
    static const char *kinds[] = {"unchanged", "delta", "refinement", "keyframe"};
    panecast_encoder *encoder = NULL;
    panecast_packet *packet = NULL, *others = NULL;
    panecast_status status;
    if (strcmp(verb, "new") == 0) {
        panecast_encoder_config config;
        memset(&config, 0, sizeof config);
        config.struct_size = sizeof config;
        config.mode = mode_of(step);
        config.quality = (uint32_t)number_or(step, "quality", 0);
        config.no_av1 = (uint32_t)number_or(step, "no_av1", 0);
        status = panecast_encoder_new(&config, &encoder);
        if (status == PANECAST_STATUS_OK) keep('e', text(step, "as"), encoder);
        return status;
    }
    encoder = (panecast_encoder *)object('e', step, "on");
    if (strcmp(verb, "encode") == 0) {
        panecast_rect rects[8];
        panecast_frame frame = frame_of(step, rects);
        panecast_update update;
        memset(&update, 0, sizeof update);
        update.struct_size = sizeof update;
        status = panecast_encoder_encode(encoder, &frame, &packet, &update);
        if (status == PANECAST_STATUS_OK) {
            cJSON_AddStringToObject(facts, "kind", kinds[update.kind]);
            fact_number("sequence", update.sequence);
            fact_number("dirty_px", update.dirty_px);
            fact_number("lossy_px", update.lossy_px);
            keep_packet(step, "as", packet, 1);
        }
        return status;
    }
    if (strcmp(verb, "late_join") == 0) {
        status = panecast_encoder_late_join(encoder, number(step, "timestamp_us"), &packet, &others);
        if (status == PANECAST_STATUS_OK) {
            keep_packet(step, "as", packet, 1);
            keep_packet(step, "others", others, 0);
        }
        return status;
    }
    if (strcmp(verb, "refine") == 0) {
        status = panecast_encoder_refine(encoder, number(step, "timestamp_us"), number(step, "bytes"), NULL, &packet);
    } else if (strcmp(verb, "finish") == 0) {
        status = panecast_encoder_finish(encoder, number(step, "frames"), (uint32_t)number(step, "fps"), &packet);
    } else if (strcmp(verb, "forget") == 0) {
        return panecast_encoder_forget(encoder);
    } else if (strcmp(verb, "set_bitrate") == 0) {
        return panecast_encoder_set_bitrate(encoder, number(step, "bitrate"));
    } else {
        fail("no verb encoder.", verb);
        return PANECAST_STATUS_OK;
    }
    if (status == PANECAST_STATUS_OK) keep_packet(step, "as", packet, 1);
    return status;
}

static panecast_status feed(panecast_decoder *decoder, const cJSON *step) {
    const uint8_t *bytes = NULL;
    size_t length = 0, from, to;
    uint8_t *own;
    panecast_status status;
    if (has(step, "packet")) {
        panecast_packet_bytes((panecast_packet *)object('p', step, "packet"), &bytes, &length);
    } else {
        bytes = (const uint8_t *)text(step, "text");
        length = strlen((const char *)bytes);
    }
    own = (uint8_t *)malloc(length + 1);
    memcpy(own, bytes, length);
    if (has(step, "flip")) own[number(step, "flip")] ^= 0xFF;
    from = number_or(step, "from", 0);
    to = number_or(step, "to", length);
    status = panecast_decoder_feed(decoder, own + from, to - from);
    free(own);
    return status;
}

static panecast_status play_decoder(const char *verb, const cJSON *step) {
    static const char *kinds[] = {"header", "picture", "epoch", "cursor", "end"};
    panecast_decoder *decoder = NULL;
    panecast_decoded decoded;
    panecast_status status;
    memset(&decoded, 0, sizeof decoded);
    decoded.struct_size = sizeof decoded;
    if (strcmp(verb, "new") == 0) {
        panecast_limits limits;
        memset(&limits, 0, sizeof limits);
        limits.struct_size = sizeof limits;
        limits.side_px = (uint32_t)number_or(step, "side_px", 0);
        status = panecast_decoder_new(&limits, &decoder);
        if (status == PANECAST_STATUS_OK) keep('d', text(step, "as"), decoder);
        return status;
    }
    decoder = (panecast_decoder *)object('d', step, "on");
    if (strcmp(verb, "feed") == 0) return feed(decoder, step);
    if (strcmp(verb, "reset") == 0) return panecast_decoder_reset(decoder);
    if (strcmp(verb, "next") == 0) {
        status = panecast_decoder_next(decoder, &decoded);
        if (status != PANECAST_STATUS_OK) return status;
        cJSON_AddStringToObject(facts, "kind", kinds[decoded.kind]);
        fact_number("sequence", decoded.sequence);
        if (decoded.kind == PANECAST_DECODED_KIND_PICTURE) {
            fact_number("timestamp_us", decoded.timestamp_us);
            cJSON_AddBoolToObject(facts, "keyframe", (cJSON_bool)decoded.keyframe);
            cJSON_AddBoolToObject(facts, "resized", (cJSON_bool)decoded.resized);
        } else if (decoded.kind == PANECAST_DECODED_KIND_END) {
            fact_number("frames", decoded.frames);
            fact_number("fps", decoded.fps);
        }
        return status;
    }
    if (strcmp(verb, "drain") == 0) {
        uint64_t pictures = 0;
        while ((status = panecast_decoder_next(decoder, &decoded)) == PANECAST_STATUS_OK) {
            pictures += decoded.kind == PANECAST_DECODED_KIND_PICTURE;
        }
        fact_number("pictures", pictures);
        return status == PANECAST_STATUS_NOTHING_NOW ? PANECAST_STATUS_OK : status;
    }
    if (strcmp(verb, "picture") == 0) {
        panecast_picture shown;
        int size[2];
        memset(&shown, 0, sizeof shown);
        shown.struct_size = sizeof shown;
        status = panecast_decoder_picture(decoder, &shown);
        if (status != PANECAST_STATUS_OK) return status;
        size[0] = (int)shown.width;
        size[1] = (int)shown.height;
        cJSON_AddItemToObject(facts, "size", cJSON_CreateIntArray(size, 2));
        fact_hash("pixels", shown.pixels, shown.length);
        fact_number("lossy_px", shown.lossy_px);
        return status;
    }
    fail("no verb decoder.", verb);
    return PANECAST_STATUS_OK;
}

static panecast_status play_word(const char *verb, const cJSON *step) {
    static const char *purposes[] = {"screen", "window", "camera", "agent-screen", "prepared"};
    panecast_status status;
    if (strcmp(verb, "ask") == 0) {
        panecast_consent *consent = NULL;
        uint32_t purpose = 0;
        while (purpose < 5 && strcmp(purposes[purpose], text(step, "purpose")) != 0) purpose++;
        status = panecast_consent_ask(purpose, text(step, "source"), &consent);
        if (status == PANECAST_STATUS_OK) keep('q', text(step, "as"), consent);
        return status;
    }
    if (strcmp(verb, "answer") == 0) {
        panecast_grant *grant = NULL;
        status = panecast_consent_answer((panecast_consent *)object('q', step, "on"), (uint32_t)number(step, "allow"), &grant);
        if (status == PANECAST_STATUS_OK) keep('g', text(step, "as"), grant);
        return status;
    }
    return panecast_grant_revoke((panecast_grant *)object('g', step, "on"));
}

/* The next event that is no state; kind 99 where there is none. */
static panecast_event next_event(panecast_share *share, uint32_t timeout_ms) {
    panecast_event event;
    do {
        panecast_status status;
        memset(&event, 0, sizeof event);
        event.struct_size = sizeof event;
        status = panecast_share_next(share, timeout_ms, &event);
        if (status == PANECAST_STATUS_NOTHING_NOW && timeout_ms == 0) {
            event.kind = 99;
        } else if (status != PANECAST_STATUS_OK) {
            fail("next says", panecast_status_name(status));
        }
    } while (event.kind == PANECAST_EVENT_KIND_STATE);
    return event;
}

static panecast_status play_share(const char *verb, const cJSON *step) {
    panecast_share *share = NULL;
    panecast_event event;
    panecast_status status;
    if (strcmp(verb, "start") == 0) {
        panecast_share_config config;
        memset(&config, 0, sizeof config);
        config.struct_size = sizeof config;
        config.fps = 1000;
        config.mode = mode_of(step);
        config.quality = (uint32_t)number_or(step, "quality", 0);
        config.no_av1 = (uint32_t)number_or(step, "no_av1", 0);
        status = panecast_share_start((panecast_grant *)object('g', step, "grant"), text(step, "source"), &config, &share);
        if (status == PANECAST_STATUS_OK) keep('s', text(step, "as"), share);
        return status;
    }
    share = (panecast_share *)object('s', step, "on");
    if (strcmp(verb, "push") == 0) {
        panecast_rect rects[8];
        panecast_frame frame = frame_of(step, rects);
        return panecast_share_push(share, &frame);
    }
    if (strcmp(verb, "viewer_joined") == 0) return panecast_share_viewer_joined(share, (uint32_t)number(step, "viewer"));
    if (strcmp(verb, "viewer_left") == 0) return panecast_share_viewer_left(share, (uint32_t)number(step, "viewer"));
    if (strcmp(verb, "viewer_ack") == 0) {
        return panecast_share_viewer_ack(share, (uint32_t)number(step, "viewer"), number(step, "sequence"), 0);
    }
    if (strcmp(verb, "pause") == 0) return panecast_share_pause(share);
    if (strcmp(verb, "resume") == 0) return panecast_share_resume(share);
    if (strcmp(verb, "end") == 0) return panecast_share_end(share);
    if (strcmp(verb, "stop") == 0) return panecast_share_stop(share);
    if (strcmp(verb, "set_masks") == 0) {
        const cJSON *rects = cJSON_GetObjectItemCaseSensitive(step, "rects");
        panecast_mask masks[8];
        int i, count = cJSON_GetArraySize(rects);
        memset(masks, 0, sizeof masks);
        for (i = 0; i < count; i++) {
            const cJSON *r = cJSON_GetArrayItem(rects, i);
            masks[i].kind = PANECAST_MASK_KIND_RECT;
            masks[i].rect.x = item(r, 0);
            masks[i].rect.y = item(r, 1);
            masks[i].rect.width = item(r, 2);
            masks[i].rect.height = item(r, 3);
        }
        return panecast_share_set_masks(share, masks, (size_t)count);
    }
    if (strcmp(verb, "no_packet") == 0) {
        if (next_event(share, 0).kind == PANECAST_EVENT_KIND_PACKET) fail("a packet", "");
        return PANECAST_STATUS_OK;
    }
    event = next_event(share, LONG_MS);
    if (strcmp(verb, "next_packet") == 0) {
        if (event.kind != PANECAST_EVENT_KIND_PACKET) fail("no packet,", "an end");
        cJSON_AddBoolToObject(facts, "for_all", (cJSON_bool)event.for_all);
        fact_number("viewer", event.viewer);
        fact_number("sequence", event.sequence);
        keep('p', text(step, "as"), event.packet);
    } else if (strcmp(verb, "next_end") == 0) {
        if (event.kind != PANECAST_EVENT_KIND_ENDED) fail("no end,", "a packet");
        cJSON_AddStringToObject(facts, "reason", panecast_status_name(event.reason));
    } else {
        fail("no verb share.", verb);
    }
    return PANECAST_STATUS_OK;
}

#include "rooms.h"

static void play(const cJSON *step) {
    const char *verb = text(step, "do");
    const cJSON *expect = cJSON_GetObjectItemCaseSensitive(step, "expect");
    const cJSON *expected;
    const char *status;
    panecast_status got = PANECAST_STATUS_OK;
    facts = cJSON_CreateObject();
    if (strcmp(verb, "pattern.frame") == 0) {
        pattern(step);
    } else if (strncmp(verb, "encoder.", 8) == 0) {
        got = play_encoder(verb + 8, step);
    } else if (strncmp(verb, "decoder.", 8) == 0) {
        got = play_decoder(verb + 8, step);
    } else if (strncmp(verb, "share.", 6) == 0) {
        got = play_share(verb + 6, step);
    } else if (strncmp(verb, "host.", 5) == 0) {
        got = play_host(verb + 5, step);
    } else if (strncmp(verb, "joiner.", 7) == 0) {
        got = play_joiner(verb + 7, step);
    } else if (strncmp(verb, "room.", 5) == 0) {
        got = play_room(verb + 5, step);
    } else {
        got = play_word(strchr(verb, '.') + 1, step);
    }
    status = expect && has(expect, "status") ? text(expect, "status") : "ok";
    if (strcmp(panecast_status_name(got), status) != 0) fail("status", panecast_status_name(got));
    cJSON_ArrayForEach(expected, expect) {
        const cJSON *fact = cJSON_GetObjectItemCaseSensitive(facts, expected->string);
        if (strcmp(expected->string, "status") != 0 && !cJSON_Compare(fact, expected, 1)) {
            char *given = cJSON_PrintUnformatted(facts);
            fail(expected->string, given);
        }
    }
    cJSON_Delete(facts);
}

int main(int argc, char **argv) {
    int i;
    for (i = 1; i < argc; i++) {
        static char buffer[1 << 18];
        size_t length;
        cJSON *scenario;
        const cJSON *step;
        FILE *file = fopen(argv[i], "rb");
        file_name = argv[i];
        step_index = 0;
        if (file == NULL) fail("cannot be read", "");
        length = fread(buffer, 1, sizeof buffer - 1, file);
        buffer[length] = 0;
        fclose(file);
        scenario = cJSON_Parse(buffer);
        if (scenario == NULL) fail("is no JSON", "");
        cJSON_ArrayForEach(step, cJSON_GetObjectItemCaseSensitive(scenario, "steps")) {
            play(step);
            step_index++;
        }
        if (step_index == 0) fail("has no steps", "");
        cJSON_Delete(scenario);
        end_rooms();
        while (object_count > 0) {
            object_count--;
            drop(objects[object_count].type, objects[object_count].object);
        }
    }
    if (panecast_handles_alive() != 0) fail("handles are left", "");
    printf("# pass %d\n", argc - 1);
    return argc > 8 ? 0 : 1;
}
