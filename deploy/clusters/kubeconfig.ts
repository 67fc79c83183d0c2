/** The kubeconfig of a member: where the administrator's points to, with the account's own token. */
import { readFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { parse, stringify } from "yaml";
import { reasonOf } from "../../src/kernel/errors.ts";
import { chooseContext, type Risk } from "../../src/kubernetes/kubeconfig.ts";
import { fail } from "../../src/model/errors.ts";
import { type Json, type JsonObject, listAt, textAt, valueAt } from "../json/value.ts";

/** First line of the files that are ours: only those are ever deleted. */
const HEADER = "# Written by `meshbridge deploy clusters`: holds a credential.\n";

export interface KubeconfigSource {
  readonly kubeconfig: string;
  /** Undefined: the file's current one. */
  readonly context: string | undefined;
  readonly allow: readonly Risk[];
}

/** The `cluster` part of the context, with its certificate authority in it. Rejects with MB_KUBECONFIG_INVALID. */
export async function serverOf({ kubeconfig, context, allow }: KubeconfigSource): Promise<JsonObject> {
  const invalid = (field: string, cause: unknown) =>
    fail("MB_KUBECONFIG_INVALID", { origin: kubeconfig, field, reason: reasonOf(cause) }, { cause });
  const text = await readFile(kubeconfig, "utf8").catch((cause: unknown) => {
    throw invalid("the file", cause);
  });
  const chosen = chooseContext(text, { origin: kubeconfig, context, allow, local: true });
  const cluster = listAt(JSON.parse(chosen.kubeconfig) as Json, "clusters")[0];
  const { "certificate-authority": file, ...rest } = valueAt(cluster, ["cluster"]) as JsonObject;
  if (typeof file !== "string") return rest;
  const authority = await readFile(resolve(dirname(kubeconfig), file)).catch((cause: unknown) => {
    throw invalid("cluster.certificate-authority", cause);
  });
  return { ...rest, "certificate-authority-data": authority.toString("base64") };
}

/** A kubeconfig of one context, which is the current one. Pure. */
export function memberKubeconfig(name: string, cluster: JsonObject, token: string): string {
  const config = {
    apiVersion: "v1",
    kind: "Config",
    "current-context": name,
    clusters: [{ name, cluster }],
    users: [{ name, user: { token } }],
    contexts: [{ name, context: { cluster: name, user: name } }],
  };
  return HEADER + stringify(config, { lineWidth: 0 });
}

export function isOurs(text: string): boolean {
  return text.startsWith(HEADER);
}

/** The token of the only user of a kubeconfig that is ours. Undefined for anything else. Pure. */
export function tokenIn(text: string): string | undefined {
  return isOurs(text) ? textAt(parse(text) as Json, "users", 0, "user", "token") : undefined;
}

/** The same file with another token. Pure. */
export function withToken(text: string, token: string): string {
  const config = parse(text) as Json;
  const cluster = valueAt(config, ["clusters", 0, "cluster"]) as JsonObject;
  return memberKubeconfig(textAt(config, "current-context") ?? "", cluster, token);
}
