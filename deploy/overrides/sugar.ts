/** `image`, `env` and `args` as operations of RFC 6902, with the places they mean. Pure. */
import type { Override } from "../api/schema/overrides.ts";
import { type Container, containersOf } from "../interpret/pod-template.ts";
import { pointerText } from "../json/pointer.ts";
import type { PatchOperation } from "../json/rfc.ts";
import { type Json, type JsonObject, listAt, textAt } from "../json/value.ts";
import { overrideImage } from "./image.ts";

export interface SugarWrite {
  readonly operation: PatchOperation;
  /** What is meant, finer than what is written: two rules may each set a variable of their own in one list. */
  readonly means: readonly (readonly (string | number)[])[];
}

/** Operations for the manifest as it is; none where a container of that name is not there. */
export function sugarWrites(manifest: JsonObject, { image, env, args }: Override): readonly SugarWrite[] {
  const found: (SugarWrite | undefined)[] = [];
  for (const container of containersOf(manifest)) {
    const meant = (name: string | undefined) => name === undefined || name === container.name;
    if (image !== undefined && meant(image.container)) found.push(imageWrite(container, image));
    if (env !== undefined) found.push(envWrite(container, env));
    if (args !== undefined && meant(args.container)) found.push(argsWrite(container, args));
  }
  return found.filter((write) => write !== undefined);
}

function imageWrite({ path, value }: Container, image: NonNullable<Override["image"]>): SugarWrite | undefined {
  const old = textAt(value, "image");
  const { container: _, ...parts } = image;
  if (old === undefined || Object.keys(parts).length === 0) return undefined;
  const place = [...path, "image"];
  const meant = new Set(Object.keys(parts).map((part) => (part === "digest" ? "tag" : part)));
  return {
    operation: { op: "replace", path: pointerText(place), value: overrideImage(old, parts) },
    means: [...meant].map((part) => [...place, part]),
  };
}

function envWrite({ path, value }: Container, env: NonNullable<Override["env"]>): SugarWrite | undefined {
  const names = Object.keys(env);
  if (names.length === 0) return undefined;
  const had = new Set(listAt(value, "env").map((item) => textAt(item, "name")));
  const entry = (name: string): readonly Json[] => {
    const text = env[name];
    return typeof text === "string" ? [{ name, value: text }] : [];
  };
  const kept = listAt(value, "env").flatMap((item): readonly Json[] => {
    const name = textAt(item, "name") ?? "";
    return Object.hasOwn(env, name) ? entry(name) : [item];
  });
  const added = names.flatMap((name) => (had.has(name) ? [] : entry(name)));
  const list = [...path, "env"];
  return {
    operation: { op: "add", path: pointerText(list), value: [...kept, ...added] },
    means: names.map((name) => [...list, `name=${name}`]),
  };
}

function argsWrite({ path, value }: Container, args: NonNullable<Override["args"]>): SugarWrite | undefined {
  const { set, append = [], remove = [] } = args;
  const list = [...path, "args"];
  if (set === undefined && append.length === 0 && remove.length === 0) return undefined;
  const next = set ?? [...listAt(value, "args").filter((arg) => !remove.includes(String(arg))), ...append];
  return {
    operation: { op: "add", path: pointerText(list), value: [...next] },
    // Appending leaves what others wrote.
    means: [set === undefined && remove.length === 0 ? [...list, "-"] : list],
  };
}
