/** The few requests that registering takes, over one connection. */
import { MeshbridgeError } from "../../src/kernel/errors.ts";
import { CODE } from "./codes.ts";
import type { Connection, VersionedPath } from "./connection.ts";
import { parentPath } from "./tree.ts";

export interface NodeThere {
  readonly data: string;
  readonly version: number;
  /** It is held by this session. */
  readonly ours: boolean;
  /** Which session holds it, in hexadecimal; undefined: none, it stays. */
  readonly session: string | undefined;
}

/** All reject as `Connection` does. Versions guard against a change in between: MB_REGISTRY_REFUSED then (BadVersion). */
export interface Nodes {
  /** With `watch`, its next change is told. */
  read(path: string, watch?: boolean): Promise<NodeThere | undefined>;
  children(path: string): Promise<readonly string[]>;
  /** Ephemeral; parents that are missing are made, persistent. */
  create(path: string, data: string): Promise<void>;
  set(path: string, data: string, version: number): Promise<void>;
  /** Takes the place of nodes of whatever name and session, as one change: readers see neither none nor two. */
  replace(path: string, data: string, old: readonly VersionedPath[]): Promise<void>;
  /** That it is gone already is fine. */
  remove(path: string, version: number): Promise<void>;
}

export function createNodes(connection: Connection): Nodes {
  const session = BigInt.asUintN(64, BigInt(`0x${connection.session.id}`));
  const encode = (text: string) => new TextEncoder().encode(text);
  const makeParents = async (path: string): Promise<void> => {
    const parent = parentPath(path);
    if (parent === "/" || (await connection.exists(parent)) !== undefined) return;
    await makeParents(parent);
    try {
      await connection.create(parent, new Uint8Array());
    } catch (error) {
      // Somebody else has made it meanwhile.
      if (codeOf(error) !== CODE.nodeExists) throw error;
    }
  };
  return {
    async read(path, watch = false) {
      // What is not there is watched too: `getData` sets no watch then.
      const found = await connection.getData(path, watch);
      if (found === undefined) {
        if (watch && (await connection.exists(path, true)) !== undefined) return this.read(path, watch);
        return undefined;
      }
      const { data, stat } = found;
      const holder = BigInt.asUintN(64, stat.ephemeralOwner);
      const held = { ours: holder === session, session: holder === 0n ? undefined : holder.toString(16) };
      return { data: new TextDecoder().decode(data), version: stat.version, ...held };
    },
    children: async (path) => (await connection.getChildren(path))?.children ?? [],
    async create(path, data) {
      try {
        await connection.create(path, encode(data), { ephemeral: true });
      } catch (error) {
        if (codeOf(error) !== CODE.noNode) throw error;
        await makeParents(path);
        await connection.create(path, encode(data), { ephemeral: true });
      }
    },
    set: (path, data, version) => connection.setData(path, encode(data), version),
    replace: (path, data, old) => connection.replace(path, encode(data), old),
    async remove(path, version) {
      await connection.remove(path, version);
    },
  };
}

function codeOf(error: unknown): unknown {
  return error instanceof MeshbridgeError ? error.details["statusCode"] : undefined;
}
