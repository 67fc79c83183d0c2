/** What an API server's refusal says, from its Status object (meta/v1). Pure. */
import type { ApiRefusal } from "../../src/kubernetes/api.ts";
import type { ApiFaults } from "../../src/kubernetes/faults.ts";
import { type Json, listAt, textAt } from "../json/value.ts";
import type { FieldConflict, KindRef, KubeRefusal } from "./types.ts";

export function refusalOf({ error, status, retryAfterMs, details }: ApiRefusal): KubeRefusal {
  const conflicts = listAt(details as Json | undefined, "details", "causes").flatMap((cause): readonly FieldConflict[] => {
    if (textAt(cause, "reason") !== "FieldManagerConflict") return [];
    // conflict with "kubectl-edit" using apps/v1
    const manager = /conflict with "(.*?)"/.exec(textAt(cause, "message") ?? "")?.[1] ?? "somebody else";
    return [{ manager, path: textAt(cause, "field") ?? "" }];
  });
  return { error, status, reason: textAt(details as Json | undefined, "reason"), retryAfterMs, conflicts };
}

export function notServed({ group, kind }: KindRef, faults: ApiFaults): KubeRefusal {
  const error = faults.refused(404, `it does not serve ${kind} of ${group || "the core"}`);
  return { error, status: 404, reason: "KindNotServed", retryAfterMs: undefined, conflicts: [] };
}
