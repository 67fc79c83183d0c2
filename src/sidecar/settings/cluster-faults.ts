/** What a schema cannot say of a file of the cluster scope. Pure. */
import { parseListen } from "../../kernel/listen-address.ts";
import { didYouMean, type Path, quoted } from "../../kernel/text.ts";
import type { ClusterFile } from "./cluster-schema.ts";

export interface Problem {
  readonly path: Path;
  readonly at: "key" | "value";
  readonly message: string;
}

export function clusterFaults({ sources, targets, mirrors, listen }: ClusterFile): readonly Problem[] {
  const found: Problem[] = [];
  const report = (path: Path, message: string) => found.push({ path, at: "value", message });
  for (const [section, entries] of Object.entries({ sources, targets })) {
    const names = entries.map(({ name }) => name);
    for (const [index, name] of names.entries())
      if (names.indexOf(name) !== index) report([section, index, "name"], `${quoted(name)} is the name of another one`);
  }
  // An agent's services are those of its node: a replica elsewhere would add its own beside them.
  for (const [index, target] of targets.entries())
    if (target.kind === "consul" && target["mode"] !== "catalog")
      report(
        ["targets", index],
        "needs `mode: catalog`: the replica that acts may be on any node, and an agent speaks for its own",
      );
  const known = (path: Path, name: string, names: readonly string[], what: string) => {
    if (!names.includes(name)) report(path, `there is no ${what} ${quoted(name)}${didYouMean(name, names)}`);
  };
  for (const [index, { from, to }] of mirrors.entries()) {
    known(
      ["mirrors", index, "from"],
      from,
      sources.map(({ name }) => name),
      "source",
    );
    for (const [at, name] of to.entries()) {
      known(
        ["mirrors", index, "to", at],
        name,
        targets.map((one) => one.name),
        "target",
      );
      if (name === from) report(["mirrors", index, "to", at], `${quoted(name)} is where it comes from`);
    }
  }
  if (listen !== undefined && parseListen(listen) === undefined)
    report(["listen"], `must be HOST:PORT or unix:/PATH, got ${quoted(listen)}`);
  return found;
}
