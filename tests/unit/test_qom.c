/*
 * Types, objects, properties and the composition tree; devices' properties,
 * reset phases and state; two PCs in one process.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <glib.h>
#include <string.h>
#include "hw/core/machine.h"
#include "util/main-loop.h"

/* --- types for the test ---------------------------------------------------------- */

#define TYPE_ANIMAL "test-animal"
#define TYPE_DOG "test-dog"
#define TYPE_SPEAKER "test-speaker"

typedef struct Animal { Object parent; GString *log; } Animal;
typedef struct AnimalClass { ObjectClass parent; const char *(*sound)(void); int legs; } AnimalClass;
typedef struct SpeakerClass { InterfaceClass parent; int volume; } SpeakerClass;

static GString *life; /* what init and finalize did, in order */

static const char *no_sound(void) { return ""; }
static const char *bark(void) { return "wuff"; }
static void animal_init(Object *obj) { g_string_append_c(life, 'A'); }
static void animal_finalize(Object *obj) { g_string_append_c(life, 'a'); }
static void dog_init(Object *obj) { g_string_append_c(life, 'D'); }
static void dog_finalize(Object *obj) { g_string_append_c(life, 'd'); }

static void animal_class_init(ObjectClass *klass, const void *data)
{
    ((AnimalClass *)klass)->sound = no_sound;
    ((AnimalClass *)klass)->legs = 4;
}

static void dog_class_init(ObjectClass *klass, const void *data)
{
    ((AnimalClass *)klass)->sound = bark;
    ((SpeakerClass *)object_class_dynamic_cast(klass, TYPE_SPEAKER))->volume = 11;
}

static const char *const dog_interfaces[] = { TYPE_SPEAKER, NULL };
static const TypeInfo test_types[] = {
    { .name = TYPE_SPEAKER, .parent = TYPE_INTERFACE, .class_size = sizeof(SpeakerClass),
      .abstract = true },
    { .name = TYPE_ANIMAL, .parent = TYPE_OBJECT, .instance_size = sizeof(Animal),
      .class_size = sizeof(AnimalClass), .instance_init = animal_init,
      .instance_finalize = animal_finalize, .class_init = animal_class_init, .abstract = true },
    { .name = TYPE_DOG, .parent = TYPE_ANIMAL, .instance_init = dog_init,
      .instance_finalize = dog_finalize, .class_init = dog_class_init,
      .interfaces = dog_interfaces },
};

/* --- objects ------------------------------------------------------------------------ */

static void test_inheritance(void)
{
    life = g_string_new(NULL);
    Object *dog = object_new(TYPE_DOG);
    AnimalClass *klass = (AnimalClass *)object_get_class(dog);

    g_assert_cmpstr(klass->sound(), ==, "wuff");
    g_assert_cmpint(klass->legs, ==, 4); /* inherited */
    g_assert_true(object_dynamic_cast(dog, TYPE_ANIMAL) == dog);
    g_assert_null(object_dynamic_cast(dog, TYPE_DEVICE));
    g_assert_true(object_dynamic_cast(dog, TYPE_SPEAKER) == dog);
    SpeakerClass *speaker = (SpeakerClass *)object_class_dynamic_cast(object_get_class(dog),
                                                                      TYPE_SPEAKER);
    g_assert_cmpint(speaker->volume, ==, 11);
    g_assert_true(object_class_is_abstract(object_class_by_name(TYPE_ANIMAL)));
    object_ref(dog);
    object_unref(dog);
    g_assert_cmpstr(life->str, ==, "AD");
    object_unref(dog);
    g_assert_cmpstr(life->str, ==, "ADda"); /* leaf first */
    g_string_free(life, TRUE);
}

static void test_tree(void)
{
    life = g_string_new(NULL);
    Object *root = object_container_get(object_get_root(), "/kennel/north");
    Object *dog = object_new(TYPE_DOG), *other = object_new(TYPE_DOG), *slot = NULL;
    bool ambiguous;

    object_property_add_child(root, "dog[*]", dog);
    object_property_add_child(root, "dog[*]", other);
    object_unref(dog);
    object_unref(other);
    g_autofree char *path = object_get_canonical_path(other);
    g_assert_cmpstr(path, ==, "/kennel/north/dog[1]");
    g_assert_true(object_resolve_path("/kennel/north/dog[0]", NULL) == dog);
    g_assert_true(object_resolve_path("north/dog[1]", &ambiguous) == other && !ambiguous);
    g_assert_null(object_resolve_path("/kennel/south", NULL));

    object_property_add_link(root, "favourite", TYPE_DOG, &slot);
    g_assert_true(object_property_set_link(root, "favourite", other, NULL));
    g_assert_true(slot == other);
    g_assert_true(object_resolve_path("/kennel/north/favourite", NULL) == other);
    g_assert_false(object_property_set_str(root, "favourite", "/kennel", NULL));

    object_unparent(dog);
    g_assert_null(object_resolve_path("/kennel/north/dog[0]", NULL));
    g_assert_cmpstr(life->str, ==, "ADADda");
    g_string_free(life, TRUE);
}

