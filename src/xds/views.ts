/** All views that somebody looks at: made when first asked for, kept current, dropped some time after the last has gone. */
import type { CatalogChange, CatalogService, SyncState } from "../catalog/types.ts";
import type { Clock } from "../kernel/clock.ts";
import type { Log } from "../kernel/log.ts";
import type { Condition } from "../model/condition.ts";
import type { ServiceId } from "../model/service.ts";
import type { Client } from "../routing/client.ts";
import type { TrafficPolicy } from "../routing/policy.ts";
import { viewKey } from "./node.ts";
import { NO_SECRETS, type SecretSource } from "./secret-source.ts";
import type { ViewTables } from "./types.ts";
import { createView, type View } from "./view.ts";
import { createViewInputs } from "./view-inputs.ts";
import type { ViewHandle, ViewProvider } from "./view-provider.ts";

/** A view that nobody looks at is kept for so long, so that a client that reconnects finds it made. */
const UNUSED_MS = 60_000;

export interface ViewsOptions {
  readonly traffic: TrafficPolicy;
  readonly clock: Clock;
  readonly log: Log;
  /** Default: there are none. */
  readonly secrets?: SecretSource;
  /** Called with the time in seconds that one change took to translate and encode in all views. */
  onTranslated?(seconds: number): void;
}

export interface Views extends ViewProvider {
  /** Takes the catalog's state. Synchronous: when it returns, every stream has been told. */
  update(change: CatalogChange): void;
  /** `derived`: in place of the services of the last update, where policies make others of them. */
  setTraffic(traffic: TrafficPolicy, derived?: ReadonlyMap<ServiceId, CatalogService>): void;
  /** The secrets' content has changed. */
  updateSecrets(): void;
  /** The tables of a view; undefined when nobody looks at it. */
  tables(key: string): ViewTables | undefined;
  conditions(): readonly { readonly view: string; readonly client: Client; readonly conditions: readonly Condition[] }[];
  /** Stops the timers. */
  close(): void;
}

interface Held {
  readonly view: View;
  readonly listeners: Set<() => void>;
  users: number;
  expiry: AbortController | undefined;
}

export function createViews(options: ViewsOptions): Views {
  const { clock, log, secrets = NO_SECRETS } = options;
  const inputs = createViewInputs(options.traffic);
  let sync: SyncState = "waiting";
  const views = new Map<string, Held>();

  const make = (key: string, client: Client): Held => {
    const startedAt = clock.monotonic();
    const view = createView(client, inputs, secrets);
    view.tables.complete = sync === "complete";
    log.debug({ view: key, services: inputs.services.size, ms: Math.round(clock.monotonic() - startedAt) }, "view made");
    const held: Held = { view, listeners: new Set(), users: 0, expiry: undefined };
    views.set(key, held);
    return held;
  };

  const expire = (key: string, held: Held) => {
    const expiry = new AbortController();
    held.expiry = expiry;
    clock.sleep(UNUSED_MS, expiry.signal).then(
      () => {
        views.delete(key);
        held.view.close();
      },
      // The only rejection of a sleep is its abort: somebody looks at the view again, or everything stops.
      () => undefined,
    );
  };

  const tell = (held: Held) => {
    for (const listener of held.listeners) listener();
  };

  const each = (work: (held: Held) => boolean) => {
    const startedAt = clock.monotonic();
    for (const held of views.values()) if (work(held)) tell(held);
    options.onTranslated?.((clock.monotonic() - startedAt) / 1000);
  };

  return {
    acquire(client): ViewHandle {
      const key = viewKey(client);
      const held = views.get(key) ?? make(key, client);
      held.users++;
      held.expiry?.abort();
      held.expiry = undefined;
      return {
        key,
        tables: held.view.tables,
        get ready() {
          return sync !== "waiting";
        },
        subscribe(onChange) {
          held.listeners.add(onChange);
          return () => held.listeners.delete(onChange);
        },
        release() {
          held.users--;
          if (held.users === 0) expire(key, held);
        },
      };
    },
    update(change) {
      const becameComplete = change.sync !== sync;
      sync = change.sync;
      const inputChange = inputs.setServices(change.services, change.changed);
      each(({ view }) => {
        view.tables.complete = sync === "complete";
        return view.update(inputChange) || becameComplete;
      });
    },
    setTraffic(next, derived) {
      const change = inputs.setTraffic(next, derived);
      each(({ view }) => view.update(change));
    },
    updateSecrets: () => each(({ view }) => view.updateSecrets()),
    tables: (key) => views.get(key)?.view.tables,
    conditions: () => [...views].map(([view, held]) => ({ view, client: held.view.client, conditions: held.view.conditions })),
    close() {
      for (const { expiry } of views.values()) expiry?.abort();
    },
  };
}
