/* Hosts, joiners and the relay between them, as the README of the scenarios describes it. A part of scenarios.c. */

enum { ENDS = 8 };

/* What an end has told, with its facts. */
typedef struct told {
    const char *kind;
    cJSON *facts;
    struct told *next;
} told;

typedef struct {
    char name[32], room[32];
    /* One of the two. */
    panecast_host *host;
    panecast_joiner *joiner;
    told *first, **last;
    /* A host's newest key that no joiner has used, its link, and how many keys have a number. */
    char key[32], link[64];
    uint32_t keys;
    /* By which the relay knows a joiner, how often it was let in, and whether its line is there. */
    uint32_t number, joined;
    int connected;
} room_end;

static room_end ends[ENDS];
static int end_count;
static uint32_t knocks;

static const char *const purpose_names[] = {"screen", "window", "camera", "agent-screen", "prepared"};
static const char *const state_names[] = {"live", "idle", "paused", "stalled", "blocked", "secure", "reconnecting"};
static const char *const reason_names[] = {
    "sharer-stopped", "watcher-left", "declined", "no-answer", "dismissed", "source-ended", "source-failed", "wrong-key",
    "untrusted", "expired", "spent", "tampered", "broke-rules", "lost", "timed-out", "relay-stopped", "failed"};
static const char *const refusal_names[] = {"wrong-key", "full", "version", "bad-message", "too-many-tries",
                                            "declined", "unavailable", "not-allowed", "spent"};

static void end_rooms(void) {
    int i;
    for (i = 0; i < end_count; i++) {
        panecast_host_free(ends[i].host);
        panecast_joiner_free(ends[i].joiner);
        while (ends[i].first != NULL) {
            told *t = ends[i].first;
            ends[i].first = t->next;
            cJSON_Delete(t->facts);
            free(t);
        }
    }
    end_count = 0;
    knocks = 0;
}

static room_end *end_of(const char *name) {
    int i;
    for (i = 0; i < end_count; i++) {
        if (strcmp(ends[i].name, name) == 0) return &ends[i];
    }
    fail("no end", name);
    return NULL;
}

static room_end *new_end(const char *name) {
    room_end *end = &ends[end_count];
    if (end_count == ENDS || strlen(name) >= sizeof end->name) fail("no place for", name);
    end_count++;
    memset(end, 0, sizeof *end);
    strcpy(end->name, name);
    end->last = &end->first;
    return end;
}

static room_end *host_in(const char *room) {
    int i;
    for (i = 0; i < end_count; i++) {
        if (ends[i].host != NULL && strcmp(ends[i].room, room) == 0) return &ends[i];
    }
    fail("no host in", room);
    return NULL;
}

/* Hands a text to an end; one that has ended hears nothing. It takes the object. */
static void say(room_end *end, cJSON *says) {
    char *words = cJSON_PrintUnformatted(says);
    if (end->host != NULL) {
        panecast_host_text(end->host, words, strlen(words));
    } else {
        panecast_joiner_text(end->joiner, words, strlen(words));
    }
    cJSON_free(words);
    cJSON_Delete(says);
}

static cJSON *message(const char *type) {
    cJSON *says = cJSON_CreateObject();
    cJSON_AddStringToObject(says, "type", type);
    return says;
}

static cJSON *about(const char *type, uint32_t joiner) {
    cJSON *says = message(type);
    cJSON_AddNumberToObject(says, "joiner", joiner);
    return says;
}

/* The joiners of a room that are in it: all (0) or one, which may be knocking yet. */
static int is_in(const room_end *end, const room_end *host, uint32_t to) {
    if (end->joiner == NULL || !end->connected || strcmp(end->room, host->room) != 0) return 0;
    return to == 0 ? end->joined > 0 : end->number == to;
}

static void say_to(const room_end *host, uint32_t to, const cJSON *says) {
    int i;
    for (i = 0; i < end_count; i++) {
        if (is_in(&ends[i], host, to)) say(&ends[i], cJSON_Duplicate(says, 1));
    }
}

static void let_in(room_end *end) {
    char token[32];
    cJSON *says = about("joined", end->number);
    end->joined++;
    snprintf(token, sizeof token, "token %u", (unsigned)end->joined);
    cJSON_AddStringToObject(says, "room", "r");
    cJSON_AddStringToObject(says, "token", token);
    say(end, says);
}

