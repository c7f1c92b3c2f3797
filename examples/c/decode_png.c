/* Decodes a recording (.pcast) and writes its last picture as PNG: decode_png IN.pcast OUT.png */
#include <panecast.h>
#include <png.h>
#include <stdio.h>
#include <string.h>

static int complain(panecast_decoder *decoder, panecast_status status) {
    char text[256];
    panecast_last_error(decoder, text, sizeof text);
    fprintf(stderr, "%s: %s\n", panecast_status_name(status), text);
    panecast_decoder_free(decoder);
    return 1;
}

int main(int argc, char **argv) {
    static uint8_t chunk[65536];
    panecast_decoder *decoder = NULL;
    panecast_picture picture = {0};
    panecast_status status;
    png_image image;
    size_t count;
    FILE *file = argc == 3 ? fopen(argv[1], "rb") : NULL;
    if (file == NULL) {
        fprintf(stderr, "usage: decode_png IN.pcast OUT.png\n");
        return 2;
    }
    status = panecast_decoder_new(NULL, &decoder);
    while (status == PANECAST_STATUS_OK && (count = fread(chunk, 1, sizeof chunk, file)) > 0) {
        status = panecast_decoder_feed(decoder, chunk, count);
        while (status == PANECAST_STATUS_OK) status = panecast_decoder_next(decoder, NULL);
        if (status == PANECAST_STATUS_NOTHING_NOW) status = PANECAST_STATUS_OK;
    }
    fclose(file);
    if (status != PANECAST_STATUS_OK) return complain(decoder, status);
    picture.struct_size = sizeof picture;
    status = panecast_decoder_picture(decoder, &picture);
    if (status != PANECAST_STATUS_OK) return complain(decoder, status);
    memset(&image, 0, sizeof image);
    image.version = PNG_IMAGE_VERSION;
    image.width = picture.width;
    image.height = picture.height;
    image.format = PNG_FORMAT_BGRA;
    if (!png_image_write_to_file(&image, argv[2], 0, picture.pixels, (png_int_32)picture.stride_bytes, NULL)) {
        fprintf(stderr, "%s\n", image.message);
        panecast_decoder_free(decoder);
        return 1;
    }
    printf("%ux%u\n", picture.width, picture.height);
    panecast_decoder_free(decoder);
    return 0;
}
