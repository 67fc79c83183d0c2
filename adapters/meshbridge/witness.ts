/** A second opinion on a cluster whose bridge cannot be reached: what other bridges see of it. */
import type { Clock } from "../../src/kernel/clock.ts";
import { LINK_METHODS } from "../../src/link/service.ts";
import { openClient } from "./connection.ts";
import type { LinkSpec } from "./spec.ts";

/** How long a witness may take. */
const ASK_MS = 2000;

/**
 * `seen`: a witness sees the cluster; `unseen`: at least one answered, and none sees it; `silent`: none answered, so it may be
 * us who are cut off.
 */
export type Testimony = "seen" | "unseen" | "silent";

/** Asks all witnesses at once. Never rejects. */
export async function askWitnesses(spec: LinkSpec, clock: Clock): Promise<Testimony> {
  const answers = await Promise.all(spec.witnesses.map((address) => ask(spec, address, clock)));
  if (answers.includes(true)) return "seen";
  return answers.includes(false) ? "unseen" : "silent";
}

/** Undefined: no answer. */
async function ask(spec: LinkSpec, address: string, clock: Clock): Promise<boolean | undefined> {
  // The server name is the peer's; a witness must answer by the host of its own address.
  const client = openClient({ ...spec, serverName: undefined }, address);
  const { path, requestSerialize, responseDeserialize } = LINK_METHODS.Witness;
  try {
    return await new Promise<boolean | undefined>((resolve) => {
      const deadline = new Date(clock.now() + ASK_MS);
      client.makeUnaryRequest(
        path,
        requestSerialize,
        responseDeserialize,
        { cluster: spec.peer },
        { deadline },
        (error, answer) =>
          // A witness that cannot be asked says nothing, which is counted as that.
          resolve(error === null ? answer?.sees : undefined),
      );
    });
  } finally {
    client.close();
  }
}
