/**
 * What one bridge says of a service: its instances, and who has acknowledged them. Anything that is not certain (no answer,
 * a catalog that is not complete, registries that cannot be read, a bridge that has only just started) is Unknown.
 */
import { type Static, type TSchema, Type } from "typebox";
import { Value } from "typebox/value";
import type { BridgeHttp } from "./bridge-http.ts";

/** Only what is used; answers may hold more. */
const Instance = Type.Object({
  id: Type.String(),
  address: Type.String(),
  ports: Type.Record(Type.String(), Type.Integer()),
  health: Type.String(),
  cluster: Type.String(),
  evidence: Type.String(),
  source: Type.Object({ registry: Type.String(), scope: Type.String() }),
});
const Service = Type.Object({ catalogVersion: Type.Integer(), instances: Type.Array(Instance) });
const Part = Type.Object({
  name: Type.String(),
  state: Type.String(),
  suspectReason: Type.Optional(Type.Union([Type.String(), Type.Null()])),
});
const Registry = Type.Object({ ...Part.properties, parts: Type.Optional(Type.Array(Part)) });
const Registries = Type.Object({ items: Type.Array(Registry), nextCursor: Type.Optional(Type.String()) });
const Acks = Type.Object({
  catalogVersion: Type.Integer(),
  servedVersion: Type.Integer(),
  bridgeStarted: Type.String(),
  proxies: Type.Array(Type.Object({ id: Type.String(), status: Type.String() })),
});

export type ReadInstance = Static<typeof Instance>;

export interface ServiceReading {
  /** ms since the epoch on our clock, from before the first question: nothing in it is older on purpose. */
  readonly observedAt: number;
  /** In the catalog and confirmed: not held, and of a registry that is live. */
  readonly instances: readonly ReadInstance[];
  /** In the catalog, and nobody can confirm them now. */
  readonly doubtful: readonly ReadInstance[];
  /** Connected clients that ask for the service. */
  readonly clients: readonly string[];
  /** Of these, those that have acknowledged the instances above, or newer ones. */
  readonly acked: readonly string[];
}

export type Reading = ServiceReading | { readonly unknown: string };

/** Clients of a bridge that has just started may not have come back yet. */
const SETTLE_MS = 15_000;

/** `service` is `namespace/name`. A service that the bridge does not know is a reading without instances. */
export async function readService(
  bridge: BridgeHttp,
  service: string,
  { now, signal }: { readonly now: () => number; readonly signal: AbortSignal },
): Promise<Reading> {
  const observedAt = now();
  const path = `/v1/services/${service.split("/").map(encodeURIComponent).join("/")}`;
  const get = <S extends TSchema>(schema: S, at: string) => getAs(bridge, schema, at, signal);
  const registries = await get(Registries, "/v1/registries?limit=1000");
  if ("unknown" in registries) return registries;
  if (registries.value === undefined || registries.value.items.length === 0 || registries.value.nextCursor !== undefined)
    return { unknown: `${bridge.address} does not say how its registries are` };
  const { items } = registries.value;
  const found = await get(Service, path);
  if ("unknown" in found) return found;
  if (found.value === undefined) {
    // A service that is not there is one that has left only when everybody who could name it was asked.
    const silent = items.find(({ state }) => state !== "live");
    if (silent !== undefined)
      return { unknown: `${bridge.address} does not know ${service}, and ${silent.name} is ${silent.state}` };
    return { observedAt, instances: [], doubtful: [], clients: [], acked: [] };
  }
  const acks = await get(Acks, `${path}/acks`);
  if ("unknown" in acks) return acks;
  if (acks.value === undefined) return { unknown: `${service} left while ${bridge.address} was asked` };
  const started = Date.parse(acks.value.bridgeStarted);
  if (!((acks.answeredAt ?? 0) - started >= SETTLE_MS))
    return { unknown: `${bridge.address} has only just started: its clients may not have come back yet` };
  const confirmed = ({ evidence, source }: ReadInstance) => evidence === "authoritative" && vouches(source, items);
  const current = acks.value.servedVersion >= found.value.catalogVersion;
  const { instances } = found.value;
  const doubtful = instances.filter((one) => !confirmed(one));
  if (instances.length > 0 && doubtful.length === instances.length)
    return { unknown: `no instance of ${service} is confirmed by a registry that ${bridge.address} can read now` };
  return {
    observedAt,
    instances: instances.filter(confirmed),
    doubtful,
    clients: acks.value.proxies.map(({ id }) => id),
    acked: acks.value.proxies.filter(({ status }) => current && status === "acked").map(({ id }) => id),
  };
}

type Got<T> = { readonly value: T | undefined; readonly answeredAt: number | undefined } | { readonly unknown: string };

/** Undefined: the bridge says that there is no such thing. */
async function getAs<S extends TSchema>(
  bridge: BridgeHttp,
  schema: S,
  path: string,
  signal: AbortSignal,
): Promise<Got<Static<S>>> {
  const answer = await bridge.ask({ method: "GET", path }, signal);
  if ("unknown" in answer) return answer;
  const { status, body, answeredAt } = answer;
  if (status === 404 && isProblem(body, "MB_NOT_FOUND")) return { value: undefined, answeredAt };
  if (status !== 200) return { unknown: `${bridge.address} answered ${path} with ${status}` };
  if (!Value.Check(schema, body)) return { unknown: `${bridge.address} answered ${path} with something else than it should` };
  return { value: body as Static<S>, answeredAt };
}

export function isProblem(body: unknown, code: string): boolean {
  return typeof body === "object" && body !== null && "code" in body && body.code === code;
}

/**
 * Whether what the registry names counts as seen now: of the part that the instance is in, where it says so of its parts. After
 * a mass drop its answers are proof as ever; in doubt is what it no longer names, and that is held.
 */
function vouches({ registry, scope }: ReadInstance["source"], registries: readonly Static<typeof Registry>[]): boolean {
  const whole = registries.find(({ name }) => name === registry);
  const said = whole?.parts?.find(({ name }) => scope.startsWith(`${name}/`)) ?? whole;
  return said?.state === "live" || (said?.state === "suspect" && said.suspectReason === "mass-drop");
}
