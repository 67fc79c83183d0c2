/** Keeps the topology true: gateways that are host names are resolved, those of a service follow its instances. */
import { isIP } from "node:net";
import { isDeepStrictEqual } from "node:util";
import type { CatalogChange } from "../catalog/types.ts";
import type { Clock } from "../kernel/clock.ts";
import { createResolver, type Lookup, type Resolution } from "../kernel/resolver.ts";
import { gatewayHosts, gatewayServices, gatewayTable } from "../routing/gateway-table.ts";
import type { TrafficPolicy } from "../routing/policy.ts";
import { createTopology, type GatewayAddress } from "../routing/topology.ts";
import { createGatewayProbes, type ProbeGateway } from "./gateway-probes.ts";

export interface NetworkGateways {
  /** The policy with gateways as they are known now. */
  readonly traffic: TrafficPolicy;
  /**
   * False while some host name's address is not known and nobody has said that there is none: what lies behind it is
   * then unknown, not gone, so nothing may be taken from clients.
   */
  readonly settled: boolean;
  configure(traffic: TrafficPolicy): void;
  /** Call before views are told of the change. Returns whether `traffic` is another one now. */
  follow(change: CatalogChange): boolean;
}

export interface NetworkGatewaysOptions {
  readonly clock: Clock;
  readonly lookup: Lookup;
  /** Undefined: gateways are not asked whether they are there. */
  readonly probe?: ProbeGateway | undefined;
  readonly random?: (() => number) | undefined;
  readonly signal: AbortSignal;
  /** `traffic` or `settled` is another one. */
  onChange(): void;
}

type Table = ReadonlyMap<string, readonly GatewayAddress[]>;

export function createNetworkGateways(initial: TrafficPolicy, options: NetworkGatewaysOptions): NetworkGateways {
  const { clock, lookup, signal, onChange } = options;
  let configured = initial;
  let traffic = initial;
  let table: Table = new Map();
  /** Whether the topology is of `table`, not yet the configuration's own. */
  let made = false;
  let services: CatalogChange["services"] = new Map();
  let asking = false;

  const resolver = createResolver({
    lookup,
    clock,
    signal,
    onChange: () => {
      resolver.takeChanged();
      renew();
      onChange();
    },
  });

  const resolve = (host: string): string | undefined => addressOf(resolver.get(host));

  const probes =
    options.probe &&
    createGatewayProbes({
      clock,
      random: options.random ?? (() => 0.5),
      probe: options.probe,
      signal,
      onChange: () => restate(),
    });

  /** Two gateways of one place are lost together, so a moment is waited before everybody is told. */
  let restating = false;
  const restate = () => {
    if (restating) return;
    restating = true;
    clock.sleep(TOGETHER_MS, signal).then(
      () => {
        restating = false;
        if (renew()) onChange();
      },
      // The only rejection of a sleep is its abort: the bridge stops.
      () => undefined,
    );
  };

  const asked = (known: Table): Table => {
    if (probes === undefined) return known;
    const serverName = `probe.gateway.${configured.domain}`;
    const targets = configured.networks.flatMap(({ name, probe: rule }) =>
      rule === undefined ? [] : (known.get(name) ?? []).map(({ address, port }) => ({ address, port, serverName, rule })),
    );
    probes.follow(targets);
    return new Map([...known].map(([network, gateways]) => [network, gateways.map(withStanding)]));
  };
  const withStanding = (gateway: GatewayAddress): GatewayAddress => {
    const standing = probes?.standingOf(gateway.address, gateway.port);
    return standing === undefined || standing.kind === "up" ? gateway : { ...gateway, standing };
  };

  const renew = (): boolean => {
    const next = asked(gatewayTable(configured.networks, resolve, services));
    if (traffic.policyOf === configured.policyOf && isDeepStrictEqual(next, table)) return false;
    const { networks, exports } = configured;
    // The same object when it says the same: by that views know that nothing of it has to be made anew.
    const same = isDeepStrictEqual([traffic.networks, traffic.exports, table], [networks, exports, next]);
    table = next;
    const topology = same && made ? traffic.topology : createTopology({ networks, exports, gateways: table });
    made = true;
    traffic = { ...configured, topology };
    return true;
  };

  /** Only while there is a name to ask for: a bridge without one has no timer. */
  const askAgain = async () => {
    while (namesOf(configured).size > 0) {
      await clock.sleep(Math.max(resolver.dueInMs() ?? POLL_MS, POLL_MS), signal);
      resolver.refresh(gatewayHosts(configured.networks));
    }
  };

  const ask = () => {
    if (asking) return;
    asking = true;
    askAgain().then(
      () => {
        asking = false;
      },
      // The only rejection of a sleep is its abort: the bridge stops.
      () => undefined,
    );
  };

  const configure = (next: TrafficPolicy) => {
    configured = next;
    table = new Map();
    renew();
    ask();
  };
  configure(initial);

  return {
    get traffic() {
      return traffic;
    },
    get settled() {
      return [...gatewayHosts(configured.networks)].every((host) => isSettled(resolver.get(host)));
    },
    configure,
    follow(change) {
      services = change.services;
      const watched = gatewayServices(configured.networks);
      return [...watched].some((id) => change.changed.has(id)) && renew();
    },
  };
}

/** What changes within this time is told as one. */
const TOGETHER_MS = 20;
/** How often at most names are asked for again, whatever the resolver says. */
const POLL_MS = 1000;

function namesOf({ networks }: TrafficPolicy): ReadonlySet<string> {
  return new Set([...gatewayHosts(networks)].filter((host) => isIP(host) === 0));
}

function addressOf(resolution: Resolution): string | undefined {
  return typeof resolution === "object" && "address" in resolution ? resolution.address : undefined;
}

function isSettled(resolution: Resolution): boolean {
  return resolution !== "pending" && ("address" in resolution || !resolution.doubtful);
}
