/**
 * Brings a registry's services into a cluster: a Service without a selector and EndpointSlices, or a ServiceEntry, by
 * server-side apply, each against the version that was seen. Kubernetes knows no lease of a record: what is there stays until a sync removes it.
 */
import { createBell } from "../../src/kernel/bell.ts";
import { forEachLimited } from "../../src/kernel/promises.ts";
import type { ApiAnswer, KubeClient } from "../../src/kubernetes/api.ts";
import { listAll } from "../../src/kubernetes/list.ts";
import { reflect } from "../../src/kubernetes/reflector.ts";
import { fail } from "../../src/model/errors.ts";
import { isSameOwner, type Owner, type WantedRecord } from "../../src/sidecar/plan/record.ts";
import {
  defineWriter,
  type SurveyedRecord,
  type Writer,
  type WriterContext,
  type WriterEvent,
} from "../../src/sidecar/writer.ts";
import { connectWriter, entrySettings, KubernetesWriterSettings } from "./writer-connect.ts";
import { entriesOf, entryObjectOf, foundEntry } from "./writer-entry.ts";
import { openLease } from "./writer-lease.ts";
import { FIELD_MANAGER, type FoundObject, IMPORTED_LABEL, type Kind, type Manifest, parseKey } from "./writer-marks.ts";
import { foundOf, objectOf, recordsOf } from "./writer-record.ts";

const TIMEOUT_MS = 5000;
const PARALLEL = 16;
const APPLY = "application/apply-patch+yaml";
const JSON_PATCH = "application/json-patch+json";
const OURS = { labelSelector: `${IMPORTED_LABEL}=true` };

/** Where objects of a kind are, and how they are read and written. */
interface KindOfObject {
  /** The path before `/namespaces`. */
  readonly group: string;
  readonly plural: string;
  read(raw: unknown): FoundObject | undefined;
  write(record: WantedRecord): Manifest;
}

const OBJECTS: Readonly<Record<Kind, KindOfObject>> = {
  Service: { group: "/api/v1", plural: "services", read: (raw) => foundOf("Service", raw), write: objectOf },
  EndpointSlice: {
    ...{ group: "/apis/discovery.k8s.io/v1", plural: "endpointslices" },
    ...{ read: (raw) => foundOf("EndpointSlice", raw), write: objectOf },
  },
  ServiceEntry: {
    ...{ group: "/apis/networking.istio.io/v1", plural: "serviceentries", read: foundEntry, write: entryObjectOf },
  },
};

export const kubernetesWriter = defineWriter({
  kind: "kubernetes",
  description:
    "Brings services into a cluster, as a Service without a selector and EndpointSlices, or as a ServiceEntry. For the cluster scope.",
  schema: KubernetesWriterSettings,
  clusterOnly: true,
  open: (config, context) => createKubernetesWriter(() => connectWriter(config, context), config, context),
  elect: openLease,
});

