/** What every registry entry must hold beyond its schema. */
import ipaddr from "ipaddr.js";
import { type Path, quoted } from "../../kernel/text.ts";
import { NAME_PATTERN, NAME_RULE } from "../schema/common.ts";
import type { RegistryEntry } from "../schema.ts";
import { stalenessOf } from "../staleness.ts";
import { type CheckContext, reportDuplicateNames, soundItems } from "./check.ts";

export function checkRegistries(context: CheckContext): void {
  const { registries } = context.file;
  reportDuplicateNames(context, ["registries"], registries, "registry");
  for (const [index, registry] of soundItems(context, ["registries"], registries)) {
    const path = ["registries", index];
    checkNames(context, path, registry);
    for (const list of ["allow", "deny"] as const)
      checkCidrs(context, [...path, "addresses", list], registry.addresses?.[list] ?? []);
    checkStaleness(context, [...path, "staleness"], registry);
  }
}

/** They become parts of service names and of sources, where a slash would make two of one. */
function checkNames({ report }: CheckContext, path: Path, registry: RegistryEntry): void {
  const name = new RegExp(NAME_PATTERN, "u");
  for (const key of ["namespace", "cluster", "network"] as const) {
    const value = registry[key];
    if (value !== undefined && !name.test(value)) report([...path, key], `${NAME_RULE}, got ${quoted(value)}`);
  }
}

/** A later stage cannot come before an earlier one. Reported at the first that is written and too small. */
function checkStaleness({ report }: CheckContext, path: Path, registry: RegistryEntry): void {
  const limits = stalenessOf(registry);
  if (limits === undefined) return;
  const { degradeAfterMs, lastAfterMs, removeAfterMs } = limits;
  if (lastAfterMs <= degradeAfterMs) report([...path, "lastAfter"], "must be longer than degradeAfter (1h by default)");
  else if (removeAfterMs <= lastAfterMs) report([...path, "removeAfter"], "must be longer than lastAfter (24h by default)");
}

function checkCidrs({ report }: CheckContext, path: Path, cidrs: readonly string[]): void {
  for (const [index, cidr] of cidrs.entries())
    if (!ipaddr.isValidCIDR(cidr))
      report([...path, index], `must be a range such as 10.0.0.0/8 or fd00::/8, got ${quoted(cidr)}`);
}
