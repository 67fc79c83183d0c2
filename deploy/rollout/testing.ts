/** A small fleet that does what it is told, for tests of rollouts: time and faults are in the test's hands. */
import { nextStep, type StepInput } from "./step.ts";
import type { ClusterFacts, GateRule, RolloutAction, RolloutPlan, RolloutStage, RolloutState } from "./types.ts";

export const GATE: GateRule = { workload: "ready", registryPercent: undefined, proxiesAcked: false, freshForMs: 30_000 };

export function stage(name: string, clusters: string, parts: Partial<RolloutStage> = {}): RolloutStage {
  return { name, clusters: clusters.split(" ").filter(Boolean), maxConcurrency: 1, soakMs: 0, approval: false, ...parts };
}

export function planOf(stages: readonly RolloutStage[], parts: Partial<RolloutPlan> = {}): RolloutPlan {
  return { stages, gate: GATE, deadlineMs: 600_000, maxFailures: 0, onFailure: "rollback", ...parts };
}

export interface Simulated {
  revision: string;
  appliedAt: number;
}

export interface Faults {
  /** True: this revision never becomes healthy in this cluster. */
  broken?: (cluster: string, revision: string) => boolean;
  /** True: nothing is observed of the cluster at this time. */
  silent?: (cluster: string, now: number) => boolean;
  unreachable?: (cluster: string, now: number) => boolean;
}

/** Applies arrive at once; a revision is ready `readyMs` after it. */
export class SimulatedFleet {
  readonly clusters = new Map<string, Simulated>();
  /** Every apply that changed something, in order. */
  readonly changes: string[] = [];
  readonly readyMs: number;
  readonly faults: Faults;

  constructor(names: readonly string[], { readyMs = 10_000, faults = {} }: { readyMs?: number; faults?: Faults } = {}) {
    for (const name of names) this.clusters.set(name, { revision: "r1", appliedAt: Number.NEGATIVE_INFINITY });
    this.readyMs = readyMs;
    this.faults = faults;
  }

  act(actions: readonly RolloutAction[], now: number): void {
    for (const action of actions) {
      if (action.type !== "apply" || this.faults.unreachable?.(action.cluster, now)) continue;
      const cluster = this.clusters.get(action.cluster);
      if (cluster === undefined || cluster.revision === action.revision) continue;
      cluster.revision = action.revision;
      cluster.appliedAt = now;
      this.changes.push(`${action.cluster}=${action.revision}`);
    }
  }

  facts(now: number): ReadonlyMap<string, ClusterFacts> {
    const facts = new Map<string, ClusterFacts>();
    for (const [name, { revision, appliedAt }] of this.clusters) {
      if (this.faults.silent?.(name, now)) continue;
      if (this.faults.unreachable?.(name, now)) {
        facts.set(name, { reachable: { observedAt: now, value: false } });
        continue;
      }
      const ready = now - appliedAt >= this.readyMs;
      const health = !ready ? "Progressing" : this.faults.broken?.(name, revision) ? "Degraded" : "Healthy";
      const workload = { observedAt: now, revision, health, current: true, desired: 1, message: `is ${health}` } as const;
      facts.set(name, { reachable: { observedAt: now, value: true }, workload });
    }
    return facts;
  }
}

export interface RunOptions {
  readonly plan: RolloutPlan;
  readonly fleet: SimulatedFleet;
  readonly state: RolloutState;
  readonly from?: number;
  readonly ticks?: number;
  readonly tickMs?: number;
  /** Called with each step before it is recorded; "lost" is a kill before the state is written, "idle" one after it. */
  readonly kill?: (tick: number) => "lost" | "idle" | undefined;
  readonly check?: (state: RolloutState, input: StepInput) => void;
}

/** One step a tick, state first, then actions. Returns the last state. */
export function runRollout({
  plan,
  fleet,
  state: first,
  from = 0,
  ticks = 200,
  tickMs = 5000,
  kill,
  check,
}: RunOptions): RolloutState {
  let state = first;
  for (let tick = 0; tick < ticks; tick++) {
    const now = from + tick * tickMs;
    const input = { plan, state, facts: fleet.facts(now), now };
    const step = nextStep(input);
    const death = kill?.(tick);
    if (death === "lost") continue;
    // What was written is read back as JSON: the state is all that is left of the one before.
    state = JSON.parse(JSON.stringify(step.state)) as RolloutState;
    check?.(state, input);
    if (death !== "idle") fleet.act(step.actions, now);
  }
  return state;
}
