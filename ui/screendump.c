/*
 * Screen dumps: see screendump.h.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "ui/screendump.h"
#include <errno.h>
#include <stdio.h>
#ifdef CONFIG_PNG
#include <png.h>
#endif

/* A copy as R, G, B bytes without padding: what both formats hold. */
static uint8_t *surface_rgb(pixman_image_t *surface, int width, int height)
{
    uint8_t *rgb = g_malloc((size_t)width * height * 3), *out = rgb;
    const uint8_t *row = (const uint8_t *)pixman_image_get_data(surface);

    for (int y = 0; y < height; y++, row += pixman_image_get_stride(surface)) {
        const uint32_t *pixels = (const uint32_t *)(const void *)row;
        for (int x = 0; x < width; x++) {
            *out++ = pixels[x] >> 16;
            *out++ = pixels[x] >> 8;
            *out++ = pixels[x];
        }
    }
    return rgb;
}

static bool write_ppm(FILE *file, const uint8_t *rgb, int width, int height, Error **errp)
{
    fprintf(file, "P6\n%d %d\n255\n", width, height);
    fwrite(rgb, 3, (size_t)width * height, file);
    return true;
}

#ifdef CONFIG_PNG
static bool write_png(FILE *file, const uint8_t *rgb, int width, int height, Error **errp)
{
    png_image image = { .version = PNG_IMAGE_VERSION, .width = width, .height = height,
                        .format = PNG_FORMAT_RGB };

    if (!png_image_write_to_stdio(&image, file, 0, rgb, 0, NULL)) {
        error_setg(errp, "cannot write the screen as PNG: %s", image.message);
        return false;
    }
    return true;
}
#else
static bool write_png(FILE *file, const uint8_t *rgb, int width, int height, Error **errp)
{
    error_setg(errp, "this Doppel was built without libpng; use format ppm");
    return false;
}
#endif

bool console_screendump(Console *con, const char *path, ScreendumpFormat format, Error **errp)
{
    FILE *file = fopen(path, "wbe");
    Error *err = NULL;

    if (!file) {
        error_setg_errno(errp, errno, "cannot write the screen to '%s'", path);
        return false;
    }
    console_refresh(con);
    pixman_image_t *surface = console_surface(con);
    int width = pixman_image_get_width(surface), height = pixman_image_get_height(surface);
    g_autofree uint8_t *rgb = surface_rgb(surface, width, height);
    bool done = (format == SCREENDUMP_PNG ? write_png : write_ppm)(file, rgb, width, height, &err);
    bool ok = !ferror(file) && done;
    if ((fclose(file) != 0 || !ok) && !err) {
        error_setg_errno(&err, errno, "cannot write the screen to '%s'", path);
    }
    if (err) {
        error_propagate(errp, err);
        return false;
    }
    return true;
}
