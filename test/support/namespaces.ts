/** Machines in small: Linux network namespaces joined by a bridge, each with an address the test itself can dial. Needs root. */
import { execFileSync } from "node:child_process";
import { randomBytes, randomInt } from "node:crypto";

export interface Namespace {
  readonly name: string;
  /** On the network between the namespaces. */
  readonly address: string;
  /** Runs a command inside: prepend it. The process id stays that of the command. */
  readonly exec: readonly string[];
  /** An address that only processes inside can reach. */
  addInner(address: string): void;
  /** What is in the range is reached by way of an address between the namespaces. */
  route(range: string, via: string): void;
  /** Every packet to and from it is dropped from now on, without a word to either side. */
  cut(): void;
  heal(): void;
}

/** Why namespaces cannot be made here; false: they can. */
export function namespacesMissing(): string | false {
  if (process.getuid?.() !== 0) return "network namespaces need root";
  const name = `mb-try-${randomBytes(3).toString("hex")}`;
  try {
    ip("netns", "add", name);
    ip("netns", "del", name);
    return false;
  } catch (error) {
    return `network namespaces cannot be made here: ${error instanceof Error ? error.message : String(error)}`;
  }
}

/** So many namespaces on one bridge, with names and a range of addresses of their own. They go with the scope. */
export function createNamespaces(count: number, scope: AsyncDisposableStack): readonly Namespace[] {
  const id = randomBytes(3).toString("hex");
  // Of the range for carriers (RFC 6598), which nothing on a test machine uses.
  const base = `100.${randomInt(64, 128)}.${randomInt(0, 256)}`;
  const bridge = `mb${id}`;
  ip("link", "add", bridge, "type", "bridge");
  scope.defer(() => ip("link", "del", bridge));
  ip("addr", "add", `${base}.1/24`, "dev", bridge);
  ip("link", "set", bridge, "up");
  return Array.from({ length: count }, (_, index) => {
    const name = `mb-${id}-${index + 1}`;
    const [outside, inside] = [`v${id}${index + 1}`, `w${id}${index + 1}`];
    ip("netns", "add", name);
    // With the last process in it the namespace takes its end of the cable along.
    scope.defer(() => ip("netns", "del", name));
    ip("link", "add", outside, "type", "veth", "peer", "name", inside, "netns", name);
    ip("link", "set", outside, "master", bridge);
    ip("link", "set", outside, "up");
    const address = `${base}.${index + 11}`;
    const within = (...args: string[]) => ip("-n", name, ...args);
    within("addr", "add", `${address}/24`, "dev", inside);
    within("link", "set", inside, "up");
    within("link", "set", "lo", "up");
    return {
      name,
      address,
      exec: ["ip", "netns", "exec", name],
      addInner: (inner) => within("addr", "add", `${inner}/32`, "dev", "lo"),
      route: (range, via) => within("route", "add", range, "via", via),
      cut: () => ip("link", "set", outside, "nomaster"),
      heal: () => ip("link", "set", outside, "master", bridge),
    };
  });
}

function ip(...args: string[]): void {
  execFileSync("ip", args, { stdio: ["ignore", "ignore", "pipe"] });
}
