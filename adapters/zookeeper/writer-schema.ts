/** Settings of a ZooKeeper that is written to. */
import { type Static, Type } from "typebox";
import { CONNECTION_SETTINGS, PathSchema } from "./schema.ts";
import { WRITTEN_FORMATS, WrittenFields } from "./writer-record.ts";

const { servers, chroot, auth, tls, sessionTimeout } = CONNECTION_SETTINGS;

export const ZooKeeperWriterSettings = Type.Object(
  {
    ...{ servers, chroot, auth, tls },
    sessionTimeout: Type.Optional({
      ...sessionTimeout,
      default: "15s",
      description: "Session timeout to ask for: what is registered goes so long after the last sign of life from here.",
    }),
    path: Type.Optional({
      ...PathSchema,
      description: "The node that services are below. Default: /dubbo for `dubbo`, /services for all others.",
    }),
    format: Type.Enum([...WRITTEN_FORMATS], {
      description:
        "How instances are written. `dubbo`: provider URLs, the service being the interface; `dubbo-app`: Dubbo 3 applications; `spring`, `curator`: service instances; `serverset`; `json`.",
    }),
    fields: Type.Optional(WrittenFields),
    electionPath: Type.Optional({
      ...PathSchema,
      description: "In an election: the node that the acting replica holds. Default: /meshbridge/sync/leader.",
    }),
  },
  { additionalProperties: false },
);
export type ZooKeeperWriterSettings = Static<typeof ZooKeeperWriterSettings>;