static void host_says(room_end *host, const cJSON *says) {
    const char *type = text(says, "type");
    uint32_t joiner = (uint32_t)number_or(says, "joiner", 0);
    cJSON *answer = NULL, *opened;
    int i;
    if (strcmp(type, "hello") == 0) {
        answer = message("room");
        cJSON_AddStringToObject(answer, "room", "r");
        cJSON_AddStringToObject(answer, "secret", "s");
        say(host, answer);
        if (!has(says, "resume") || cJSON_IsNull(cJSON_GetObjectItemCaseSensitive(says, "resume"))) return;
        for (i = 0; i < end_count; i++) {
            if (!is_in(&ends[i], host, 0)) continue;
            answer = about("came", ends[i].number);
            cJSON_AddTrueToObject(answer, "resumed");
            say(host, answer);
        }
        answer = message("host-back");
        say_to(host, 0, answer);
        cJSON_Delete(answer);
    } else if (strcmp(type, "open") == 0) {
        const cJSON *door = cJSON_GetObjectItemCaseSensitive(says, "door");
        const cJSON *link = cJSON_GetObjectItemCaseSensitive(door, "link");
        answer = message("opened");
        opened = cJSON_AddObjectToObject(cJSON_AddObjectToObject(answer, "door"), link ? "link" : "key");
        cJSON_AddNumberToObject(opened, "expires_in_s", 600);
        if (link != NULL) {
            cJSON_AddStringToObject(opened, "id", text(link, "id"));
        } else {
            char digits[16];
            snprintf(digits, sizeof digits, "%04u", (unsigned)++host->keys);
            cJSON_AddStringToObject(opened, "number", digits);
        }
        say(host, answer);
    } else if (strcmp(type, "admit") == 0) {
        for (i = 0; i < end_count; i++) {
            if (is_in(&ends[i], host, joiner)) let_in(&ends[i]);
        }
    } else if (strcmp(type, "refuse") == 0 || strcmp(type, "dismiss") == 0 || strcmp(type, "end") == 0) {
        int refuses = strcmp(type, "refuse") == 0;
        answer = message(refuses ? "refused" : "end");
        cJSON_AddStringToObject(answer, refuses ? "kind" : "reason", text(says, "reason"));
        if (refuses) cJSON_AddStringToObject(answer, "message", "no");
        say_to(host, joiner, answer);
        cJSON_Delete(answer);
    } else if (strcmp(type, "ping") == 0) {
        say(host, message("pong"));
    } else if (strcmp(type, "close") != 0) {
        fail("a host says", type);
    }
}

static void joiner_says(room_end *end, const cJSON *says) {
    const cJSON *place = cJSON_GetObjectItemCaseSensitive(says, "resume");
    room_end *host = host_in(end->room);
    cJSON *came;
    if (strcmp(text(says, "type"), "ping") == 0) {
        say(end, message("pong"));
        return;
    }
    if (place == NULL || cJSON_IsNull(place)) {
        end->number = ++knocks;
        came = about("came", end->number);
        cJSON_AddItemToObject(came, "door", cJSON_Duplicate(cJSON_GetObjectItemCaseSensitive(says, "door"), 1));
    } else {
        char token[32];
        snprintf(token, sizeof token, "token %u", (unsigned)end->joined);
        if (strcmp(text(place, "token"), token) != 0) fail("another token than", token);
        let_in(end);
        came = about("came", end->number);
        cJSON_AddTrueToObject(came, "resumed");
    }
    say(host, came);
}

/* A binary message through the relay. */
static void hand_on(room_end *from, const panecast_session_event *event) {
    int i;
    if (from->host != NULL) {
        const uint8_t *b = event->bytes;
        uint32_t to = b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
        for (i = 0; i < end_count; i++) {
            if (is_in(&ends[i], from, to)) panecast_joiner_binary(ends[i].joiner, b + 5, event->length - 5);
        }
    } else {
        uint8_t *parcel = (uint8_t *)malloc(event->length + 4);
        for (i = 0; i < 4; i++) parcel[i] = (uint8_t)(from->number >> (8 * i));
        memcpy(parcel + 4, event->bytes, event->length);
        panecast_host_binary(host_in(from->room)->host, parcel, event->length + 4);
        free(parcel);
    }
}

static void keep_told(room_end *end, const char *kind, cJSON *its_facts) {
    told *t = (told *)malloc(sizeof *t);
    t->kind = kind;
    t->facts = its_facts;
    t->next = NULL;
    *end->last = t;
    end->last = &t->next;
}

