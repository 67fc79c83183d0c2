/** The commonest request by far, read without decoding: a delta ACK says its type and its nonce, and nothing else. */

const TYPE_URL_FIELD = 2;
const NONCE_FIELD = 6;
const LENGTH_DELIMITED = 2;

export interface Ack {
  readonly typeUrl: string;
  readonly nonce: string;
}

/**
 * The ACK in an encoded DeltaDiscoveryRequest (field numbers of discovery.proto). Undefined for every request that
 * says anything else, or in another way: those are for the real decoder.
 */
export function readAck(bytes: Buffer): Ack | undefined {
  let typeUrl = "";
  let nonce = "";
  let at = 0;
  while (at < bytes.length) {
    const tag = bytes[at] ?? 0;
    const length = bytes[at + 1] ?? 0x80;
    const end = at + 2 + length;
    if ((tag & 7) !== LENGTH_DELIMITED || length >= 0x80 || end > bytes.length) return undefined;
    if (tag >> 3 === TYPE_URL_FIELD) typeUrl = bytes.toString("utf8", at + 2, end);
    else if (tag >> 3 === NONCE_FIELD) nonce = bytes.toString("utf8", at + 2, end);
    else return undefined;
    at = end;
  }
  return nonce === "" ? undefined : { typeUrl, nonce };
}
