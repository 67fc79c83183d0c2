/** Which services are meant, by the names their records have. Pure. */
import { matchesGlob } from "../../src/kernel/glob.ts";

/** What the settings say; `*` stands for any text. */
export interface Selection {
  readonly include?: readonly string[];
  readonly exclude?: readonly string[];
}

/** Whether a service of that name is meant: named by `include`, which is all when it is not given, and not by `exclude`. */
export function createSelection({ include, exclude }: Selection): (name: string) => boolean {
  return (name) =>
    (include === undefined || include.some((pattern) => matchesGlob(pattern, name))) &&
    !exclude?.some((pattern) => matchesGlob(pattern, name));
}
