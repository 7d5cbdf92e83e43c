/*
 * Human monitor: the device tree, the object tree, PCI.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <inttypes.h>
#include <string.h>
#include "hw/core/gpio.h"
#include "hw/pci/pci.h"
#include "monitor/hmp-int.h"
#include "monitor/monitor.h"
#include "util/option.h"

/* --- info qtree ------------------------------------------------------------------- */

static void print_bus(Hmp *hmp, BusState *bus, int indent);

static void print_gpios(Hmp *hmp, DeviceState *dev, int indent)
{
    for (int input = 1; input >= 0; input--) {
        for (GSList *l = dev->gpios; l; l = l->next) {
            const LineGroup *group = l->data;
            if (group->input == input) {
                hmp_printf(hmp, "%*sgpio-%s \"%s\" %d\n", indent, "", input ? "in" : "out",
                           group->name ? group->name : "", group->count);
            }
        }
    }
}

static void print_property_value(Hmp *hmp, const ObjectProperty *prop, json_object *value)
{
    if (g_str_equal(prop->type, "size")) {
        uint64_t size = json_object_get_uint64(value);
        g_autofree char *text = hmp_size_text(size);
        hmp_printf(hmp, "%" PRIu64 " (%s)", size, text);
    } else if (json_object_is_type(value, json_type_int)) {
        hmp_printf(hmp, "%" PRId64 " (0x%" PRIx64 ")", json_object_get_int64(value),
                   (uint64_t)json_object_get_int64(value));
    } else if (json_object_is_type(value, json_type_boolean)) {
        hmp_printf(hmp, "%s", json_object_get_boolean(value) ? "true" : "false");
    } else if (json_object_is_type(value, json_type_string)) {
        bool bare = g_str_equal(prop->name, "addr");
        hmp_printf(hmp, bare ? "%s" : "\"%s\"", json_object_get_string(value));
    } else {
        hmp_printf(hmp, "\"\"");
    }
}

typedef struct PropertyPrinter {
    Hmp *hmp;
    DeviceState *dev;
    int indent;
} PropertyPrinter;

/* Static properties are what a user can set; the rest of the tree shows itself. */
static void print_property(ObjectProperty *prop, void *opaque)
{
    PropertyPrinter *pp = opaque;

    if (!prop->set || !prop->get || strchr(prop->type, '<')) {
        return;
    }
    json_object *value = object_property_get(OBJECT(pp->dev), prop->name, NULL);
    hmp_printf(pp->hmp, "%*s%s = ", pp->indent, "", prop->name);
    print_property_value(pp->hmp, prop, value);
    hmp_printf(pp->hmp, "\n");
    json_object_put(value);
}

