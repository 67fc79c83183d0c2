/** For tests: one request to an admin app over a state that stands still, without a port. */
import type { InjectOptions } from "fastify";
import { silentLog } from "../../kernel/log.ts";
import { type AdminOptions, createAdminApp } from "../app.ts";
import type { BridgeState } from "../state.ts";
import { testState } from "./state.ts";

export interface Reply {
  readonly status: number;
  /** Without parameters, e.g. `application/json`. */
  readonly type: string;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly text: string;
  /** Parsed where the type is JSON. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape.
  readonly body: any;
}

/** Asks an app over `testState(parts)`; a text is the path of a GET. */
export async function ask(
  request: string | InjectOptions,
  parts: Partial<BridgeState> = {},
  options: Partial<AdminOptions> = {},
): Promise<Reply> {
  const app = await createAdminApp(testState(parts), { log: silentLog, ...options });
  const reply = await app.inject(typeof request === "string" ? { url: request } : request);
  await app.close();
  const type = String(reply.headers["content-type"]).split(";", 1)[0] ?? "";
  const body = type.endsWith("json") ? JSON.parse(reply.body) : undefined;
  return { status: reply.statusCode, type, headers: reply.headers, text: reply.body, body };
}
