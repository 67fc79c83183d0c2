/** A link as one file, which fits into one key of one Kubernetes Secret. */
import { type Static, Type } from "typebox";

export const AddressSchema = Type.String({
  pattern: "^(\\[[0-9A-Fa-f:.]+\\]|[A-Za-z0-9._-]+):\\d{1,5}$",
  patternErrorMessage: "must be host:port, such as bridge.eu-2.example.com:18000 or [fd00::1]:18000",
  title: "host:port",
});

/** Of one cluster's bridge: short, without a slash, since it begins the scopes of what comes from there. */
export const PeerSchema = Type.String({
  pattern: "^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$",
  patternErrorMessage: "must be 1 to 63 letters, digits, `-`, `_` or `.`, with a letter or digit at both ends",
  title: "name",
});

const Pem = Type.String({ minLength: 1, maxLength: 262_144 });

/** What a registry of kind `meshbridge` reads as `linkFile`. It holds a private key. */
export const LinkFileSchema = Type.Object(
  {
    /** The version of this format. */
    link: Type.Literal(1),
    peer: PeerSchema,
    /** The operator has removed the link: its instances drain, then leave. */
    removed: Type.Optional(Type.Boolean()),
    servers: Type.Array(AddressSchema, { minItems: 1, maxItems: 16 }),
    serverName: Type.Optional(Type.String({ minLength: 1 })),
    ca: Pem,
    cert: Pem,
    key: Pem,
  },
  { additionalProperties: false },
);
export type LinkFile = Static<typeof LinkFileSchema>;
