/** Networks, the gateways between them, and what may leave where it runs. */
import { Type } from "typebox";
import { LocalitySchema } from "../../registry/settings.ts";
import { duration, name, port, positiveDuration, serviceRef, strict } from "./common.ts";

const cidr = (description: string) => Type.Array(Type.String({ title: "CIDR" }), { default: [], description });

const NetworkGatewaySchema = Type.Object(
  {
    address: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 253,
        title: "IP address or host name",
        description: "Where it is. A host name is asked for again and again; while nobody answers, its last address stands.",
      }),
    ),
    service: Type.Optional(serviceRef("Or: a service in the catalog whose instances are the gateways.")),
    servicePort: Type.Optional(
      Type.Union([name("Name of the service's port."), port("Its number.")], {
        description: "Which port of the service. Default: its only or first one.",
      }),
    ),
    port: Type.Optional(port("The port that is dialled. Default: 15443; of a service: its instances' own.")),
    locality: Type.Optional(LocalitySchema),
  },
  { ...strict, description: "A way into the network: exactly one of address and service." },
);

const SniSchema = Type.Object(
  {
    dialect: Type.Enum(["meshbridge", "istio", "consul"], { description: "Whose way of naming services." }),
    clusterDomain: Type.Optional(
      Type.String({
        title: "DNS name",
        pattern: "^[a-z0-9.-]+$",
        description: "istio: the cluster domain. Default: cluster.local.",
      }),
    ),
    datacenter: Type.Optional(name("consul: the datacentre.")),
    trustDomain: Type.Optional(
      Type.String({ title: "DNS name", pattern: "^[a-z0-9.-]+$", description: "consul: the trust domain." }),
    ),
  },
  { ...strict, description: "How its gateways want services to be named. Default: our own way, which ours understand." },
);

const NetworkProbeSchema = Type.Object(
  {
    enabled: Type.Boolean({ default: true, description: "false: nobody asks, and gateways always count." }),
    interval: positiveDuration("Time between two questions.", { default: "300ms" }),
    timeout: positiveDuration("Time for an answer: two round trips, and what a lost packet costs.", { default: "500ms" }),
    failures: Type.Integer({
      minimum: 1,
      maximum: 100,
      default: 3,
      description: "Questions in a row without an answer after which a gateway is a last resort.",
    }),
  },
  {
    ...strict,
    description:
      "The bridge opens a TLS connection to each gateway by a name that it refuses: the refusal is the answer. What is lost stays known as DEGRADED, so that nothing is sent there while others serve.",
  },
);

const FailbackSchema = Type.Object(
  {
    hold: duration("How long a gateway that was lost has to answer again before it is preferred again.", { default: "30s" }),
    ramp: duration("From then on its load comes back in five steps over this time.", { default: "30s" }),
  },
  { ...strict, description: "How what was lost comes back." },
);

export const NetworkSchema = Type.Object(
  {
    name: name("Unique; what `network` of registries, instances and proxies names."),
    cidrs: cidr("Instances with these addresses are on it; the longest range counts."),
    clusters: Type.Array(name("A cluster."), { default: [], description: "Instances of these clusters are on it." }),
    registries: Type.Array(name("A registry."), { default: [], description: "Instances of these registries are on it." }),
    egress: cidr("Where its connections to the gateways of other networks come from. Default: `cidrs`; with neither, anywhere."),
    sni: Type.Optional(SniSchema),
    probe: Type.Optional(NetworkProbeSchema),
    failback: Type.Optional(FailbackSchema),
    gateways: Type.Array(NetworkGatewaySchema, {
      default: [],
      description: "Ways in from other networks. Default: none, so that nobody outside reaches it.",
    }),
  },
  {
    ...strict,
    description:
      "A network. Which one an instance is on is said by its label `meshbridge.io/network` or `topology.istio.io/network`, else by its address, its cluster or registry, its registry's `network`.",
  },
);

export const ExportSchema = Type.Object(
  {
    match: Type.String({
      title: "pattern",
      description: "`namespace/name`, where `*` stands for any characters within a part; `*` alone is every service.",
    }),
    to: Type.Array(
      Type.String({
        pattern: "^(\\*|[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)$",
        patternErrorMessage: "must be a network, a cluster, or `*`",
        title: "network, cluster or *",
      }),
      { default: [], description: "Networks and clusters that may be told of it; `*` is all of them." },
    ),
    scope: Type.Optional(Type.Enum(["local"], { description: "local: it never leaves its cluster, whatever other rules say." })),
  },
  { ...strict, description: "What may leave the cluster and network it runs in. All rules that match count together." },
);
