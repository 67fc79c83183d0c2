/**
 * Just enough of gRPC over HTTP/2 framing and of protobuf's wire format to receive and answer delta xDS cheaply: what the
 * load generator spends must not hide what the bridge spends. Anything else is decoded with the generated code.
 */

const GRPC_PREFIX_BYTES = 5;

/** A message with gRPC's prefix: not compressed, length (gRPC over HTTP/2, "Length-Prefixed-Message"). */
export function frame(message: Uint8Array): Buffer {
  const framed = Buffer.allocUnsafe(GRPC_PREFIX_BYTES + message.length);
  framed[0] = 0;
  framed.writeUInt32BE(message.length, 1);
  framed.set(message, GRPC_PREFIX_BYTES);
  return framed;
}

/** Cuts a byte stream into gRPC messages; `onMessage` gets each once it is whole, and its size on the stream. */
export function deframer(onMessage: (message: Buffer, bytes: number) => void): (chunk: Buffer) => void {
  let pending: Buffer = Buffer.alloc(0);
  return (chunk) => {
    pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
    while (pending.length >= GRPC_PREFIX_BYTES) {
      const end = GRPC_PREFIX_BYTES + pending.readUInt32BE(1);
      if (pending.length < end) return;
      const message = pending.subarray(GRPC_PREFIX_BYTES, end);
      pending = pending.subarray(end);
      onMessage(message, end);
    }
  };
}

/** What of a DeltaDiscoveryResponse is needed to acknowledge and compare it. */
export interface ScannedResponse {
  readonly typeUrl: string;
  readonly nonce: string;
  /** The encoded resources: first to last byte, names and versions included. */
  readonly resources: Buffer;
}

const RESOURCES = 2;
const TYPE_URL = 4;
const NONCE = 5;

/** Reads the top level of an encoded DeltaDiscoveryResponse (field numbers of discovery.proto). */
export function scanResponse(message: Buffer): ScannedResponse {
  let typeUrl = "";
  let nonce = "";
  let first = -1;
  let last = -1;
  let at = 0;
  while (at < message.length) {
    const fieldStart = at;
    const tag = readVarint(message, at);
    if ((tag.value & 7) !== 2) throw new Error(`unexpected wire type ${tag.value & 7} in a DeltaDiscoveryResponse`);
    const length = readVarint(message, tag.end);
    at = length.end + length.value;
    const field = tag.value >> 3;
    if (field === RESOURCES) {
      if (first < 0) first = fieldStart;
      last = at;
    } else if (field === TYPE_URL) typeUrl = message.toString("latin1", length.end, at);
    else if (field === NONCE) nonce = message.toString("latin1", length.end, at);
  }
  return { typeUrl, nonce, resources: first < 0 ? EMPTY : message.subarray(first, last) };
}

/** An encoded DeltaDiscoveryRequest with `type_url` (2) and `response_nonce` (6) only: an ACK. */
export function encodeAck(typeUrl: string, nonce: string): Buffer {
  return Buffer.concat([textField(2, typeUrl), textField(6, nonce)]);
}

const EMPTY = Buffer.alloc(0);

function textField(field: number, text: string): Buffer {
  const bytes = Buffer.from(text, "utf8");
  if (bytes.length > 0x7f) throw new Error("longer than one length byte can say");
  return Buffer.concat([Buffer.from([(field << 3) | 2, bytes.length]), bytes]);
}

function readVarint(bytes: Buffer, start: number): { value: number; end: number } {
  let value = 0;
  let shift = 0;
  for (let at = start; ; at++) {
    const byte = bytes[at];
    if (byte === undefined) throw new Error("a truncated message");
    value += (byte & 0x7f) * 2 ** shift;
    shift += 7;
    if (byte < 0x80) return { value, end: at + 1 };
  }
}
