/* What a push costs: CPU nanoseconds of pushes that copy nothing, and of whole 1080p frames. push_cost [EMPTY [WHOLE]] */
#include <panecast.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { WIDTH = 1920, HEIGHT = 1080 };

static double cpu_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static double each(panecast_share *share, panecast_frame *frame, long count) {
    double begun;
    long i;
    panecast_share_push(share, frame); /* the first one copies all */
    begun = cpu_ns();
    for (i = 0; i < count; i++) {
        frame->timestamp_us++;
        if (panecast_share_push(share, frame) != PANECAST_STATUS_OK) exit(1);
    }
    return (cpu_ns() - begun) / (double)count;
}

int main(int argc, char **argv) {
    long empty = argc > 1 ? strtol(argv[1], NULL, 10) : 1000000, whole = argc > 2 ? strtol(argv[2], NULL, 10) : 300;
    uint8_t *pixels = calloc(HEIGHT, WIDTH * 4);
    panecast_rect nowhere = {0, 0, 0, 0};
    panecast_consent *consent = NULL;
    panecast_grant *grant = NULL;
    panecast_share *share = NULL;
    panecast_frame frame = {0};
    double nothing, all;
    if (pixels == NULL || panecast_consent_ask(PANECAST_PURPOSE_SCREEN, "push:1920x1080", &consent) != 0 ||
        panecast_consent_answer(consent, 1, &grant) != 0 ||
        panecast_share_start(grant, "push:1920x1080", NULL, &share) != 0) {
        return 1;
    }
    frame.struct_size = sizeof frame;
    frame.width = WIDTH;
    frame.height = HEIGHT;
    frame.planes[0].bytes = pixels;
    frame.planes[0].length = (size_t)HEIGHT * WIDTH * 4;
    frame.planes[0].stride_bytes = WIDTH * 4;
    frame.damage = &nowhere;
    nothing = each(share, &frame, empty);
    frame.damage = NULL;
    all = each(share, &frame, whole);
    printf("a push that copies nothing: %.0f ns; a whole frame: %.3f ms\n", nothing, all / 1e6);
    panecast_share_free(share);
    panecast_grant_free(grant);
    free(pixels);
    return 0;
}
