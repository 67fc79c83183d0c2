/** Settings of a Consul that is written to. */
import { type Static, Type } from "typebox";
import { DurationSchema } from "../../src/registry/settings.ts";
import { ConsulSettings } from "./schema.ts";

const { address, token, partition, tls } = ConsulSettings.properties;

export const ConsulWriterSettings = Type.Object(
  {
    ...{ address, partition, tls },
    token: Type.Optional({
      ...token,
      description: "An ACL token with `service:write` on what is registered; read again at each request.",
    }),
    consulNamespace: Type.Optional(
      Type.String({ minLength: 1, description: "Consul Enterprise namespace to register in. Default: the token's own." }),
    ),
    mode: Type.Optional(
      Type.Enum(["agent", "catalog"], {
        default: "agent",
        description:
          "`agent`: with the agent at the address, whose own checks end what is not kept alive. `catalog`: in the catalog, on a node that stands for the cluster, where no agent is near.",
      }),
    ),
    node: Type.Optional(
      Type.String({
        pattern: "^[A-Za-z0-9_.-]{1,128}$",
        description: "With `catalog`: name of that node, the same in all sidecars of a cluster. Default: meshbridge-CLUSTER.",
      }),
    ),
    datacenter: Type.Optional(
      Type.String({
        pattern: "^[A-Za-z0-9_-]{1,128}$",
        description: "With `catalog`: datacentre to register in; one target for each of several. Default: that of the address.",
      }),
    ),
    ttl: Type.Optional({
      ...DurationSchema,
      default: "15s",
      description:
        "How long an instance stays passing without a sign of life from here; one is given each third of it. With `catalog` at least 10s, and Consul may take twice as long.",
    }),
    deregisterAfter: Type.Optional({
      ...DurationSchema,
      default: "1m",
      description:
        "An instance that was critical for so long is removed: by its agent, which takes no less than 1m, or with `catalog` by the other sidecars of the cluster.",
    }),
    key: Type.Optional(
      Type.String({
        pattern: "^[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*$",
        description: "In an election: the key whose lock the acting replica holds. Default: meshbridge/sync/leader.",
      }),
    ),
    connect: Type.Optional(
      Type.Enum(["native"], { description: "`native`: the instances are part of Consul's own mesh without a proxy." }),
    ),
  },
  { additionalProperties: false },
);
export type ConsulWriterSettings = Static<typeof ConsulWriterSettings>;
