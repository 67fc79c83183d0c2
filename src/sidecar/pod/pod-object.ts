/** What a Pod object says of itself, as far as the sidecar goes by it. Pure; nothing of it is believed to have its type. */
import type { Readiness } from "../readiness/watch.ts";

/** The readiness gate that says: every registry has it, and its readers see it. */
export const GATE = "meshbridge.io/registered";

export interface PodView {
  readonly uid: string;
  /** Its containers are ready, and every other readiness gate holds. */
  readonly readiness: Readiness;
  /** It is being deleted. */
  readonly leaving: boolean;
  /** It has our gate. */
  readonly gated: boolean;
  /** What the condition says now; undefined: nothing yet. */
  readonly registered: string | undefined;
}

type Mapping = Readonly<Record<string, unknown>>;

/** Undefined when it is no Pod. */
export function podView(raw: unknown): PodView | undefined {
  const { metadata, spec, status } = mapping(raw);
  const { uid, deletionTimestamp } = mapping(metadata);
  if (typeof uid !== "string") return undefined;
  const conditions = new Map(mappings(mapping(status)["conditions"]).map((one) => [one["type"], one["status"]]));
  const gates = mappings(mapping(spec)["readinessGates"]).map((gate) => gate["conditionType"]);
  const missing = ["ContainersReady", ...gates.filter((gate) => gate !== GATE)].find((type) => conditions.get(type) !== "True");
  const registered = conditions.get(GATE);
  return {
    uid,
    readiness: {
      ...{ ready: missing === undefined, known: true },
      reason: missing === undefined ? undefined : `${String(missing)} is not True`,
    },
    leaving: deletionTimestamp !== undefined && deletionTimestamp !== null,
    gated: gates.includes(GATE),
    registered: typeof registered === "string" ? registered : undefined,
  };
}

/** The patch that sets the condition, for this Pod and no later one of its name. `at`: ISO 8601. */
export function conditionPatch(uid: string, registered: boolean, at: string): object {
  const [reason, message] = registered
    ? ["Registered", "Every registry has the instance, and its readers see it."]
    : ["NotRegistered", "The instance is not in every registry yet, or was taken out."];
  const condition = { type: GATE, status: registered ? "True" : "False", lastTransitionTime: at, reason, message };
  return { metadata: { uid }, status: { conditions: [condition] } };
}

function mapping(value: unknown): Mapping {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Mapping) : {};
}

function mappings(value: unknown): readonly Mapping[] {
  return Array.isArray(value) ? value.map(mapping) : [];
}
