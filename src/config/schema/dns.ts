/** The name server. */
import { Type } from "typebox";
import { LocalitySchema } from "../../registry/settings.ts";
import { duration, name, port, serviceRef, strict } from "./common.ts";

const dnsName = (description: string, options: { readonly default?: string } = {}) =>
  Type.String({
    pattern: "^[a-z0-9_]([a-z0-9_.-]{0,251}[a-z0-9_])?$",
    patternErrorMessage: "must be a DNS name in lower case, such as example.com",
    title: "DNS name",
    description,
    ...options,
  });

const addresses = (description: string, minItems = 0) =>
  Type.Array(Type.String({ title: "IP address" }), {
    minItems,
    maxItems: 16,
    description,
    ...(minItems === 0 && { default: [] }),
  });

const PlaceSchema = Type.Object(
  {
    cidrs: Type.Array(Type.String({ title: "CIDR" }), {
      minItems: 1,
      description: "Who asks from these addresses; the longest range counts.",
    }),
    network: name("The network they are on."),
    cluster: Type.Optional(name("The cluster they are in. Default: none in particular.")),
    locality: Type.Optional(LocalitySchema),
  },
  { ...strict, description: "Where askers are. Ranges of `networks` say so already for their network; these say more." },
);

const IngressSchema = Type.Object(
  {
    network: name("A network."),
    addresses: addresses("What stands for its instances to those outside it.", 1),
    port: port("Its port, told in SRV records.", { default: 443 }),
  },
  {
    ...strict,
    description:
      "How who is on another network, or on none, reaches what is exported from this one: such as the addresses of a cluster's edge gateway. Without it nothing beyond the asker's own network is answered.",
  },
);

const NameSchema = Type.Object(
  {
    name: Type.String({
      pattern: "^(\\*\\.)?[a-z0-9_]([a-z0-9_.-]{0,249}[a-z0-9_])?$",
      patternErrorMessage: "must be a DNS name in lower case, with `*.` before it or not",
      title: "DNS name",
      description: "In one of the zones; `*.` at its front stands for one or more labels.",
    }),
    services: Type.Array(serviceRef("A service."), {
      minItems: 1,
      maxItems: 16,
      description: "The first one that can serve answers.",
    }),
    order: Type.Array(Type.String({ minLength: 1 }), {
      default: [],
      description: "Who comes first, as `failover.order` of a service. Default: the service's own.",
    }),
  },
  { ...strict, description: "A name of your own: a failover over services, or a wildcard." },
);

const LimitsSchema = Type.Object(
  {
    queriesPerSecond: Type.Integer({
      minimum: 1,
      maximum: 1_000_000,
      default: 1000,
      description:
        "Over UDP, of one source (an IPv4 /24, an IPv6 /56), with bursts of twice as many. Above it every other query is told to come over TCP, the rest get nothing. Loopback has no limit.",
    }),
    tcpConnections: Type.Integer({ minimum: 1, maximum: 100_000, default: 512, description: "Open TCP connections in all." }),
    tcpPerSource: Type.Integer({ minimum: 1, maximum: 100_000, default: 32, description: "Of one source." }),
    tcpIdle: duration("A connection that has sent no whole query for so long is closed.", { default: "10s" }),
  },
  { ...strict, default: {}, description: "Against abuse." },
);

export const DnsSchema = Type.Object(
  {
    listen: Type.String({
      title: "IP:port",
      description: "Where it answers, over UDP and TCP. `[::1]:5353` for IPv6; port 0 takes a free one.",
    }),
    ttl: Type.String({
      pattern: "^[1-5]s$",
      patternErrorMessage: "must be 1s to 5s: what is answered must not outlive what it says",
      title: "duration",
      default: "5s",
      description: "How long an answer may be remembered, also one that says that there is nothing.",
    }),
    clusterset: Type.Union([dnsName("The zone."), Type.Literal(false)], {
      default: "clusterset.local",
      description: "Zone of `<service>.<namespace>.svc.<zone>` (Kubernetes MCS API); false: none.",
    }),
    zones: Type.Array(dnsName("A zone."), {
      default: [],
      maxItems: 64,
      description: "Further zones to answer for, besides `mesh.domain` and `clusterset`: those of `hostNames` and `names`.",
    }),
    places: Type.Array(PlaceSchema, { default: [], description: "Where askers are, beyond what `networks` say." }),
    clientSubnetFrom: Type.Array(Type.String({ title: "CIDR" }), {
      default: [],
      description: "Resolvers that are believed when they say whom they ask for (EDNS client subnet). Default: none.",
    }),
    vipsFor: Type.Array(Type.String({ title: "CIDR" }), {
      default: [],
      description:
        "Askers with a sidecar beside them: a service's name is answered with its address on sidecars (`sidecar.vips`), where it has one.",
    }),
    ingress: Type.Array(IngressSchema, { default: [], description: "What stands for a network to those outside it." }),
    names: Type.Array(NameSchema, { default: [], maxItems: 1000, description: "Names of your own." }),
    addresses: addresses("This name server's own addresses, told as `ns.<zone>`. Default: that of `listen`, unless it is any."),
    limits: LimitsSchema,
  },
  { ...strict, description: "The name server (DNS). Absent: none. It forwards nothing and refuses names outside its zones." },
);
