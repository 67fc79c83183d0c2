/** Which server of an ensemble is tried next. Pure: chance comes in as a function. */

const DEFAULT_PORT = 2181;

/** One server of the ensemble. */
export interface Server {
  /** A host name or an IP literal, v6 without brackets. */
  readonly host: string;
  readonly port: number;
}

/** The order of attempts: shuffled once, so that many bridges spread over the ensemble. */
export interface ServerOrder {
  /** The server to try now. */
  readonly current: Server;
  /** It could not be used: the next one is tried then. */
  rotate(): void;
  readonly size: number;
}

/**
 * `host`, `host:port`, `1.2.3.4:port`, `[::1]`, `[::1]:port`; without a port 2181. Undefined when it is none of these,
 * also for a v6 address without brackets, since its port cannot be told from it.
 */
export function parseServer(text: string): Server | undefined {
  const match = /^(?:\[([0-9A-Fa-f:.%]+)\]|([^\s:,/[\]]+))(?::(\d{1,5}))?$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = match?.[3] === undefined ? DEFAULT_PORT : Number(match[3]);
  return host === undefined || port < 1 || port > 65_535 ? undefined : { host, port };
}

/** `host:port`, with brackets around a v6 address. */
export function serverName({ host, port }: Server): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** At least one server; `random` is uniform in [0, 1). */
export function createServerOrder(servers: readonly Server[], random: () => number): ServerOrder {
  const order = shuffled(servers, random);
  const [first] = order;
  if (first === undefined) throw new RangeError("an ensemble has at least one server");
  let at = 0;
  return {
    get current() {
      return order[at] ?? first;
    },
    rotate() {
      at = (at + 1) % order.length;
    },
    size: order.length,
  };
}

/** Fisher and Yates' shuffle: every order is equally likely. */
function shuffled(servers: readonly Server[], random: () => number): Server[] {
  const rest = [...servers];
  const order: Server[] = [];
  while (rest.length > 0) order.push(...rest.splice(Math.floor(random() * rest.length), 1));
  return order;
}
