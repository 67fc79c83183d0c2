/** JSON for programs. */

/**
 * Indented JSON with a final newline. DEL and the C1 controls, which JSON allows as they are and terminals obey, are
 * escaped too: names in it may come from a registry.
 */
export function toJson(value: unknown): string {
  const text = JSON.stringify(value, null, 2);
  return `${text.replace(/[\u007f-\u009f]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`)}\n`;
}
