/** Traffic policies: patterns that can match, and registries that exist. */
import { didYouMean, orList, type Path, quoted } from "../../kernel/text.ts";
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
    checkDerived(context, path, policy);
    for (const [position, name] of policy.registries.entries())
      if (known !== undefined && !known.includes(name))
        context.report(
          [...path, "registries", position],
          `there is no registry called ${quoted(name)}${didYouMean(name, known) || (known.length > 0 ? `; there is ${orList(known)}` : "")}`,
        );
  }
}

type Policy = CheckContext["file"]["services"][number];

/** One of the ways to make a service of others at most, no service of itself, and a whole name for what has no other. */
function checkDerived({ report }: CheckContext, path: Path, { match, redirect, union, failover, distribute }: Policy): void {
  const backups = failover?.services ?? [];
  if (redirect !== undefined && union !== undefined) report([...path, "union"], "a service has a redirect or a union, not both");
  if (union !== undefined && match.includes("*"))
    report([...path, "match"], "must be one service, without *: a union has one name");
  for (const key of ["redirect", "union"] as const)
    if ({ redirect, union }[key] !== undefined && backups.length > 0)
      report([...path, "failover", "services"], `does not count: a service with a ${key} has no instances of its own`);
  if (redirect?.service === match && redirect.cluster === undefined)
    report([...path, "redirect", "service"], "leads to itself; with a `cluster` it would pin it to that");
  if (redirect?.cluster !== undefined && distribute !== undefined)
    report([...path, "distribute"], "has nobody to distribute over: redirect leads to one cluster");
  for (const [index, name] of backups.entries())
    if (name === match) report([...path, "failover", "services", index], "is the service itself");
  for (const [index, name] of (union ?? []).entries())
    if (name === match) report([...path, "union", index], "is the union itself");
}
