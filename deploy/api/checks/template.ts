/** The template names native objects, each once. */
import { listAt, textAt } from "../../json/value.ts";
import { API_VERSION } from "../schema/common.ts";
import type { Check } from "./check.ts";

const SOURCES = ["manifests", "files", "kustomize", "helm"] as const;

export function checkTemplate(check: Check): void {
  const { template } = check.workload.spec;
  const path = ["spec", "template"];
  const given = SOURCES.filter((source) => template[source] !== undefined);
  if (given.length !== 1)
    check.report(path, `needs exactly one of ${SOURCES.join(", ")}${given.length === 0 ? "" : `, has ${given.join(" and ")}`}`);
  const seen = new Map<string, number>();
  for (const [index, manifest] of (template.manifests ?? []).entries()) {
    const at = [...path, "manifests", index];
    const [apiVersion, kind, name] = [
      textAt(manifest, "apiVersion"),
      textAt(manifest, "kind"),
      textAt(manifest, "metadata", "name"),
    ];
    if (apiVersion === undefined) check.report([...at, "apiVersion"], "is missing; it must be text such as apps/v1");
    if (kind === undefined) check.report([...at, "kind"], "is missing; it must be text such as Deployment");
    if (name === undefined) check.report([...at, "metadata", "name"], "is missing; every manifest needs a name");
    if (kind === "List" && listAt(manifest, "items").length > 0)
      check.report([...at, "kind"], "a List is not one object: write its items as manifests");
    if (apiVersion?.startsWith("deploy.meshbridge.io/"))
      check.report([...at, "kind"], `${kind ?? "an object"} of ${API_VERSION} cannot be deployed by another`);
    if (apiVersion === undefined || kind === undefined || name === undefined) continue;
    const key = JSON.stringify([apiVersion.split("/").toSpliced(-1), kind, textAt(manifest, "metadata", "namespace"), name]);
    const first = seen.get(key);
    if (first === undefined) seen.set(key, index);
    else check.report([...at, "metadata", "name"], `${kind} ${name} is given twice (also number ${first + 1} of the list)`);
  }
}
