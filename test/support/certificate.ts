/** Certificates made on the spot: no key lies in the repository, and no other program is needed. */
import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, randomBytes, sign } from "node:crypto";
import { isIPv4 } from "node:net";

export interface KeyPair {
  /** PEM. */
  readonly cert: string;
  /** PEM, PKCS #8. */
  readonly key: string;
}

const SEQUENCE = 0x30;
const SET = 0x31;
const INTEGER = 0x02;
const BIT_STRING = 0x03;
const OCTET_STRING = 0x04;
const NULL = 0x05;
const OID = 0x06;
const UTF8 = 0x0c;
const UTC_TIME = 0x17;
const EXPLICIT_0 = 0xa0;
const EXPLICIT_3 = 0xa3;
const BOOLEAN = 0x01;
const DNS_NAME = 0x82;
const URI = 0x86;
const IP_ADDRESS = 0x87;

/** DER of the identifiers used (RFC 5280, RFC 5758). */
const ECDSA_WITH_SHA256 = der(SEQUENCE, der(OID, Buffer.from("2a8648ce3d040302", "hex")));
const RSA_WITH_SHA256 = der(SEQUENCE, der(OID, Buffer.from("2a864886f70d01010b", "hex")), der(NULL));
const COMMON_NAME = Buffer.from("550403", "hex");
const SUBJECT_ALT_NAME = Buffer.from("551d11", "hex");
const BASIC_CONSTRAINTS = Buffer.from("551d13", "hex");

/** A certificate for one name, signed with its own key. */
export function selfSigned(host: string): KeyPair {
  return issue({ names: [host] });
}

export interface Authority extends KeyPair {
  readonly commonName: string;
}

/** An authority that may sign others, itself signed with its own key. */
export function authority(commonName: string): Authority {
  return { commonName, ...issue({ names: [commonName], ca: true }) };
}

export interface IssueOptions {
  /** Subject alternative names: DNS names, IPv4 addresses, or URIs. The first one is the common name too. */
  readonly names: readonly string[];
  /** Default: the certificate's own key signs it. */
  readonly by?: Authority;
  readonly ca?: boolean;
  /** Default: a new one on P-256. */
  readonly key?: KeyObject;
  /** Days from now until it ends; default 30. */
  readonly days?: number;
}

/** An X.509 certificate, by default with ECDSA on P-256, valid from the day before yesterday (RFC 5280, version 3). */
export function issue({ names, by, ca = false, days = 30, key }: IssueOptions): KeyPair {
  const privateKey = key ?? generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
  const publicKey = createPublicKey(privateKey);
  const algorithm = by === undefined && privateKey.asymmetricKeyType === "rsa" ? RSA_WITH_SHA256 : ECDSA_WITH_SHA256;
  const name = distinguished(names[0] ?? "");
  const issuer = by === undefined ? name : distinguished(by.commonName);
  const day = 24 * 3600 * 1000;
  const validity = der(SEQUENCE, utcTime(Date.now() - 2 * day), utcTime(Date.now() + days * day));
  const altName = der(SEQUENCE, der(OID, SUBJECT_ALT_NAME), der(OCTET_STRING, der(SEQUENCE, ...names.map(altNameOf))));
  const constraints = der(
    SEQUENCE,
    der(OID, BASIC_CONSTRAINTS),
    der(BOOLEAN, TRUE),
    der(OCTET_STRING, der(SEQUENCE, der(BOOLEAN, TRUE))),
  );
  const body = der(
    SEQUENCE,
    der(EXPLICIT_0, der(INTEGER, Buffer.from([2]))),
    der(INTEGER, serialNumber()),
    algorithm,
    issuer,
    validity,
    name,
    publicKey.export({ type: "spki", format: "der" }),
    der(EXPLICIT_3, der(SEQUENCE, altName, ...(ca ? [constraints] : []))),
  );
  const signature = der(
    BIT_STRING,
    Buffer.from([0]),
    sign("sha256", body, by === undefined ? privateKey : createPrivateKey(by.key)),
  );
  return {
    cert: pem("CERTIFICATE", der(SEQUENCE, body, algorithm, signature)),
    key: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
  };
}

const TRUE = Buffer.from([0xff]);

function distinguished(commonName: string): Buffer {
  return der(SEQUENCE, der(SET, der(SEQUENCE, der(OID, COMMON_NAME), der(UTF8, Buffer.from(commonName)))));
}

/** Positive: the first bit is the sign. */
function serialNumber(): Buffer {
  return Buffer.concat([Buffer.from([1]), randomBytes(8)]);
}

function altNameOf(host: string): Buffer {
  if (host.includes("://")) return der(URI, Buffer.from(host));
  return isIPv4(host) ? der(IP_ADDRESS, Buffer.from(host.split(".").map(Number))) : der(DNS_NAME, Buffer.from(host));
}

/** One DER element: tag, length, content. */
function der(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(parts);
  if (content.length < 0x80) return Buffer.concat([Buffer.from([tag, content.length]), content]);
  // DER has one way to write a length, the shortest, and Go refuses the others.
  if (content.length < 0x100) return Buffer.concat([Buffer.from([tag, 0x81, content.length]), content]);
  const size = Buffer.alloc(2);
  size.writeUInt16BE(content.length);
  return Buffer.concat([Buffer.from([tag, 0x82]), size, content]);
}

function utcTime(ms: number): Buffer {
  const text = new Date(ms).toISOString().replace(/[-:T]/g, "").slice(2, 14);
  return der(UTC_TIME, Buffer.from(`${text}Z`));
}

function pem(label: string, content: Buffer): string {
  const lines = content.toString("base64").match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join("\n")}\n-----END ${label}-----\n`;
}
