/** The settings of a ZooKeeper registry. */
import { type Static, Type } from "typebox";
import { DurationSchema, SecretRefSchema } from "../../src/registry/settings.ts";
import { DEFAULT_SESSION_TIMEOUT } from "./connect.ts";

const strict = { additionalProperties: false } as const;
const Text = Type.String({ minLength: 1 });

const HOST = "(\\[[0-9A-Fa-f:.%]+\\]|[^\\s:/\\[\\],]+)";
/** 1 to 65535. */
const PORT = "(:([1-9]\\d{0,3}|[1-5]\\d{4}|6[0-4]\\d{3}|65[0-4]\\d{2}|655[0-2]\\d|6553[0-5]))?";
const NODE_PATH = "^(/[^/\\x00]+)+$";

const AuthSettings = Type.Object(
  {
    scheme: Type.Optional(Type.Enum(["digest"], { default: "digest", description: "How credentials are shown." })),
    secret: {
      ...SecretRefSchema,
      description: "Where `user:password` is: {fromEnv: NAME} or {fromFile: PATH}, read at each connection.",
    },
  },
  { ...strict, description: "Credentials for nodes that are not open to all." },
);

const TlsSettings = Type.Object(
  {
    caFile: Type.Optional({
      ...Text,
      description: "PEM file of the authorities that the servers' certificates must be signed by.",
    }),
    certFile: Type.Optional({ ...Text, description: "PEM file of the certificate shown to the servers." }),
    keyFile: Type.Optional({ ...Text, description: "PEM file of its key." }),
    serverName: Type.Optional({ ...Text, description: "Name to check the servers' certificates against. Default: the host." }),
  },
  { ...strict, description: "With it, even empty, connections are TLS. Files are read again at each connection." },
);

/** All settings but `paths`, whose formats and options are the formats' own affair. */
export const CONNECTION_SETTINGS = {
  servers: Type.Optional(
    Type.Array(
      Type.String({
        pattern: `^${HOST}${PORT}$`,
        patternErrorMessage: "must be HOST or HOST:PORT, an IPv6 address in brackets",
      }),
      {
        minItems: 1,
        maxItems: 32,
        uniqueItems: true,
        default: ["127.0.0.1:2181"],
        description: "Servers of one ensemble; port 2181 where none is given.",
      },
    ),
  ),
  chroot: Type.Optional(
    Type.String({
      pattern: NODE_PATH,
      patternErrorMessage: "must be a path such as /prod",
      description: "A node that all paths are meant below.",
    }),
  ),
  auth: Type.Optional(AuthSettings),
  tls: Type.Optional(TlsSettings),
  sessionTimeout: Type.Optional({
    ...DurationSchema,
    default: DEFAULT_SESSION_TIMEOUT,
    description: "Session timeout to ask for; a silent server is noticed within two thirds of it.",
  }),
  providerSessionTimeout: Type.Optional({
    ...DurationSchema,
    default: "60s",
    description: "Session timeout of the providers: so long after a new session of ours, what is missing is held, not removed.",
  }),
  transport: Type.Optional(
    Type.Enum(["wire", "package"], {
      default: "wire",
      description:
        "`wire` speaks the protocol itself; `package` is node-zookeeper-client, without TLS, IPv6 and recursive watches.",
    }),
  ),
};

/** What becomes of the services that were read. */
export const SERVICE_SETTINGS = {
  include: Type.Optional(Type.Array(Text, { description: "Names of services to read; `*` stands for any text. Default: all." })),
  exclude: Type.Optional(Type.Array(Text, { description: "Names of services to leave out; `*` stands for any text." })),
  resolve: Type.Optional(
    Type.Boolean({
      default: true,
      description: "Whether instances that gave a host name are resolved; otherwise they are left out.",
    }),
  ),
};

/** A node that services are below. */
export const PathSchema = Type.String({
  pattern: NODE_PATH,
  patternErrorMessage: "must be a path such as /dubbo",
  description: "The node that services are below.",
});

const Known = Type.Object({ ...CONNECTION_SETTINGS, ...SERVICE_SETTINGS });
/** The settings above, as they are read. */
export type KnownSettings = Static<typeof Known>;
