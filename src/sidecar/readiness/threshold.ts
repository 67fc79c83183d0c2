/** From single looks to a verdict, as the kubelet does it: so many in a row. Pure. */

export interface Thresholds {
  readonly success: number;
  readonly failure: number;
}

export interface Verdict {
  readonly ready: boolean;
  /** Looks in a row that contradict the verdict. */
  readonly against: number;
}

export const NOT_READY: Verdict = { ready: false, against: 0 };

export function nextVerdict({ ready, against }: Verdict, good: boolean, { success, failure }: Thresholds): Verdict {
  if (good === ready) return { ready, against: 0 };
  const needed = ready ? failure : success;
  return against + 1 >= needed ? { ready: !ready, against: 0 } : { ready, against: against + 1 };
}
