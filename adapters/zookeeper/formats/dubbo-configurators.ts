/** Dubbo's `override://` rules: what an operator has set for providers at run time. Pure. */
import type { DubboUrl } from "./dubbo-url.ts";

/** What the rules make of one provider. */
export interface Overridden {
  readonly weight: number | undefined;
  /** Undefined: no rule speaks of it. */
  readonly disabled: boolean | undefined;
}

/** A provider, as far as rules look at it. */
export interface Provider {
  readonly host: string;
  readonly port: number;
  readonly group: string;
  readonly version: string;
  readonly application: string;
  /** Of its URL: rules may ask for any of them. */
  readonly parameters: ReadonlyMap<string, string>;
}

const ANY_HOSTS = new Set(["0.0.0.0", "anyhost", "*"]);

/**
 * All rules that match, the more specific ones later: a rule for one address wins over one for all (Dubbo's
 * `Configurator.compareTo`), then the one with the higher `priority`. `absent://` sets only what nobody has set.
 */
export function applyConfigurators(rules: readonly DubboUrl[], provider: Provider, own: number | undefined): Overridden {
  let weight = own;
  let disabled: boolean | undefined;
  const ordered = rules.filter((rule) => matches(rule, provider)).sort((a, b) => specificity(a) - specificity(b));
  for (const { protocol, parameters } of ordered) {
    const given = parameters.get("weight") ?? "";
    if (/^\d{1,9}$/.test(given) && (protocol === "override" || weight === undefined)) weight = Number(given);
    const off = parameters.get("disabled");
    if (off !== undefined) disabled = off === "true";
  }
  return { weight, disabled };
}

function matches({ protocol, host, port, parameters }: DubboUrl, provider: Provider): boolean {
  if (protocol !== "override" && protocol !== "absent") return false;
  if (parameters.get("enabled") === "false") return false;
  // Rules for consumers say so; what is left is for providers.
  if (parameters.get("side") === "consumer") return false;
  return (
    isFor(provider, host, port) &&
    hasConditions(parameters, provider.parameters) &&
    fits(parameters.get("group"), provider.group) &&
    fits(parameters.get("version"), provider.version) &&
    fits(parameters.get("application"), provider.application)
  );
}

/**
 * A rule with a port names a provider. One without is for all, or else its host is a consumer's, which providers ignore
 * (`AbstractConfigurator.configureDeprecated`).
 */
function isFor(provider: Provider, host: string, port = 0): boolean {
  return port === 0 ? ANY_HOSTS.has(host) : port === provider.port && (ANY_HOSTS.has(host) || host === provider.host);
}

/** Parameters that begin with `~` say what the provider's must be (`AbstractConfigurator.isDeprecatedConditionMatch`). */
function hasConditions(rule: ReadonlyMap<string, string>, provider: ReadonlyMap<string, string>): boolean {
  return [...rule].every(([key, value]) => !key.startsWith("~") || value === "*" || provider.get(key.slice(1)) === value);
}

function fits(wanted: string | undefined, is: string): boolean {
  return wanted === undefined || wanted === "" || wanted === "*" || wanted === is;
}

function specificity({ host, parameters }: DubboUrl): number {
  const priority = Number(parameters.get("priority") ?? 0);
  return (ANY_HOSTS.has(host) ? 0 : 1_000_000) + (Number.isFinite(priority) ? Math.max(-1000, Math.min(1000, priority)) : 0);
}
