/**
 * Certificates and authorities as SDS resources, and how other resources refer to them by name over the same aggregated
 * stream. The certificate of a secret `x` is the resource `x`, its authorities are `x/ca`. Pure.
 */
import { CertificateValidationContext, TlsCertificate } from "../../gen/envoy/extensions/transport_sockets/tls/v3/common.ts";
import { type SdsSecretConfig, Secret } from "../../gen/envoy/extensions/transport_sockets/tls/v3/secret.ts";
import type { TlsMaterial } from "../../model/tls-material.ts";
import { makeResource } from "../resource.ts";
import { type Resource, type ResourceRef, TYPE_URL } from "../types.ts";
import { adsSource } from "./common.ts";

/** The resource that holds a secret's authorities. Names of secrets have no slash. */
export function caResourceName(secret: string): string {
  return `${secret}/ca`;
}

/** For `tlsCertificateSdsSecretConfigs` and `validationContextSdsSecretConfig`; put `secretRef` of it into the resource's refs. */
export function sdsSecretConfig(resourceName: string): SdsSecretConfig {
  return { name: resourceName, sdsConfig: adsSource() };
}

/** What a resource that uses a secret by SDS must have in its `refs`: Envoy waits for the secret after each of its changes. */
export function secretRef(resourceName: string): ResourceRef {
  return { typeUrl: TYPE_URL.secret, name: resourceName };
}

/**
 * The resources of one secret. Their versions are hashes of the certificates alone, which everybody who connects sees: not
 * even a hash of a private key goes into logs and recordings.
 */
export function secretResources(name: string, { identity, ca }: TlsMaterial): readonly Resource[] {
  const resources: Resource[] = [];
  if (identity !== undefined) {
    const { certificateChain, privateKey } = identity;
    const certificate = TlsCertificate.fromPartial({
      certificateChain: inline(certificateChain),
      privateKey: inline(privateKey),
    });
    const secret = Secret.fromPartial({ name, type: { $case: "tlsCertificate", value: certificate } });
    resources.push(secretResource(name, secret, certificateChain));
  }
  if (ca !== undefined) {
    const context = CertificateValidationContext.fromPartial({ trustedCa: inline(ca) });
    const caName = caResourceName(name);
    const secret = Secret.fromPartial({ name: caName, type: { $case: "validationContext", value: context } });
    resources.push(secretResource(caName, secret, ca));
  }
  return resources;
}

function inline(bytes: Uint8Array) {
  return { specifier: { $case: "inlineBytes" as const, value: bytes } };
}

function secretResource(name: string, secret: Secret, visible: Uint8Array): Resource {
  const { version } = makeResource(TYPE_URL.secret, name, visible);
  return { ...makeResource(TYPE_URL.secret, name, Secret.encode(secret).finish()), version };
}
