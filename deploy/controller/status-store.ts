/**
 * A rollout's state in the status of its FederatedWorkload, and templates in Secrets beside it. Every write names the
 * resourceVersion that was read, and carries the epoch of whoever wrote it: one who no longer leads, or does not know yet
 * what another has written, keeps nothing.
 */
import { gunzipSync, gzipSync } from "node:zlib";
import { fail } from "../../src/model/errors.ts";
import { readState, readTemplate } from "../driver/state-schema.ts";
import type { RolloutStore } from "../driver/store.ts";
import type { DriverState } from "../driver/types.ts";
import type { RevisionTemplate } from "../engine/pass.ts";
import { type Json, type JsonObject, jsonEqual, numberAt, textAt, valueAt } from "../json/value.ts";
import type { ClusterClient } from "../kube/types.ts";
import { FIELD_MANAGER, WORKLOAD_KIND, workloadKeyOf } from "./kinds.ts";

const TEMPLATE_LABEL = "deploy.meshbridge.io/template-of";
/** What an API server's object may be, less some room. */
const MAX_BYTES = 900_000;

export interface StatusStore extends RolloutStore {
  /** Writes other parts of the status, with what it has of the rollout; nothing when all is so already. */
  tell(parts: JsonObject, signal: AbortSignal): Promise<void>;
}

export interface StatusStoreOptions {
  /** The hub; whoever leads gives a fenced one. */
  readonly client: ClusterClient;
  /** `namespace/name`. */
  readonly workload: string;
  /** Undefined: people's words, which keep the epoch that is there. */
  readonly epoch: number | undefined;
  /** The object as it was read now; it is what the first `load` is about. Undefined: it is read then. */
  readonly object: JsonObject | undefined;
}

export function createStatusStore({ client, workload, epoch, object }: StatusStoreOptions): StatusStore {
  const key = workloadKeyOf(workload);
  let fresh = object;
  let known: JsonObject | undefined = object;

  const write = async (status: JsonObject, signal: AbortSignal) => {
    if (known === undefined) throw new TypeError("nothing was read that this follows on");
    const answer = await client.replace({ ...known, status }, { fieldManager: FIELD_MANAGER, subresource: "status" }, signal);
    if (!("error" in answer)) known = answer.value;
    // 404: it was deleted meanwhile.
    else if (answer.status === 409 || answer.status === 404) throw fail("MB_DEPLOY_TAKEN_OVER", { workload });
    else throw answer.error;
  };
  const statusOf = () => (valueAt(known, ["status"]) ?? {}) as JsonObject;

  return {
    async load(signal) {
      if (fresh === undefined) {
        const answer = await client.get(key, signal);
        if ("error" in answer) throw answer.error;
        fresh = answer.value;
      }
      known = fresh;
      fresh = undefined;
      const kept = valueAt(known, ["status", "rollout"]);
      if (kept === undefined) return undefined;
      const wroteIt = numberAt(kept, "epoch") ?? 0;
      if (epoch !== undefined && wroteIt > epoch) throw fail("MB_DEPLOY_TAKEN_OVER", { workload });
      const state = readState(kept);
      if (state === undefined)
        throw fail("MB_DEPLOY_STATE", { place: `the status of ${workload}`, reason: "it is no state of a rollout" });
      const { rollout, removals } = state;
      const loaded = { rollout, removals };
      // Before anything is done in a new epoch, whoever led before must be able to see that he no longer does.
      if (epoch !== undefined && wroteIt < epoch && isUnderWay(loaded)) await this.save(loaded, signal);
      return loaded;
    },
    async save(state, signal) {
      const before = valueAt(known, ["status", "rollout", "epoch"]) ?? 0;
      await write({ ...statusOf(), rollout: { ...(state as unknown as JsonObject), epoch: epoch ?? before } }, signal);
    },
    async tell(parts, signal) {
      const next = { ...statusOf(), ...parts };
      if (!jsonEqual(next, statusOf())) await write(next, signal);
    },
    async keepTemplate(template, signal) {
      const answer = await client.create(secretOf(template, workload, known), { fieldManager: FIELD_MANAGER }, signal);
      // One that is there already is the same: its name holds a hash of its content.
      if ("error" in answer && answer.reason !== "AlreadyExists") throw answer.error;
    },
    async template(revision, signal) {
      const answer = await client.get(
        { group: "", kind: "Secret", namespace: key.namespace, name: secretName(key.name, revision) },
        signal,
      );
      if ("error" in answer) {
        if (answer.status === 404) return undefined;
        throw answer.error;
      }
      return unpacked(answer.value, workload);
    },
    async prune(revisions, signal) {
      const selection = { namespace: key.namespace, labelSelector: `${TEMPLATE_LABEL}=${labelOf(key.name)}` };
      const answer = await client.list({ group: "", kind: "Secret" }, selection, signal);
      if ("error" in answer) throw answer.error;
      for (const secret of answer.value) {
        const name = textAt(secret, "metadata", "name") ?? "";
        if ([...revisions].some((revision) => name === secretName(key.name, revision))) continue;
        const uid = textAt(secret, "metadata", "uid");
        await client.remove(
          { group: "", kind: "Secret", namespace: key.namespace, name },
          uid === undefined ? {} : { uid },
          signal,
        );
      }
    },
  };
}

function isUnderWay({ rollout, removals }: DriverState): boolean {
  return removals.length > 0 || rollout.phase === "Progressing" || rollout.phase === "RollingBack";
}

function secretName(workload: string, revision: string): string {
  return `${workload.slice(0, 200)}-template-${revision}`;
}

/** A label's value has 63 characters. */
function labelOf(workload: string): string {
  return workload.slice(0, 63).replace(/[^a-z0-9]+$/, "");
}

function secretOf(template: RevisionTemplate, workload: string, owner: JsonObject | undefined): JsonObject {
  const { namespace, name } = workloadKeyOf(workload);
  const data = gzipSync(JSON.stringify(template));
  if (data.length > MAX_BYTES)
    throw fail("MB_DEPLOY_STATE", { place: `a Secret of ${workload}`, reason: `the template takes ${data.length} bytes packed` });
  const uid = textAt(owner, "metadata", "uid");
  const apiVersion = textAt(owner, "apiVersion") ?? "";
  return {
    apiVersion: "v1",
    kind: "Secret",
    metadata: {
      name: secretName(name, template.revision),
      namespace,
      labels: { [TEMPLATE_LABEL]: labelOf(name) },
      ...(uid !== undefined && { ownerReferences: [{ apiVersion, kind: WORKLOAD_KIND.kind, name, uid }] }),
    },
    type: "deploy.meshbridge.io/template",
    immutable: true,
    data: { template: data.toString("base64") },
  };
}

function unpacked(secret: JsonObject, workload: string): RevisionTemplate {
  const text = textAt(secret, "data", "template") ?? "";
  const place = `the Secret ${textAt(secret, "metadata", "name") ?? ""} of ${workload}`;
  try {
    const template = readTemplate(
      JSON.parse(gunzipSync(Buffer.from(text, "base64"), { maxOutputLength: 64 * 1024 * 1024 }).toString("utf8")) as Json,
    );
    if (template !== undefined) return template;
  } catch (cause) {
    throw fail("MB_DEPLOY_STATE", { place, reason: "it cannot be unpacked" }, { cause });
  }
  throw fail("MB_DEPLOY_STATE", { place, reason: "it is no template" });
}
