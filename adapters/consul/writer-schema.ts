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
    ttl: Type.Optional({
      ...DurationSchema,
      default: "15s",
      description: "How long an instance stays passing without a sign of life from here; one is given each third of it.",
    }),
    deregisterAfter: Type.Optional({
      ...DurationSchema,
      default: "1m",
      description: "An instance that was critical for so long is removed by its agent. Consul takes no less than 1m.",
    }),
    connect: Type.Optional(
      Type.Enum(["native"], { description: "`native`: the instances are part of Consul's own mesh without a proxy." }),
    ),
  },
  { additionalProperties: false },
);
export type ConsulWriterSettings = Static<typeof ConsulWriterSettings>;
