/** What to say when something asked for is not there: names that look like it, and records that were left out. */
import leven from "leven";
import type { MeshbridgeError } from "../kernel/errors.ts";
import { fail } from "../model/errors.ts";
import type { BridgeState } from "./state.ts";

const MOST_SUGGESTIONS = 3;

/** Comparing costs the product of the lengths, for every name there is. */
const LONGEST_COMPARED = 100;

/** Names close to the one asked for, the closest first. None for a name that is too long to be a slip of the hand. */
export function nearNames(name: string, known: Iterable<string>): readonly string[] {
  if (name.length > LONGEST_COMPARED) return [];
  const limit = Math.max(2, Math.floor(name.length / 3));
  return [...known]
    .filter((candidate) => candidate.includes(name) || Math.abs(candidate.length - name.length) <= limit)
    .map((candidate) => ({ candidate, distance: candidate.includes(name) ? 0 : leven(name, candidate) }))
    .filter(({ distance }) => distance <= limit)
    .sort((a, b) => a.distance - b.distance || (a.candidate < b.candidate ? -1 : 1))
    .slice(0, MOST_SUGGESTIONS)
    .map(({ candidate }) => candidate);
}

export function serviceNotFound(id: string, state: BridgeState): MeshbridgeError {
  const near = nearNames(id, state.catalog().services.keys());
  const rejected = state.rejected().filter(({ service }) => service === id);
  const name = id.slice(0, 200);
  if (rejected.length > 0) {
    const reason = `${rejected[0]?.record}: ${rejected[0]?.reason}`;
    return fail("MB_SERVICE_REJECTED", { name, count: rejected.length, reason });
  }
  const list = near.length > 0 ? `GET /v1/services; did you mean ${near.join(" or ")}?` : "GET /v1/services";
  return fail("MB_NOT_FOUND", { what: "service", name, list });
}
