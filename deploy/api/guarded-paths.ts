/** Places of a manifest that say which object it is: an override that changed them would make another object. Pure. */
import { pointersOverlap } from "../json/pointer.ts";

const GUARDED: readonly (readonly string[])[] = [
  ["apiVersion"],
  ["kind"],
  ["metadata", "name"],
  ["metadata", "namespace"],
  ["metadata", "generateName"],
  ["metadata", "uid"],
  ["metadata", "managedFields"],
  ["status"],
];

/** The guarded place that writing at the path would touch, as text, or undefined. `/metadata` as a whole is one. */
export function guardedPath(path: readonly (string | number)[]): string | undefined {
  const hit = GUARDED.find((guarded) => pointersOverlap(guarded, path));
  return hit === undefined ? undefined : `/${hit.join("/")}`;
}
