/** How long a refusal asks to be left alone. Pure. */

/** More than any server has reason to ask for; a bound, so that a wrong header does not silence a registry for days. */
const MAX_MS = 600_000;

/**
 * Ms of the `Retry-After` of a 429 or 503 (RFC 9110, section 10.2.3: seconds or a date), at most ten minutes.
 * Undefined without a usable one.
 */
export function retryAfterMs(
  statusCode: number,
  headers: { readonly "retry-after"?: string | undefined; readonly date?: string | undefined },
): number | undefined {
  const text = headers["retry-after"];
  if (text === undefined || (statusCode !== 429 && statusCode !== 503)) return undefined;
  if (/^\d{1,9}$/.test(text)) return Math.min(MAX_MS, Number(text) * 1000);
  // Both times are the server's, so that our clock does not count.
  const ms = Date.parse(text) - Date.parse(headers.date ?? "");
  return ms > 0 ? Math.min(MAX_MS, ms) : undefined;
}
