/*
 * The JSON printer: see json.h.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/json.h"
#include <math.h>
#include <string.h>

static void print_unichar(GString *out, gunichar c)
{
    static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";
    const char *at = c && c < 0x80 ? strchr(from, c) : NULL;

    if (at) {
        g_string_append_printf(out, "\\%c", to[at - from]);
    } else if (c >= 0x20 && c < 0x7f) {
        g_string_append_c(out, c);
    } else if (c < 0x10000) {
        g_string_append_printf(out, "\\u%04X", c);
    } else {
        g_string_append_printf(out, "\\u%04X\\u%04X", 0xd800 + ((c - 0x10000) >> 10),
                               0xdc00 + (c & 0x3ff));
    }
}

static void print_string(GString *out, const char *text)
{
    g_string_append_c(out, '"');
    while (*text) {
        gunichar c = g_utf8_get_char_validated(text, -1);
        if (g_str_has_prefix(text, "\xc0\x80")) {
            print_unichar(out, 0);
            text += 2;
        } else if (c == (gunichar)-1 || c == (gunichar)-2) {
            print_unichar(out, 0xfffd);
            text++;
        } else {
            print_unichar(out, c);
            text = g_utf8_next_char(text);
        }
    }
    g_string_append_c(out, '"');
}

/* With a point or an exponent, so that it is read as what it is. */
static void print_double(GString *out, double number)
{
    char text[G_ASCII_DTOSTR_BUF_SIZE];

    g_ascii_formatd(text, sizeof(text), "%.17g", number);
    g_string_append_printf(out, "%s%s", text, strpbrk(text, ".e") ? "" : ".0");
}

static void new_line(GString *out, int indent)
{
    if (indent >= 0) {
        g_string_append_printf(out, "\n%*s", indent * 4, "");
    }
}

static void separate(GString *out, bool *first, int indent)
{
    if (!*first) {
        g_string_append(out, indent >= 0 ? "," : ", ");
    }
    *first = false;
    new_line(out, indent);
}

/* indent: of the members of value; negative: all on one line. */
static void print_value(GString *out, json_object *value, int indent)
{
    int inner = indent < 0 ? indent : indent + 1;
    bool first = true;

    switch (json_object_get_type(value)) {
    case json_type_object:
        g_string_append_c(out, '{');
        json_object_object_foreach(value, key, member) {
            separate(out, &first, indent);
            print_string(out, key);
            g_string_append(out, ": ");
            print_value(out, member, inner);
        }
        break;
    case json_type_array:
        g_string_append_c(out, '[');
        for (size_t i = 0; i < json_object_array_length(value); i++) {
            separate(out, &first, indent);
            print_value(out, json_object_array_get_idx(value, i), inner);
        }
        break;
    case json_type_string:
        print_string(out, json_object_get_string(value));
        return;
    case json_type_double:
        print_double(out, json_object_get_double(value));
        return;
    default: /* null, boolean, int: json-c's own text */
        g_string_append(out, value ? json_object_to_json_string(value) : "null");
        return;
    }
    if (!first) {
        new_line(out, indent - 1 + (indent < 0));
    }
    g_string_append_c(out, json_object_is_type(value, json_type_object) ? '}' : ']');
}

void json_print(GString *out, json_object *value, bool pretty)
{
    print_value(out, value, pretty ? 1 : -1);
}
