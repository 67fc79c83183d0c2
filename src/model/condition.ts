/** What is not as it should be, said like a Kubernetes condition: a conflict is visible, never a silent pick. */
export const CONDITION_TYPES = [
  "PortConflict",
  "SourceRejected",
  "NoUsableInstance",
  "ListenerConflict",
  "UnknownService",
  "UnknownPort",
] as const;
export type ConditionType = (typeof CONDITION_TYPES)[number];

export interface Condition {
  readonly type: ConditionType;
  /** One CamelCase word a program can compare. */
  readonly reason: string;
  /** One sentence for people. */
  readonly message: string;
}
