/**
 * Reads nodes of one root into a tree, and all that turns out to be below them, many requests at a time over the one
 * connection. Answers come in the order of the requests, so what is taken last is what is newest.
 *
 * With one-shot watches the reading and the arming are one request. With a recursive watch the data of a node whose stat
 * says that it is the same is not fetched again.
 */
import { MeshbridgeError } from "../../src/kernel/errors.ts";
import { CODE } from "./codes.ts";
import type { Connection } from "./connection.ts";
import type { Format, Wanted } from "./formats/types.ts";
import { type ReadNode, segmentsBelow, type Tree, wentBack } from "./tree.ts";

/** Requests under way at once: enough to fill any line, few enough to bound what waits in memory. */
const UNDER_WAY = 512;
/** Data up to this size is fetched again rather than asked about: the answer costs no more. */
const SMALL_BYTES = 512;
/** More nodes than any registry has; a bound, so that a wrong path does not take all memory. */
const MAX_NODES = 1_000_000;

export interface ReadingOptions {
  readonly connection: Connection;
  readonly format: Pick<Format, "wants">;
  /** Filled; what it held of the nodes that are read is replaced. */
  readonly tree: Tree;
  /** What was known before; spares reading what cannot have changed. The same as `tree` when that is kept up to date. */
  readonly known: Tree;
  /** A recursive watch is set: reads need not arm anything. */
  readonly recursive: boolean;
  /** Called for each node that differs from what the tree held, before it does. */
  readonly touch: (path: string) => void;
}

export interface ReadingResult {
  /** Nodes the server would not show: they stay as they were known. */
  readonly refused: ReadonlySet<string>;
  /** Something was older than it was known before. */
  readonly wentBack: boolean;
}

/**
 * Reads the starts and what is found below them. Rejects when the connection ends; then what was read so far is in the
 * tree. A node that may not be read is no failure: it costs itself alone.
 */
export async function readNodes(starts: Iterable<string>, options: ReadingOptions): Promise<ReadingResult> {
  const { tree, known, touch } = options;
  const agenda = createAgenda(starts);
  const refused = new Set<string>();
  let back = false;

  const readOne = async (path: string) => {
    const wanted = wantedOf(path, options);
    if (!wanted?.children && !wanted?.data) return;
    if (tree.size > MAX_NODES) throw new Error(`there are more than ${MAX_NODES} nodes below ${tree.root}`);
    const before = known.get(path);
    const result = await readNode(path, wanted, options);
    if (result === "refused") refused.add(path);
    const node = result === "refused" ? before : result;
    if (before !== undefined && node !== undefined && wentBack(before.stat, node.stat)) back = true;
    for (const child of tree.set(path, node, touch)) agenda.add(child);
  };

  await agenda.run(async (path) => {
    await readOne(path);
    return tree.get(path) !== undefined;
  });
  return { refused, wentBack: back };
}

/**
 * What is to be read: grows while it is worked on, and never has one path under way twice, so that no older answer
 * replaces a newer one. What is found again while it is under way, and then not there, is read once more.
 */
function createAgenda(starts: Iterable<string>) {
  const queue: string[] = [];
  let taken = 0;
  const waiting = new Set<string>();
  const underWay = new Set<string>();
  const again = new Set<string>();

  const wait = (path: string) => {
    if (waiting.has(path)) return;
    waiting.add(path);
    queue.push(path);
  };
  const add = (path: string) => {
    if (underWay.has(path)) again.add(path);
    else wait(path);
  };
  for (const path of starts) wait(path);

  const run = (work: (path: string) => Promise<boolean>): Promise<void> =>
    new Promise((resolve, reject) => {
      let failed = false;
      const done = (path: string, found: boolean) => {
        underWay.delete(path);
        if (again.delete(path) && !found) wait(path);
        step();
      };
      const begin = (path: string) => {
        waiting.delete(path);
        underWay.add(path);
        work(path).then(
          (found) => done(path, found),
          (error: unknown) => {
            failed = true;
            reject(error);
          },
        );
      };
      const step = () => {
        while (!failed && underWay.size < UNDER_WAY && taken < queue.length) begin(queue[taken++] ?? "");
        if (!failed && underWay.size === 0) resolve();
      };
      step();
    });
  return { add, run };
}

function wantedOf(path: string, { tree, format }: ReadingOptions): Wanted | undefined {
  const segments = segmentsBelow(tree.root, path);
  return segments && format.wants(segments);
}

/** Undefined: there is no such node. Both requests go out together, so that they cost one round trip. */
async function readNode(path: string, wanted: Wanted, options: ReadingOptions): Promise<ReadNode | "refused" | undefined> {
  const { connection, recursive, tree } = options;
  try {
    const [children, data] = await both(
      wanted.children ? connection.getChildren(path, !recursive) : undefined,
      wanted.data ? readData(path, options) : undefined,
    );
    // The stat of what was asked first: what changed in between looks changed again, never the same.
    const stat = children?.stat ?? data?.stat;
    const found = (!wanted.children || children !== undefined) && (!wanted.data || data !== undefined);
    if (found && stat !== undefined) return { stat, children: children?.children, data: data?.data };
    // Only an existence watch tells of a node that is not there; below the root the parent's own watch does.
    if (recursive || path !== tree.root || (await connection.exists(path, true)) === undefined) return undefined;
  } catch (error) {
    if (isRefusal(error)) return "refused";
    throw error;
  }
  return readNode(path, wanted, options);
}

type Data = Awaited<ReturnType<Connection["getData"]>>;

async function readData(path: string, { connection, recursive, known }: ReadingOptions): Promise<Data> {
  const before = known.get(path);
  const data = before?.data;
  if (before === undefined || data === undefined || data.length <= SMALL_BYTES) return connection.getData(path, !recursive);
  const stat = await connection.exists(path, !recursive);
  if (stat === undefined) return undefined;
  if (stat.mzxid === before.stat.mzxid && stat.czxid === before.stat.czxid) return { data, stat };
  return connection.getData(path, !recursive);
}

/** Waits for both even when one rejects, so that no rejection is left alone. */
async function both<A, B>(a: Promise<A> | undefined, b: Promise<B> | undefined): Promise<[A | undefined, B | undefined]> {
  const [first, second] = await Promise.allSettled([a, b]);
  if (first.status === "rejected") throw first.reason;
  if (second.status === "rejected") throw second.reason;
  return [first.value, second.value];
}

/** The server's word that we may not read a node; any other answer that is none ends the connection. */
function isRefusal(error: unknown): boolean {
  return error instanceof MeshbridgeError && error.code === "MB_REGISTRY_REFUSED" && error.details["statusCode"] === CODE.noAuth;
}
