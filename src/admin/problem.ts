/** Errors as RFC 9457 problem details: what failed, with which code, and what to do next. */
import type { FastifyError, FastifyReply, FastifyRequest } from "fastify";
import { type Static, Type } from "typebox";
import { MeshbridgeError } from "../kernel/errors.ts";
import type { Log } from "../kernel/log.ts";
import { didYouMean, orList, quoted } from "../kernel/text.ts";
import { ERROR_TABLE, fail } from "../model/errors.ts";

const PROBLEM_TYPE = "application/problem+json";

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

function problemOf({ code, message, next, status }: MeshbridgeError, instance: string): Static<typeof Problem> {
  const detail = message.startsWith(`${code}: `) ? message.slice(code.length + 2) : message;
  return { type: `urn:meshbridge:error:${code}`, title: code, status, detail, instance, code, hint: next };
}

/** Fastify's own errors become ours; what nobody expected is logged and shown without its inside. */
export function errorHandler(log: Log) {
  return (error: FastifyError | Error, request: FastifyRequest, reply: FastifyReply) => {
    const known = asTableError(error, request);
    if (known === undefined) log.error({ err: error, path: pathOf(request) }, "admin request failed");
    const shown = known ?? fail("MB_INTERNAL", { reason: "the request could not be answered" });
    return sendProblem(reply, request, shown);
  };
}

export function sendProblem(reply: FastifyReply, request: FastifyRequest, error: MeshbridgeError) {
  return reply
    .code(error.status)
    .header("content-type", PROBLEM_TYPE)
    .serializer(JSON.stringify)
    .send(problemOf(error, pathOf(request)));
}

function pathOf({ url }: FastifyRequest): string {
  return url.split("?", 1)[0] ?? url;
}

function asTableError(error: FastifyError | Error, request: FastifyRequest): MeshbridgeError | undefined {
  if (error instanceof MeshbridgeError) return error;
  const status = "statusCode" in error ? error.statusCode : undefined;
  if (status === undefined || status < 400 || status >= 500) return undefined;
  // The status keeps its meaning for programs: 413 too large, 415 not JSON.
  const spec = { ...ERROR_TABLE.MB_BAD_REQUEST, status };
  return new MeshbridgeError("MB_BAD_REQUEST", spec, { reason: whatIsWrong(error, request) }, { cause: error });
}

/** Fastify's word for the part of a request, the word people use for it, and where a route keeps its schema. */
const PARTS: Readonly<Record<string, string>> = { querystring: "query", params: "path", headers: "headers", body: "body" };

/** Names the place as part and JSON pointer, e.g. `query/limit must be >= 1`. */
function whatIsWrong(error: FastifyError | Error, request: FastifyRequest): string {
  const [first] = "validation" in error ? (error.validation ?? []) : [];
  if (first === undefined || !("validationContext" in error)) return error.message;
  const part = error.validationContext ?? "";
  const place = `${PARTS[part] ?? part}${first.instancePath}`;
  const { additionalProperty, allowedValues, missingProperty } = first.params;
  if (typeof additionalProperty === "string")
    return `${place} has no ${quoted(additionalProperty)}${didYouMean(additionalProperty, knownNames(request, part))}`;
  if (Array.isArray(allowedValues)) return `${place} must be ${orList(allowedValues.map(String))}`;
  if (typeof missingProperty === "string") return `${place} must have ${missingProperty}`;
  return `${place} ${first.message ?? "is not valid"}`;
}

function knownNames({ routeOptions: { schema } }: FastifyRequest, part: string): readonly string[] {
  const properties = new Map<string, unknown>(Object.entries(schema ?? {})).get(part);
  if (typeof properties !== "object" || properties === null || !("properties" in properties)) return [];
  return Object.keys(properties.properties ?? {});
}