/* A joiner's line is no longer there. */
static void gone(room_end *end) {
    if (end->joiner == NULL || !end->connected) return;
    end->connected = 0;
    say(host_in(end->room), about("left", end->number));
}

static void tell(room_end *end, const panecast_session_event *event) {
    static const char *const marks[] = {"pointer", "line", "clear"};
    cJSON *f = cJSON_CreateObject(), *says, *list;
    const char *kind = NULL;
    size_t i;
    switch (event->kind) {
    case PANECAST_SESSION_EVENT_KIND_CONNECT:
        end->connected = 1;
        if (end->host != NULL) {
            panecast_host_connected(end->host, NULL);
        } else {
            panecast_joiner_connected(end->joiner, NULL);
        }
        break;
    case PANECAST_SESSION_EVENT_KIND_SEND_TEXT:
        says = cJSON_Parse(event->text);
        if (end->host != NULL) {
            host_says(end, says);
        } else {
            joiner_says(end, says);
        }
        cJSON_Delete(says);
        break;
    case PANECAST_SESSION_EVENT_KIND_SEND_BINARY: hand_on(end, event); break;
    case PANECAST_SESSION_EVENT_KIND_DISCONNECT: gone(end); break;
    case PANECAST_SESSION_EVENT_KIND_KEY: snprintf(end->key, sizeof end->key, "%s", event->text); break;
    case PANECAST_SESSION_EVENT_KIND_LINK: snprintf(end->link, sizeof end->link, "%s", event->text); break;
    case PANECAST_SESSION_EVENT_KIND_ASK:
        kind = "ask";
        cJSON_AddNumberToObject(f, "joiner", event->joiner);
        cJSON_AddStringToObject(f, "who", event->text);
        cJSON_AddStringToObject(f, "purpose", purpose_names[event->purpose]);
        break;
    case PANECAST_SESSION_EVENT_KIND_MARK:
        kind = "mark";
        cJSON_AddNumberToObject(f, "joiner", event->joiner);
        cJSON_AddStringToObject(f, "kind", marks[event->mark]);
        list = cJSON_AddArrayToObject(f, "points");
        for (i = 0; i < event->point_count; i++) {
            cJSON_AddItemToArray(list, cJSON_CreateNumber(event->points[i].x));
            cJSON_AddItemToArray(list, cJSON_CreateNumber(event->points[i].y));
        }
        break;
    case PANECAST_SESSION_EVENT_KIND_LEFT:
        kind = "left";
        cJSON_AddNumberToObject(f, "joiner", event->joiner);
        cJSON_AddStringToObject(f, "who", event->text);
        cJSON_AddStringToObject(f, "reason", reason_names[event->reason]);
        break;
    case PANECAST_SESSION_EVENT_KIND_STATE:
        kind = "state";
        cJSON_AddStringToObject(f, "state", state_names[event->state]);
        break;
    case PANECAST_SESSION_EVENT_KIND_STOPPED:
        kind = "stopped";
        cJSON_AddStringToObject(f, "reason", panecast_status_name((panecast_status)event->status));
        break;
    case PANECAST_SESSION_EVENT_KIND_REFUSED:
        kind = "refused";
        cJSON_AddStringToObject(f, "refusal", refusal_names[event->refusal]);
        break;
    case PANECAST_SESSION_EVENT_KIND_ENDED:
        kind = "ended";
        cJSON_AddStringToObject(f, "reason", reason_names[event->reason]);
        break;
    case PANECAST_SESSION_EVENT_KIND_SEALED: kind = "sealed"; break;
    case PANECAST_SESSION_EVENT_KIND_ASKING: kind = "asking"; break;
    case PANECAST_SESSION_EVENT_KIND_ALLOWED:
        kind = "allowed";
        cJSON_AddStringToObject(f, "source", event->text);
        break;
    default: break;
    }
    if (kind != NULL) {
        keep_told(end, kind, f);
    } else {
        cJSON_Delete(f);
    }
}

/* Carries what each end says next; counts against hangs. */
static void carry(int *rounds) {
    int i;
    if (++*rounds > LONG_MS / 2) fail("nothing came", "");
    for (i = 0; i < end_count; i++) {
        panecast_session_event event;
        panecast_status status;
        if (ends[i].room[0] == 0) continue;
        memset(&event, 0, sizeof event);
        event.struct_size = sizeof event;
        status = ends[i].host ? panecast_host_next(ends[i].host, 1, &event) : panecast_joiner_next(ends[i].joiner, 1, &event);
        if (status != PANECAST_STATUS_OK) continue;
        tell(&ends[i], &event);
        panecast_packet_free(event.held);
    }
}

