/** The form of what is kept of a rollout, for whatever reads it back: a file or an object's status that people can edit. Pure. */
import { Type } from "typebox";
import { Value } from "typebox/value";
import type { RevisionTemplate } from "../engine/pass.ts";
import type { DriverState } from "./types.ts";

const text = Type.String();
const time = Type.Union([Type.Number(), Type.Null()]);

const ProgressSchema = Type.Object({
  cluster: text,
  phase: Type.Enum(["Pending", "Verifying", "Passed", "Failed", "Deferred", "RollingBack", "RolledBack", "RollbackFailed"]),
  order: Type.Union([Type.Integer(), Type.Null()]),
  startedAt: time,
  passingSince: time,
  lastPassingAt: time,
  message: text,
});

const RolloutStateSchema = Type.Object({
  revision: text,
  previous: Type.Union([text, Type.Null()]),
  phase: Type.Enum(["Progressing", "Paused", "RollingBack", "Succeeded", "RolledBack", "RollbackIncomplete"]),
  pausedFrom: Type.Union([Type.Literal("Progressing"), Type.Literal("RollingBack"), Type.Null()]),
  reason: text,
  message: text,
  approvals: Type.Array(text),
  clusters: Type.Array(ProgressSchema),
});

const RemovalSchema = Type.Object({
  cluster: text,
  kind: Type.Enum(["scale", "remove"]),
  to: Type.Integer({ minimum: 0 }),
  pods: Type.Array(text),
  addresses: Type.Array(text),
  catalogClusters: Type.Array(text),
  phase: Type.Enum(["Draining", "Removing", "Checking"]),
  drainedAt: time,
  message: text,
});

const StateSchema = Type.Object({ rollout: RolloutStateSchema, removals: Type.Array(RemovalSchema) });
const TemplateSchema = Type.Object({
  revision: text,
  manifests: Type.Array(Type.Object({})),
  overrides: Type.Array(Type.Object({})),
});

/** Undefined when it is no state. */
export function readState(value: unknown): DriverState | undefined {
  return Value.Check(StateSchema, value) ? (value as DriverState) : undefined;
}

/** Undefined when it is no template. */
export function readTemplate(value: unknown): RevisionTemplate | undefined {
  return Value.Check(TemplateSchema, value) ? (value as unknown as RevisionTemplate) : undefined;
}
