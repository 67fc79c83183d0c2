/** Durations as configuration writes them: `500ms`, `30s`, `5m`, `1h`. */

/** What a JSON Schema says of such a text, beside its description; `title` is the type's name on reference pages. */
export const DURATION_FORM = {
  pattern: "^\\d{1,9}(ms|s|m|h)$",
  patternErrorMessage: "must be a duration such as 500ms, 30s, 5m or 1h",
  title: "duration",
} as const;

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** Milliseconds, or undefined when the text is no duration. */
export function parseDuration(text: string): number | undefined {
  const match = /^(\d{1,9})(ms|s|m|h)$/.exec(text);
  const unit = UNIT_MS[match?.[2] ?? ""];
  return match === null || unit === undefined ? undefined : Number(match[1]) * unit;
}
