/**
 * Which kubeconfigs are believed. A kubeconfig may name programs to run, files to read and servers not to verify, so one
 * that comes from elsewhere is looked at before anything is done with it, and made anew from the fields that are known to
 * be harmless (Istio's `sanitizeKubeConfig` does the same): what is looked at is what is used, whichever parser reads it. Pure.
 */
import { parse } from "yaml";
import { reasonOf } from "../kernel/errors.ts";
import { fail } from "../model/errors.ts";

/** What is refused unless the settings allow it by name. */
export const RISKS = ["exec", "auth-provider", "insecure-skip-tls-verify", "http", "files"] as const;
export type Risk = (typeof RISKS)[number];

/** Kept as they are when they are text. */
const CLUSTER_FIELDS = ["certificate-authority-data", "tls-server-name"] as const;
const USER_FIELDS = ["token", "client-certificate-data", "client-key-data", "as"] as const;
const CLUSTER_FILES = ["certificate-authority"] as const;
const USER_FILES = ["client-certificate", "client-key", "tokenFile"] as const;
/** What other clients know and this one does not: ignoring it would connect in another way than is meant. */
const UNSUPPORTED = {
  cluster: ["proxy-url"],
  user: ["username", "password", "as-uid", "as-groups", "as-user-extra"],
} as const;

/** One context of a kubeconfig, chosen and found harmless. */
export interface ChosenContext {
  /** Name of the context in the file. */
  readonly context: string;
  readonly server: string;
  /** File of the token, as it is written; undefined: none. */
  readonly tokenFile: string | undefined;
  /** A kubeconfig, as JSON, of this context alone and of allowed fields alone. Holds credentials. */
  readonly kubeconfig: string;
}

export interface KubeconfigOptions {
  /** For errors: the file or Secret it came from. */
  readonly origin: string;
  /** Undefined: the file's current context, or its only one. */
  readonly context: string | undefined;
  readonly allow: readonly Risk[];
  /** False for text that did not come from this machine's files: paths in it then mean nothing. */
  readonly local: boolean;
}

type Mapping = Readonly<Record<string, unknown>>;

/** Throws MB_KUBECONFIG_INVALID, naming the origin, the context and the field. */
export function chooseContext(text: string, options: KubeconfigOptions): ChosenContext {
  const refuse = (field: string, reason: string): never => {
    throw fail("MB_KUBECONFIG_INVALID", { origin: options.origin, field, reason });
  };
  const config = readMapping(text, refuse);
  const contexts = named(config["contexts"]);
  const current = config["current-context"];
  const wanted = options.context ?? (isText(current) ? current : contexts.length === 1 ? contexts[0]?.name : undefined);
  if (wanted === undefined) return refuse("current-context", "no context is named");
  const context = contexts.find(({ name }) => name === wanted);
  if (context === undefined) return refuse("contexts", `there is no context ${wanted.slice(0, 100)}`);
  const { cluster: clusterName, user: userName } = mapping(context.value["context"]);
  const cluster = mapping(named(config["clusters"]).find(({ name }) => name === clusterName)?.value["cluster"]);
  const user = mapping(named(config["users"]).find(({ name }) => name === userName)?.value["user"]);
  const { server } = cluster;
  const at = (field: string) => `${field} of context ${wanted.slice(0, 100)}`;
  if (!isText(server) || !isServer(server)) return refuse(at("cluster.server"), "it is no URL of a server");
  const unsupported = [
    ...UNSUPPORTED.cluster.filter((field) => cluster[field] !== undefined).map((field) => `cluster.${field}`),
    ...UNSUPPORTED.user.filter((field) => user[field] !== undefined).map((field) => `user.${field}`),
  ];
  if (unsupported[0] !== undefined) return refuse(at(unsupported[0]), "it is not supported");
  for (const { risk, field, found } of risksOf(cluster, user, server)) {
    if (!found || options.allow.includes(risk)) continue;
    if (risk === "files" && options.local) continue;
    refuse(at(field), `it is refused unless \`allow: [${risk}]\` is set`);
  }
  const { tokenFile } = user;
  return {
    context: wanted,
    server,
    tokenFile: isText(tokenFile) && user["token"] === undefined ? tokenFile : undefined,
    kubeconfig: rebuild(wanted, cluster, user),
  };
}

/** The context made anew; what is risky has been allowed before. `tokenFile` is left to the caller, who reads it. */
function rebuild(name: string, cluster: Mapping, user: Mapping): string {
  return JSON.stringify({
    apiVersion: "v1",
    kind: "Config",
    "current-context": name,
    contexts: [{ name, context: { cluster: name, user: name } }],
    clusters: [
      {
        name,
        cluster: {
          server: cluster["server"],
          ...(cluster["insecure-skip-tls-verify"] === true && { "insecure-skip-tls-verify": true }),
          ...texts(cluster, [...CLUSTER_FIELDS, ...CLUSTER_FILES]),
        },
      },
    ],
    users: [
      {
        name,
        user: {
          ...texts(user, [...USER_FIELDS, ...USER_FILES.filter((field) => field !== "tokenFile")]),
          ...(user["exec"] !== undefined && { exec: user["exec"] }),
          ...(user["auth-provider"] !== undefined && { "auth-provider": user["auth-provider"] }),
        },
      },
    ],
  });
}

function texts(from: Mapping, fields: readonly string[]): Mapping {
  return Object.fromEntries(fields.flatMap((field) => (isText(from[field]) ? [[field, from[field]]] : [])));
}

/** Only the two schemes there are: what else a URL may name is no API server. */
function isServer(server: string): boolean {
  const url = URL.parse(server);
  return url !== null && ["https:", "http:"].includes(url.protocol) && url.username === "" && url.password === "";
}

function risksOf(cluster: Mapping, user: Mapping, server: string) {
  const file =
    CLUSTER_FILES.map((name) => ({ name: `cluster.${name}`, value: cluster[name] })).find(({ value }) => isText(value)) ??
    USER_FILES.map((name) => ({ name: `user.${name}`, value: user[name] })).find(({ value }) => isText(value));
  return [
    { risk: "exec", field: "user.exec", found: user["exec"] !== undefined },
    { risk: "auth-provider", field: "user.auth-provider", found: user["auth-provider"] !== undefined },
    {
      risk: "insecure-skip-tls-verify",
      field: "cluster.insecure-skip-tls-verify",
      found: cluster["insecure-skip-tls-verify"] === true,
    },
    { risk: "http", field: "cluster.server", found: URL.parse(server)?.protocol !== "https:" },
    { risk: "files", field: file?.name ?? "", found: file !== undefined },
  ] as const;
}

function readMapping(text: string, refuse: (field: string, reason: string) => never): Mapping {
  let value: unknown;
  try {
    value = parse(text, { maxAliasCount: 0 });
  } catch (error) {
    // Only where it is, not what: the parser quotes the text, which holds credentials.
    return refuse("the whole", `it is no YAML${positionOf(reasonOf(error))}`);
  }
  return isMapping(value) ? value : refuse("the whole", "it is no mapping");
}

function positionOf(message: string): string {
  const found = /at line \d+, column \d+/.exec(message);
  return found === null ? "" : ` ${found[0]}`;
}

function named(value: unknown): readonly { readonly name: string; readonly value: Mapping }[] {
  if (!Array.isArray(value)) return [];
  return value.filter(isMapping).flatMap((entry) => (isText(entry["name"]) ? [{ name: entry["name"], value: entry }] : []));
}

function mapping(value: unknown): Mapping {
  return isMapping(value) ? value : {};
}

function isMapping(value: unknown): value is Mapping {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value !== "";
}
