/** The secrets of the configuration as xDS resources: follows their origins and encodes each content once. */
import type { ResolvedConfig, ResolvedSecret } from "../config/resolved.ts";
import type { Clock } from "../kernel/clock.ts";
import type { Log } from "../kernel/log.ts";
import type { TlsMaterial } from "../model/tls-material.ts";
import { type Client, isGatewayRole } from "../routing/client.ts";
import { followFiles } from "../secrets/files.ts";
import { createSecrets, type SecretStatus } from "../secrets/store.ts";
import type { SecretClient, SecretOrigin, SecretSpec } from "../secrets/types.ts";
import type { SecretSource } from "../xds/secret-source.ts";
import { caResourceName, secretResources } from "../xds/translate/secrets.ts";
import type { Resource } from "../xds/types.ts";

export interface SecretsHost {
  readonly source: SecretSource;
  configure(config: ResolvedConfig): void;
  /** Sorted by name. */
  statuses(): readonly SecretStatus[];
  stop(): void;
}

export interface SecretsHostEnv {
  readonly clock: Clock;
  readonly log: Log;
  /** Uniform in [0, 1), for jitter. */
  readonly random: () => number;
  onSecretReload(name: string, ok: boolean): void;
}

/** `onChange`: the source gives something else from now on. */
export function createSecretsHost(env: SecretsHostEnv, onChange: () => void): SecretsHost {
  const { clock, log } = env;
  const secrets = createSecrets({
    clock,
    log,
    follow: ({ origin }, signal) =>
      origin.kind === "elsewhere" ? origin.follow(signal) : followFiles(origin, { signal, clock }),
    onChange,
    onReload: env.onSecretReload,
  });
  const encoded = new WeakMap<TlsMaterial, readonly Resource[]>();
  const resourcesOf = (name: string, material: TlsMaterial): readonly Resource[] => {
    const known = encoded.get(material) ?? secretResources(name, material);
    encoded.set(material, known);
    return known;
  };

  return {
    source: {
      get(resourceName) {
        const [name = ""] = resourceName.split("/");
        const material = secrets.material(name);
        if (material !== undefined) return resourcesOf(name, material).find((one) => one.name === resourceName);
        return secrets.specs().some((spec) => spec.name === name) ? "pending" : undefined;
      },
      allowed: (client) =>
        secrets
          .specs()
          .filter(({ clients }) => clients.some((allowed) => isClient(client, allowed)))
          .flatMap(({ name }) => [name, caResourceName(name)]),
    },
    configure: (config) => secrets.configure(config.secrets.map((secret) => specOf(secret, config, env))),
    statuses: () => secrets.statuses(),
    stop: () => secrets.stop(),
  };
}

/** A client has a namespace of its own only where its view has. */
function isClient(client: Client, allowed: SecretClient): boolean {
  const { role, gateway, namespace, cluster } = allowed;
  return (
    (role === undefined || role === client.role) &&
    (gateway === undefined || (isGatewayRole(client.role) && gateway === client.gateway)) &&
    (namespace === undefined || (client.role === "sidecar" && namespace === client.namespace)) &&
    (cluster === undefined || cluster === client.cluster)
  );
}

function specOf(secret: ResolvedSecret, config: ResolvedConfig, env: SecretsHostEnv): SecretSpec {
  const clients = secret.clients.map(({ role, gateway, namespace, cluster }) => ({ role, gateway, namespace, cluster }));
  return { name: secret.name, origin: originOf(secret, config, env), clients };
}

function originOf(secret: ResolvedSecret, { registries, baseDir }: ResolvedConfig, env: SecretsHostEnv): SecretOrigin {
  const { name, directory, kubernetes, certFile, keyFile, caFile } = secret;
  if (kubernetes === undefined)
    return directory === undefined ? { kind: "files", certFile, keyFile, caFile } : { kind: "directory", path: directory };
  const registry = registries.find((one) => one.name === kubernetes.registry);
  const { namespace, secret: object, cluster } = kubernetes;
  return {
    kind: "elsewhere",
    key: JSON.stringify([kubernetes, registry?.config, registry?.settings, baseDir]),
    async *follow(signal) {
      const { clock, random } = env;
      const log = env.log.child({ secret: name });
      const settings = registry?.settings;
      if (registry?.adapter.watchSecret === undefined || settings === undefined)
        return yield { reason: `the registry ${kubernetes.registry} has no Secrets` };
      const context = { name: registry.name, settings, baseDir, signal, log, clock, random };
      const request = { cluster, namespace, name: object };
      for await (const content of registry.adapter.watchSecret(registry.config, request, context))
        yield "reason" in content ? content : { material: materialOf(content.data) };
    },
  };
}

/** The keys of a Secret of type kubernetes.io/tls; cert-manager leaves `ca.crt` empty where it knows no authority. */
function materialOf(data: ReadonlyMap<string, Uint8Array>): TlsMaterial {
  const [certificateChain, privateKey, ca] = ["tls.crt", "tls.key", "ca.crt"].map((key) => data.get(key));
  const whole = certificateChain !== undefined && privateKey !== undefined;
  return { identity: whole ? { certificateChain, privateKey } : undefined, ca: ca?.length === 0 ? undefined : ca };
}
