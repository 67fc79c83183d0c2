/** What a ZooKeeper server answers instead of a result, and what becomes of it. */

import type { MeshbridgeError } from "../../src/kernel/errors.ts";
import { fail } from "../../src/model/errors.ts";

/** The codes the client itself decides by: `KeeperException.Code`. */
export const CODE = {
  ok: 0,
  connectionLoss: -4,
  unimplemented: -6,
  badArguments: -8,
  noNode: -101,
  noAuth: -102,
  badVersion: -103,
  nodeExists: -110,
  sessionExpired: -112,
  authFailed: -115,
  sessionMoved: -118,
  sessionClosed: -124,
} as const;

/** Names of `KeeperException.Code`. */
const NAMES: ReadonlyMap<number, string> = new Map([
  [-1, "SystemError"],
  [-2, "RuntimeInconsistency"],
  [-3, "DataInconsistency"],
  [CODE.connectionLoss, "ConnectionLoss"],
  [-5, "MarshallingError"],
  [CODE.unimplemented, "Unimplemented"],
  [-7, "OperationTimeout"],
  [CODE.badArguments, "BadArguments"],
  [-13, "NewConfigNoQuorum"],
  [-14, "ReconfigInProgress"],
  [-100, "APIError"],
  [CODE.noNode, "NoNode"],
  [CODE.noAuth, "NoAuth"],
  [CODE.badVersion, "BadVersion"],
  [-108, "NoChildrenForEphemerals"],
  [CODE.nodeExists, "NodeExists"],
  [-111, "NotEmpty"],
  [CODE.sessionExpired, "SessionExpired"],
  [-113, "InvalidCallback"],
  [-114, "InvalidACL"],
  [CODE.authFailed, "AuthFailed"],
  [CODE.sessionMoved, "SessionMoved"],
  [-119, "NotReadOnly"],
  [-120, "EphemeralOnLocalSession"],
  [-121, "NoWatcher"],
  [-122, "RequestTimeout"],
  [-123, "ReconfigDisabled"],
  [CODE.sessionClosed, "SessionClosedRequireSaslAuth"],
  [-125, "QuotaExceeded"],
  [-127, "ThrottledOp"],
]);

/** The name that ZooKeeper's own documentation has for a code. */
export function codeName(code: number): string {
  return NAMES.get(code) ?? `error ${code}`;
}

/** Which server of which registry an error speaks of. */
export interface ServerNames {
  readonly registry: string;
  /** `host:port`. */
  readonly address: string;
}

/** MB_REGISTRY_REFUSED: the server's answer to one request, which says nothing of the others. */
export function refusal(names: ServerNames, code: number, what: string): MeshbridgeError {
  return fail("MB_REGISTRY_REFUSED", { ...names, statusCode: code, reason: `${codeName(code)} for ${what}` });
}