/* --- devices ---------------------------------------------------------------------------- */

typedef struct Lamp {
    DeviceState parent;
    uint8_t level;
    bool on;
    uint32_t bits;
    char *label;
    uint16_t history[3];
    GString *resets;
    bool fail;
} Lamp;

static bool lamp_realize(DeviceState *dev, Error **errp)
{
    Lamp *lamp = (Lamp *)dev;
    lamp->resets = g_string_new(NULL);
    if (lamp->fail) {
        error_setg(errp, "the lamp is broken");
    }
    return !lamp->fail;
}

static void lamp_enter(DeviceState *dev) { g_string_append_c(((Lamp *)dev)->resets, 'e'); }
static void lamp_hold(DeviceState *dev) { g_string_append_c(((Lamp *)dev)->resets, 'h'); }
static void lamp_exit(DeviceState *dev) { g_string_append_c(((Lamp *)dev)->resets, 'x'); }

static bool lamp_check(void *opaque, Error **errp)
{
    Lamp *lamp = opaque;
    if (lamp->level > 100) {
        error_setg(errp, "level out of range");
    }
    return lamp->level <= 100;
}

static const Property lamp_props[] = {
    PROP_UINT8("level", Lamp, level, 7),
    PROP_BOOL("on", Lamp, on, true),
    PROP_BIT("third", Lamp, bits, 3, true),
    PROP_STRING("label", Lamp, label),
    PROP_BOOL("fail", Lamp, fail, false),
    PROP_END
};
static const VMStateField lamp_fields[] = {
    VMSTATE_UINT8(level, Lamp), VMSTATE_BOOL(on, Lamp), VMSTATE_UINT16_ARRAY(history, Lamp, 3),
    VMSTATE_END
};
static const VMStateDescription vmstate_lamp = {
    .name = "lamp", .version = 2, .fields = lamp_fields, .post_load = lamp_check,
};
static const DeviceInfo lamp_info = {
    .name = "test-lamp", .instance_size = sizeof(Lamp), .props = lamp_props,
    .vmsd = &vmstate_lamp, .realize = lamp_realize, .reset = lamp_enter,
    .reset_hold = lamp_hold, .reset_exit = lamp_exit,
};

static void test_properties(void)
{
    Object *lamp = OBJECT(qdev_new("test-lamp"));
    Error *err = NULL;

    g_assert_cmpuint(object_property_get_uint(lamp, "level", NULL), ==, 7);
    g_assert_true(object_property_get_bool(lamp, "third", NULL));
    g_assert_true(object_property_parse(lamp, "level", "0x20", NULL));
    g_assert_cmpuint(((Lamp *)lamp)->level, ==, 32);
    g_assert_false(object_property_parse(lamp, "level", "256", &err));
    g_assert_nonnull(strstr(error_text(err), "256"));
    error_free(err);
    g_assert_false(object_property_parse(lamp, "level", "-1", NULL));
    g_assert_false(object_property_parse(lamp, "on", "maybe", NULL));
    g_assert_false(object_property_parse(lamp, "nosuch", "1", NULL));
    g_assert_true(object_property_set_bool(lamp, "third", false, NULL));
    g_assert_cmphex(((Lamp *)lamp)->bits, ==, 0);
    g_assert_true(object_property_set_str(lamp, "label", "x", NULL));
    object_unref(lamp);
}

