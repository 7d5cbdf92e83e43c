/*
 * Human monitor: commands of QEMU 7.2 that Doppel does not have. They are refused
 * by name; `help` does not list them.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "monitor/hmp-int.h"

typedef struct Refusal {
    const char *reason;
    const char *names;  /* separated by blanks */
} Refusal;

static const Refusal refusals[] = {
    { "network back ends are not implemented",
      "announce_self hostfwd_add hostfwd_remove netdev_add netdev_del set_link info_usernet" },
    { "migration is not implemented",
      "calc_dirty_rate cancel_vcpu_dirty_limit client_migrate_info migrate migrate_cancel "
      "migrate_continue migrate_incoming migrate_pause migrate_recover migrate_set_capability "
      "migrate_set_parameter migrate_start_postcopy set_vcpu_dirty_limit x_colo_lost_heartbeat "
      "info_migrate info_migrate_capabilities info_migrate_parameters info_dirty_rate "
      "info_vcpu_dirty_limit" },
    { "snapshots are not implemented",
      "delvm loadvm savevm snapshot_blkdev snapshot_blkdev_internal "
      "snapshot_delete_blkdev_internal info_snapshots" },
    { "block jobs are not implemented",
      "block_job_cancel block_job_complete block_job_pause block_job_resume block_job_set_speed "
      "block_stream drive_backup drive_mirror info_block-jobs" },
    { "this block command is not implemented", "block_set_io_throttle qemu-io" },
    { "NBD exports are not implemented",
      "nbd_server_add nbd_server_remove nbd_server_start nbd_server_stop" },
    { "the device it is about is not implemented",
      "balloon info_balloon info_tpm info_virtio info_virtio-queue-element "
      "info_virtio-queue-status info_virtio-status info_virtio-vhost-queue-status info_rocker "
      "info_rocker-of-dpa-flows info_rocker-of-dpa-groups info_rocker-ports info_rdma "
      "info_vm-generation-id info_usbhost pcie_aer_inject_error dumpdtb info_memory-devices" },
    { "sound is not implemented", "wavcapture stopcapture info_capture" },
    { "SPICE is not implemented", "info_spice" },
    { "record/replay is not implemented",
      "replay_break replay_delete_break replay_seek info_replay" },
    { "injecting machine checks is not implemented", "mce" },
    { "single-stepping the whole machine is gdb's to do", "singlestep" },
    { "descriptors come over QMP only", "getfd closefd" },
    { "Doppel does not collect this", "sync-profile info_sync-profile info_profile info_opcount "
      "info_stats" },
    { "Doppel has no such objects", "info_iothreads info_sev info_sgx" },
    { "use chardev-remove and chardev-add", "chardev-change" },
};

const char *hmp_refused(const char *name)
{
    g_autofree char *word = g_strdelimit(g_strdup(name), " ", '_');

    for (size_t i = 0; i < G_N_ELEMENTS(refusals); i++) {
        g_auto(GStrv) names = g_strsplit(refusals[i].names, " ", -1);
        if (g_strv_contains((const char *const *)names, word)) {
            return refusals[i].reason;
        }
    }
    return NULL;
}
