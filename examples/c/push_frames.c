/* Pushes frames of its own, gets packets by a callback, decodes them, and checks that the pixels are the same. */
#include <panecast.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

enum { WIDTH = 320, HEIGHT = 240, FRAMES = 30, ROW = WIDTH * 4 };

typedef struct {
    pthread_mutex_t lock;
    pthread_cond_t came;
    panecast_decoder *decoder; /* the agent's side; yours would be elsewhere */
    uint64_t sequence;
    int ended;
} viewer;

/* On a thread of the library. The bytes are good until this returns. */
static void told(const panecast_event *event, void *user) {
    viewer *me = user;
    pthread_mutex_lock(&me->lock);
    if (event->kind == PANECAST_EVENT_KIND_PACKET) {
        panecast_decoder_feed(me->decoder, event->bytes, event->length);
        while (panecast_decoder_next(me->decoder, NULL) == PANECAST_STATUS_OK) {
        }
        me->sequence = event->sequence;
    } else if (event->kind == PANECAST_EVENT_KIND_ENDED) {
        me->ended = 1;
    }
    pthread_cond_signal(&me->came);
    pthread_mutex_unlock(&me->lock);
}

static void paint(uint8_t *pixels, int index) {
    int x, y;
    for (y = 0; y < HEIGHT; y++) {
        for (x = 0; x < WIDTH; x++) {
            uint8_t *px = pixels + y * ROW + x * 4;
            int ball = (x - 10 * index) * (x - 10 * index) + (y - 120) * (y - 120) < 900;
            px[0] = (uint8_t)(ball ? 40 : x);
            px[1] = (uint8_t)(ball ? 80 : y);
            px[2] = (uint8_t)(ball ? 240 : 128);
            px[3] = 255;
        }
    }
}

int main(void) {
    static uint8_t pixels[HEIGHT * ROW];
    viewer me = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, NULL, 0, 0};
    panecast_consent *consent = NULL;
    panecast_grant *grant = NULL;
    panecast_share *share = NULL;
    panecast_share_config config = {0};
    panecast_frame frame = {0};
    panecast_picture picture = {0};
    int index, wrong = 0;
    config.struct_size = sizeof config;
    config.on_event = told;
    config.user = &me;
    if (panecast_decoder_new(NULL, &me.decoder) != PANECAST_STATUS_OK ||
        panecast_consent_ask(PANECAST_PURPOSE_WINDOW, "push:320x240", &consent) != PANECAST_STATUS_OK ||
        panecast_consent_answer(consent, 1, &grant) != PANECAST_STATUS_OK ||
        panecast_share_start(grant, "push:320x240", &config, &share) != PANECAST_STATUS_OK) {
        fprintf(stderr, "could not start\n");
        return 1;
    }
    panecast_share_viewer_joined(share, 1);
    frame.struct_size = sizeof frame;
    frame.format = PANECAST_FORMAT_BGRA;
    frame.width = WIDTH;
    frame.height = HEIGHT;
    frame.planes[0].bytes = pixels;
    frame.planes[0].length = sizeof pixels;
    frame.planes[0].stride_bytes = ROW;
    picture.struct_size = sizeof picture;
    for (index = 0; index < FRAMES; index++) {
        uint64_t before = me.sequence;
        paint(pixels, index);
        frame.timestamp_us = (uint64_t)index * 33333;
        panecast_share_push(share, &frame);
        pthread_mutex_lock(&me.lock);
        while (me.sequence == before && !me.ended) pthread_cond_wait(&me.came, &me.lock);
        panecast_decoder_picture(me.decoder, &picture);
        wrong += picture.length != sizeof pixels || memcmp(picture.pixels, pixels, sizeof pixels) != 0;
        pthread_mutex_unlock(&me.lock);
        panecast_share_viewer_ack(share, 1, me.sequence, 0); /* painted */
    }
    panecast_share_free(share);
    panecast_grant_free(grant);
    panecast_decoder_free(me.decoder);
    printf("%d frames, %d wrong\n", FRAMES, wrong);
    return wrong != 0;
}
