/** Any other layout of JSON records `root/<service>/<instance>`, as the settings describe it. */
import { type Static, Type } from "typebox";
import type { Protocol } from "../../../src/model/service.ts";
import { type Member, membersFormat } from "./members.ts";
import { labelsOf, type Mapping, mapping, port, share, text } from "./records.ts";
import type { Format } from "./types.ts";

const Field = Type.String({
  pattern: "^[^.]+(\\.[^.]+)*$",
  patternErrorMessage: "must be a field such as host or endpoint.host",
});

export const JsonMapping = Type.Object(
  {
    host: { ...Field, description: "Field with the address or host name." },
    port: { ...Field, description: "Field with the port." },
    ports: Type.Optional(
      Type.Record(Type.String({ minLength: 1 }), Field, { description: "Fields of further ports, by port name." }),
    ),
    weight: Type.Optional({ ...Field, description: "Field with the weight." }),
    status: Type.Optional({ ...Field, description: "Field that says whether it may be used." }),
    healthy: Type.Optional(
      Type.Array(Type.String(), { description: "Values of it that mean yes. Default: true, up, UP, ALIVE." }),
    ),
    zone: Type.Optional({ ...Field, description: "Field with the zone." }),
    labels: Type.Optional({ ...Field, description: "Field with a map of labels." }),
  },
  { additionalProperties: false, description: "Where the records of format `json` keep what; fields within fields with a dot." },
);
export type JsonMapping = Static<typeof JsonMapping>;

const HEALTHY = ["true", "up", "UP", "ALIVE", "passing"];

/** `root` without a slash at its end. */
export function jsonFormat(root: string, fields: JsonMapping, protocol: Protocol): Format {
  return membersFormat(root, { protocol, readMember: (record) => readMember(record, fields) });
}

function readMember(record: Mapping, fields: JsonMapping): Member {
  const [host, at] = [text(valueAt(record, fields.host)), port(valueAt(record, fields.port))];
  if (host === undefined) return { reason: `it has no ${fields.host}` };
  if (at === undefined) return { reason: `its ${fields.port} is no port` };
  const others = Object.entries(fields.ports ?? {}).flatMap(([name, field]): readonly (readonly [string, number])[] => {
    const number = port(valueAt(record, field));
    return number === undefined ? [] : [[name, number]];
  });
  const status = fields.status === undefined ? undefined : valueAt(record, fields.status);
  const usable = status === undefined || (fields.healthy ?? HEALTHY).includes(String(status));
  const { weight, idle } = share(fields.weight === undefined ? undefined : valueAt(record, fields.weight));
  const zone = fields.zone === undefined ? undefined : text(valueAt(record, fields.zone));
  return {
    host,
    ports: { ...Object.fromEntries(others), http: at },
    health: !usable ? "unhealthy" : idle ? "draining" : "healthy",
    weight,
    ...(zone !== undefined && { zone }),
    labels: fields.labels === undefined ? {} : labelsOf(valueAt(record, fields.labels)),
  };
}

function valueAt(record: Mapping, field: string): unknown {
  let value: unknown = record;
  for (const part of field.split(".")) value = Object.hasOwn(mapping(value), part) ? mapping(value)[part] : undefined;
  return value;
}
