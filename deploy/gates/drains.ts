/** Drains on every bridge: asked for, watched, ended. A bridge that does not answer leaves it Unknown: nothing is removed then. */
import { type Static, Type } from "typebox";
import { Value } from "typebox/value";
import type { BridgeHttp } from "./bridge-http.ts";
import { isProblem } from "./reading.ts";

export interface DrainOrder {
  /** `namespace/name` in the catalog. */
  readonly service: string;
  readonly cluster: string;
  /** Whose word it is. */
  readonly owner: string;
  /** Undefined: every instance of the cluster. */
  readonly addresses: readonly string[] | undefined;
  readonly reason: string;
  readonly ttlSeconds: number;
  /** Also when nothing else would be left to serve. */
  readonly force: boolean;
}

export type DrainState =
  /** Every client of every bridge has acknowledged a state with it, or nothing of the service is registered. */
  | { readonly state: "drained" }
  | { readonly state: "waiting"; readonly message: string }
  /** It would leave somebody nothing. */
  | { readonly state: "refused"; readonly message: string }
  | { readonly state: "unknown"; readonly message: string };

const Answer = Type.Object({
  acks: Type.Enum(["acked", "pending", "nobody"]),
  stillServing: Type.Array(Type.String()),
});

const Standing = Type.Object({
  ...Answer.properties,
  cluster: Type.String(),
  owner: Type.String(),
  addresses: Type.Union([Type.Array(Type.String()), Type.Null()]),
  force: Type.Boolean(),
  until: Type.String(),
});
const List = Type.Object({ items: Type.Array(Standing) });

/** Asks for it where it is not in force, or not for long any more, and tells how far it is. */
export async function drainAll(bridges: readonly BridgeHttp[], order: DrainOrder, signal: AbortSignal): Promise<DrainState> {
  if (bridges.length === 0) return { state: "unknown", message: "no bridge is asked" };
  const states = await Promise.all(bridges.map((bridge) => drainOne(bridge, order, signal)));
  for (const wanted of ["refused", "unknown", "waiting"] as const) {
    const found = states.find(({ state }) => state === wanted);
    if (found !== undefined) return found;
  }
  return { state: "drained" };
}

async function drainOne(bridge: BridgeHttp, order: DrainOrder, signal: AbortSignal): Promise<DrainState> {
  const { cluster, owner, addresses, reason, ttlSeconds, force } = order;
  const standing = await standingDrain(bridge, order, signal);
  if (standing !== undefined) return judgeAnswer(bridge, standing, force);
  const query = new URLSearchParams({ cluster, owner, ttl: `${ttlSeconds}s`, force: String(force) });
  const body = { reason: reason.slice(0, 300), ...(addresses && { addresses }) };
  const answer = await bridge.ask({ method: "POST", path: `${pathOf(order.service)}?${query}`, body }, signal);
  if ("unknown" in answer) return { state: "unknown", message: answer.unknown };
  if (isProblem(answer.body, "MB_DRAIN_LAST")) return { state: "refused", message: detailOf(answer.body) };
  // Nothing is registered under that name, so no client is sent there.
  if (isProblem(answer.body, "MB_NOT_FOUND")) return { state: "drained" };
  if (answer.status !== 200 || !Value.Check(Answer, answer.body))
    return { state: "unknown", message: `${bridge.address} answered with ${answer.status}: ${detailOf(answer.body)}` };
  return judgeAnswer(bridge, answer.body, force);
}

/**
 * The same drain when it is in force for long enough: each renewal is a change of the catalog, and who renews all the time
 * never sees clients that have acknowledged the newest. Undefined: it must be asked for, also when that cannot be told.
 */
async function standingDrain(
  bridge: BridgeHttp,
  order: DrainOrder,
  signal: AbortSignal,
): Promise<Static<typeof Answer> | undefined> {
  const query = new URLSearchParams({ service: order.service, limit: "1000" });
  const answer = await bridge.ask({ method: "GET", path: `/v1/drains?${query}` }, signal);
  if ("unknown" in answer || answer.status !== 200 || answer.answeredAt === undefined || !Value.Check(List, answer.body))
    return undefined;
  const { answeredAt, body } = answer;
  return body.items.find(
    ({ cluster, owner, addresses, force, until }) =>
      cluster === order.cluster &&
      owner === order.owner &&
      force === order.force &&
      sameAddresses(addresses ?? undefined, order.addresses) &&
      Date.parse(until) - answeredAt > (order.ttlSeconds * 1000) / 2,
  );
}

function sameAddresses(a: readonly string[] | undefined, b: readonly string[] | undefined): boolean {
  return a === undefined || b === undefined ? a === b : a.toSorted().join(" ") === b.toSorted().join(" ");
}

function judgeAnswer(bridge: BridgeHttp, { acks, stillServing }: Static<typeof Answer>, force: boolean): DrainState {
  if (stillServing.length > 0 && !force)
    return { state: "waiting", message: `${stillServing.slice(0, 3).join(", ")} would have nothing else` };
  if (acks === "pending") return { state: "waiting", message: `not every client of ${bridge.address} has acknowledged it` };
  return { state: "drained" };
}

/** Ends it everywhere. A bridge that does not answer lets it expire by itself; false then. */
export async function undrainAll(
  bridges: readonly BridgeHttp[],
  { service, cluster, owner }: Pick<DrainOrder, "service" | "cluster" | "owner">,
  signal: AbortSignal,
): Promise<boolean> {
  const path = `${pathOf(service)}?${new URLSearchParams({ cluster, owner })}`;
  const answers = await Promise.all(bridges.map((bridge) => bridge.ask({ method: "DELETE", path }, signal)));
  return answers.every((answer) => !("unknown" in answer) && (answer.status === 200 || isProblem(answer.body, "MB_NOT_FOUND")));
}

function pathOf(service: string): string {
  return `/v1/services/${service.split("/").map(encodeURIComponent).join("/")}/drain`;
}

function detailOf(body: unknown): string {
  return typeof body === "object" && body !== null && "detail" in body ? String(body.detail) : "no reason given";
}
