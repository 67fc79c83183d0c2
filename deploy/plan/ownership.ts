/** How objects say whose they are: by an annotation of each workload that uses them, so that shared ones are counted. Pure. */
import { createHash } from "node:crypto";
import { type JsonObject, ownValue, textAt, valueAt, withKey } from "../json/value.ts";

/** Label of everything that is ours, for watches that see nothing else. */
export const MANAGED_LABEL = "deploy.meshbridge.io/managed";
/** The revision of the workload that the object was made from. */
export const REVISION_ANNOTATION = "deploy.meshbridge.io/revision";
const USED_BY = "used-by.deploy.meshbridge.io/";

/** The field manager of a workload's objects. At most 128 characters, as Kubernetes wants. */
export function fieldManager(workload: string): string {
  const name = `meshbridge:${workload}`;
  return name.length <= 128 ? name : `meshbridge:${digest(workload)}`;
}

/** The annotation by which the workload, `namespace/name`, says that it uses an object; its value is that name. */
export function usedByAnnotation(workload: string): string {
  return `${USED_BY}${digest(workload)}`;
}

/** 16 hexadecimal digits. */
export function digest(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 16);
}

/** The manifest with the marks of the workload and its revision. */
export function marked(manifest: JsonObject, workload: string, revision: string): JsonObject {
  const metadata = (ownValue(manifest, "metadata") ?? {}) as JsonObject;
  const labels = (ownValue(metadata, "labels") ?? {}) as JsonObject;
  const annotations = (ownValue(metadata, "annotations") ?? {}) as JsonObject;
  const marks = { [usedByAnnotation(workload)]: workload, [REVISION_ANNOTATION]: revision };
  return withKey(manifest, "metadata", {
    ...metadata,
    labels: { ...labels, [MANAGED_LABEL]: "true" },
    annotations: { ...annotations, ...marks },
  });
}

/** The workloads that use the object. */
export function usersOf(object: JsonObject): readonly string[] {
  const annotations = valueAt(object, ["metadata", "annotations"]);
  const keys = Object.keys((annotations ?? {}) as JsonObject).filter((key) => key.startsWith(USED_BY));
  return keys.flatMap((key) => textAt(annotations, key) ?? []).toSorted();
}

/** A merge patch of metadata that takes every mark off, of whichever workload. */
export function withoutAllMarks(object: JsonObject): JsonObject {
  const annotations = Object.keys((valueAt(object, ["metadata", "annotations"]) ?? {}) as JsonObject);
  const marks = annotations.filter((key) => key.startsWith(USED_BY) || key === REVISION_ANNOTATION);
  return {
    metadata: { labels: { [MANAGED_LABEL]: null }, annotations: Object.fromEntries(marks.map((key) => [key, null])) },
  };
}
