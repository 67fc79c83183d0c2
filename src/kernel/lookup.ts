/** Host names by the name servers of this machine, else by its hosts file. */
import { lookup, Resolver } from "node:dns/promises";
import type { Lookup } from "./resolver.ts";

/** Ms for one try of one server; a few of them stay below the resolver's own deadline. */
const TRY_MS = 1500;

/**
 * Asks for IPv4 first, then IPv6. The name servers come first, since the system's own lookup, which also reads the hosts
 * file, blocks a thread for as long as they are silent.
 */
export const systemLookup: Lookup = async (host, signal) => {
  const resolver = new Resolver({ timeout: TRY_MS, tries: 2 });
  const onAbort = () => resolver.cancel();
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    return (await found(resolver.resolve4(host))) ?? (await found(resolver.resolve6(host))) ?? (await fromSystem(host));
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
};

async function fromSystem(host: string): Promise<readonly string[]> {
  const answers = await lookup(host, { all: true });
  return answers.map(({ address }) => address);
}

/** Undefined when the name server says that there is no such thing. */
async function found(answer: Promise<readonly string[]>): Promise<readonly string[] | undefined> {
  try {
    const addresses = await answer;
    return addresses.length === 0 ? undefined : addresses;
  } catch (error) {
    if (error instanceof Error && "code" in error && (error.code === "ENOTFOUND" || error.code === "ENODATA")) return undefined;
    throw error;
  }
}
