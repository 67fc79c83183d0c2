/** Dual stack: IPv4 and IPv6 slices name the same Pods, and a Pod must not get twice the load for it. */
import { compareText } from "../../../src/kernel/compare.ts";
import { compareReadiness } from "./conditions.ts";
import type { Copy, Family, FamilyPreference } from "./types.ts";

/**
 * One copy a Pod; with `both`, one for each family it has, those of IPv6 as `<pod>/ipv6`. Of several addresses of one family
 * (a Pod of a StatefulSet that came back under its name) the readiest counts.
 * Endpoints that are no Pods have nothing in common but their family, so all are of the preferred one as long as any is.
 * Ids of the result are unique; its order is that of ids.
 */
export function chooseFamilies(copies: readonly Copy[], preference: FamilyPreference): readonly Copy[] {
  const byPod = new Map<string, Copy[]>();
  const others: Copy[] = [];
  for (const copy of copies) {
    const { podName } = copy.endpoint;
    const ofPod = podName === undefined ? others : byPod.get(podName);
    if (ofPod !== undefined) ofPod.push(copy);
    else if (podName !== undefined) byPod.set(podName, [copy]);
  }
  const chosen = [...byPod.values()].flatMap((ofPod) => copiesOfPod(ofPod, preference));
  const used = preference !== "both" && others.some(({ family }) => family === preference) ? [preference] : FAMILIES;
  return withUniqueIds([...chosen, ...others.filter(({ family }) => used.includes(family))]);
}

const FAMILIES: readonly Family[] = ["ipv4", "ipv6"];

function copiesOfPod(copies: readonly Copy[], preference: FamilyPreference): readonly Copy[] {
  const [ipv4, ipv6] = FAMILIES.map((family) => readiest(copies.filter((copy) => copy.family === family)));
  if (preference === "both") {
    const second = ipv6 === undefined ? [] : [{ ...ipv6, id: `${ipv6.id}/ipv6` }];
    return ipv4 === undefined ? second : [ipv4, ...second];
  }
  const one = preference === "ipv4" ? (ipv4 ?? ipv6) : (ipv6 ?? ipv4);
  return one === undefined ? [] : [one];
}

function readiest(copies: readonly Copy[]): Copy | undefined {
  const order = (a: Copy, b: Copy) =>
    compareReadiness(a.standing, b.standing) || compareText(a.endpoint.address, b.endpoint.address);
  return [...copies].sort(order)[0];
}

/**
 * A Pod may be called like an address (digits and dots are a valid name), and an address may stand under both families: the
 * later one, Pods being first, gives way. Each suffix is tried from where the last of its kind ended.
 */
function withUniqueIds(copies: readonly Copy[]): readonly Copy[] {
  const ordered = copies.map((copy) => ({ copy, key: sortKey(copy) })).sort((a, b) => compareText(a.key, b.key));
  const taken = new Set<string>();
  const last = new Map<string, number>();
  const unique = ordered.map(({ copy }) => {
    let id = copy.id;
    for (let count = last.get(copy.id) ?? 2; taken.has(id); count++) {
      id = `${copy.id}~${count}`;
      last.set(copy.id, count + 1);
    }
    taken.add(id);
    return id === copy.id ? copy : { ...copy, id };
  });
  return unique.sort((a, b) => compareText(a.id, b.id));
}

function sortKey({ id, family, endpoint, ports }: Copy): string {
  const numbers = [...ports].sort(([a], [b]) => compareText(a, b));
  return JSON.stringify([endpoint.podName === undefined ? 1 : 0, id, family, endpoint.address, numbers]);
}
