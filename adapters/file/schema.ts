/** The settings of a file registry, and the form of the files it reads. */
import { type Static, Type } from "typebox";
import { HEALTH } from "../../src/model/health.ts";
import { PROTOCOLS } from "../../src/model/service.ts";
import { LocalitySchema } from "../../src/registry/settings.ts";

const strict = { additionalProperties: false } as const;

export const FileSettings = Type.Object(
  {
    path: Type.Union([Type.String({ minLength: 1 }), Type.Array(Type.String({ minLength: 1 }), { minItems: 1 })], {
      description:
        "The file or files, from the folder of the configuration file. Globs (`*`, `**`, `?`, `[ab]`, `{a,b}`) are allowed. Where two files name the same service, the first one counts. Names ending in `.json` are read as JSON, all others as YAML.",
    }),
  },
  strict,
);
export type FileSettings = Static<typeof FileSettings>;

const Labels = Type.Record(Type.String(), Type.String());

/**
 * One service as written. Only the shape is checked here: whether numbers, names and addresses are acceptable is for
 * registry/sanitise.ts, which does so for every registry alike.
 */
export const ServiceRecord = Type.Object(
  {
    name: Type.String({ minLength: 1 }),
    namespace: Type.Optional(Type.String({ minLength: 1 })),
    ports: Type.Array(
      Type.Object(
        {
          name: Type.String({ minLength: 1 }),
          port: Type.Number(),
          protocol: Type.Optional(Type.Enum([...PROTOCOLS])),
        },
        strict,
      ),
    ),
    labels: Type.Optional(Labels),
    instances: Type.Optional(Type.Array(Type.Unknown())),
  },
  strict,
);
export type ServiceRecord = Static<typeof ServiceRecord>;

export const InstanceRecord = Type.Object(
  {
    id: Type.Optional(Type.String({ minLength: 1 })),
    address: Type.String({ minLength: 1 }),
    ports: Type.Optional(Type.Record(Type.String(), Type.Number())),
    weight: Type.Optional(Type.Number()),
    health: Type.Optional(Type.Enum([...HEALTH])),
    locality: Type.Optional(LocalitySchema),
    cluster: Type.Optional(Type.String({ minLength: 1 })),
    network: Type.Optional(Type.String({ minLength: 1 })),
    labels: Type.Optional(Labels),
  },
  strict,
);
export type InstanceRecord = Static<typeof InstanceRecord>;