/** `connect` is called once, when the events are first asked for. */
function createKubernetesWriter(
  connect: () => Promise<KubeClient>,
  { namespace = "default", serviceEntry }: KubernetesWriterSettings,
  context: WriterContext,
): Writer {
  const { owner, name, clock, random } = context;
  const kinds: readonly Kind[] = serviceEntry === undefined ? ["Service", "EndpointSlice"] : ["ServiceEntry"];
  let api: KubeClient | undefined;
  const connected = (): KubeClient => {
    if (api !== undefined) return api;
    throw fail("MB_REGISTRY_UNREACHABLE", { registry: name, address: "the API server", reason: "it is not connected yet" });
  };
  const get = async (key: string, signal: AbortSignal): Promise<FoundObject | undefined> => {
    const answer = await connected().get(pathOf(key), {}, { timeoutMs: TIMEOUT_MS, signal });
    if ("error" in answer && answer.status === 404) return undefined;
    return OBJECTS[parseKey(key).kind].read(bodyOf(answer));
  };
  const isOurs = (of: Owner | undefined) => of !== undefined && isSameOwner(of, owner) && of.epoch <= owner.epoch;
  const ours = async (key: string, signal: AbortSignal): Promise<FoundObject | undefined> => {
    const found = await get(key, signal);
    if (found === undefined || isOurs(found.record.owner)) return found;
    const of = found.record.owner;
    const whose = of === undefined ? "says of no owner" : `is owned by ${of.cluster}/${of.instance}, epoch ${of.epoch}`;
    throw fail("MB_REGISTRATION_FOREIGN", { registry: name, address: "the API server", record: key, whose });
  };
  const imported = async (signal: AbortSignal): Promise<readonly FoundObject[]> => {
    const lists = await Promise.all(
      kinds.map(async (kind) => {
        const { read: keep } = OBJECTS[kind];
        const list = await listAll({ api: connected(), path: collection(kind, namespace), query: OURS, keep, signal });
        if ("error" in list) throw list.error;
        return [...list.items.values()].map(({ item }) => item);
      }),
    );
    return lists.flat();
  };
  const remove = async (found: FoundObject, signal: AbortSignal) => {
    const body = { preconditions: { resourceVersion: found.resourceVersion, uid: found.uid } };
    const request = { method: "DELETE", path: pathOf(found.record.key), query: {}, body } as const;
    const answer = await connected().send(request, { timeoutMs: TIMEOUT_MS, signal });
    if (!("error" in answer && answer.status === 404)) bodyOf(answer);
  };
  /** Makes what a POST of ours has set a thing that an apply can take back. Returns the version it has then. */
  const adopt = async ({ record, resourceVersion, adoption }: FoundObject, signal: AbortSignal): Promise<string> => {
    if (adoption === undefined) return resourceVersion;
    const body = [{ op: "test", path: "/metadata/resourceVersion", value: resourceVersion }, adoption];
    const request = { method: "PATCH", path: pathOf(record.key), query: {}, body, contentType: JSON_PATCH } as const;
    const answer = await connected().send(request, { timeoutMs: TIMEOUT_MS, signal });
    return OBJECTS[parseKey(record.key).kind].read(bodyOf(answer))?.resourceVersion ?? resourceVersion;
  };

  return {
    render: (registrations) =>
      serviceEntry === undefined
        ? registrations.flatMap((one) => recordsOf(one, owner, namespace))
        : entriesOf(registrations, owner, { ...entrySettings(serviceEntry), namespace }),
    async observe(keys, signal) {
      const found = (await imported(signal)).map(({ record }) => record);
      const known = new Set(found.map(({ key }) => key));
      await forEachLimited(
        keys.filter((key) => !known.has(key)),
        PARALLEL,
        async (key) => {
          const other = await get(key, signal);
          if (other !== undefined) found.push(other.record);
        },
      );
      return found;
    },
    async put({ record }, signal) {
      const there = await ours(record.key, signal);
      const { kind } = parseKey(record.key);
      const object = OBJECTS[kind].write(record);
      const limits = { timeoutMs: TIMEOUT_MS, signal };
      const query = { fieldManager: FIELD_MANAGER };
      if (there === undefined) {
        // Refused when somebody else was faster, where an apply would take it over.
        const request = { method: "POST", path: collection(kind, namespace), query, body: object } as const;
        bodyOf(await connected().send(request, limits));
        return;
      }
      const resourceVersion = await adopt(there, signal);
      const metadata = { ...(object["metadata"] as object), resourceVersion };
      const request = { method: "PATCH", path: pathOf(record.key), query: { ...query, force: "true" } } as const;
      bodyOf(await connected().send({ ...request, body: { ...object, metadata }, contentType: APPLY }, limits));
    },
    async takeOut({ key }, signal) {
      const there = await ours(key, signal);
      if (there === undefined || parseKey(key).kind !== "EndpointSlice") return;
      const body = [
        { op: "test", path: "/metadata/resourceVersion", value: there.resourceVersion },
        { op: "replace", path: "/endpoints/0/conditions", value: { ready: false, serving: true, terminating: true } },
      ];
      const request = {
        method: "PATCH",
        path: pathOf(key),
        query: {},
        body,
        contentType: JSON_PATCH,
      } as const;
      bodyOf(await connected().send(request, { timeoutMs: TIMEOUT_MS, signal }));
    },
    async remove({ key }, signal) {
      const there = await ours(key, signal);
      if (there !== undefined) await remove(there, signal);
    },
    confirm: async ({ key, content }, signal) => (await get(key, signal))?.record.content === content,
    async survey(cluster, signal) {
      const evidence = "Kubernetes knows no lease that would say whether its owner lives";
      return (await imported(signal)).flatMap(({ record }): readonly SurveyedRecord[] =>
        record.owner?.cluster === cluster ? [{ ...record, owner: record.owner, lease: "unknown", evidence }] : [],
      );
    },
    async purge(record, signal) {
      const there = await get(record.key, signal);
      if (there === undefined) return undefined;
      if (there.record.content !== record.content) return "it has changed since it was looked at";
      await remove(there, signal);
      return undefined;
    },
    async *events(signal) {
      api ??= await connect();
      const client = api;
      const bell = createBell(clock);
      const pending: WriterEvent[] = [];
      const listed = new Set<Kind>();
      const tell = (event: WriterEvent) => {
        // Changes come in crowds, and one look sees them all.
        if (pending.at(-1)?.type !== event.type) pending.push(event);
        bell.ring();
      };
      const follow = async (kind: Kind) => {
        const path = collection(kind, namespace);
        for await (const delta of reflect({
          api: client,
          path,
          query: OURS,
          keep: OBJECTS[kind].read,
          clock,
          random,
          signal,
        }))
          if (delta.type === "failed") {
            listed.clear();
            tell({ type: "lost", error: delta.error, retryInMs: delta.retryInMs });
          } else if (!listed.has(kind)) {
            listed.add(kind);
            if (listed.size === kinds.length) tell({ type: "open" });
          } else if (delta.type !== "current") tell({ type: "changed" });
      };
      let ended: { readonly cause: unknown } | undefined;
      const following = Promise.all(kinds.map(follow)).catch((cause: unknown) => {
        ended = { cause };
        bell.ring();
      });
      try {
        while (!signal.aborted) {
          for (let event = pending.shift(); event !== undefined; event = pending.shift()) yield event;
          if (ended !== undefined) throw ended.cause;
          await bell.wait(60_000, signal);
        }
      } catch (cause) {
        if (!signal.aborted) throw cause;
      } finally {
        if (signal.aborted) {
          await following;
          client.close();
        }
      }
    },
  };
}

function collection(kind: Kind, namespace: string): string {
  const { group, plural } = OBJECTS[kind];
  return `${group}/namespaces/${encodeURIComponent(namespace)}/${plural}`;
}

function pathOf(key: string): string {
  const { kind, namespace, name } = parseKey(key);
  return `${collection(kind, namespace)}/${encodeURIComponent(name)}`;
}

function bodyOf(answer: ApiAnswer): unknown {
  if ("error" in answer) throw answer.error;
  return answer.body;
}