static void test_realize_and_reset(void)
{
    MachineState *machine = machine_new("none", NULL);
    DeviceState *lamp = qdev_new("test-lamp"), *broken = qdev_new("test-lamp");
    Error *err = NULL;

    g_ptr_array_add(machine->globals, g_strdup("test-lamp.level=9"));
    lamp->id = g_strdup("lamp0");
    g_assert_true(qdev_realize_and_unref(lamp, NULL, machine, NULL));
    g_assert_cmpuint(((Lamp *)lamp)->level, ==, 9); /* -global */
    g_assert_true(qdev_find_by_id(machine, "lamp0") == lamp);
    g_assert_false(object_property_parse(OBJECT(lamp), "level", "1", NULL)); /* too late */
    machine_reset(machine);
    g_assert_cmpstr(((Lamp *)lamp)->resets->str, ==, "ehx");

    object_property_set_bool(OBJECT(broken), "fail", true, NULL);
    g_assert_false(qdev_realize_and_unref(broken, NULL, machine, &err));
    g_assert_cmpstr(error_text(err), ==, "the lamp is broken");
    error_free(err);
    g_assert_cmpuint(g_slist_length(machine->main_bus->children), ==, 1);
}

static void test_state(void)
{
    Lamp from = { .level = 42, .on = true, .history = { 1, 0x203, 65535 } }, to = { 0 };
    GByteArray *data = g_byte_array_new();
    size_t pos = 0;

    vmstate_save(&vmstate_lamp, &from, data);
    g_assert_true(vmstate_load(&vmstate_lamp, &to, data->data, data->len, &pos, NULL));
    g_assert_cmpuint(pos, ==, data->len);
    g_assert_cmpmem(&to.history, sizeof(to.history), &from.history, sizeof(from.history));
    g_assert_true(to.level == 42 && to.on);
    for (size_t cut = 0; cut < data->len; cut++) { /* truncated anywhere: refused */
        pos = 0;
        g_assert_false(vmstate_load(&vmstate_lamp, &to, data->data, cut, &pos, NULL));
    }
    data->data[1] ^= 1; /* another name */
    pos = 0;
    g_assert_false(vmstate_load(&vmstate_lamp, &to, data->data, data->len, &pos, NULL));
    data->data[1] ^= 1;
    data->data[5 + 4] = 101; /* the level, which post_load checks */
    pos = 0;
    g_assert_false(vmstate_load(&vmstate_lamp, &to, data->data, data->len, &pos, NULL));
    g_byte_array_unref(data);
}

/* --- two machines -------------------------------------------------------------------------- */

static MachineState *new_pc(uint64_t ram_size)
{
    MachineState *machine = machine_new("pc", NULL);
    clock_set_manual(machine->clock);
    machine->ram_size = ram_size;
    g_assert_true(machine_init_run(machine, NULL));
    machine_reset(machine);
    return machine;
}

/* CMOS bytes 34h/35h: memory above 16 MiB in units of 64 KiB. */
static unsigned cmos_memory(MachineState *machine)
{
    unsigned val = 0;
    for (unsigned i = 0; i < 2; i++) {
        address_space_st(&machine->io_as, 0x70, 1, 0x34 + i);
        val |= (unsigned)address_space_ld(&machine->io_as, 0x71, 1) << 8 * i;
    }
    return val;
}

static void test_two_machines(void)
{
    MachineState *one = new_pc(32 << 20), *two = new_pc(64 << 20);

    g_assert_cmpuint(cmos_memory(one), ==, 16 << 4);
    g_assert_cmpuint(cmos_memory(two), ==, 48 << 4);
    address_space_st(&one->memory_as, 0x1000, 4, 0x11111111);
    address_space_st(&two->memory_as, 0x1000, 4, 0x22222222);
    g_assert_cmphex(address_space_ld(&one->memory_as, 0x1000, 4), ==, 0x11111111);
    /* The interrupt mask of one's 8259 is not the other's. */
    address_space_st(&one->io_as, 0x21, 1, 0xaa);
    address_space_st(&two->io_as, 0x21, 1, 0x55);
    g_assert_cmphex(address_space_ld(&one->io_as, 0x21, 1), ==, 0xaa);
    /* Time passes in one of them. */
    clock_advance_to(one->clock, NS_PER_SECOND);
    g_assert_cmpint(clock_get_ns(two->clock), ==, 0);
}

static void register_test_types(void)
{
    type_register_array(test_types);
    device_type_register(&lamp_info);
}
type_init(register_test_types)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (ModuleKind kind = 0; kind < MODULE_COUNT; kind++) {
        module_call_init(kind);
    }
    main_loop_init();
    g_test_add_func("/qom/inheritance", test_inheritance);
    g_test_add_func("/qom/tree", test_tree);
    g_test_add_func("/qdev/properties", test_properties);
    g_test_add_func("/qdev/realize-and-reset", test_realize_and_reset);
    g_test_add_func("/qdev/state", test_state);
    g_test_add_func("/machine/two", test_two_machines);
    return g_test_run();
}
