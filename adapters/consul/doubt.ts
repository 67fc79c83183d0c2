/** What a reply's headers say of what is missing from it. Pure. */
import { AUTHORITATIVE, type Evidence, suspect } from "../../src/model/evidence.ts";
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
