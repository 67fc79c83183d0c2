/**
 * What the three conditions of an endpoint mean (KEP-1672): `ready` nil counts as true, `serving` nil as `ready`,
 * `terminating` nil as false.
 */
import type { Health } from "../../../src/model/health.ts";
import type { KubeEndpoint } from "../objects.ts";
import type { Standing } from "./types.ts";

/**
 * `publishNotReady`: the Service's publishNotReadyAddresses, which makes every endpoint ready, also one that is terminating
 * (kubernetes/kubernetes#116285). Without it a terminating endpoint is never ready, whatever its `ready` says.
 */
export function standingOf({ ready, serving, terminating }: KubeEndpoint["conditions"], publishNotReady: boolean): Standing {
  if (publishNotReady) return "ready";
  const isReady = ready ?? true;
  if (terminating ?? false) return (serving ?? isReady) ? "draining" : "gone";
  return isReady ? "ready" : "unready";
}

/**
 * What is not ready stays in the group as unhealthy: `explain` can name it, its leaving is no loss to removal protection,
 * and Envoy gives it no request unless the operator has turned panic routing on. `gone` is not served at all.
 */
export const HEALTH_OF: Readonly<Record<Exclude<Standing, "gone">, Health>> = {
  ready: "healthy",
  draining: "draining",
  unready: "unhealthy",
};

const READIEST: readonly Standing[] = ["ready", "draining", "unready", "gone"];
const LATEST_OF_A_POD: readonly Standing[] = ["draining", "gone", "ready", "unready"];

/** Below zero when `a` is the readier of two. */
export function compareReadiness(a: Standing, b: Standing): number {
  return READIEST.indexOf(a) - READIEST.indexOf(b);
}

/**
 * Orders two statements about one address, for the time in which it stands in two slices of which one is old. A Pod never
 * comes back from terminating, so a statement that says so is the newer one. Of all others the readier counts, since
 * nothing tells which is newer, and doubt takes no endpoint away.
 */
export function compareStatements(a: Standing, b: Standing, ofPod: boolean): number {
  return ofPod ? LATEST_OF_A_POD.indexOf(a) - LATEST_OF_A_POD.indexOf(b) : compareReadiness(a, b);
}
