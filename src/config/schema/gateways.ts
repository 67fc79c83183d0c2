/** Edge gateways: listeners and routes. */
import { Type } from "typebox";
import { duration, headerText, name, port, serviceRef, strict, urlPath } from "./common.ts";

const serverName = Type.String({
  pattern: "^(\\*|(\\*\\.)?[A-Za-z0-9_]([A-Za-z0-9._-]*[A-Za-z0-9_])?)$",
  patternErrorMessage: "must be a host name, `*.` and a domain, or `*`",
  title: "host",
});

const ListenerTlsSchema = Type.Object(
  {
    hosts: Type.Array(serverName, {
      default: [],
      description: "Server names (SNI) it is for; `*.example.com` is allowed. Default: every name that no other entry has.",
    }),
    secret: name("The secret with the certificate."),
    clientCa: Type.Optional(
      name("The secret whose authorities clients' certificates must come from. Default: none is asked for."),
    ),
  },
  { ...strict, description: "A certificate for the server names of an HTTPS listener." },
);

const ListenerSchema = Type.Object(
  {
    name: name("Unique in its gateway; routes name it."),
    address: Type.String({ default: "0.0.0.0", title: "IP address", description: "Address that Envoy binds." }),
    port: port("Port that Envoy binds."),
    protocol: Type.Enum(["HTTP", "HTTPS", "TCP", "TLS"], {
      default: "HTTP",
      description:
        "HTTP: routed by host, path and headers. HTTPS: the same, with TLS ended here. TCP: one route. TLS: passed through unopened, routed by SNI.",
    }),
    tls: Type.Optional(
      Type.Union(
        [ListenerTlsSchema, Type.Array(ListenerTlsSchema, { minItems: 1, description: "One for each group of server names." })],
        {
          description: "HTTPS only: its certificate, or several by server name.",
        },
      ),
    ),
  },
  { ...strict, description: "A port of the gateway." },
);

const HeaderSchema = Type.Object(
  {
    name: Type.String({
      pattern: "^:?[!#$%&'*+.^_`|~0-9A-Za-z-]+$",
      patternErrorMessage: "must be a header name",
      title: "header name",
      description: "The header; its case does not matter.",
    }),
    exact: Type.Optional(headerText("The whole value.")),
    prefix: Type.Optional(headerText("The beginning of the value.")),
    present: Type.Optional(
      Type.Boolean({ description: "true: it must be there, whatever its value. false: it must not be there." }),
    ),
    absent: Type.Optional(Type.Boolean({ description: "true: it must not be there. false: it must be there." })),
  },
  { ...strict, description: "A condition on a header: exactly one of exact, prefix, present and absent." },
);

const servicePort = Type.Union([name("Name of the service's port."), port("Its number.")], {
  description: "Name or number of the service's port. Default: its only or first one.",
});

/** They are part of a cluster's name: printable, without what that name is put together with. */
const labelSelection = Type.Optional(
  Type.Record(
    Type.String(),
    Type.String({
      maxLength: 256,
      pattern: "^[^\\u0000-\\u001f\\u007f,={}]*$",
      patternErrorMessage: "must have no control characters and none of , = { }",
    }),
    {
      minProperties: 1,
      maxProperties: 8,
      description: "Only instances with these labels, e.g. `dubbo.group: g1`; of a label that is a list, one item. Default: all.",
    },
  ),
);

const BackendSchema = Type.Object(
  {
    service: serviceRef("The service."),
    port: Type.Optional(servicePort),
    labels: labelSelection,
    weight: Type.Integer({
      minimum: 0,
      maximum: 1_000_000,
      default: 1,
      description: "Share of the requests among the services of the route.",
    }),
  },
  { ...strict, description: "One of several services that share a route." },
);

export const RetriesSchema = Type.Object(
  {
    attempts: Type.Integer({ minimum: 1, maximum: 100, default: 2, description: "Retries after the first try." }),
    on: Type.String({
      default: "connect-failure,refused-stream,unavailable,cancelled",
      title: "conditions",
      description: "Envoy's retry conditions, separated by commas.",
    }),
    perTryTimeout: Type.Optional(duration("Time for one try. Default: the route's timeout.")),
    resets: Type.Enum(["idempotent", "all", "none"], {
      default: "idempotent",
      description:
        "Requests that were sent when their connection broke, or that took longer than perTryTimeout. idempotent: GET, HEAD, OPTIONS, TRACE, PUT and DELETE are sent again. all: every one, gRPC's among them. none: as `on` says alone.",
    }),
  },
  { ...strict, description: "What is tried again, and how often." },
);

const RouteSchema = Type.Object(
  {
    hosts: Type.Array(
      Type.String({
        pattern: "^(\\*|(\\*\\.)?[A-Za-z0-9_]([A-Za-z0-9._-]*[A-Za-z0-9_])?(:\\d{1,5})?)$",
        patternErrorMessage: "must be a host name, `*.` and a domain, or `*`",
        title: "host",
      }),
      {
        default: [],
        description: "Host headers, or SNI names on a TLS listener; `*.example.com` and `*` are allowed. Default: every host.",
      },
    ),
    listeners: Type.Union([name("One listener."), Type.Array(name("A listener."))], {
      default: [],
      description: "Name or names of the listeners it belongs to. Default: all that fit.",
    }),
    path: Type.Optional(urlPath("The whole path, for requests of exactly this path.")),
    prefix: Type.Optional(urlPath("The beginning of the path. Default: /.")),
    headers: Type.Array(HeaderSchema, { default: [], description: "Conditions that must all hold." }),
    service: Type.Optional(serviceRef("Where it leads. Either this or services.")),
    port: Type.Optional(servicePort),
    labels: labelSelection,
    services: Type.Optional(
      Type.Array(BackendSchema, { minItems: 1, description: "Several services by weight. Either this or service." }),
    ),
    timeout: Type.Optional(duration("Time for the whole answer. 0s: none. Default: Envoy's, 15s.")),
    retries: Type.Optional(RetriesSchema),
    prefixRewrite: Type.Optional(urlPath("What the matched prefix is replaced with.")),
  },
  { ...strict, description: "What leads where. Of the routes of a host the first that fits counts." },
);

export const GatewaySchema = Type.Object(
  {
    name: name("What `meshbridge bootstrap --role gateway --name` (or `--role eastWest`) asks for."),
    kind: Type.Enum(["edge", "eastWest"], {
      default: "edge",
      description:
        "edge: into the mesh, by routes. eastWest: between networks; connections are passed on unopened by their server name (SNI), as far as `exports` allow, so it has no routes.",
    }),
    listeners: Type.Array(ListenerSchema, { minItems: 1, description: "The ports it opens." }),
    routes: Type.Array(RouteSchema, { default: [], description: "What comes in and where it goes." }),
    connectionsPerSecond: Type.Integer({
      minimum: 0,
      maximum: 1_000_000,
      default: 5000,
      description:
        "eastWest: new connections that each Envoy takes in a second, with as many again at once; what is beyond is closed before anybody looks at its server name. 0: no bound.",
    }),
  },
  { ...strict, description: "A gateway: what Envoys of this name serve." },
);
