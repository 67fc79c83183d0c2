/** The fleet file, a ClusterList, edited as a person would: comments and order stay. Pure. */
import { isMap, isSeq, parseDocument, type YAMLSeq } from "yaml";
import type { Cluster } from "../api/schema/cluster.ts";
import { API_VERSION } from "../api/schema/common.ts";

/** What a fleet file is begun with. */
export const EMPTY_FLEET = `# The fleet, for \`meshbridge deploy --clusters\`. Kubeconfigs are files beside this one.
apiVersion: ${API_VERSION}
kind: ClusterList
items: []
`;

/** What is declared of a member; defaults are left out. */
export interface Declared {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly spec: Partial<Cluster["spec"]>;
}

/** In the place of the member of that name, or at the end. What the member's entry has besides stays. */
export function withMember(text: string, { name, labels, spec }: Declared): string {
  return edited(text, (items, find) => {
    const metadata = { name, ...(Object.keys(labels).length > 0 && { labels }) };
    const found = find(name);
    if (found === undefined) {
      items.flow = false;
      items.add({ apiVersion: API_VERSION, kind: "Cluster", metadata, spec });
      return;
    }
    for (const [key, value] of Object.entries(labels)) found.setIn(["metadata", "labels", key], value);
    for (const [key, value] of Object.entries(spec)) found.setIn(["spec", key], value);
  });
}

export function withoutMember(text: string, name: string): string {
  return edited(text, (items) => {
    items.items = items.items.filter((item) => !isMember(item, name));
  });
}

/** One field of the member's spec; undefined takes it out. A member that is not there is left out. */
export function withField(text: string, name: string, field: keyof Cluster["spec"], value: unknown): string {
  return edited(text, (_, find) => {
    if (value === undefined) find(name)?.deleteIn(["spec", field]);
    else find(name)?.setIn(["spec", field], value);
  });
}

type Edit = (items: YAMLSeq, find: (name: string) => Found | undefined) => void;
interface Found {
  setIn(path: readonly string[], value: unknown): void;
  deleteIn(path: readonly string[]): unknown;
}

/** The text has been read and found right before; throws a TypeError when it has not. */
function edited(text: string, edit: Edit): string {
  const document = parseDocument(text);
  const items = document.get("items");
  if (!isSeq(items)) throw new TypeError("the fleet file has no items");
  const index = (name: string) => items.items.findIndex((item) => isMember(item, name));
  edit(items, (name) => {
    const at = index(name);
    if (at < 0) return undefined;
    return {
      setIn: (path, value) => document.setIn(["items", at, ...path], document.createNode(value)),
      deleteIn: (path) => document.deleteIn(["items", at, ...path]),
    };
  });
  return document.toString({ lineWidth: 0 });
}

function isMember(item: unknown, name: string): boolean {
  return isMap(item) && item.getIn(["metadata", "name"]) === name;
}
