/** What a check of meaning gets. It sees the file with defaults filled in; where the schema found a fault it must not look. */
import type { Path } from "../../kernel/text.ts";
import type { ConfigFile } from "../schema.ts";

export interface CheckContext {
  readonly file: ConfigFile;
  /** Whether the value at the path, and everything below it, is what the schema says. */
  sound(path: Path): boolean;
  /** Whether the value at the path is itself of the right type, whatever is below it. */
  shaped(path: Path): boolean;
  report(path: Path, message: string): void;
}

/** The items of the list at the path that are sound, with their indexes; none when it is no list. */
export function soundItems<T>(context: CheckContext, path: Path, items: readonly T[]): readonly (readonly [number, T])[] {
  if (!context.shaped(path)) return [];
  return [...items.entries()].filter(([index]) => context.sound([...path, index]));
}

/** Reports every item whose name an earlier item has. */
export function reportDuplicateNames(
  context: CheckContext,
  path: Path,
  items: readonly { readonly name: string }[],
  what: string,
): void {
  if (!context.shaped(path)) return;
  const first = new Map<string, number>();
  for (const [index, item] of items.entries()) {
    const at = [...path, index];
    if (!(context.shaped(at) && context.sound([...at, "name"]))) continue;
    const earlier = first.get(item.name);
    if (earlier === undefined) first.set(item.name, index);
    else context.report([...at, "name"], `another ${what} is called "${item.name}" as well (number ${earlier + 1} of the list)`);
  }
}
