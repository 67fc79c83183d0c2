/** Patterns over service keys, as the configuration's `services[].match` writes them. Pure. */
import type { ServiceKey } from "../model/service.ts";

/**
 * Whether the pattern names the service. A pattern is `namespace/name`, where `*` in either part stands for any run of
 * characters (also none) within that part; `*` alone is every service. Anything else matches nothing: the
 * configuration refuses it beforehand (`isServicePattern`).
 */
export function matchesService(pattern: string, { namespace, name }: ServiceKey): boolean {
  if (pattern === "*") return true;
  const slash = pattern.indexOf("/");
  if (slash === -1) return false;
  return matchesGlob(pattern.slice(0, slash), namespace) && matchesGlob(pattern.slice(slash + 1), name);
}

/** Whether the text is a pattern that `matchesService` understands. */
export function isServicePattern(pattern: string): boolean {
  return pattern === "*" || /^[A-Za-z0-9._*-]+\/[A-Za-z0-9._*-]+$/.test(pattern);
}

/**
 * `*` against text, in at most pattern × text steps: names come from registries, so a pattern with many stars must
 * not become slow on a name made for it, as a regular expression would.
 */
function matchesGlob(pattern: string, text: string): boolean {
  let at = 0;
  let star = -1;
  let resumeFrom = 0;
  for (let index = 0; index < text.length; ) {
    if (pattern[at] === "*") {
      star = at++;
      resumeFrom = index;
    } else if (pattern[at] === text[index]) {
      at++;
      index++;
    } else if (star !== -1) {
      at = star + 1;
      index = ++resumeFrom;
    } else return false;
  }
  while (pattern[at] === "*") at++;
  return at === pattern.length;
}
