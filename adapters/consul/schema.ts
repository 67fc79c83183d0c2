/** The settings of a Consul registry. */
import { type Static, Type } from "typebox";
import { DurationSchema, SecretRefSchema } from "../../src/registry/settings.ts";

const strict = { additionalProperties: false } as const;
const Text = Type.String({ minLength: 1 });

/** The names a service's metadata or the setting may give, and the names of ports made from them. */
const PROTOCOL_NAMES = ["http", "http2", "grpc", "tcp", "tls", "https"] as const;

const MINUTES = "([1-9]|10)m";
const SECONDS = "([1-9]|[1-9]\\d|[1-5]\\d\\d|600)s";
const MILLISECONDS = "[1-9]\\d{2,4}ms";

const TlsSettings = Type.Object(
  {
    caFile: Type.Optional({ ...Text, description: "PEM file of the authorities that Consul's certificate must be signed by." }),
    certFile: Type.Optional({ ...Text, description: "PEM file of the certificate shown to Consul." }),
    keyFile: Type.Optional({ ...Text, description: "PEM file of its key." }),
  },
  { ...strict, description: "Files for an `https` address, read again after a connection failed." },
);

export const ConsulSettings = Type.Object(
  {
    address: Type.Optional(
      Type.String({
        pattern: "^https?://[^@\\s?#]+$",
        patternErrorMessage: "must be an http or https URL without credentials, such as http://127.0.0.1:8500",
        default: "http://127.0.0.1:8500",
        description: "URL of the agent or server to ask.",
      }),
    ),
    datacenters: Type.Optional(
      Type.Array(Text, {
        minItems: 1,
        maxItems: 16,
        uniqueItems: true,
        description: "Datacentres to read. Default: the agent's own.",
      }),
    ),
    token: Type.Optional({ ...SecretRefSchema, description: "The ACL token, read again at each request." }),
    consulNamespaces: Type.Optional(
      Type.Array(Text, {
        minItems: 1,
        maxItems: 16,
        uniqueItems: true,
        description: "Consul Enterprise namespaces to read; each becomes a namespace of its own here.",
      }),
    ),
    partition: Type.Optional({ ...Text, description: "Consul Enterprise admin partition to read." }),
    filter: Type.Optional({
      ...Text,
      description: 'Filter expression over instances that Consul evaluates, e.g. `Service.Meta.env == "prod"`.',
    }),
    include: Type.Optional(
      Type.Array(Text, { description: "Names of services to read; `*` stands for any text. Default: all." }),
    ),
    exclude: Type.Optional(Type.Array(Text, { description: "Names of services to leave out; `*` stands for any text." })),
    tags: Type.Optional(Type.Array(Text, { description: "Instances must carry all of these tags." })),
    defaultProtocol: Type.Optional(
      Type.Enum([...PROTOCOL_NAMES], {
        default: "http",
        description: "What is spoken where neither the metadata `protocol` nor a tag `protocol=…` says so.",
      }),
    ),
    consistency: Type.Optional(
      Type.Enum(["default", "stale", "consistent"], {
        default: "stale",
        description: "Consul's consistency mode. `stale` lets any server answer, also while there is no leader.",
      }),
    ),
    maxStaleness: Type.Optional({
      ...DurationSchema,
      default: "10s",
      description: "An answer from a server that has not heard of its leader for longer proves no removal.",
    }),
    wait: Type.Optional(
      Type.String({
        pattern: `^(${MINUTES}|${SECONDS}|${MILLISECONDS})$`,
        patternErrorMessage: "must be a duration between 100ms and 10m",
        title: "duration",
        default: "1m",
        description: "How long Consul may hold a query back while nothing changes; at most 10m.",
      }),
    ),
    warning: Type.Optional(
      Type.Enum(["degraded", "healthy"], {
        default: "degraded",
        description: "Health of an instance of which a check warns.",
      }),
    ),
    tls: Type.Optional(TlsSettings),
  },
  strict,
);
export type ConsulSettings = Static<typeof ConsulSettings>;
