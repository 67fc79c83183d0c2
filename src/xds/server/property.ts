/** Reads what a package or node has and does not declare; whoever uses it must be able to do without. */

/** Undefined for what is not there. */
export function property(of: unknown, name: string): unknown {
  return typeof of === "object" && of !== null ? Reflect.get(of, name) : undefined;
}
