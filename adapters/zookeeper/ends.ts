/** Why connections end, and the one error that is told of each end. */
import { MeshbridgeError, reasonOf } from "../../src/kernel/errors.ts";
import { fail } from "../../src/model/errors.ts";
import { codeName, refusal, type ServerNames } from "./codes.ts";
import { type ConnectionEnd, SessionExpired } from "./connection.ts";
import { MalformedFrame } from "./wire/jute.ts";

/** The server closed the connection, or it broke. */
export class ConnectionClosed extends Error {
  override readonly name = "ConnectionClosed";
  constructor(reason = "the server closed the connection") {
    super(reason);
  }
}

/** The server did not accept the credentials, or does not know their scheme. */
export class AuthFailed extends Error {
  override readonly name = "AuthFailed";
  readonly code: number;
  constructor(code: number) {
    super(codeName(code));
    this.code = code;
  }
}

/** Whatever ended a connection, or kept it from coming about, as what is told of it. */
export function asEnd(reason: unknown, names: ServerNames): ConnectionEnd {
  if (reason instanceof SessionExpired) return { expired: true, error: reason };
  return { expired: false, error: errorOf(reason, names) };
}

function errorOf(reason: unknown, names: ServerNames): MeshbridgeError {
  if (reason instanceof MeshbridgeError) return reason;
  if (reason instanceof AuthFailed) return refusal(names, reason.code, "the credentials");
  const code = reason instanceof MalformedFrame ? "MB_REGISTRY_BAD_REPLY" : "MB_REGISTRY_UNREACHABLE";
  return fail(code, { ...names, reason: reasonOf(reason) }, { cause: reason });
}
