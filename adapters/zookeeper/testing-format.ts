/**
 * The smallest format there is, for tests of everything around formats: `root/<service>/<instance>` with the data
 * `host:port` or `host:port weight=… startedAt=… warmupMs=…`.
 */
import type { Format, ReadInstance, ZnodeView } from "./formats/types.ts";

/** Over the root given. */
export function plainFormat(root: string): Format {
  return {
    wants: (segments) => (segments.length > 2 ? undefined : { children: segments.length < 2, data: segments.length === 2 }),
    unitsOf: ([service]) => (service === undefined ? [] : [service]),
    units: (view) => view.children(root),
    read(unit, view) {
      if (view.stat(`${root}/${unit}`) === undefined) return [];
      const instances = view.children(`${root}/${unit}`).flatMap((id) => readInstance(`${root}/${unit}/${id}`, id, view));
      return [{ scope: unit, name: unit, ports: [{ name: "http", protocol: "HTTP" }], labels: {}, instances, rejected: [] }];
    },
  };
}

function readInstance(path: string, id: string, view: ZnodeView): readonly ReadInstance[] {
  const data = view.data(path);
  if (data === undefined) return [];
  const [endpoint = "", ...fields] = new TextDecoder().decode(data).split(" ");
  const at = endpoint.lastIndexOf(":");
  const numbers = new Map(fields.map((field) => field.split("=")).map(([key = "", value]) => [key, Number(value)]));
  const [startedAt, warmupMs] = [numbers.get("startedAt"), numbers.get("warmupMs")];
  return [
    {
      ...{ id, host: endpoint.slice(0, at), ports: { http: Number(endpoint.slice(at + 1)) } },
      ...{ health: "healthy", weight: numbers.get("weight") ?? 1, labels: {} },
      ...(startedAt !== undefined && warmupMs !== undefined && { warmup: { startedAt, warmupMs } }),
    },
  ];
}
