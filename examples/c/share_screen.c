/* Shares a screen (or what the first argument names) in about ten calls; where the bytes go is yours. */
#include <panecast.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv) {
    const char *source = argc > 1 ? argv[1] : "screen";
    long packets = argc > 2 ? strtol(argv[2], NULL, 10) : 100;
    uint32_t purpose = source[0] == 's' ? PANECAST_PURPOSE_SCREEN : PANECAST_PURPOSE_PREPARED;
    panecast_consent *consent = NULL;
    panecast_grant *grant = NULL;
    panecast_share *share = NULL;
    panecast_status status = panecast_consent_ask(purpose, source, &consent);
    if (status == PANECAST_STATUS_OK) status = panecast_consent_answer(consent, 1, &grant); /* ask your visitor here */
    if (status == PANECAST_STATUS_OK) status = panecast_share_start(grant, source, NULL, &share);
    if (status == PANECAST_STATUS_OK) status = panecast_share_viewer_joined(share, 1); /* an agent came */
    while (status == PANECAST_STATUS_OK && packets > 0) {
        panecast_event event = {0};
        event.struct_size = sizeof event;
        status = panecast_share_next(share, 1000, &event);
        if (status == PANECAST_STATUS_NOTHING_NOW) {
            status = PANECAST_STATUS_OK;
        } else if (status == PANECAST_STATUS_OK && event.kind == PANECAST_EVENT_KIND_PACKET) {
            fwrite(event.bytes, 1, event.length, stdout); /* send it; then, once it is painted, acknowledge it */
            if (event.has_sequence) panecast_share_viewer_ack(share, 1, event.sequence, 0);
            panecast_packet_free(event.packet);
            packets--;
        }
    }
    if (status != PANECAST_STATUS_OK) {
        char text[256];
        panecast_last_error(share, text, sizeof text);
        fprintf(stderr, "%s: %s\n", panecast_status_name(status), text);
    }
    panecast_share_free(share);
    panecast_grant_free(grant);
    return status == PANECAST_STATUS_OK ? 0 : 1;
}
