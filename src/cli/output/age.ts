/** How long ago, and how long: for people, in at most two units. */

const UNITS = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["m", 60_000],
  ["s", 1000],
] as const;

/** `4m10s`, `3d2h`, `12s`, `0s`. Negative durations (clocks differ between machines) count as none. */
export function duration(ms: number): string {
  const parts: string[] = [];
  let rest = Math.max(0, ms);
  for (const [unit, size] of UNITS) {
    const count = Math.floor(rest / size);
    rest -= count * size;
    if (count > 0 || (unit === "s" && parts.length === 0)) parts.push(`${count}${unit}`);
    else if (parts.length > 0) break;
    if (parts.length === 2) break;
  }
  return parts.join("");
}

/** `4m10s ago`, or `never`. Both times in wall-clock ms. */
export function ago(at: number | undefined, now: number): string {
  return at === undefined ? "never" : `${duration(now - at)} ago`;
}
