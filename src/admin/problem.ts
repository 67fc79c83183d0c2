/** Errors as RFC 9457 problem details: what failed, with which code, and what to do next. */
import type { FastifyError, FastifyReply, FastifyRequest } from "fastify";
import { type Static, Type } from "typebox";
import { MeshbridgeError } from "../kernel/errors.ts";
import type { Log } from "../kernel/log.ts";
import { type ErrorCode, fail } from "../model/errors.ts";

export const PROBLEM_TYPE = "application/problem+json";

export const Problem = Type.Object(
  {
    type: Type.String({ description: "Where the code is documented." }),
    title: Type.String({ description: "The code." }),
    status: Type.Integer(),
    detail: Type.String({ description: "What failed, where and why." }),
    instance: Type.String({ description: "The path that was asked for." }),
    code: Type.String(),
    hint: Type.String({ description: "What to do next." }),
  },
  { description: "RFC 9457 problem details." },
);

export function problemOf({ code, message, next, status }: MeshbridgeError, instance: string): Static<typeof Problem> {
  const detail = message.startsWith(`${code}: `) ? message.slice(code.length + 2) : message;
  return { type: `https://meshbridge.io/errors#${code}`, title: code, status, detail, instance, code, hint: next };
}

/** Fastify's own errors become ours; what nobody expected is logged and shown without its inside. */
export function errorHandler(log: Log) {
  return (error: FastifyError | Error, request: FastifyRequest, reply: FastifyReply) => {
    const known = asTableError(error);
    if (known === undefined) log.error({ err: error, path: request.url }, "admin request failed");
    const shown = known ?? fail("MB_INTERNAL", { reason: "the request could not be answered" });
    return sendProblem(reply, request, shown);
  };
}

export function sendProblem(reply: FastifyReply, request: FastifyRequest, error: MeshbridgeError) {
  const path = request.url.split("?", 1)[0] ?? request.url;
  return reply.code(error.status).header("content-type", PROBLEM_TYPE).serializer(JSON.stringify).send(problemOf(error, path));
}

function asTableError(error: FastifyError | Error): MeshbridgeError | undefined {
  if (error instanceof MeshbridgeError) return error;
  const status = "statusCode" in error ? error.statusCode : undefined;
  const code: ErrorCode = "MB_BAD_REQUEST";
  return status !== undefined && status >= 400 && status < 500
    ? fail(code, { reason: error.message }, { cause: error })
    : undefined;
}
