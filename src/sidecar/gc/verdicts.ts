/**
 * Which records of a dead owner may be removed. Pure. Promised: what an instance that lives has anywhere is kept everywhere;
 * what nobody can vouch for is kept; while any registry was not read in full, nothing is removed, for it may be the one that
 * shows the life. `force` lifts all three, and nothing else.
 */
import type { SurveyedRecord } from "../writer.ts";

export interface Whose {
  readonly cluster: string;
  /** Undefined: all instances of the cluster. */
  readonly instance: string | undefined;
}

/** What one registry said; `records` undefined: it could not be read in full. */
export interface Survey {
  readonly target: string;
  readonly records: readonly SurveyedRecord[] | undefined;
}

export interface Verdict {
  readonly target: string;
  readonly record: SurveyedRecord;
  readonly remove: boolean;
  /** One sentence without its full stop. */
  readonly why: string;
}

/** `east`, or `east/namespace/pod/uid`. Undefined when it is neither. */
export function parseWhose(text: string): Whose | undefined {
  const at = text.indexOf("/");
  const [cluster, instance] = at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
  return cluster === "" || instance === "" ? undefined : { cluster, instance };
}

export function verdictsOf(surveys: readonly Survey[], whose: Whose, force: boolean): readonly Verdict[] {
  const all = surveys.flatMap(({ target, records = [] }) => records.map((record) => ({ target, record })));
  const meant = all.filter(({ record: { owner } }) => isMeant(owner, whose));
  const unread = surveys.flatMap(({ target, records }) => (records === undefined ? [target] : []));
  const alive = new Map<string, { readonly target: string; readonly evidence: string }>();
  for (const { target, record } of meant)
    if (record.lease === "fresh") alive.set(record.owner.instance, { target, evidence: record.evidence });
  return meant.map(({ target, record }) => {
    const life = alive.get(record.owner.instance);
    const doubt = doubtOf(record, life, unread);
    if (doubt === undefined) return { target, record, remove: true, why: record.evidence };
    return { target, record, remove: force, why: force ? `forced, although ${doubt}` : doubt };
  });
}

function doubtOf(
  { lease, evidence }: SurveyedRecord,
  life: { readonly target: string; readonly evidence: string } | undefined,
  unread: readonly string[],
): string | undefined {
  if (life !== undefined) return `its owner lives: in ${life.target} ${life.evidence}`;
  if (lease === "unknown") return evidence;
  return unread.length === 0 ? undefined : `${unread.join(" and ")} could not be read, where its owner may live`;
}

function isMeant(owner: SurveyedRecord["owner"], { cluster, instance }: Whose): boolean {
  return owner.cluster === cluster && (instance === undefined || owner.instance === instance);
}
