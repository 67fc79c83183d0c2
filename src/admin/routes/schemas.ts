/** Schemas that several resources answer with. */
import { Type } from "typebox";
import { CONDITION_TYPES } from "../../model/condition.ts";
import { HEALTH } from "../../model/health.ts";
import { PROTOCOLS } from "../../model/service.ts";
import { Problem } from "../problem.ts";

/** Times in answers: ISO 8601, UTC; null for never. */
export const Time = Type.Union([Type.String({ format: "date-time" }), Type.Null()]);

export function time(ms: number | undefined): string | null {
  return ms === undefined ? null : new Date(ms).toISOString();
}

export const Labels = Type.Record(Type.String(), Type.String());
export const HealthWord = Type.Enum([...HEALTH]);
export const LocalityAnswer = Type.Object({ region: Type.String(), zone: Type.String(), subZone: Type.String() });
export const ConditionAnswer = Type.Object({
  type: Type.Enum([...CONDITION_TYPES]),
  reason: Type.String(),
  message: Type.String(),
});
export const SourceAnswer = Type.Object({ registry: Type.String(), scope: Type.String() });
export const PortAnswer = Type.Object({
  name: Type.String(),
  port: Type.Integer(),
  protocol: Type.Enum([...PROTOCOLS]),
  inferred: Type.Boolean({ description: "The number was inferred from the instances." }),
});
export const RejectedAnswer = Type.Object({
  source: SourceAnswer,
  service: Type.String(),
  record: Type.String(),
  reason: Type.String(),
});

/** Every route may answer with a problem. */
export const PROBLEMS = { "4xx": Problem, "5xx": Problem } as const;
