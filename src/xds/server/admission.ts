/**
 * What every call of every service must pass before it begins. At the handlers and not as an interceptor: that is two more
 * objects and two more rounds of callbacks for each call, 5 % of a storm of clients.
 */
import {
  type ServerDuplexStream,
  type ServerUnaryCall,
  type sendUnaryData,
  status,
  type UntypedServiceImplementation,
} from "@grpc/grpc-js";
import type { BoundService } from "./services.ts";

const MAX_METADATA_BYTES = 16 * 1024;

export interface CallRefusal {
  readonly code: status;
  readonly details: string;
}

type AnyCall = ServerDuplexStream<Buffer, Buffer> | ServerUnaryCall<Buffer, Buffer>;

/** Why a call of the method with this path is not taken; undefined: it is. */
export type CallRule = (path: string, call: Pick<AnyCall, "getAuthContext">) => CallRefusal | undefined;

/** `done` is there for calls that answer once. */
type Handler = (call: AnyCall, done?: sendUnaryData<Buffer>) => void;

/** The service's handlers, which now refuse what has more metadata than the limit, and what `rule` refuses. */
export function admitted({ definition, implementation }: BoundService, rule: CallRule): UntypedServiceImplementation {
  const guard = (name: string, handler: Handler): Handler => {
    const path = definition[name]?.path ?? "";
    return (call, done) => {
      const refusal = tooLarge(call) ?? rule(path, call);
      if (refusal === undefined) handler(call, done);
      else if (done === undefined) call.emit("error", refusal);
      else done(refusal);
    };
  };
  return Object.fromEntries(
    Object.entries(implementation).map(([name, handler]) => [name, guard(name, handler as unknown as Handler)]),
  );
}

function tooLarge({ metadata }: AnyCall): CallRefusal | undefined {
  const bytes = Object.entries(metadata.getMap()).reduce((sum, [key, value]) => sum + key.length + value.length, 0);
  if (bytes <= MAX_METADATA_BYTES) return undefined;
  return { code: status.RESOURCE_EXHAUSTED, details: `metadata larger than ${MAX_METADATA_BYTES} bytes` };
}
