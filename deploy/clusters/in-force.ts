/**
 * Rights that were written are in force a moment later: an API server's authorizer reads roles and bindings from a cache. Who deploys
 * right after a join must not be refused for that.
 */
import { createBackoff } from "../../src/kernel/backoff.ts";
import type { Clock } from "../../src/kernel/clock.ts";
import { forEachLimited } from "../../src/kernel/promises.ts";
import { fail } from "../../src/model/errors.ts";
import { type JsonObject, listAt, textAt, valueAt } from "../json/value.ts";
import type { ClusterClient } from "../kube/types.ts";

/** One right that was given, standing for all verbs of its rule: a role is in force as a whole or not at all. */
export interface Grant {
  readonly group: string;
  readonly resource: string;
  readonly verb: string;
}

export interface InForceOptions {
  /** As the account itself. */
  readonly client: ClusterClient;
  readonly grants: readonly Grant[];
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly signal: AbortSignal;
}

const WITHIN_MS = 15_000;
const PARALLEL = 8;

/** One for each resource of the ClusterRoles among the objects. Pure. */
export function grantsOf(objects: readonly JsonObject[]): readonly Grant[] {
  const rules = objects.filter(({ kind }) => kind === "ClusterRole").flatMap((role) => listAt(role, "rules"));
  return rules.flatMap((rule) => {
    const [group, verb] = [textAt(rule, "apiGroups", 0) ?? "", textAt(rule, "verbs", 0) ?? ""];
    return listAt(rule, "resources").map((resource) => ({ group, resource: String(resource), verb }));
  });
}

/**
 * Resolves when the account may look at what is served and use every grant; rejects with MB_CLUSTER_REFUSED when it still may not
 * after 15 s, which is a matter of an authorizer other than RBAC, or of somebody who takes the rights away.
 */
export async function untilInForce({ client, grants, clock, random, signal }: InForceOptions): Promise<void> {
  const backoff = createBackoff({ baseMs: 50, maxMs: 1000, random });
  const until = clock.monotonic() + WITHIN_MS;
  for (;;) {
    const missing = await firstMissing(client, grants, signal);
    if (missing === undefined) return;
    if (clock.monotonic() >= until) {
      const reason = `the new account's rights are not in force after ${WITHIN_MS / 1000} s: ${missing}`;
      throw fail("MB_CLUSTER_REFUSED", { cluster: client.name, address: client.address, statusCode: 403, reason });
    }
    await clock.sleep(backoff.next(), signal);
  }
}

/** Undefined: there is nothing that it may not do. */
async function firstMissing(client: ClusterClient, grants: readonly Grant[], signal: AbortSignal): Promise<string | undefined> {
  const served = await client.discover(signal, { refresh: true });
  if ("error" in served) return served.error.message;
  let missing: string | undefined;
  await forEachLimited(grants, PARALLEL, async (grant) => {
    const refusal = await refusalOf(client, grant, signal);
    missing ??= refusal;
  });
  return missing;
}

/** SelfSubjectAccessReview (authorization.k8s.io/v1), which every account may ask. */
async function refusalOf(
  client: ClusterClient,
  { group, resource, verb }: Grant,
  signal: AbortSignal,
): Promise<string | undefined> {
  const [plural, subresource] = resource.split("/");
  const resourceAttributes = { group, resource: plural ?? "", verb, ...(subresource === undefined ? {} : { subresource }) };
  const review = {
    apiVersion: "authorization.k8s.io/v1",
    kind: "SelfSubjectAccessReview",
    metadata: {},
    spec: { resourceAttributes },
  };
  const answer = await client.create(review, { fieldManager: "meshbridge-join" }, signal);
  if ("error" in answer) return answer.error.message;
  return valueAt(answer.value, ["status", "allowed"]) === true ? undefined : `cannot ${verb} ${resource} of group "${group}"`;
}
