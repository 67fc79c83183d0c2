/** For tests: nodes as a map, and what a format makes of them. */
import type { Format, ReadService, ZnodeView } from "./types.ts";

/** Data by path: text as it is, other values as JSON, null for none. Parents are made. */
export function treeView(nodes: Readonly<Record<string, unknown>>): ZnodeView {
  const data = new Map<string, Uint8Array>();
  const children = new Map<string, Set<string>>([["/", new Set()]]);
  const add = (path: string) => {
    const at = path.lastIndexOf("/");
    const parent = at === 0 ? "/" : path.slice(0, at);
    if (!children.has(path)) children.set(path, new Set());
    if (!children.has(parent)) add(parent);
    children.get(parent)?.add(path.slice(at + 1));
  };
  for (const [path, value] of Object.entries(nodes)) {
    add(path);
    const text = value === null ? "" : typeof value === "string" ? value : JSON.stringify(value);
    data.set(path, new TextEncoder().encode(text));
  }
  const stat = { czxid: 1n, mzxid: 1n, pzxid: 1n, version: 0, cversion: 0, ephemeralOwner: 0n, numChildren: 0 };
  return {
    children: (path) => [...(children.get(path) ?? [])],
    data: (path) => (children.has(path) ? (data.get(path) ?? new Uint8Array()) : undefined),
    stat: (path) => (children.has(path) ? stat : undefined),
  };
}

/** Every service of the nodes, sorted by scope. */
export function readAll(format: Format, view: ZnodeView): readonly ReadService[] {
  return format
    .units(view)
    .flatMap((unit) => format.read(unit, view))
    .sort((a, b) => (a.scope < b.scope ? -1 : 1));
}

/** A service as short text: `name (scope) port/protocol… | id host port=number health weight labels… | !record: reason`. */
export function sketch({ name, scope, ports, instances, rejected }: ReadService): readonly string[] {
  return [
    `${name} (${scope}) ${ports.map((port) => `${port.name}/${port.protocol}`).join(" ")}`.trimEnd(),
    ...instances.map(
      (one) =>
        `  ${one.host} ${Object.entries(one.ports)
          .map(([port, number]) => `${port}=${number}`)
          .join(" ")} ${one.health} ${one.weight}${one.zone === undefined ? "" : ` zone=${one.zone}`}`,
    ),
    ...rejected.map(({ reason }) => `  !${reason}`),
  ];
}
