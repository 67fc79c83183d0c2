/** Texts of the configuration in which the Pod's own values are put. Pure. */
import { didYouMean, quoted } from "../../kernel/text.ts";
import type { PodIdentity } from "./identity.ts";

const PLACE = /\{([a-z]+)(?:\.([^{}]+))?\}/g;
const WORDS = ["pod", "namespace", "uid", "ip", "node", "label", "annotation", "env"];

/** Why a text is no template; undefined when it is one. */
export function templateFault(template: string): string | undefined {
  for (const [whole, word = "", key] of template.matchAll(PLACE)) {
    if (!WORDS.includes(word)) return `${quoted(whole)} stands for nothing${didYouMean(word, WORDS)}`;
    const keyed = ["label", "annotation", "env"].includes(word);
    if (keyed !== (key !== undefined)) return keyed ? `${quoted(whole)} needs a name: {${word}.NAME}` : `{${word}} has no parts`;
  }
  const rest = template.replace(PLACE, "");
  return /[{}]/.test(rest) ? `${quoted(template)} has a brace that belongs to nothing` : undefined;
}

/**
 * `{pod}`, `{namespace}`, `{uid}`, `{ip}`, `{node}`, `{label.KEY}`, `{annotation.KEY}`, `{env.NAME}`. Undefined when one of them has
 * no value: half a text would be a wrong one.
 */
export function fillTemplate(
  template: string,
  pod: PodIdentity,
  env: Readonly<Record<string, string | undefined>>,
): string | undefined {
  let missing = false;
  const text = template.replace(PLACE, (_, word: string, key: string | undefined) => {
    const value = wordOf(word, key ?? "", pod, env);
    missing ||= value === undefined || value === "";
    return value ?? "";
  });
  return missing ? undefined : text;
}

function wordOf(word: string, key: string, pod: PodIdentity, env: Readonly<Record<string, string | undefined>>) {
  const from = (map: Readonly<Record<string, string | undefined>>) => (Object.hasOwn(map, key) ? map[key] : undefined);
  switch (word) {
    case "pod":
      return pod.name;
    case "namespace":
      return pod.namespace;
    case "uid":
      return pod.uid;
    case "ip":
      return pod.ip;
    case "node":
      return pod.node;
    case "label":
      return from(pod.labels);
    case "annotation":
      return from(pod.annotations);
    default:
      return from(env);
  }
}
