/** Files of KubeFed and Karmada as FederatedWorkloads, with everything that has no counterpart. Pure. */
import { pathText } from "../../src/kernel/text.ts";
import { validateWorkload } from "../api/validate.ts";
import type { JsonObject } from "../json/value.ts";
import { convertKarmada, KARMADA_GROUPS } from "./karmada.ts";
import { convertKubefed, KUBEFED_GROUPS } from "./kubefed.ts";
import { workloadOf } from "./output.ts";
import { type Note, readSources } from "./source.ts";

export interface Converted {
  readonly workloads: readonly JsonObject[];
  /** Each thing that is not in a workload is in one of them. */
  readonly notes: readonly Note[];
  /** Objects of these files that are about nothing that is converted here. */
  readonly others: number;
}

const UNTAKEN = "no counterpart: it is left out";

export function convert(files: readonly { readonly name: string; readonly text: string }[]): Converted {
  const { sources, problems } = readSources(files);
  const of = (groups: ReadonlySet<string>) => sources.filter(({ group }) => groups.has(group));
  const [kubefed, karmada] = [of(KUBEFED_GROUPS), of(KARMADA_GROUPS)];
  const plain = sources.filter((source) => !kubefed.includes(source) && !karmada.includes(source));
  const selected = karmada.length > 0 ? plain : [];
  const drafts = [...convertKubefed(kubefed), ...convertKarmada(karmada, selected)];
  const workloads = drafts.map(workloadOf);
  const told = [...kubefed, ...karmada].flatMap((source) => source.notes(UNTAKEN));
  const own = selected.flatMap((source) => {
    source.take("spec");
    return source.notes(UNTAKEN);
  });
  return {
    workloads,
    notes: [...problems, ...told, ...own, ...workloads.flatMap(faultsOf)],
    others: plain.length - selected.length,
  };
}

/** What was said there and is not allowed here, such as two rules that write one field: told, so that somebody decides. */
function faultsOf(workload: JsonObject): readonly Note[] {
  const checked = validateWorkload(workload);
  if ("object" in checked) return [];
  const name = (workload["metadata"] as JsonObject)["name"] as string;
  return checked.problems.map(({ path, message }) => ({
    place: "the result",
    what: `FederatedWorkload ${name} ${pathText(path)}`,
    message,
  }));
}
