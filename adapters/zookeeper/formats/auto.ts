/**
 * The format that a root's own content tells: looked at anew at every reading, since a root may be empty at first. What is
 * read of the nodes is what any of the formats may need.
 */
import { readCurator } from "./curator.ts";
import { RESERVED } from "./dubbo.ts";
import { mapping, parseJson } from "./records.ts";
import type { Format, ZnodeView } from "./types.ts";

export type Detected = "dubbo" | "services" | "serverset" | "nerve" | "apisix-seed";

/** `root` without a slash at its end. */
export function autoFormat(root: string, create: (name: Detected) => Format): Format {
  const formats = new Map<Detected, Format>();
  const of = (view: ZnodeView): Format => {
    const name = detect(root, view);
    const format = formats.get(name) ?? create(name);
    formats.set(name, format);
    return format;
  };
  return {
    wants: (segments) =>
      segments.length > 3 || (segments.length > 1 && segments[1] === "consumers")
        ? undefined
        : { children: segments.length < 3, data: segments.length > 0 },
    unitsOf: (segments, view) => of(view).unitsOf(segments, view),
    units: (view) => of(view).units(view),
    read: (unit, view) => of(view).read(unit, view),
  };
}

/** What an interface has below it; some have consumers only. */
const CATEGORIES = new Set(["providers", "consumers", "configurators", "routers"]);

/** Looked at so many services and records until one tells. */
const SAMPLES = 20;

export function detect(root: string, view: ZnodeView): Detected {
  const services = view.children(root);
  // Dubbo's own nodes may be all there is: an application level alone leaves no interface below its root.
  if (services.length > 0 && services.every((name) => RESERVED.has(name))) return "dubbo";
  for (const service of [...services].sort().slice(0, SAMPLES)) {
    const path = `${root}/${service}`;
    const children = view.children(path);
    if (children.some((child) => CATEGORIES.has(child))) return "dubbo";
    if (Array.isArray(parseJson(view.data(path)))) return "apisix-seed";
    const own = recordKind(view.data(path));
    if (own !== undefined) return own;
    for (const id of [...children].sort().slice(0, SAMPLES)) {
      const kind = recordKind(view.data(`${path}/${id}`));
      if (kind !== undefined) return kind;
    }
  }
  // An empty root: the first record will tell. Until then nothing is a service in either.
  return "services";
}

function recordKind(data: Uint8Array | undefined): Detected | undefined {
  const record = mapping(parseJson(data));
  if (record["serviceEndpoint"] !== undefined) return "serverset";
  if (readCurator(data) !== undefined) return "services";
  return record["host"] !== undefined && record["port"] !== undefined ? "nerve" : undefined;
}
