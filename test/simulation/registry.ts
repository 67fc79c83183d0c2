/** What the simulation needs of a registry: its rules in memory, what providers do in it, and what goes wrong. */

import type { Adapter } from "../../src/registry/adapter.ts";
import type { Random } from "./random.ts";

/** One running copy of a service, as its provider registers it. */
export interface Provider {
  readonly service: string;
  readonly id: string;
  readonly address: string;
  readonly port: number;
}

export interface SimulatedRegistry {
  readonly kind: string;
  /** The bridge's own adapter over this model. Works for any number of bridges, one after the other. */
  adapter(): Adapter;
  register(provider: Provider): void;
  deregister(provider: Provider): void;
  /** Faults that last until `heal`, by name. */
  readonly lasting: Readonly<Record<string, (random: Random) => void>>;
  /** Faults that are over at once. Those that lose records say so: their providers register again a while later. */
  readonly sudden: Readonly<Record<string, { readonly losesRecords: boolean; strike(random: Random): void }>>;
  heal(): void;
}
