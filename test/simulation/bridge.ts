/** The bridge of the simulation: the real core over simulated registries, clock and disk; it can crash and come back. */

import { type Core, startCore } from "../../src/bin/core.ts";
import { configOf } from "../../src/config/testing.ts";
import type { FakeClock } from "../../src/kernel/fake-clock.ts";
import { silentLog } from "../../src/kernel/log.ts";
import type { Adapter } from "../../src/registry/adapter.ts";
import type { LastKnownGood, SavedState } from "../../src/registry/last-known-good.ts";
import type { Random } from "./random.ts";

/** What survives a crash: the last state written by each registry's writer. */
export interface Disk {
  readonly files: Map<string, SavedState>;
  /** Writes are lost: it is full. */
  full: boolean;
}

export interface BridgeOptions {
  readonly clock: FakeClock;
  readonly random: Random;
  readonly adapters: readonly Adapter[];
  readonly services: readonly string[];
  readonly disk: Disk;
}

export function startBridge({ clock, random, adapters, services, disk }: BridgeOptions): Core {
  const registries = adapters.map(({ kind }) => `  - { kind: ${kind}, name: ${kind} }\n`).join("");
  const routes = services
    .map((name) => `      - { hosts: [${name}.example.com], service: default/${name}, port: http }\n`)
    .join("");
  const text = `registries:\n${registries}gateways:\n  - name: edge\n    listeners: [ { name: http, address: 0.0.0.0, port: 10000, protocol: HTTP } ]\n    routes:\n${routes}`;
  return startCore(configOf(text, { adapters }), {
    clock,
    log: silentLog,
    random: random.next,
    stateDir: undefined,
    lastKnownGood: (registry) => memory(registry, disk, clock),
    onRegistryStatus: () => undefined,
    onRegistryEvent: () => undefined,
    onCatalog: () => undefined,
    onTranslated: () => undefined,
    onSecretReload: () => undefined,
  });
}

/** Written at once: what a crash may lose besides is what the disk lost by being full. */
function memory(registry: string, disk: Disk, clock: FakeClock): LastKnownGood {
  return {
    load: async () => disk.files.get(registry),
    save(groups) {
      if (!disk.full)
        disk.files.set(registry, { groups: structuredClone(groups()) as SavedState["groups"], savedAt: clock.now() });
    },
    confirm() {
      const saved = disk.files.get(registry);
      if (saved !== undefined && !disk.full) disk.files.set(registry, { ...saved, savedAt: clock.now() });
    },
    flush: async () => undefined,
  };
}
