/** The two messages of `grpc.health.v1` that a look takes: a request with one text, an answer with one number. Pure. */

/** `HealthCheckRequest{string service = 1}`. */
export function encodeCheck(service: string): Buffer {
  const text = Buffer.from(service, "utf8");
  if (text.length === 0) return Buffer.alloc(0);
  return Buffer.concat([Buffer.from([0x0a, ...varint(text.length)]), text]);
}

function varint(value: number): number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...varint(value >>> 7)];
}

const SERVING = 1;

/** Whether a `HealthCheckResponse{ServingStatus status = 1}` says SERVING. Its only field has a value below 128. */
export function decodeServing(message: Buffer): boolean {
  return message[0] === 0x08 && message[1] === SERVING;
}
