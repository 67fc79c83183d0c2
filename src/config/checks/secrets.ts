/** Secrets: each from one origin, and what refers to them by name refers to something. */
import type { Static } from "typebox";
import { didYouMean, orList, type Path, quoted } from "../../kernel/text.ts";
import type { GatewaySchema } from "../schema/gateways.ts";
import type { SecretSchema } from "../schema/secrets.ts";
import { type CheckContext, reportDuplicateNames, soundItems } from "./check.ts";

type Secret = Static<typeof SecretSchema>;
type Listener = Static<typeof GatewaySchema>["listeners"][number];

export function checkSecrets(context: CheckContext): void {
  const { secrets, gateways } = context.file;
  reportDuplicateNames(context, ["secrets"], secrets, "secret");
  for (const [index, secret] of soundItems(context, ["secrets"], secrets)) checkOrigin(context, ["secrets", index], secret);
  if (!context.shaped(["gateways"])) return;
  for (const [gateway, { listeners }] of gateways.entries()) {
    if (!context.shaped(["gateways", gateway])) continue;
    for (const [index, listener] of soundItems(context, ["gateways", gateway, "listeners"], listeners))
      checkListener(context, ["gateways", gateway, "listeners", index], listener);
  }
}

function checkOrigin(context: CheckContext, path: Path, secret: Secret): void {
  const { certFile, keyFile, caFile, directory, kubernetes } = secret;
  const { report } = context;
  if (certFile !== undefined && keyFile === undefined) report([...path, "certFile"], "needs keyFile beside it");
  if (keyFile !== undefined && certFile === undefined) report([...path, "keyFile"], "needs certFile beside it");
  for (const [index, client] of secret.clients.entries())
    if (Object.keys(client).length === 0)
      report([...path, "clients", index], "would be every client; name a role, gateway, namespace or cluster");
  const files = certFile !== undefined || keyFile !== undefined || caFile !== undefined;
  if (files && directory !== undefined) report([...path, "directory"], "stands alone: the folder's own files count");
  if (kubernetes !== undefined && (files || directory !== undefined))
    report([...path, "kubernetes"], "stands alone: what the Secret holds counts");
  if (!files && directory === undefined && kubernetes === undefined)
    report(path, "needs certFile and keyFile, caFile, directory, or kubernetes");
  if (kubernetes !== undefined) checkRegistry(context, [...path, "kubernetes", "registry"], kubernetes.registry);
}

function checkRegistry({ file: { registries }, shaped, report }: CheckContext, path: Path, name: string): void {
  if (!shaped(["registries"])) return;
  const found = registries.find((registry) => registry.name === name);
  const able = registries.filter(({ kind }) => kind === "kubernetes").map((registry) => registry.name);
  const known = able.length === 0 ? "there is none of kind kubernetes" : `there are ${orList(able)}`;
  if (found === undefined) report(path, `no registry is called ${quoted(name)}; ${known}`);
  else if (found.kind !== "kubernetes")
    report(path, `the registry ${quoted(name)} is of kind ${found.kind}, which has no Secrets; ${known}`);
}

function checkListener(context: CheckContext, path: Path, { protocol, tls }: Listener): void {
  const { report } = context;
  if (protocol !== "HTTPS") {
    if (tls !== undefined) report([...path, "tls"], `is for HTTPS listeners; this one is ${protocol}`);
    return;
  }
  if (tls === undefined) {
    report([...path, "protocol"], "HTTPS needs tls: { secret: NAME }");
    return;
  }
  const entries = Array.isArray(tls) ? tls : [tls];
  const taken = new Set<string>();
  for (const [index, { hosts, secret, clientCa }] of entries.entries()) {
    const at = Array.isArray(tls) ? [...path, "tls", index] : [...path, "tls"];
    checkReference(context, [...at, "secret"], secret, ({ caFile, certFile }) => caFile === undefined || certFile !== undefined);
    if (clientCa !== undefined)
      checkReference(
        context,
        [...at, "clientCa"],
        clientCa,
        ({ caFile, certFile }) => caFile !== undefined || certFile === undefined,
      );
    for (const host of hosts.length === 0 ? ["*"] : hosts.map((one) => one.toLowerCase())) {
      if (taken.has(host))
        report(
          [...at, "hosts"],
          host === "*" ? "another entry is for every other name already" : `${quoted(host)} is in another entry as well`,
        );
      taken.add(host);
    }
  }
}

/** `has`: whether it can hold the part that is meant; what a folder holds is not known here. */
function checkReference(
  { file, shaped, report }: CheckContext,
  path: Path,
  name: string,
  has: (secret: Secret) => boolean,
): void {
  if (!shaped(["secrets"])) return;
  const names = file.secrets.map((secret) => secret.name);
  const found = file.secrets.find((secret) => secret.name === name);
  if (found === undefined) {
    const known =
      names.length === 0 ? "; there are none in `secrets`" : didYouMean(name, names) || `; there are ${orList(names)}`;
    report(path, `no secret is called ${quoted(name)}${known}`);
  } else if (!has(found))
    report(path, `the secret ${quoted(name)} ${path.at(-1) === "secret" ? "has no certificate" : "has no authorities"}`);
}
