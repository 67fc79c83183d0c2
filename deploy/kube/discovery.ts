/** What an API server serves: aggregated discovery (apidiscovery.k8s.io/v2), as every server since Kubernetes 1.30 gives it. Pure. */
import { type Json, type JsonObject, listAt, ownValue, textAt } from "../json/value.ts";
import type { ApiResource, Discovery, KindRef } from "./types.ts";

/** What to ask for at `/api` and `/apis`. */
export const DISCOVERY_TYPE = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

/** Undefined when an answer is of another form. Preferred versions come first, as the server orders them. */
export function readDiscovery(answers: readonly Json[]): Discovery | undefined {
  if (answers.some((answer) => textAt(answer, "kind") !== "APIGroupDiscoveryList")) return undefined;
  const groups = answers.flatMap((answer) => listAt(answer, "items"));
  const resources = groups.flatMap(resourcesOf);
  const unanswered = groups.filter((group) => listAt(group, "versions").some((one) => textAt(one, "freshness") === "Stale"));
  return {
    resources,
    find: finder(resources),
    unanswered: new Set(unanswered.map((group) => textAt(group, "metadata", "name") ?? "")),
  };
}

function resourcesOf(group: Json): readonly ApiResource[] {
  const name = textAt(group, "metadata", "name") ?? "";
  return listAt(group, "versions").flatMap((one) => {
    const version = textAt(one, "version") ?? "";
    return listAt(one, "resources").flatMap((resource): readonly ApiResource[] => {
      const [plural, kind] = [textAt(resource, "resource"), textAt(resource, "responseKind", "kind")];
      if (plural === undefined || kind === undefined) return [];
      const verbs = listAt(resource, "verbs").filter((verb) => typeof verb === "string");
      return [{ group: name, version, kind, plural, namespaced: textAt(resource, "scope") !== "Cluster", verbs: new Set(verbs) }];
    });
  });
}

function finder(resources: readonly ApiResource[]): Discovery["find"] {
  const preferred = new Map<string, ApiResource>();
  const exact = new Map<string, ApiResource>();
  for (const resource of resources) {
    const key = `${resource.group}/${resource.kind}`;
    if (!preferred.has(key)) preferred.set(key, resource);
    exact.set(`${key}/${resource.version}`, resource);
  }
  return ({ group, kind }: KindRef, version) =>
    version === undefined ? preferred.get(`${group}/${kind}`) : exact.get(`${group}/${kind}/${version}`);
}

/** `/apis/apps/v1/namespaces/shop/deployments/web/scale`; without a name, the collection. */
export function resourcePath(
  { group, version, plural, namespaced }: ApiResource,
  { namespace, name, subresource }: { readonly namespace?: string; readonly name?: string; readonly subresource?: string },
): string {
  const root = group === "" ? `/api/${version}` : `/apis/${group}/${version}`;
  const space = namespaced && namespace ? `/namespaces/${encodeURIComponent(namespace)}` : "";
  const object = name === undefined ? "" : `/${encodeURIComponent(name)}`;
  return `${root}${space}/${plural}${object}${subresource === undefined ? "" : `/${subresource}`}`;
}

/** Items of lists come without them. */
export function withKind(object: JsonObject, { group, version, kind }: ApiResource): JsonObject {
  const apiVersion = group === "" ? version : `${group}/${version}`;
  return ownValue(object, "kind") === kind && ownValue(object, "apiVersion") === apiVersion
    ? object
    : { ...object, apiVersion, kind };
}