/* The next event of this kind; others are passed over. */
static panecast_status next_told(room_end *end, const cJSON *step) {
    const char *kind = text(step, "event");
    const cJSON *state = cJSON_GetObjectItemCaseSensitive(step, "state");
    int rounds = 0;
    for (;;) {
        while (end->first != NULL) {
            told *t = end->first;
            const cJSON *its = cJSON_GetObjectItemCaseSensitive(t->facts, "state");
            int found = strcmp(t->kind, kind) == 0 && (state == NULL || cJSON_Compare(state, its, 1));
            if (!found && strcmp(t->kind, "ended") == 0) fail("it has ended, and there is no", kind);
            end->first = t->next;
            if (end->first == NULL) end->last = &end->first;
            if (found) {
                cJSON_Delete(facts);
                facts = t->facts;
            } else {
                cJSON_Delete(t->facts);
            }
            free(t);
            if (found) return PANECAST_STATUS_OK;
        }
        carry(&rounds);
    }
}

static panecast_status cut(room_end *end) {
    cJSON *lost;
    if (end->joiner != NULL) {
        gone(end);
        return panecast_joiner_disconnected(end->joiner);
    }
    lost = message("host-lost");
    say_to(end, 0, lost);
    cJSON_Delete(lost);
    return panecast_host_disconnected(end->host);
}

static uint32_t purpose_of(const cJSON *step) {
    const char *name = text_or(step, "purpose", "screen");
    uint32_t purpose = 0;
    while (purpose < 5 && strcmp(purpose_names[purpose], name) != 0) purpose++;
    return purpose;
}

static panecast_status play_host(const char *verb, const cJSON *step) {
    room_end *end;
    panecast_host *host;
    if (strcmp(verb, "new") == 0) {
        panecast_host_config config;
        panecast_status status;
        memset(&config, 0, sizeof config);
        config.struct_size = sizeof config;
        config.no_keys = (uint32_t)number_or(step, "no_keys", 0);
        config.fps = 1000;
        config.tenant = text_or(step, "tenant", NULL);
        host = NULL;
        status = panecast_host_new(&config, &host);
        if (status == PANECAST_STATUS_OK) new_end(text(step, "as"))->host = host;
        return status;
    }
    end = end_of(text(step, "on"));
    host = end->host;
    if (strcmp(verb, "next") == 0) return next_told(end, step);
    if (strcmp(verb, "allow") == 0) {
        return panecast_host_allow(host, (uint32_t)number(step, "joiner"), purpose_of(step), text(step, "source"));
    }
    if (strcmp(verb, "decline") == 0) return panecast_host_decline(host, (uint32_t)number(step, "joiner"));
    if (strcmp(verb, "dismiss") == 0) return panecast_host_dismiss(host, (uint32_t)number(step, "joiner"));
    if (strcmp(verb, "push") == 0) {
        panecast_rect rects[8];
        panecast_frame frame = frame_of(step, rects);
        return panecast_host_push(host, &frame);
    }
    if (strcmp(verb, "pause") == 0) return panecast_host_pause(host);
    if (strcmp(verb, "resume") == 0) return panecast_host_resume(host);
    if (strcmp(verb, "end") == 0) return panecast_host_end(host);
    if (strcmp(verb, "stop") == 0) return panecast_host_stop(host);
    if (strcmp(verb, "take_link") == 0) return panecast_host_take_link(host, text(step, "text"));
    if (strcmp(verb, "open_link") == 0) {
        return panecast_host_open_link(host, PANECAST_LINK_KIND_ALONE, (uint32_t)number(step, "uses"), 60);
    }
    fail("no verb host.", verb);
    return PANECAST_STATUS_OK;
}

