/** Collects what was left out: each record and reason once, in an order of its own. */
import { compareText } from "../../../src/kernel/compare.ts";
import { excerpt } from "../../../src/kernel/text.ts";
import type { Rejection } from "../../../src/registry/adapter.ts";

export interface Rejections {
  /** `record` is made fit for a line; `reason` must be so already. */
  add(record: string, reason: string): void;
  /** Sorted by record, then reason: independent of the order in which they came. */
  list(): readonly Rejection[];
}

export function createRejections(): Rejections {
  const byText = new Map<string, Rejection>();
  return {
    add(record, reason) {
      const rejection = { record: excerpt(record), reason };
      byText.set(`${rejection.record}\n${reason}`, rejection);
    },
    list: () => [...byText.values()].sort((a, b) => compareText(a.record, b.record) || compareText(a.reason, b.reason)),
  };
}
