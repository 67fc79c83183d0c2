/** Links between bridges: who may read what this one exports. */
import { Type } from "typebox";
import { name, strict } from "./common.ts";

const PeerSchema = Type.Object(
  {
    name: name("The name of its cluster, by which its bridge must introduce itself."),
    identities: Type.Array(
      Type.String({
        pattern: '^(URI:[^\\s",]+|DNS:[a-z0-9*_.-]+)$',
        patternErrorMessage: "must be `URI:` or `DNS:` (in lower case) and the whole name",
        title: "URI:… or DNS:…",
      }),
      { minItems: 1, description: "Subject alternative names of its client certificate; one of them must be there, exactly." },
    ),
  },
  { ...strict, description: "Another bridge that may read this one's exports over its xDS port." },
);

export const LinksSchema = Type.Object(
  {
    peers: Type.Array(PeerSchema, {
      default: [],
      description: "Bridges that may link to this one. They get nothing else of the port.",
    }),
    hopLimit: Type.Integer({
      minimum: 1,
      maximum: 16,
      default: 1,
      description:
        "Through how many bridges a service may go: 1 exports this bridge's own services only, 2 relays those of its links as well.",
    }),
  },
  {
    ...strict,
    default: {},
    description: "Links between bridges: who may read here. What this one reads of others is a registry of kind `meshbridge`.",
  },
);
