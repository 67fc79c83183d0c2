/** What a check of meaning gets: the object with its defaults, where the schema found no fault in what it looks at. */
import type { Path } from "../../../src/kernel/text.ts";
import type { FederatedWorkload } from "../schema/workload.ts";

export interface Check {
  readonly workload: FederatedWorkload;
  report(path: Path, message: string): void;
}

/** Reports every text that an earlier one of the list equals. */
export function reportRepeated(check: Check, path: Path, texts: readonly string[] | undefined, what: string): void {
  for (const [index, text] of (texts ?? []).entries())
    if (texts?.indexOf(text) !== index) check.report([...path, index], `the ${what} "${text}" is named twice`);
}

/** Reports every item whose name an earlier one has. */
export function reportSameNames(check: Check, path: Path, items: readonly { readonly name: string }[], what: string): void {
  for (const [index, { name }] of items.entries()) {
    const first = items.findIndex((item) => item.name === name);
    if (first !== index)
      check.report([...path, index, "name"], `another ${what} is called "${name}" as well (number ${first + 1})`);
  }
}
