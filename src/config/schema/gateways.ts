/** Edge gateways: listeners and routes. */
import { Type } from "typebox";
import { duration, headerText, name, port, serviceRef, strict, urlPath } from "./common.ts";

const ListenerSchema = Type.Object(
  {
    name: name("Unique in its gateway; routes name it."),
    address: Type.String({ default: "0.0.0.0", title: "IP address", description: "Address that Envoy binds." }),
    port: port("Port that Envoy binds."),
    protocol: Type.Enum(["HTTP", "TCP", "TLS"], {
      default: "HTTP",
      description: "HTTP: routed by host, path and headers. TCP: one route. TLS: passed through unopened, routed by SNI.",
    }),
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

const BackendSchema = Type.Object(
  {
    service: serviceRef("The service."),
    port: Type.Optional(servicePort),
    weight: Type.Integer({
      minimum: 0,
      maximum: 1_000_000,
      default: 1,
      description: "Share of the requests among the services of the route.",
    }),
  },
  { ...strict, description: "One of several services that share a route." },
);

const RetriesSchema = Type.Object(
  {
    attempts: Type.Integer({ minimum: 1, maximum: 100, default: 2, description: "Retries after the first try." }),
    on: Type.String({
      default: "connect-failure,refused-stream,unavailable,cancelled",
      title: "conditions",
      description: "Envoy's retry conditions, separated by commas.",
    }),
    perTryTimeout: Type.Optional(duration("Time for one try. Default: the route's timeout.")),
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
    name: name("What `meshbridge bootstrap --role gateway --name` asks for."),
    listeners: Type.Array(ListenerSchema, { minItems: 1, description: "The ports it opens." }),
    routes: Type.Array(RouteSchema, { default: [], description: "What comes in and where it goes." }),
  },
  { ...strict, description: "An edge gateway: what Envoys of this name serve." },
);
