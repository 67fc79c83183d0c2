/**
 * The one error class. What can be said is a closed table (`model/errors.ts`), so that every message has a code, a
 * sentence, a place, a reason and a next step, and every code has a section in docs/reference/errors.md.
 */

/** One row of the error table. `{name}` in the texts is filled from the details given when it is thrown. */
export interface ErrorSpec {
  /** What failed and where, as one sentence. */
  readonly message: string;
  /** What to do next, as one sentence. */
  readonly next: string;
  /** HTTP status when it leaves through the admin API. */
  readonly status: number;
  /** Exit code when it ends a command: 1 check failed, 2 usage or configuration, 3 unreachable. */
  readonly exitCode: 1 | 2 | 3;
}

export type ErrorDetails = Readonly<Record<string, string | number | boolean | undefined>>;

export class MeshbridgeError extends Error {
  readonly code: string;
  readonly next: string;
  readonly status: number;
  readonly exitCode: number;
  readonly details: ErrorDetails;

  constructor(code: string, spec: ErrorSpec, details: ErrorDetails, options?: ErrorOptions) {
    super(`${code}: ${fill(spec.message, details)}`, options);
    this.name = "MeshbridgeError";
    this.code = code;
    this.next = fill(spec.next, details);
    this.status = spec.status;
    this.exitCode = spec.exitCode;
    this.details = details;
  }
}

function fill(template: string, details: ErrorDetails): string {
  return template.replace(/\{(\w+)\}/g, (_, name: string) => String(details[name] ?? `{${name}}`));
}

/** The sentence of anything thrown, for a log field or a `{reason}`; never a stack. */
export function reasonOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return reasonOf(error.errors[0]);
  if (error instanceof Error) return error.message === "" ? error.name : error.message;
  return String(error);
}
