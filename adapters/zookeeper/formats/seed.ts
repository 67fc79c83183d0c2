/** apisix-seed: `root/<service>`, whose data is a JSON list of `{host, port, weight}` (api7/apisix-seed). */
import type { Protocol } from "../../../src/model/service.ts";
import type { Rejection } from "../../../src/registry/adapter.ts";
import { cut, decoded, mapping, parseJson, port, share, text } from "./records.ts";
import type { Format, ReadInstance, ReadService } from "./types.ts";

/** `root` without a slash at its end. */
export function seedFormat(root: string, protocol: Protocol): Format {
  return {
    wants: (segments) => (segments.length === 0 ? { children: true } : segments.length === 1 ? { data: true } : undefined),
    unitsOf: ([service]) => (service === undefined ? [] : [service]),
    units: (view) => view.children(root),
    read: (unit, view) =>
      view.stat(`${root}/${unit}`) === undefined ? [] : [readSeed(unit, view.data(`${root}/${unit}`), protocol)],
  };
}

function readSeed(unit: string, data: Uint8Array | undefined, protocol: Protocol): ReadService {
  const name = decoded(unit);
  const list = parseJson(data);
  const rejected: Rejection[] = Array.isArray(list) ? [] : [{ record: cut(name), reason: "its data is no JSON list" }];
  const instances = new Map<string, ReadInstance>();
  for (const [index, value] of (Array.isArray(list) ? list : []).entries()) {
    const one = mapping(value);
    const [host, at] = [text(one["host"]), port(one["port"])];
    if (host === undefined || at === undefined)
      rejected.push({ record: cut(`${name}[${index}]`), reason: "it has no host and port" });
    else {
      const id = `${host}:${at}`;
      const { weight, idle } = share(one["weight"]);
      instances.set(id, { id, host, ports: { http: at }, health: idle ? "draining" : "healthy", weight, labels: {} });
    }
  }
  return { scope: unit, name, ports: [{ name: "http", protocol }], labels: {}, instances: [...instances.values()], rejected };
}
