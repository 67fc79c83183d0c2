/** Whether material can be used as it is: a rotation that is half written must be seen here, not in a proxy. Pure. */
import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import type { TlsMaterial } from "../model/tls-material.ts";

/** What people may be told of a certificate. */
export interface CertificateFacts {
  readonly subject: string;
  /** As node:crypto writes it: `DNS:web.example.com, URI:spiffe://…`; empty without one. */
  readonly subjectAltName: string;
  /** Wall-clock ms since the epoch. */
  readonly notAfter: number;
}

/**
 * Throws an Error that says what is wrong, without a word of the key: certificates that do not parse or end in the middle, a
 * key that belongs to another certificate, or one that Envoy refuses (RSA below 2048 bits, curves other than P-256, P-384
 * and P-521). Returns what is to be told of the leaf; undefined when there are authorities alone.
 */
export function checkMaterial({ identity, ca }: TlsMaterial): CertificateFacts | undefined {
  if (ca !== undefined) certificatesOf(ca, "the CA file");
  if (identity === undefined) {
    if (ca === undefined) throw new Error("it holds neither a certificate nor authorities");
    return undefined;
  }
  const [leaf] = certificatesOf(identity.certificateChain, "the certificate file");
  const key = privateKeyOf(identity.privateKey);
  if (leaf === undefined || !leaf.checkPrivateKey(key)) throw new Error("the key does not belong to the certificate");
  checkKind(key);
  return { subject: leaf.subject, subjectAltName: leaf.subjectAltName ?? "", notAfter: Date.parse(leaf.validTo) };
}

const BLOCK = /-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g;

/** Every certificate of a PEM file; at least one, and none cut off. */
function certificatesOf(pem: Uint8Array, what: string): readonly X509Certificate[] {
  const text = Buffer.from(pem).toString("latin1");
  const blocks = text.match(BLOCK) ?? [];
  const begun = text.split("-----BEGIN CERTIFICATE-----").length - 1;
  if (begun === 0) throw new Error(`${what} holds no certificate in PEM`);
  if (blocks.length < begun) throw new Error(`${what} ends in the middle of a certificate`);
  return blocks.map((block, index) => {
    try {
      return new X509Certificate(block);
    } catch {
      throw new Error(`certificate ${index + 1} of ${what} cannot be read`);
    }
  });
}

function privateKeyOf(pem: Uint8Array): KeyObject {
  try {
    return createPrivateKey(Buffer.from(pem));
  } catch {
    // The library's own words may quote what it read.
    throw new Error("the key file holds no private key in PEM without a password");
  }
}

const CURVES: ReadonlySet<string | undefined> = new Set(["prime256v1", "secp384r1", "secp521r1"]);
const MIN_RSA_BITS = 2048;

function checkKind({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): void {
  const { modulusLength = 0, namedCurve } = asymmetricKeyDetails ?? {};
  if (asymmetricKeyType === "rsa" && modulusLength < MIN_RSA_BITS)
    throw new Error(`the key is RSA of ${modulusLength} bits; Envoy takes ${MIN_RSA_BITS} and more`);
  if (asymmetricKeyType === "ec" && !CURVES.has(namedCurve))
    throw new Error(`the key is on the curve ${namedCurve}; Envoy takes P-256, P-384 and P-521`);
}
