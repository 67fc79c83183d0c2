/** Traffic policies: patterns that can match, and registries that exist. */
import { didYouMean, orList, quoted } from "../../kernel/text.ts";
import { isServicePattern } from "../../routing/match.ts";
import { type CheckContext, soundItems } from "./check.ts";

export function checkServices(context: CheckContext): void {
  const { services, registries } = context.file;
  const known = context.shaped(["registries"])
    ? registries.flatMap((entry) => (typeof entry?.name === "string" ? [entry.name] : []))
    : undefined;
  const seen = new Map<string, number>();
  for (const [index, policy] of soundItems(context, ["services"], services)) {
    const path = ["services", index];
    if (!isServicePattern(policy.match))
      context.report(
        [...path, "match"],
        `must be namespace/name with * for any characters, such as default/*, got ${quoted(policy.match)}`,
      );
    const earlier = seen.get(policy.match);
    if (earlier === undefined) seen.set(policy.match, index);
    else context.report([...path, "match"], `never counts: number ${earlier + 1} of the list matches the same`);
    for (const [position, name] of policy.registries.entries())
      if (known !== undefined && !known.includes(name))
        context.report(
          [...path, "registries", position],
          `there is no registry called ${quoted(name)}${didYouMean(name, known) || (known.length > 0 ? `; there is ${orList(known)}` : "")}`,
        );
  }
}
