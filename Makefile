# The thin face: everything is done by configure, meson and the scripts.
#
# Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later

BUILD ?= build

.PHONY: all run check check-long bench lint fuzz clean

all: $(BUILD)/build.ninja
	ninja -C $(BUILD)

$(BUILD)/build.ninja:
	./configure --build-dir=$(BUILD)

# Boots Debian's cloud kernel with a busybox initramfs to a shell, in a window or on this terminal.
run:
	scripts/install-deps.sh run
	$(MAKE) all
	scripts/run.sh $(BUILD)/doppel

check:
	scripts/install-deps.sh all
	$(MAKE) all
	scripts/check.py $(BUILD)

# What takes long or needs Debian's mirror: a whole Debian. STRESS_SECONDS of stress-ng.
check-long:
	scripts/install-deps.sh long
	$(MAKE) all
	scripts/make-debian-image.sh $(BUILD)/debian.qcow2
	scripts/make-x-image.sh $(BUILD)/x-org.qcow2
	scripts/check.py $(BUILD) --setup long --suite long

# BENCH: options of scripts/bench.py, as BENCH="--class integer --rounds 1".
bench:
	scripts/install-deps.sh bench
	$(MAKE) all
	scripts/bench.py $(BUILD)/doppel $(BENCH)

lint:
	scripts/lint.sh

# FUZZ_SECONDS for each target.
fuzz:
	scripts/fuzz.sh

clean:
	rm -rf $(BUILD)
