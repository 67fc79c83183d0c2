/** The sections that say what this bridge is and where it listens. */
import { Type } from "typebox";
import { LocalitySchema } from "../../registry/settings.ts";
import { ROLES } from "../../routing/client.ts";
import { duration, name, port, positiveDuration, strict } from "./common.ts";

export const LOG_LEVELS = ["trace", "debug", "info", "warn", "error"] as const;

export const MeshSchema = Type.Object(
  {
    domain: Type.String({
      default: "mesh.local",
      pattern: "^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$",
      patternErrorMessage: "must be a DNS name in lower case, such as mesh.local",
      title: "DNS name",
      description: "Suffix of service host names: `<service>.<namespace>.<domain>`.",
    }),
    cluster: name("Cluster in which instances and proxies run that do not say otherwise.", { default: "c1" }),
    network: name(
      "Network of instances and proxies that do not say otherwise. Only instances of one network are dialled directly.",
      {
        default: "default",
      },
    ),
    locality: Type.Optional(LocalitySchema),
  },
  { ...strict, default: {}, description: "What this bridge belongs to." },
);

const TlsSchema = Type.Object(
  {
    certFile: Type.String({ minLength: 1, description: "PEM file of the server's certificate chain." }),
    keyFile: Type.String({ minLength: 1, description: "PEM file of its private key." }),
    clientCaFile: Type.Optional(
      Type.String({
        minLength: 1,
        description: "PEM file of the authorities that sign client certificates. Given: clients must show one (mTLS).",
      }),
    ),
  },
  { ...strict, description: "TLS for the xDS port. Files are read anew when they change." },
);

const pattern = (description: string) => Type.String({ minLength: 1, maxLength: 2048, title: "pattern", description });
const sameAs = (description: string) =>
  Type.Optional(
    Type.String({
      pattern: "^([A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?|\\{namespace\\})$",
      patternErrorMessage: "must be a name, or {namespace}: what {namespace} of the pattern stands for",
      title: "name",
      description,
    }),
  );

const IdentitySchema = Type.Object(
  {
    spiffe: Type.Optional(pattern("URI of the certificate, such as `spiffe://example.org/ns/{namespace}/sa/*`.")),
    dns: Type.Optional(pattern("DNS name of the certificate, such as `*.gateways.example.com`.")),
    serviceAccount: Type.Optional(pattern("`namespace/name` of the service account whose token it shows.")),
    role: Type.Enum([...ROLES], { description: "What it may be." }),
    gateway: Type.Optional(name("As which gateway. Default: any.")),
    namespace: sameAs("In which namespace; `{namespace}`: the one of the pattern. Default: any."),
    cluster: Type.Optional(name("In which cluster. Default: any.")),
    node: Type.Optional(pattern("As which node id; `*` is any text. Default: any.")),
  },
  {
    ...strict,
    description:
      "Ties an identity to what it may be: exactly one of spiffe, dns and serviceAccount, in which `*` is any text between two slashes (or dots).",
  },
);

const TokensSchema = Type.Object(
  {
    registry: name("A registry of kind kubernetes, whose connection is used."),
    cluster: Type.Optional(Type.String({ minLength: 1, description: "Its cluster; needed when the registry has several." })),
    audience: Type.String({
      default: "meshbridge",
      minLength: 1,
      description: "What tokens must be made for; one made for another audience is not taken.",
    }),
  },
  {
    ...strict,
    description:
      "Service account tokens that clients show as `authorization: Bearer …`, looked into by their cluster (TokenReview).",
  },
);

