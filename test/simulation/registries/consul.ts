/** Consul's rules: indexes that block and go back, trimmed answers, no leader; over the adapter's own client. */
import { Type } from "typebox";
import type { Answer, ConsulClient } from "../../../adapters/consul/client.ts";
import { watchConsul } from "../../../adapters/consul/index.ts";
import type { Clock } from "../../../src/kernel/clock.ts";
import { fail } from "../../../src/model/errors.ts";
import { defineAdapter } from "../../../src/registry/adapter.ts";
import type { Provider, SimulatedRegistry } from "../registry.ts";

const NAMES = { registry: "consul", address: "http://model" };
/** Far from what a server begins with, so that going back shows; it can do so once in a history. */
const FIRST_INDEX = 10_000;

type Trouble = "refused" | "hung" | "filtered" | "leaderless";

export function simulatedConsul(clock: Clock): SimulatedRegistry {
  let records = new Map<string, Provider>();
  let index = FIRST_INDEX;
  let trouble: Trouble | undefined;
  const waiting = new Set<(broken: boolean) => void>();

  const wakeAll = (broken: boolean) => {
    for (const wake of [...waiting]) wake(broken);
  };
  const change = () => {
    index++;
    wakeAll(false);
  };
  const unreachable = (reason: string): Answer => ({
    error: fail("MB_REGISTRY_UNREACHABLE", { ...NAMES, reason }),
    retryAfterMs: undefined,
  });

  const visible = () => {
    const all = [...records.values()];
    // Rights to a part of the services were taken away.
    return trouble === "filtered" ? all.filter(({ service }) => service.charCodeAt(service.length - 1) % 2 === 0) : all;
  };
  const body = (path: string): unknown => {
    const all = visible();
    if (path === "/catalog/services") return Object.fromEntries([["consul", []], ...all.map(({ service }) => [service, []])]);
    if (path === "/health/state/any") return all.map(checkOf);
    if (path === "/catalog/nodes") return [{ Node: "n1", Address: "10.0.0.1", Datacenter: "dc1", Meta: null }];
    const name = decodeURIComponent(path.slice("/health/service/".length));
    return all.filter(({ service }) => service === name).map(rowOf);
  };

  /** Until the index has passed, the time is over (undefined), or the connection broke. */
  const block = (asked: number, waitMs: number, signal: AbortSignal) =>
    new Promise<boolean>((resolve) => {
      const timer = new AbortController();
      const wake = (broken: boolean) => {
        if (!broken && index <= asked) return;
        waiting.delete(wake);
        timer.abort();
        resolve(broken);
      };
      waiting.add(wake);
      const over = () => {
        waiting.delete(wake);
        resolve(false);
      };
      // Either the time is over, or the wait was: both end here.
      clock.sleep(waitMs, AbortSignal.any([signal, timer.signal])).then(over, over);
      wake(false);
    });

  const client: ConsulClient = {
    names: NAMES,
    async get(path, query, { timeoutMs, signal }) {
      signal.throwIfAborted();
      await Promise.resolve();
      if (trouble === "refused") return unreachable("connection refused");
      if (trouble === "hung") {
        await clock.sleep(timeoutMs, signal);
        return unreachable("no answer in time");
      }
      const asked = Number(query["index"] ?? 0);
      if (asked > 0 && index === asked) {
        const waitMs = Number.parseInt(query["wait"] ?? "60", 10) * (String(query["wait"]).endsWith("ms") ? 1 : 1000);
        if (await block(asked, waitMs, signal)) return unreachable("connection reset");
        signal.throwIfAborted();
      }
      const filteredByAcls = trouble === "filtered";
      const knownLeader = trouble !== "leaderless";
      return { reply: { body: body(path), index: String(index), filteredByAcls, knownLeader, lastContactMs: 0 } };
    },
  };

  const begin = (next: Trouble, breaks: boolean) => () => {
    trouble = next;
    if (breaks) wakeAll(true);
    else change();
  };
  let backup: { readonly records: Map<string, Provider>; readonly index: number } = { records: new Map(), index: FIRST_INDEX };
  return {
    kind: "consul",
    adapter: () =>
      defineAdapter({
        kind: "consul",
        description: "A simulated Consul.",
        schema: Type.Object({}),
        watch: (_config, context) =>
          watchConsul({ wait: "30s" }, context, () => ({ client: () => client, close: () => undefined })),
      }),
    register(provider) {
      records.set(provider.id, provider);
      change();
    },
    deregister({ id }) {
      if (records.delete(id)) change();
    },
    lasting: {
      refused: begin("refused", true),
      hung: begin("hung", false),
      filtered: begin("filtered", false),
      leaderless: begin("leaderless", false),
    },
    sudden: {
      reset: { losesRecords: false, strike: () => wakeAll(true) },
      "restarted empty": {
        losesRecords: true,
        strike() {
          if (index < FIRST_INDEX) return;
          records = new Map();
          index = 1;
          wakeAll(true);
        },
      },
      snapshot: {
        losesRecords: false,
        strike() {
          backup = { records: new Map(records), index };
        },
      },
      "restored from the snapshot": {
        losesRecords: true,
        strike() {
          if (index < FIRST_INDEX) return;
          records = new Map(backup.records);
          index = Math.max(1, Math.min(index, backup.index) - 1);
          wakeAll(true);
        },
      },
    },
    heal() {
      trouble = undefined;
      change();
    },
  };
}

function checkOf({ service, id }: Provider) {
  return { Node: "n1", CheckID: `service:${id}`, ServiceID: id, ServiceName: service, Status: "passing" };
}

function rowOf(provider: Provider) {
  const { service, id, address, port } = provider;
  return {
    Node: { Node: "n1", Address: "10.0.0.1", Datacenter: "dc1", Meta: null },
    Service: {
      ID: id,
      Service: service,
      Address: address,
      Port: port,
      Tags: [],
      Meta: null,
      Weights: { Passing: 1, Warning: 1 },
    },
    Checks: [checkOf(provider)],
  };
}
