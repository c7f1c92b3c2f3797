/* What a pushed frame of 1080p costs its thread: CPU time where nothing changed, one tile did, or all. push_cost [CALLS] */
#include <panecast.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { WIDTH = 1920, HEIGHT = 1080, BYTES = WIDTH * HEIGHT * 4, BATCHES = 9 };

static uint8_t *pixels, *copied;
static panecast_share *share;
static panecast_frame frame;

static double cpu_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static void push(void) {
    frame.timestamp_us++;
    if (panecast_share_push(share, &frame) != PANECAST_STATUS_OK) exit(1);
}

static void pass(void) {
    pixels[frame.timestamp_us++ % BYTES]++; /* so that no copy is like the one before */
    memcpy(copied, pixels, BYTES);
}

/* Microseconds of a call: the best batch is the one that other programs disturbed least. */
static double each(void (*call)(void), long calls) {
    double best = 1e12, begun;
    long i;
    int batch;
    for (batch = 0; batch < BATCHES; batch++) {
        begun = cpu_us();
        for (i = 0; i < calls; i++) call();
        if (cpu_us() - begun < best) best = cpu_us() - begun;
    }
    return best / (double)calls;
}

int main(int argc, char **argv) {
    long calls = argc > 1 ? strtol(argv[1], NULL, 10) : 100000, whole = calls / 2000 + 1;
    panecast_rect tile = {64, 64, 64, 64};
    panecast_consent *consent = NULL;
    panecast_grant *grant = NULL;
    double nothing, some, all;
    size_t i;
    pixels = malloc(BYTES);
    copied = malloc(BYTES);
    if (pixels == NULL || copied == NULL ||
        panecast_consent_ask(PANECAST_PURPOSE_SCREEN, "push:1920x1080", &consent) != 0 ||
        panecast_consent_answer(consent, 1, &grant) != 0 ||
        panecast_share_start(grant, "push:1920x1080", NULL, &share) != 0) {
        return 1;
    }
    for (i = 0; i < BYTES; i++) pixels[i] = copied[i] = (uint8_t)(i * 31);
    frame.struct_size = sizeof frame;
    frame.width = WIDTH;
    frame.height = HEIGHT;
    frame.planes[0].bytes = pixels;
    frame.planes[0].length = BYTES;
    frame.planes[0].stride_bytes = WIDTH * 4;
    push(); /* the first one copies all */
    frame.damage = &tile;
    nothing = each(push, calls);
    frame.damage_count = 1;
    some = each(push, calls);
    frame.damage = NULL;
    frame.damage_count = 0;
    all = each(push, whole);
    printf("C       nothing %8.2f us   a tile %8.2f us   all %8.1f us   (a copy of all %.1f us)\n", nothing, some, all,
           each(pass, whole));
    panecast_share_free(share);
    panecast_grant_free(grant);
    free(pixels);
    free(copied);
    return 0;
}
