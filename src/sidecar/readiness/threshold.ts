/**
 * From single looks to a verdict, as the kubelet does it: so many in a row. Pure. Unlike the kubelet's, it begins with none:
 * a sidecar that was restarted takes nothing out because of one look that fails, as it would not have before.
 */

export interface Thresholds {
  readonly success: number;
  readonly failure: number;
}

export interface Verdict {
  /** Undefined: neither has been seen often enough yet. */
  readonly ready: boolean | undefined;
  /** The last look, and how many in a row were like it. */
  readonly good: boolean;
  readonly streak: number;
}

export const NO_VERDICT: Verdict = { ready: undefined, good: false, streak: 0 };

export function nextVerdict(before: Verdict, good: boolean, { success, failure }: Thresholds): Verdict {
  const streak = good === before.good ? before.streak + 1 : 1;
  return { ready: streak >= (good ? success : failure) ? good : before.ready, good, streak };
}