export const XdsSchema = Type.Object(
  {
    listen: Type.String({
      default: "127.0.0.1:18000",
      title: "host:port",
      description: "Where xDS is served (gRPC). `[::1]:18000` for IPv6; port 0 takes a free one.",
    }),
    tls: Type.Optional(TlsSchema),
    identities: Type.Array(IdentitySchema, {
      default: [],
      description:
        "Who may be what. Once written, a client that no rule allows is refused. Default: whoever is let in is believed. Counts for streams that open after a change.",
    }),
    tokens: Type.Optional(TokensSchema),
    insecure: Type.Boolean({
      default: false,
      description: "Allows plain text on an address that others can reach.",
    }),
    reusePort: Type.Boolean({
      default: false,
      description:
        "Other bridges of this host, all with it, may listen on the same port; the kernel divides new connections among them (SO_REUSEPORT).",
    }),
    syncTimeout: duration(
      "How long clients wait at the start for registries that have not been read yet. After it they get what there is, and nothing is taken from those that have more.",
      { default: "30s" },
    ),
    clusterTtl: Type.Optional(
      positiveDuration(
        "Proxies that know of it let go of a cluster when they have not heard from the bridge for so long, at least 1s; it tells them three times in it that the cluster is still meant (in state of the world by sending all of them again). Default: they keep what they have for as long as the bridge is away. Counts for streams that open after the next start.",
      ),
    ),
    clientStatus: Type.Boolean({
      default: false,
      description:
        "Serves the client status discovery service (CSDS): which client has which resource, by name and version. Whoever reaches the port may ask.",
    }),
    recordTo: Type.Optional(
      Type.String({
        minLength: 1,
        description:
          "Folder into which every stream's requests and responses are written, without the resources' content; `meshbridge recording check` judges them. Counts from the next start.",
      }),
    ),
  },
  { ...strict, default: {}, description: "The server that Envoy and gRPC clients connect to." },
);

export const AdminSchema = Type.Object(
  {
    listen: Type.String({
      default: "127.0.0.1:8080",
      title: "host:port or unix:/path",
      description: "Where the admin API is served (HTTP).",
    }),
    insecure: Type.Boolean({
      default: false,
      description: "Allows the admin API, which has no login, on an address that others can reach.",
    }),
  },
  { ...strict, default: {}, description: "The admin HTTP API, its documentation, health and metrics." },
);

export const LogSchema = Type.Object(
  {
    level: Type.Enum([...LOG_LEVELS], { default: "info", description: "The least severe level that is written." }),
    format: Type.Optional(
      Type.Enum(["json", "pretty"], {
        description: "One JSON object a line, or lines for people. Default: pretty on a terminal, else json.",
      }),
    ),
  },
  { ...strict, default: {}, description: "The log, on standard error." },
);

export const StateSchema = Type.Object(
  {
    keep: Type.Boolean({
      default: true,
      description: "Keeps what each registry said last on disk, for a start while that registry cannot be read.",
    }),
    dir: Type.Optional(
      Type.String({
        minLength: 1,
        description:
          "Where. Default: $STATE_DIRECTORY (systemd), else a folder for this configuration file under $XDG_STATE_HOME/meshbridge or ~/.local/state/meshbridge.",
      }),
    ),
  },
  { ...strict, default: {}, description: "What is kept over restarts." },
);

export const SidecarSchema = Type.Object(
  {
    outbound: Type.Object(
      {
        address: Type.String({
          default: "127.0.0.1",
          title: "IP address",
          description: "Where a sidecar's outbound HTTP listener binds.",
        }),
        port: port("The port of that listener.", { default: 15001 }),
      },
      { ...strict, default: {}, description: "The listener through which a workload reaches the mesh." },
    ),
    vips: Type.Optional(
      Type.Object(
        {
          range: Type.String({
            title: "CIDR",
            description:
              "Where the addresses are from. Within 127.0.0.0/8 sidecars need nothing more; another range has to be routed to the machine itself (`ip route add local RANGE dev lo`). Wide, so that services seldom want one place: 127.64.0.0/10, 240.0.0.0/8, fd00:…/64.",
          }),
          for: Type.Enum(["tcp", "all"], {
            default: "tcp",
            description: "`tcp`: services with a port that is not HTTP; `all`: every service.",
          }),
          pins: Type.Record(Type.String(), Type.String({ title: "IP address" }), {
            default: {},
            description: "Addresses by service (`namespace/name`), in place of those that its name gives it.",
          }),
        },
        {
          ...strict,
          description:
            "An address for each service, by which a workload reaches it through its sidecar whatever port it has; told by the name server (`dns.vipsFor`). The same on every replica and after every restart. Default: none.",
        },
      ),
    ),
  },
  { ...strict, default: {}, description: "What Envoy sidecars get." },
);
