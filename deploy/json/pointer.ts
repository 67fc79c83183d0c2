/** JSON Pointers (RFC 6901): how overrides, ignored fields and differences name a place in a manifest. Pure. */

/** The parts of a pointer, unescaped, or undefined when the text is no pointer. The empty text is the whole document. */
export function parsePointer(text: string): readonly string[] | undefined {
  if (text === "") return [];
  if (!text.startsWith("/") || /~(?![01])/.test(text)) return undefined;
  return text
    .slice(1)
    .split("/")
    .map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"));
}

/** `/spec/template` from its parts. */
export function pointerText(path: readonly (string | number)[]): string {
  return path.map((part) => `/${String(part).replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
}

/** True when one is the other or above it: writing both would write one place twice. */
export function pointersOverlap(a: readonly (string | number)[], b: readonly (string | number)[]): boolean {
  const length = Math.min(a.length, b.length);
  for (let index = 0; index < length; index++) if (String(a[index]) !== String(b[index])) return false;
  return true;
}
