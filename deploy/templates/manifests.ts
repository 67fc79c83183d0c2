/** YAML that people and tools write, as manifests. Pure. */
import { LineCounter, parseAllDocuments } from "yaml";
import { reasonOf } from "../../src/kernel/errors.ts";
import { fail } from "../../src/model/errors.ts";
import { isJsonObject, type Json, type JsonObject, listAt, textAt } from "../json/value.ts";
import { keyOf, keyText } from "../plan/object-key.ts";

/** More than any workload has: a bound, so that a runaway chart is noticed here and not in the clusters. */
const MAX_MANIFESTS = 5000;
const MAX_ALIASES = 100;

/** Several documents, and Lists, are several manifests; empty documents are none. Throws MB_DEPLOY_TEMPLATE with line and column. */
export function manifestsOf(text: string, origin: string): readonly JsonObject[] {
  const lines = new LineCounter();
  const documents = parseAllDocuments(text, { lineCounter: lines, prettyErrors: false });
  return [...documents].flatMap((document): readonly JsonObject[] => {
    const { line, col } = lines.linePos(document.errors[0]?.pos[0] ?? document.range[0]);
    const refuse = (reason: string) => fail("MB_DEPLOY_TEMPLATE", { origin: `${origin}:${line}:${col}`, reason });
    if (document.errors[0] !== undefined) throw refuse(`not YAML: ${document.errors[0].message}`);
    const value = readValue(document, refuse);
    if (value === null) return [];
    const items = textAt(value, "kind") === "List" ? listAt(value, "items") : [value];
    return items.map((item) => {
      if (!isJsonObject(item) || textAt(item, "apiVersion") === undefined || textAt(item, "kind") === undefined)
        throw refuse("it is no Kubernetes object: apiVersion or kind is missing");
      if (textAt(item, "metadata", "name") === undefined) throw refuse("metadata.name is missing");
      return item;
    });
  });
}

function readValue(document: { toJS(options: { maxAliasCount: number }): unknown }, refuse: (reason: string) => Error): Json {
  try {
    return document.toJS({ maxAliasCount: MAX_ALIASES }) as Json;
  } catch (error) {
    throw refuse(`not YAML: ${reasonOf(error)}`);
  }
}

/** The same rules as for inline manifests. Throws MB_DEPLOY_TEMPLATE. */
export function checkManifests(manifests: readonly JsonObject[], origin: string): readonly JsonObject[] {
  const refuse = (reason: string) => fail("MB_DEPLOY_TEMPLATE", { origin, reason });
  if (manifests.length === 0) throw refuse("it makes no object");
  if (manifests.length > MAX_MANIFESTS) throw refuse(`it makes ${manifests.length} objects, more than ${MAX_MANIFESTS}`);
  const seen = new Set<string>();
  for (const manifest of manifests) {
    const key = keyOf(manifest);
    if (key.group === "deploy.meshbridge.io") throw refuse(`${key.kind} ${key.name} cannot be deployed by another`);
    if (seen.has(keyText(key))) throw refuse(`${key.kind} ${key.name} is given twice`);
    seen.add(keyText(key));
  }
  return manifests;
}
