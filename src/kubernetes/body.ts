/** Bodies of answers: bounded, and a watch's line by line. */
import type { IncomingMessage } from "node:http";

/** A page of 500 large Services stays far below. */
const MAX_BODY_BYTES = 64 * 1024 * 1024;
const MAX_LINE_BYTES = 8 * 1024 * 1024;

/** The whole body as text. Rejects when it is larger than 64 MiB, or when the connection breaks within it. */
export async function readBody(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MAX_BODY_BYTES) throw new Error(`its answer is larger than ${MAX_BODY_BYTES / 1024 / 1024} MiB`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

/**
 * Each line of the body, parsed. Ends when the server ends the body; throws when the connection breaks, a line is no JSON
 * or larger than 8 MiB. At the abort the connection is closed.
 */
export async function* jsonLines(response: IncomingMessage, signal: AbortSignal): AsyncGenerator<unknown> {
  const stop = () => response.destroy();
  signal.addEventListener("abort", stop, { once: true });
  let parts: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      let from = 0;
      for (let end = chunk.indexOf(10, from); end !== -1; end = chunk.indexOf(10, from)) {
        parts.push(chunk.subarray(from, end));
        yield parseLine(parts);
        parts = [];
        bytes = 0;
        from = end + 1;
      }
      const rest = chunk.subarray(from);
      bytes += rest.length;
      if (bytes > MAX_LINE_BYTES) throw new Error(`a line of its watch is larger than ${MAX_LINE_BYTES / 1024 / 1024} MiB`);
      if (rest.length > 0) parts.push(rest);
    }
  } finally {
    signal.removeEventListener("abort", stop);
    response.destroy();
  }
}

function parseLine(parts: readonly Buffer[]): unknown {
  const text = Buffer.concat(parts).toString("utf8");
  try {
    return JSON.parse(text);
  } catch {
    // The parser's own words quote what it read.
    throw new Error("a line of its watch is no JSON");
  }
}
