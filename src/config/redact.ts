/** A configuration without what must not be shown. Secrets are only ever referred to in it; this is the second lock. Pure. */

const REDACTED = "[redacted]";
const SECRET_KEY = /token|password|passwd|secret|credential|api-?key|private-?key|authorization/i;

/**
 * A copy in which text under a key that sounds like a secret is replaced, and so are user names and passwords in URLs
 * and such parameters of their query. References (`fromEnv`, `fromFile`) and names of files stay, and so does what the
 * sections `secrets` and `gateways` say, in which secrets are only named.
 */
export function redact(value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return redactAt(value, false);
  const naming = (key: string) => key === "secrets" || key === "gateways";
  return Object.fromEntries(
    Object.entries(value).map(([key, child]) => [key, naming(key) ? child : redactAt(child, isSecret(key, false))]),
  );
}

function redactAt(value: unknown, secret: boolean): unknown {
  if (typeof value === "string") return secret ? REDACTED : redactUrl(value);
  if (Array.isArray(value)) return value.map((item) => redactAt(item, secret));
  if (typeof value !== "object" || value === null) return secret && typeof value === "number" ? REDACTED : value;
  return Object.fromEntries(Object.entries(value).map(([key, child]) => [key, redactAt(child, isSecret(key, secret))]));
}

function isSecret(key: string, inherited: boolean): boolean {
  if (key === "fromEnv" || key === "fromFile" || key.endsWith("File")) return false;
  return inherited || SECRET_KEY.test(key);
}

/** Works on text that is not quite a URL as well: a mistyped one must not give its password away. */
function redactUrl(text: string): string {
  return text
    .replace(/^([a-z][a-z0-9+.-]*:\/\/)[^/?#]*@/i, `$1${REDACTED}@`)
    .replace(/([?&])([^=&#]+)=([^&#]*)/g, (all, mark: string, key: string) =>
      SECRET_KEY.test(key) ? `${mark}${key}=${REDACTED}` : all,
    );
}
