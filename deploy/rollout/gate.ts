/**
 * Whether one cluster passes, from facts with their times. A fact that is stale, missing, from before the change, about
 * another revision or about nothing (no Pods, no gateways) never passes. Pure.
 */
import type { ClusterFacts, GateRule } from "./types.ts";

export type Verdict =
  /** Everything asked for was seen to be true; `observedAt` is the oldest of the observations. */
  | { readonly verdict: "Passing"; readonly observedAt: number }
  | { readonly verdict: "Waiting"; readonly message: string; readonly critical: boolean }
  | { readonly verdict: "Failed"; readonly message: string }
  | { readonly verdict: "Unknown"; readonly message: string };

export interface GateContext {
  readonly revision: string;
  /** When the cluster was told to change. */
  readonly startedAt: number;
  readonly now: number;
}

type Part = { readonly observedAt: number } | Exclude<Verdict, { verdict: "Passing" }>;

/** What fails wins over what is awaited, that over what is Unknown: one silent source must not hide what another saw. */
export function judgeGate(rule: GateRule, facts: ClusterFacts, context: GateContext): Verdict {
  const parts: Part[] = [judgeWorkload(rule, facts, context)];
  if (rule.registryPercent !== undefined) parts.push(judgeRegistry(rule.registryPercent, rule, facts, context));
  if (rule.proxiesAcked) parts.push(judgeProxies(rule, facts, context));
  for (const wanted of ["Failed", "Waiting", "Unknown"] as const) {
    const found = parts.find((part) => "verdict" in part && part.verdict === wanted);
    if (found !== undefined && "verdict" in found) return found;
  }
  return { verdict: "Passing", observedAt: Math.min(...parts.map((part) => ("observedAt" in part ? part.observedAt : 0))) };
}

function judgeWorkload(rule: GateRule, { workload }: ClusterFacts, context: GateContext): Part {
  const stale = staleness("the workload", workload, rule, context);
  if (workload === undefined || stale !== undefined) return unknown(stale ?? "");
  if (workload.revision !== context.revision) return waiting(`it still shows revision ${workload.revision}`);
  if (rule.workload === "applied") return workload;
  if (!workload.current) return waiting("its status is about an older generation");
  switch (workload.health) {
    case "Healthy":
      return workload;
    case "Degraded":
      return { verdict: "Failed", message: workload.message };
    case "Progressing":
      return waiting(workload.message);
    case "Unknown":
      return unknown(workload.message);
  }
}

function judgeRegistry(percent: number, rule: GateRule, { registry, workload }: ClusterFacts, context: GateContext): Part {
  const stale = staleness("the registry", registry, rule, context);
  if (registry === undefined || stale !== undefined) return unknown(stale ?? "");
  if (registry.revision !== context.revision) return waiting("the registry is read for another revision");
  const { expected, passing, critical, old } = registry;
  // A cluster that is to have no replicas has nothing to register; any other empty set proves nothing.
  const none = staleness("the workload", workload, rule, context) === undefined && workload?.desired === 0;
  if (expected === 0 && !none) return unknown("no new Pods are known that could be registered");
  const needed = Math.ceil((expected * percent) / 100);
  if (passing < needed)
    return {
      verdict: "Waiting",
      message: `${passing} of ${needed} instances are registered and passing, ${critical} are critical`,
      critical: critical > 0,
    };
  if (old > 0) return waiting(`${old} instances of replaced Pods are still registered`);
  return registry;
}

function judgeProxies(rule: GateRule, { proxies }: ClusterFacts, context: GateContext): Part {
  const stale = staleness("the proxies", proxies, rule, context);
  if (proxies === undefined || stale !== undefined) return unknown(stale ?? "");
  if (proxies.revision !== context.revision) return waiting("the proxies are read for another revision");
  if (proxies.gateways === 0) return unknown("no gateway is connected that serves it");
  if (proxies.acked < proxies.gateways) return waiting(`${proxies.acked} of ${proxies.gateways} gateways have acknowledged it`);
  return proxies;
}

/** Why a fact does not count, or undefined when it does. */
function staleness(
  what: string,
  fact: { readonly observedAt: number } | undefined,
  { freshForMs }: GateRule,
  context: GateContext,
) {
  if (fact === undefined) return `nothing is known of ${what}`;
  if (!(fact.observedAt <= context.now)) return `what is known of ${what} is from the future: the clocks differ`;
  if (context.now - fact.observedAt > freshForMs)
    return `what is known of ${what} is ${Math.round((context.now - fact.observedAt) / 1000)} s old`;
  return fact.observedAt > context.startedAt ? undefined : `what is known of ${what} is from before the change`;
}

/** Only a fresh observation says so; silence is not proof. */
export function isUnreachable({ reachable }: ClusterFacts, { freshForMs }: GateRule, now: number): boolean {
  return reachable?.value === false && reachable.observedAt <= now && now - reachable.observedAt <= freshForMs;
}

function waiting(message: string): Part {
  return { verdict: "Waiting", message, critical: false };
}

function unknown(message: string): Part {
  return { verdict: "Unknown", message };
}
