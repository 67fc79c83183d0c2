/** The settings of a link to another bridge. */
import { type Static, Type } from "typebox";
import { AddressSchema, PeerSchema } from "../../src/link/link-file.ts";

const strict = { additionalProperties: false } as const;
const Text = Type.String({ minLength: 1 });

const TlsSettings = Type.Object(
  {
    caFile: { ...Text, description: "PEM file of the authorities that the peer's certificate must be signed by." },
    certFile: { ...Text, description: "PEM file of the certificate shown to the peer." },
    keyFile: { ...Text, description: "PEM file of its key." },
  },
  { ...strict, description: "Files for mTLS, taken over when they change: the new connection is up before the old one ends." },
);

export const LinkSettings = Type.Object(
  {
    peer: Type.Optional({
      ...PeerSchema,
      description: "The name of the peer's cluster (`mesh.cluster` there); it must answer by it.",
    }),
    servers: Type.Optional(
      Type.Array(AddressSchema, {
        minItems: 1,
        maxItems: 16,
        description: "Its xDS ports, tried in turn. Only replicas of one bridge belong in one link.",
      }),
    ),
    serverName: Type.Optional({
      ...Text,
      description: "The name its certificate must have, also sent as SNI. Default: the host of the address.",
    }),
    tls: Type.Optional(TlsSettings),
    linkFile: Type.Optional({
      ...Text,
      description: "One file with peer, servers, serverName and the PEM texts, in place of those settings.",
    }),
    witnesses: Type.Optional(
      Type.Array(AddressSchema, {
        maxItems: 16,
        description:
          "Other bridges, asked over mTLS with the same files whether they still see the peer's cluster while this link is lost: it ages only once one of them answers, and none of them sees it.",
      }),
    ),
  },
  strict,
);
export type LinkSettings = Static<typeof LinkSettings>;
