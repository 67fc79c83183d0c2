/** Who is at the other end of a call, and whether it may be what it says. Without rules everybody is believed. */
import type { ServerDuplexStream, ServerUnaryCall } from "@grpc/grpc-js";
import type { IdentityRule } from "../../routing/identity-rule.ts";
import { alternativeNames, type Claim, type PeerIdentity, refusalOf } from "../identity.ts";

type AnyCall = Pick<ServerDuplexStream<Buffer, Buffer> | ServerUnaryCall<Buffer, Buffer>, "getAuthContext" | "metadata">;

export interface Access {
  /** False: there are no rules, so nobody is asked. */
  readonly active: boolean;
  /** What the connection, or the call's token, has proved. Rejects when a token cannot be looked into at the moment. */
  identify(call: AnyCall): Promise<PeerIdentity>;
  /** Why it may not be that; undefined: it may. */
  refusal(peer: PeerIdentity, claim: Claim): string | undefined;
}

export interface AccessOptions {
  /** Asked anew at each use, so that a changed configuration counts for streams that open after it. */
  rules(): readonly IdentityRule[];
  /** Whose token it is; undefined: nobody's. Absent: tokens are not looked at. */
  reviewToken?(token: string): Promise<{ readonly namespace: string; readonly name: string } | undefined>;
}

export const NOBODY: PeerIdentity = { kind: "none" };
const BEARER = /^Bearer +([\w.~+/-]+=*)$/i;

export function createAccess({ rules, reviewToken }: AccessOptions): Access {
  return {
    get active() {
      return rules().length > 0;
    },
    async identify(call) {
      if (rules().length === 0) return NOBODY;
      // Only there when it was checked against the configured authorities.
      const certificate = call.getAuthContext().sslPeerCertificate;
      if (certificate !== undefined) return { kind: "certificate", names: alternativeNames(certificate.subjectaltname) };
      const [, token] = BEARER.exec(String(call.metadata.get("authorization")[0] ?? "")) ?? [];
      const account = token === undefined ? undefined : await reviewToken?.(token);
      return account === undefined ? NOBODY : { kind: "serviceAccount", ...account };
    },
    refusal: (peer, claim) => (rules().length === 0 ? undefined : refusalOf(rules(), peer, claim)),
  };
}
