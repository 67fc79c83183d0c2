/** Items of lists that Kubernetes merges by key (listType map), matched between what is wanted and what is there. Pure. */
import { type Json, type JsonObject, ownValue } from "../json/value.ts";
import { hasKey } from "./managed-fields.ts";

export interface Match {
  readonly item: Json;
  /** Index in the live list, or undefined when it is not there. */
  readonly at: number | undefined;
  /** The item's part in FieldsV1, where somebody owns it by itself. */
  readonly part: string | undefined;
}

/** Key fields by the list's field name, for lists that nobody owns yet, as declared by Kubernetes' own types. */
const KNOWN: Readonly<Record<string, readonly string[]>> = {
  containers: ["name"],
  initContainers: ["name"],
  ephemeralContainers: ["name"],
  env: ["name"],
  volumes: ["name"],
  volumeMounts: ["mountPath"],
  volumeDevices: ["devicePath"],
  imagePullSecrets: ["name"],
  hostAliases: ["ip"],
  conditions: ["type"],
  topologySpreadConstraints: ["topologyKey", "whenUnsatisfiable"],
};

/** What an API server fills in where a key field is left out. */
const KEY_DEFAULTS: JsonObject = { protocol: "TCP" };

/** Undefined when the list has no keys: it is one value, or a set. */
export function matchItems(
  wanted: readonly Json[],
  live: readonly Json[],
  keys: readonly { readonly part: string; readonly key: JsonObject }[],
  path: readonly (string | number)[],
): readonly Match[] | undefined {
  const names = keyNames(wanted, keys, path);
  if (names === undefined) return undefined;
  return wanted.map((item) => {
    const key = Object.fromEntries(names.map((name) => [name, ownValue(item, name) ?? ownValue(KEY_DEFAULTS, name) ?? null]));
    const at = live.findIndex((other) => hasKey(other, key));
    const owned = keys.find((one) => hasKey(key, one.key) && Object.keys(one.key).length === names.length);
    return { item, at: at < 0 ? undefined : at, part: owned?.part };
  });
}

function keyNames(
  wanted: readonly Json[],
  keys: readonly { readonly key: JsonObject }[],
  path: readonly (string | number)[],
): readonly string[] | undefined {
  const owned = keys[0]?.key;
  if (owned !== undefined) return Object.keys(owned);
  const field = String(path.at(-1));
  if (field === "ports")
    return wanted.some((item) => ownValue(item, "containerPort") !== undefined)
      ? ["containerPort", "protocol"]
      : ["port", "protocol"];
  return Object.hasOwn(KNOWN, field) ? KNOWN[field] : undefined;
}
