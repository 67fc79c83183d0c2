/** The faults of the matrix: what is done to which registry, for how long, and how it is undone. */

import type { ProxyMode } from "../support/fault-proxy.ts";
import type { DriverOptions, FaultHandle, RegistryDriver, RegistryKind, TestInstance } from "./driver.ts";
import { type Environment, everythingOf, instanceOf, instancesOf } from "./environment.ts";

export interface Fault {
  /** As `--only` names it. */
  readonly name: string;
  /** For people. */
  readonly title: string;
  readonly registries: readonly RegistryKind[];
  /** How the registry must be started for it. */
  readonly needs: DriverOptions;
  /** Between `inflict` and `heal`, in ms; `short` for a quick look. */
  readonly lasts: { readonly full: number; readonly short: number };
  /** What its providers really take away: the only endpoints that may leave. */
  readonly leaves?: (kind: RegistryKind) => readonly TestInstance[];
  /**
   * What its providers take away and the bridge is to hold. A registry that tells of it one by one has the first of them leave
   * until so many have that it is too much: they must be back, DEGRADED, before the fault is over.
   */
  readonly held?: (kind: RegistryKind) => readonly TestInstance[];
  /** Told before the rest of the instances is registered, for what needs a past to go back to. */
  prepare?(driver: RegistryDriver): Promise<void>;
  readonly smallDisk?: boolean;
  inflict(driver: RegistryDriver, environment: Environment): Promise<void>;
  heal(driver: RegistryDriver, environment: Environment): Promise<void>;
}

const ALL: readonly RegistryKind[] = ["consul", "zookeeper", "kubernetes"];
const USUAL = { full: 20_000, short: 6000 };
const DAYS_90 = 90 * 24 * 3600 * 1000;
/** Of a service's ten instances. */
const MASS = 6;

export const FAULTS: readonly Fault[] = [
  handled("sigkill", "killed (SIGKILL)", (driver) => driver.kill),
  handled("sigstop", "stands still (SIGSTOP)", (driver) => driver.stop, { lasts: { full: 60_000, short: 10_000 } }),
  network("black-hole", "network swallows everything", { kind: "black-hole" }, { full: 60_000, short: 10_000 }),
  network("one-way", "nothing comes back", { kind: "black-hole", direction: "down" }, { full: 60_000, short: 10_000 }),
  network("reset", "reset in mid-body", { kind: "reset", afterBytes: 700 }),
  network("slow", "1 KB/s", { kind: "slow", bytesPerSecond: 1024 }),
  handled("restart-empty", "restarted empty", (driver) => driver.restartEmpty),
  {
    ...handled("restart-old", "restarted from an older snapshot", (driver) => driver.restartOld),
    prepare: (driver) => driver.restartOld.snapshot(),
  },
  handled("expired", "expired session, or 410", (driver) => driver.expire, { registries: ["zookeeper", "kubernetes"] }),
  handled("revoked", "credential revoked", (driver) => driver.revoke, { needs: { secured: true } }),
  handled("rotated", "credential and CA rotated, files half-written", (driver) => driver.rotate, { needs: { secured: true } }),
  handled("leader", "leader changes", (driver) => driver.changeLeader, { needs: { replicated: true } }),
  {
    ...usual("mass-drop", "60 % vanish at once"),
    held: massOf,
    inflict: (driver) => driver.remove(massOf(driver.kind)),
    heal: (driver) => driver.put(massOf(driver.kind)),
  },
  {
    ...usual("last-leaves", "the last instance really leaves"),
    leaves: (kind) => [instanceOf(kind, "solo", 0)],
    inflict: (driver) => driver.remove([instanceOf(driver.kind, "solo", 0)]),
    heal: (driver) => driver.put([instanceOf(driver.kind, "solo", 0)]),
  },
  {
    ...usual("disk-full", "disk of the bridge full"),
    smallDisk: true,
    inflict: (_, environment) => environment.fillDisk(),
    heal: (_, environment) => environment.freeDisk(),
  },
  clock("clock-ahead", "wall clock +90 days", DAYS_90),
  clock("clock-behind", "wall clock -90 days", -DAYS_90),
];

function massOf(kind: RegistryKind): readonly TestInstance[] {
  return instancesOf(kind, "many").slice(0, MASS);
}

type Usual = Pick<Fault, "name" | "title" | "registries" | "needs" | "lasts">;

function usual(name: string, title: string): Usual {
  return { name, title, registries: ALL, needs: {}, lasts: USUAL };
}

/** A fault that the registry's driver knows how to do. Lost data comes back as it does in life: providers register again. */
function handled(
  name: string,
  title: string,
  handleOf: (driver: RegistryDriver) => FaultHandle | undefined,
  changes: Partial<Usual> = {},
): Fault {
  return {
    ...usual(name, title),
    ...changes,
    async inflict(driver) {
      await existing(handleOf(driver)).inflict();
    },
    async heal(driver) {
      const handle = existing(handleOf(driver));
      await handle.heal();
      if (handle.losesData === true) await driver.put(everythingOf(driver.kind));
    },
  };
}

function existing(handle: FaultHandle | undefined): FaultHandle {
  if (handle === undefined) throw new Error("this registry has no such fault");
  return handle;
}

function network(name: string, title: string, mode: ProxyMode, lasts = USUAL): Fault {
  return {
    ...usual(name, title),
    lasts,
    inflict: ({ proxy }) => proxy.set(mode),
    heal: ({ proxy }) => proxy.set({ kind: "pass" }),
  };
}

function clock(name: string, title: string, aheadMs: number): Fault {
  return {
    ...usual(name, title),
    inflict: (_, environment) => environment.shiftClock(aheadMs),
    heal: (_, environment) => environment.shiftClock(0),
  };
}
