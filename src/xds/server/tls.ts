/**
 * TLS of the xDS port. The files are read again when they change; a pair that does not fit together (a rotation that is
 * half written) is refused and the last good one stays, so no handshake is ever lost to a rotation. This is why grpc-js's
 * own file watcher is not used: it drops every new connection in that state.
 */
import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import { experimental, type ServerCredentials } from "@grpc/grpc-js";
import type { Clock } from "../../kernel/clock.ts";
import { reasonOf } from "../../kernel/errors.ts";
import type { Log } from "../../kernel/log.ts";
import { watchFiles } from "../../kernel/watch-files.ts";
import { fail } from "../../model/errors.ts";

export interface TlsFiles {
  readonly certFile: string;
  readonly keyFile: string;
  /** With it, clients must show a certificate of this CA. */
  readonly clientCaFile: string | undefined;
}

type CertificateProvider = Parameters<typeof experimental.createCertificateProviderServerCredentials>[0];
type IdentityListener = Parameters<CertificateProvider["addIdentityCertificateListener"]>[0];
type CaListener = Parameters<CertificateProvider["addCaCertificateListener"]>[0];

interface Material {
  readonly certificate: Buffer;
  readonly privateKey: Buffer;
  readonly caCertificate: Buffer | undefined;
}

export interface TlsEnv {
  readonly signal: AbortSignal;
  readonly clock: Clock;
  readonly log: Log;
}

/** Credentials that follow the files until the signal aborts. Throws MB_TLS_INVALID when the first pair is unusable. */
export async function serverCredentials(files: TlsFiles, env: TlsEnv): Promise<ServerCredentials> {
  let material: Material;
  try {
    material = await readMaterial(files);
  } catch (error) {
    throw fail("MB_TLS_INVALID", { purpose: "the xDS port", reason: reasonOf(error) }, { cause: error });
  }
  const provider = createProvider(material);
  void follow(files, provider, env);
  const { createCertificateProviderServerCredentials } = experimental;
  const ca = files.clientCaFile === undefined ? null : provider;
  return createCertificateProviderServerCredentials(...order(provider, ca), files.clientCaFile !== undefined);
}

/** grpc-js 1.14 declares (ca, identity) and uses (identity, ca); the order here is the one it uses. */
function order(identity: CertificateProvider, ca: CertificateProvider | null) {
  return [identity, ca] as unknown as [CertificateProvider, CertificateProvider];
}

async function follow(
  { certFile, keyFile, clientCaFile }: TlsFiles,
  provider: Provider,
  { signal, clock, log }: TlsEnv,
): Promise<void> {
  const paths = [certFile, keyFile, ...(clientCaFile === undefined ? [] : [clientCaFile])];
  for await (const _ of watchFiles(() => paths, { signal, clock })) {
    try {
      if (provider.update(await readMaterial({ certFile, keyFile, clientCaFile })))
        log.info({ certFile }, "xds certificate replaced");
    } catch (error) {
      log.warn({ certFile, keyFile, reason: reasonOf(error) }, "xds certificate not usable; the last good one stays");
    }
  }
}

/** Reads and checks: PEM, and the key belongs to the certificate. */
async function readMaterial({ certFile, keyFile, clientCaFile }: TlsFiles): Promise<Material> {
  const [certificate, privateKey] = await Promise.all([readFile(certFile), readFile(keyFile)]);
  if (!new X509Certificate(certificate).checkPrivateKey(createPrivateKey(privateKey))) {
    throw new Error(`the key in ${keyFile} does not belong to the certificate in ${certFile}`);
  }
  const caCertificate = clientCaFile === undefined ? undefined : await readFile(clientCaFile);
  if (caCertificate !== undefined) new X509Certificate(caCertificate);
  return { certificate, privateKey, caCertificate };
}

interface Provider extends CertificateProvider {
  /** Returns whether anything differs. */
  update(material: Material): boolean;
}

function createProvider(initial: Material): Provider {
  let material = initial;
  const identityListeners = new Set<IdentityListener>();
  const caListeners = new Set<CaListener>();
  const tellIdentity = (listener: IdentityListener) =>
    listener({ certificate: material.certificate, privateKey: material.privateKey });
  const tellCa = (listener: CaListener) =>
    listener(material.caCertificate === undefined ? null : { caCertificate: material.caCertificate });
  return {
    // Told a moment later: grpc-js adds its listener before it has registered whom to pass the certificate on to.
    addIdentityCertificateListener(listener) {
      identityListeners.add(listener);
      queueMicrotask(() => tellIdentity(listener));
    },
    removeIdentityCertificateListener: (listener) => identityListeners.delete(listener),
    addCaCertificateListener(listener) {
      caListeners.add(listener);
      queueMicrotask(() => tellCa(listener));
    },
    removeCaCertificateListener: (listener) => caListeners.delete(listener),
    update(next) {
      const same = Buffer.concat(Object.values(next).filter(Buffer.isBuffer)).equals(
        Buffer.concat(Object.values(material).filter(Buffer.isBuffer)),
      );
      if (same) return false;
      material = next;
      for (const listener of identityListeners) tellIdentity(listener);
      for (const listener of caListeners) tellCa(listener);
      return true;
    },
  };
}
