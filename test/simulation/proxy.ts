/** A proxy of the simulation: a model xDS client over the real stream machine, recorded and judged by the validator. */
import type { Client } from "../../src/routing/client.ts";
import { requestRecord, responseRecord } from "../../src/xds/recording/record.ts";
import type { Validator } from "../../src/xds/recording/validate.ts";
import type { StreamRequest, Variant } from "../../src/xds/stream/messages.ts";
import { createModelClient } from "../../src/xds/stream/model-client.ts";
import { createXdsStream, type XdsStream } from "../../src/xds/stream/stream.ts";
import { TYPE_URL, type TypeUrl } from "../../src/xds/types.ts";
import type { ViewHandle } from "../../src/xds/view-provider.ts";
import type { Views } from "../../src/xds/views.ts";
import type { Random } from "./random.ts";

const TYPES = [TYPE_URL.cluster, TYPE_URL.endpoint, TYPE_URL.listener, TYPE_URL.route] as const;

export interface Proxy {
  /** Opens a stream to this bridge; what it holds comes along. */
  connect(views: Views, epoch: string): void;
  disconnect(): void;
  /** Exchanges messages until nothing more is due. `refusing`: some answers are NACKs. */
  pump(refusing: boolean): void;
  /** What it holds differs from what it is to hold, in words; empty: it is as it should be. */
  differences(): readonly string[];
  readonly breaches: readonly string[];
}

/** Streams of all proxies are numbered together. */
let streams = 0;

interface Open {
  readonly handle: ViewHandle;
  readonly stream: XdsStream;
  readonly number: number;
}

export function createProxy(
  client: Client,
  variant: Variant,
  env: { random: Random; validator: Validator; now(): number },
): Proxy {
  const { random, validator } = env;
  const model = createModelClient(variant);
  let open: Open | undefined;
  let asked = false;

  const common = () => ({ at: env.now(), stream: open?.number ?? 0 });
  const send = (request: StreamRequest) => {
    validator.add(requestRecord(request, common()));
    open?.stream.receive(request);
  };
  /** Endpoints of every cluster, routes of every listener: as Envoy asks for them. */
  const follow = (parent: TypeUrl, child: TypeUrl) => {
    const wanted = new Set(model.held(parent).keys());
    const { names } = model.subscribed(child);
    const subscribe = [...wanted].filter((name) => !names.has(name));
    const unsubscribe = [...names].filter((name) => !wanted.has(name));
    if (subscribe.length + unsubscribe.length > 0) send(model.edit(child, subscribe, unsubscribe));
  };

  return {
    breaches: model.breaches,
    connect(views, epoch) {
      const handle = views.acquire(client);
      const stream = createXdsStream({ variant, tables: handle.tables, epoch });
      open = { handle, stream, number: ++streams };
      validator.add({ ...common(), kind: "open", node: client.role, view: handle.key, variant });
      if (asked) for (const request of model.reconnect()) send(request);
      else for (const type of [TYPE_URL.cluster, TYPE_URL.listener]) send(model.edit(type, ["*"], []));
      asked = true;
    },
    disconnect() {
      if (open === undefined) return;
      validator.add({ ...common(), kind: "close" });
      open.handle.release();
      open = undefined;
    },
    pump(refusing) {
      for (let round = 0; round < 50 && open?.handle.ready; round++) {
        const responses = open.stream.flush();
        for (const response of responses) validator.add(responseRecord(response, common()));
        model.take(responses);
        let answered = false;
        for (const type of TYPES) {
          if (model.waiting(type) === 0) continue;
          const request = model.answer(type, !(refusing && random.chance(0.05)));
          if (request !== undefined) send(request);
          answered = true;
        }
        follow(TYPE_URL.cluster, TYPE_URL.endpoint);
        follow(TYPE_URL.listener, TYPE_URL.route);
        if (responses.length === 0 && !answered) return;
      }
    },
    differences() {
      const tables = open?.handle.tables;
      if (tables === undefined) return ["it is not connected"];
      return TYPES.flatMap((type) => {
        const { wild, names } = model.subscribed(type);
        const wanted = tables
          .table(type)
          .all()
          .filter(({ name }) => wild || names.has(name));
        const held = model.held(type);
        const missing = wanted
          .filter(({ name, version }) => held.get(name) !== version)
          .map(({ name }) => `${type} ${name} is not current`);
        const extra = [...held.keys()]
          .filter((name) => tables.table(type).get(name) === undefined)
          .map((name) => `${type} ${name} is left over`);
        return [...missing, ...extra];
      });
    },
  };
}
