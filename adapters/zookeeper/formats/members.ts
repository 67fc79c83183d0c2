/** Formats of one level: `root/<service>/<member>`, each member's data an address. Serverset and nerve. */
import type { Protocol } from "../../../src/model/service.ts";
import { cut, decoded, type Mapping, mapping, parseJson, port, share, text } from "./records.ts";
import { wantsTwoLevels } from "./two-levels.ts";
import type { Format, ReadInstance, ReadService, ZnodeView } from "./types.ts";

/** What one member says, or why it is left out. */
export type Member = Omit<ReadInstance, "id"> | { readonly reason: string };

export interface MembersOptions {
  readonly protocol: Protocol;
  /** Reads the JSON of one member. */
  readMember(record: Mapping): Member;
}

/**
 * `root` without a slash at its end. The root itself may be a service, with members directly below it: then nodes there that
 * have nothing below them are its members or broken ones, and those that have are services as ever.
 */
export function membersFormat(root: string, options: MembersOptions): Format {
  return {
    wants: wantsTwoLevels,
    // A node at the first level is a member, or a service, or turns from one into the other.
    unitsOf: ([service, member]) => (service === undefined ? [] : member === undefined ? [ROOT, service] : [service]),
    units(view) {
      const { isService } = firstLevel(root, view, options);
      const children = view.children(root);
      const services = children.filter(isService);
      return services.length === children.length ? services : [ROOT, ...services];
    },
    read(unit, view) {
      const path = unit === ROOT ? root : `${root}/${unit}`;
      if (view.stat(path) === undefined) return [];
      const { isService } = firstLevel(root, view, options);
      if (unit !== ROOT) return isService(unit) ? [readMembers(path, unit, view.children(path), { ...options, view })] : [];
      const members = view.children(path).filter((name) => !isService(name));
      const name = path.slice(path.lastIndexOf("/") + 1);
      return members.length === 0 ? [] : [readMembers(path, name, members, { ...options, view })];
    },
  };
}

/** The unit of a root that is itself a service. No node is called so. */
const ROOT = "";

function leaves(root: string, view: ZnodeView): readonly string[] {
  return view.children(root).filter((name) => view.children(`${root}/${name}`).length === 0);
}

/** Which nodes right below the root are services of their own. */
function firstLevel(root: string, view: ZnodeView, { readMember }: MembersOptions): { isService(name: string): boolean } {
  const isMember = (name: string) => !("reason" in readMember(mapping(parseJson(view.data(`${root}/${name}`)))));
  let hasMembers: boolean | undefined;
  return {
    isService(name) {
      if (view.children(`${root}/${name}`).length > 0) return true;
      hasMembers ??= leaves(root, view).some(isMember);
      return !hasMembers;
    },
  };
}

function readMembers(
  path: string,
  unit: string,
  ids: readonly string[],
  { view, protocol, readMember }: MembersOptions & { readonly view: ZnodeView },
): ReadService {
  const name = decoded(unit);
  const instances: ReadInstance[] = [];
  const rejected: { record: string; reason: string }[] = [];
  for (const id of [...ids].sort()) {
    const member = readMember(mapping(parseJson(view.data(`${path}/${id}`))));
    if ("reason" in member) rejected.push({ record: cut(`${name}/${id}`), reason: member.reason });
    else instances.push({ id, ...member });
  }
  const names = [...new Set(instances.flatMap(({ ports }) => Object.keys(ports)))].sort();
  return {
    scope: unit,
    name,
    ports: names.map((one) => ({ name: one, protocol: one === "http" ? protocol : protocolByName(one, protocol) })),
    labels: {},
    instances,
    rejected,
  };
}

function protocolByName(name: string, otherwise: Protocol): Protocol {
  if (name === "https" || name === "tls") return "TLS";
  if (name === "grpc") return "GRPC";
  return name === "admin" || name === "health" || name === "http" ? "HTTP" : otherwise;
}

/** Twitter's serverset: `{"serviceEndpoint":{host,port},"additionalEndpoints":{name:{host,port}},"status":"ALIVE","shard":0}`. */
export function readServersetMember(record: Mapping): Member {
  const main = mapping(record["serviceEndpoint"]);
  const [host, at] = [text(main["host"]), port(main["port"])];
  if (host === undefined || at === undefined) return { reason: "it has no serviceEndpoint with host and port" };
  const status = text(record["status"]) ?? "ALIVE";
  const others = Object.entries(mapping(record["additionalEndpoints"])).flatMap(
    ([name, value]): readonly (readonly [string, number])[] => {
      const number = port(mapping(value)["port"]);
      return number === undefined ? [] : [[name, number]];
    },
  );
  const shard = record["shard"];
  return {
    host,
    // One endpoint among the others may be called as the main port is: the main one counts.
    ports: { ...Object.fromEntries(others.slice(0, 32)), http: at },
    health: status === "ALIVE" ? "healthy" : status === "STOPPING" || status === "STOPPED" ? "draining" : "unhealthy",
    weight: 1,
    labels: typeof shard === "number" ? { shard: String(shard) } : {},
  };
}

/** AirBnB's nerve: `{host, port, name, weight}`. */
export function readNerveMember(record: Mapping): Member {
  const [host, at] = [text(record["host"]), port(record["port"])];
  if (host === undefined || at === undefined) return { reason: "it has no host and port" };
  const { weight, idle } = share(record["weight"]);
  const zone = text(record["az"]);
  const name = text(record["name"]);
  return {
    host,
    ports: { http: at },
    health: idle ? "draining" : "healthy",
    weight,
    ...(zone !== undefined && { zone }),
    labels: name === undefined ? {} : { "nerve.name": name },
  };
}