static const char *pci_class_name(uint16_t class_id)
{
    static const struct { uint16_t id; const char *name; } names[] = {
        { 0x0001, "VGA controller" }, { 0x0100, "SCSI controller" },
        { 0x0101, "IDE controller" }, { 0x0102, "Floppy controller" },
        { 0x0104, "RAID controller" }, { 0x0106, "SATA controller" },
        { 0x0108, "Flash memory" }, { 0x0200, "Ethernet controller" },
        { 0x0280, "Network controller" }, { 0x0300, "VGA controller" },
        { 0x0401, "Audio controller" }, { 0x0403, "Audio controller" },
        { 0x0500, "RAM controller" }, { 0x0600, "Host bridge" }, { 0x0601, "ISA bridge" },
        { 0x0604, "PCI bridge" }, { 0x0680, "Bridge" }, { 0x0700, "Serial port" },
        { 0x0780, "Communication controller" }, { 0x0c03, "USB controller" },
        { 0x0c05, "SMBus" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        if (names[i].id == class_id) {
            return names[i].name;
        }
    }
    return NULL;
}

/* A line of `info qtree` for a PCI device, and one for each BAR. */
static void print_pci_summary(Hmp *hmp, const PCIDevice *pci, int indent)
{
    uint16_t class_id = pci_get_word(pci->config + PCI_CLASS_DEVICE);
    const char *name = pci_class_name(class_id);
    g_autofree char *number = g_strdup_printf("Class %04x", class_id);

    hmp_printf(hmp, "%*sclass %s, addr 00:%02x.%x, pci id %04x:%04x (sub %04x:%04x)\n", indent, "",
               name ? name : number, pci->devfn >> 3, pci->devfn & 7,
               pci_get_word(pci->config + PCI_VENDOR_ID),
               pci_get_word(pci->config + PCI_DEVICE_ID),
               pci_get_word(pci->config + PCI_SUBSYSTEM_VENDOR_ID),
               pci_get_word(pci->config + PCI_SUBSYSTEM_ID));
    for (int i = 0; i < PCI_NUM_BARS; i++) {
        const PCIBar *bar = &pci->bars[i];
        if (bar->size) {
            hmp_printf(hmp, "%*sbar %d: %s at 0x%" PRIx64 " [0x%" PRIx64 "]\n", indent, "", i,
                       bar->type & PCI_BASE_ADDRESS_SPACE_IO ? "i/o" : "mem", bar->addr,
                       bar->addr + bar->size - 1);
        }
    }
}

static void print_device(Hmp *hmp, DeviceState *dev, int indent)
{
    PropertyPrinter pp = { hmp, dev, indent + 2 };

    hmp_printf(hmp, "%*sdev: %s, id \"%s\"\n", indent, "", object_get_typename(dev),
               dev->id ? dev->id : "");
    print_gpios(hmp, dev, indent + 2);
    object_property_foreach(dev, print_property, &pp);
    if (object_dynamic_cast(dev, TYPE_PCI_DEVICE)) {
        print_pci_summary(hmp, PCI_DEVICE(dev), indent + 2);
    }
    for (GSList *l = dev->child_buses; l; l = l->next) {
        print_bus(hmp, l->data, indent + 2);
    }
}

static void print_bus(Hmp *hmp, BusState *bus, int indent)
{
    hmp_printf(hmp, "%*sbus: %s\n%*stype %s\n", indent, "", bus->name, indent + 2, "",
               object_get_typename(bus));
    for (GSList *l = bus->children; l; l = l->next) {
        print_device(hmp, l->data, indent + 2);
    }
}

static void run_qtree(Hmp *hmp, const HmpArgs *args, Error **errp)
{
    print_bus(hmp, hmp->machine->main_bus, 0);
}

/* --- info qom-tree, qom-* -------------------------------------------------------------- */

static gint compare_objects(gconstpointer a, gconstpointer b)
{
    return strcmp((*(Object *const *)a)->name, (*(Object *const *)b)->name);
}

static int collect_child(Object *child, void *opaque)
{
    g_ptr_array_add(opaque, child);
    return 0;
}

static void print_object(Hmp *hmp, Object *obj, const char *name, int indent)
{
    GPtrArray *children = g_ptr_array_new();

    hmp_printf(hmp, "%*s/%s (%s)\n", indent, "", name, object_get_typename(obj));
    object_child_foreach(obj, collect_child, children);
    g_ptr_array_sort(children, compare_objects);
    for (guint i = 0; i < children->len; i++) {
        Object *child = g_ptr_array_index(children, i);
        print_object(hmp, child, child->name, indent + 2);
    }
    g_ptr_array_unref(children);
}

/* The object at a path; an error if there is none. */
static Object *find_object(const char *path, Error **errp)
{
    bool ambiguous = false;
    Object *obj = object_resolve_path(path, &ambiguous);

    if (ambiguous) {
        error_setg(errp, "Path '%s' is ambiguous", path);
        return NULL;
    }
    if (!obj) {
        error_setg(errp, "Device '%s' not found", path);
    }
    return obj;
}

static void run_qom_tree(Hmp *hmp, const HmpArgs *args, Error **errp)
{
    const char *path = hmp_arg_str(args, "path");
    Object *obj = path ? find_object(path, errp) : OBJECT(hmp->machine);

    if (obj) {
        g_autofree char *full = object_get_canonical_path(obj);
        print_object(hmp, obj, full && *full ? full + 1 : "", 0);
    }
}

static void print_qom_property(ObjectProperty *prop, void *opaque)
{
    hmp_printf(opaque, "%s (%s)\n", prop->name, prop->type);
}

static void run_qom_list(Hmp *hmp, const HmpArgs *args, Error **errp)
{
    const char *path = hmp_arg_str(args, "path");

    if (!path) {
        hmp_printf(hmp, "/\n");
        return;
    }
    Object *obj = find_object(path, errp);
    if (obj) {
        object_property_foreach(obj, print_qom_property, hmp);
    }
}

static void run_qom_get(Hmp *hmp, const HmpArgs *args, Error **errp)
{
    Object *obj = find_object(hmp_arg_str(args, "path"), errp);
    Error *err = NULL;
    json_object *value = obj ? object_property_get(obj, hmp_arg_str(args, "property"), &err) : NULL;

    if (err) {
        error_propagate(errp, err);
    } else if (obj) {
        hmp_printf(hmp, "%s\n", json_object_to_json_string_ext(value, JSON_C_TO_STRING_PRETTY));
        json_object_put(value);
    }
}

static void run_qom_set(Hmp *hmp, const HmpArgs *args, Error **errp)
{
    const char *name = hmp_arg_str(args, "property"), *text = hmp_arg_str(args, "value");
    Object *obj = find_object(hmp_arg_str(args, "path"), errp);

    if (!obj) {
        return;
    }
    if (!hmp_arg_flag(args, 'j')) {
        object_property_parse(obj, name, text, errp);
        return;
    }
    enum json_tokener_error status;
    json_object *value = json_tokener_parse_verbose(text, &status);
    if (status != json_tokener_success) {
        error_setg(errp, "JSON parse error, %s", json_tokener_error_desc(status));
        return;
    }
    object_property_set(obj, name, value, errp);
    json_object_put(value);
}

static int offer_path(Object *child, void *opaque)
{
    g_autofree char *path = object_get_canonical_path(child);
    g_ptr_array_add(opaque, g_steal_pointer(&path));
    return 0;
}

/* Paths, one level of the tree at a time. */
static void complete_path(Hmp *hmp, int index, const char *prefix, GPtrArray *out)
{
    g_autofree char *folder = g_path_get_dirname(*prefix ? prefix : "/");
    Object *obj = index == 0 ? object_resolve_path(folder, NULL) : NULL;
    g_autoptr(GPtrArray) paths = g_ptr_array_new_with_free_func(g_free);

    if (obj) {
        object_child_foreach(obj, offer_path, paths);
    }
    for (guint i = 0; i < paths->len; i++) {
        hmp_offer(out, prefix, g_ptr_array_index(paths, i));
    }
}

/* --- info qdm, device_add ----------------------------------------------------------------- */

static void print_model(ObjectClass *klass, void *opaque)
{
    DeviceClass *dc = DEVICE_CLASS(klass);

    hmp_printf(opaque, "name \"%s\"", object_class_get_name(klass));
    if (dc->bus_type) {
        hmp_printf(opaque, ", bus %s", dc->bus_type);
    }
    if (dc->desc) {
        hmp_printf(opaque, ", desc \"%s\"", dc->desc);
    }
    hmp_printf(opaque, "%s\n", dc->user_creatable ? "" : ", no-user");
}

static void run_qdm(Hmp *hmp, const HmpArgs *args, Error **errp)
{
    object_class_foreach(print_model, TYPE_DEVICE, false, hmp);
}

static bool add_member(void *opaque, const char *key, const char *value, Error **errp)
{
    json_object_object_add(opaque, key, json_object_new_string(value));
    return true;
}

/* Runs a QMP command whose arguments are "key=value,..." text. */
static void run_with_options(Hmp *hmp, const char *command, const char *option, const char *text,
                             const char *implied, Error **errp)
{
    g_autoptr(OptDict) dict = optdict_parse(option, text ? text : "", implied, errp);
    json_object *members;

    if (!dict) {
        return;
    }
    members = json_object_new_object();
    optdict_foreach_unused(dict, add_member, members, NULL);
    json_object_put(qmp_run_command(hmp->rs, command, members, errp));
    json_object_put(members);
}

static void run_device_add(Hmp *hmp, const HmpArgs *args, Error **errp)
{
    run_with_options(hmp, "device_add", "device_add", hmp_arg_str(args, "device"), "driver", errp);
}

static void run_object_add(Hmp *hmp, const HmpArgs *args, Error **errp)
{
    run_with_options(hmp, "object-add", "object_add", hmp_arg_str(args, "object"), "qom-type",
                     errp);
}

static void run_device_del(Hmp *hmp, const HmpArgs *args, Error **errp)
{
    json_object_put(hmp_qmp(hmp, errp, "device_del", "id",
                            json_object_new_string(hmp_arg_str(args, "id")), NULL));
}

static void run_object_del(Hmp *hmp, const HmpArgs *args, Error **errp)
{
    json_object_put(hmp_qmp(hmp, errp, "object-del", "id",
                            json_object_new_string(hmp_arg_str(args, "id")), NULL));
}

static void offer_model(ObjectClass *klass, void *opaque)
{
    HmpOffer *offer = opaque;
    if (DEVICE_CLASS(klass)->user_creatable) {
        hmp_offer(offer->out, offer->prefix, object_class_get_name(klass));
    }
}

static void complete_device_add(Hmp *hmp, int index, const char *prefix, GPtrArray *out)
{
    HmpOffer offer = { prefix, out };
    if (index == 0) {
        object_class_foreach(offer_model, TYPE_DEVICE, false, &offer);
    }
}

/* --- info pci -------------------------------------------------------------------------------- */

static void print_bar(Hmp *hmp, int i, const PCIBar *bar)
{
    uint64_t last = bar->addr + bar->size - 1;

    if (bar->type & PCI_BASE_ADDRESS_SPACE_IO) {
        hmp_printf(hmp, "      BAR%d: I/O at 0x%04" PRIx64 " [0x%04" PRIx64 "].\n", i, bar->addr,
                   last);
        return;
    }
    hmp_printf(hmp, "      BAR%d: %d bit%s memory at 0x%08" PRIx64 " [0x%08" PRIx64 "].\n", i,
               bar->type & PCI_BASE_ADDRESS_MEM_TYPE_64 ? 64 : 32,
               bar->type & PCI_BASE_ADDRESS_MEM_PREFETCH ? " prefetchable" : "", bar->addr, last);
}

static void print_pci_device(Hmp *hmp, const PCIDevice *pci)
{
    uint16_t class_id = pci_get_word(pci->config + PCI_CLASS_DEVICE);
    const char *name = pci_class_name(class_id);

    hmp_printf(hmp, "  Bus  0, device %3d, function %d:\n    ", pci->devfn >> 3, pci->devfn & 7);
    if (name) {
        hmp_printf(hmp, "%s", name);
    } else {
        hmp_printf(hmp, "Class %04d", class_id);
    }
    hmp_printf(hmp, ": PCI device %04x:%04x\n", pci_get_word(pci->config + PCI_VENDOR_ID),
               pci_get_word(pci->config + PCI_DEVICE_ID));
    hmp_printf(hmp, "      PCI subsystem %04x:%04x\n",
               pci_get_word(pci->config + PCI_SUBSYSTEM_VENDOR_ID),
               pci_get_word(pci->config + PCI_SUBSYSTEM_ID));
    if (pci->config[PCI_INTERRUPT_PIN]) {
        hmp_printf(hmp, "      IRQ %d, pin %c\n", pci->config[PCI_INTERRUPT_LINE],
                   pci->config[PCI_INTERRUPT_PIN] - 1 + 'A');
    }
    for (int i = 0; i < PCI_NUM_BARS; i++) {
        if (pci->bars[i].size) {
            print_bar(hmp, i, &pci->bars[i]);
        }
    }
    hmp_printf(hmp, "      id \"%s\"\n", pci->parent_obj.id ? pci->parent_obj.id : "");
}

static void run_pci(Hmp *hmp, const HmpArgs *args, Error **errp)
{
    PCIBus *bus = pci_bus_find(hmp->machine);

    if (!bus) {
        error_setg(errp, "No PCI devices");
        return;
    }
    for (int devfn = 0; devfn < PCI_DEVFN_COUNT; devfn++) {
        if (bus->devices[devfn]) {
            print_pci_device(hmp, bus->devices[devfn]);
        }
    }
}

/* --- what a machine does not have yet ----------------------------------------------------------- */

static void run_usb(Hmp *hmp, const HmpArgs *args, Error **errp)
{
    error_setg(errp, "USB support not enabled");
}

/* Network adapters and back ends: there are none to list. */
static void run_network(Hmp *hmp, const HmpArgs *args, Error **errp)
{
}

const HmpCommand hmp_commands_device[] = {
    { "info qtree", NULL, NULL, "show the tree of buses and devices", run_qtree },
    { "info qom-tree", "path:s?", "[path]", "show the tree of objects", run_qom_tree,
      complete_path },
    { "info qdm", NULL, NULL, "show every type of device", run_qdm },
    { "info pci", NULL, NULL, "show the PCI devices", run_pci },
    { "info usb", NULL, NULL, "show the guest's USB devices", run_usb },
    { "info network", NULL, NULL, "show network adapters and back ends", run_network },
    { "device_add", "device:S?", "driver[,prop=value][,...]", "add a device, as -device does",
      run_device_add, complete_device_add },
    { "device_del", "id:D", "device", "remove a device", run_device_del },
    { "object_add", "object:S", "[qom-type=]type,id=str[,prop=value][,...]", "make an object, as "
      "-object does", run_object_add },
    { "object_del", "id:s", "id", "remove an object", run_object_del },
    { "qom-list", "path:s?", "path", "list an object's properties", run_qom_list, complete_path },
    { "qom-get", "path:s property:s", "path property", "show a property", run_qom_get,
      complete_path },
    { "qom-set", "-j path:s property:s value:S", "[-j] path property value", "change a property "
      "(-j: value is JSON)", run_qom_set, complete_path },
    { NULL },
};