static panecast_status new_joiner(const cJSON *step) {
    panecast_joiner_config config;
    panecast_joiner *joiner = NULL;
    panecast_status status;
    char key[32];
    int rounds = 0;
    memset(&config, 0, sizeof config);
    config.struct_size = sizeof config;
    config.purpose = purpose_of(step);
    config.who = text_or(step, "who", "Ann");
    config.key = text_or(step, "key", NULL);
    config.link = text_or(step, "link", NULL);
    if (has(step, "key_of")) {
        room_end *host = end_of(text(step, "key_of"));
        while (host->key[0] == 0) carry(&rounds);
        strcpy(key, host->key);
        if (number_or(step, "wrong", 0)) {
            char *last = key + strlen(key) - 1;
            *last = *last == '0' ? '1' : '0';
        } else {
            host->key[0] = 0;
        }
        config.key = key;
    } else if (has(step, "link_of")) {
        room_end *host = end_of(text(step, "link_of"));
        while (host->link[0] == 0) carry(&rounds);
        config.link = host->link;
    }
    status = panecast_joiner_new(&config, &joiner);
    if (status == PANECAST_STATUS_OK) {
        room_end *end = new_end(text(step, "as"));
        end->joiner = joiner;
        strcpy(end->room, text(step, "room"));
    }
    return status;
}

static panecast_status picture_facts(panecast_joiner *joiner, panecast_picture *shown) {
    panecast_status status;
    int size[2];
    memset(shown, 0, sizeof *shown);
    shown->struct_size = sizeof *shown;
    status = panecast_joiner_picture(joiner, shown);
    if (status != PANECAST_STATUS_OK) return status;
    size[0] = (int)shown->width;
    size[1] = (int)shown->height;
    cJSON_DeleteItemFromObject(facts, "size");
    cJSON_DeleteItemFromObject(facts, "pixels");
    cJSON_AddItemToObject(facts, "size", cJSON_CreateIntArray(size, 2));
    fact_hash("pixels", shown->pixels, shown->length);
    return status;
}

/* Points as they are listed: x and y in turn. */
static size_t points_of(const cJSON *step, panecast_point *points) {
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(step, "points");
    int i, count = cJSON_GetArraySize(list) / 2;
    for (i = 0; i < count; i++) {
        points[i].x = (int32_t)cJSON_GetArrayItem(list, 2 * i)->valuedouble;
        points[i].y = (int32_t)cJSON_GetArrayItem(list, 2 * i + 1)->valuedouble;
    }
    return (size_t)count;
}

static panecast_status play_joiner(const char *verb, const cJSON *step) {
    room_end *end;
    panecast_joiner *joiner;
    panecast_point points[8];
    panecast_picture shown;
    panecast_status status;
    int rounds = 0;
    if (strcmp(verb, "new") == 0) return new_joiner(step);
    end = end_of(text(step, "on"));
    joiner = end->joiner;
    if (strcmp(verb, "next") == 0) return next_told(end, step);
    if (strcmp(verb, "picture") == 0) return picture_facts(joiner, &shown);
    if (strcmp(verb, "shows") == 0) {
        const picture *p = (const picture *)object('f', step, "frame");
        for (;;) {
            status = picture_facts(joiner, &shown);
            if (status != PANECAST_STATUS_OK && status != PANECAST_STATUS_NOT_FOUND) return status;
            if (status == PANECAST_STATUS_OK && shown.length == p->frame.planes[0].length &&
                memcmp(shown.pixels, p->memory[0], shown.length) == 0) {
                return status;
            }
            carry(&rounds);
        }
    }
    if (strcmp(verb, "point") == 0) return panecast_joiner_point(joiner, points_of(step, points) ? points : NULL);
    if (strcmp(verb, "draw") == 0) {
        size_t count = points_of(step, points);
        return panecast_joiner_draw(joiner, (uint32_t)number(step, "line"), PANECAST_TOOL_PEN, 0xFF0000, points, count);
    }
    if (strcmp(verb, "clear") == 0) return panecast_joiner_clear(joiner);
    if (strcmp(verb, "pause") == 0) return panecast_joiner_pause(joiner, 1);
    if (strcmp(verb, "resume") == 0) return panecast_joiner_pause(joiner, 0);
    if (strcmp(verb, "leave") == 0) return panecast_joiner_leave(joiner);
    if (strcmp(verb, "stop") == 0) return panecast_joiner_stop(joiner);
    fail("no verb joiner.", verb);
    return PANECAST_STATUS_OK;
}

static panecast_status play_room(const char *verb, const cJSON *step) {
    if (strcmp(verb, "cut") == 0) return cut(end_of(text(step, "end")));
    if (strcmp(verb, "new") != 0) fail("no verb room.", verb);
    strcpy(end_of(text(step, "host"))->room, text(step, "as"));
    return PANECAST_STATUS_OK;
}
