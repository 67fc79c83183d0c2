/** What a reply's headers say of what is missing from it. Pure. */
import { AUTHORITATIVE, type Evidence, type SuspectReason, suspect } from "../../src/model/evidence.ts";
import type { Reply } from "./client.ts";

/** Suspect when the token's rights trimmed the reply, when no leader is known, or when it is older than the bound. */
export function evidenceOf(
  reply: Pick<Reply, "filteredByAcls" | "knownLeader" | "lastContactMs">,
  maxStalenessMs: number,
): Evidence {
  if (reply.filteredByAcls) return suspect("acl-filtered");
  if (!reply.knownLeader) return suspect("no-leader");
  if (reply.lastContactMs > maxStalenessMs) return suspect("stale-read");
  return AUTHORITATIVE;
}

const WORST_FIRST: readonly SuspectReason[] = ["index-went-back", "acl-filtered", "no-leader", "stale-read"];

/** The doubt that weighs most; authoritative when there is none. */
export function worst(all: Iterable<Evidence>): Evidence {
  let found: Evidence = AUTHORITATIVE;
  const rank = ({ reason }: { reason: SuspectReason }) => {
    const at = WORST_FIRST.indexOf(reason);
    return at === -1 ? WORST_FIRST.length : at;
  };
  for (const evidence of all)
    if (evidence.kind === "suspect" && (found.kind === "authoritative" || rank(evidence) < rank(found))) found = evidence;
  return found;
}
