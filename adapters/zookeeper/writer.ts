/** Registers in ZooKeeper with ephemeral nodes: the session is the lease. */
import { createLatest } from "../../src/kernel/latest.ts";
import { fail } from "../../src/model/errors.ts";
import { isSameOwner } from "../../src/sidecar/plan/record.ts";
import { defineWriter, type Writer, type WriterContext, type WriterEvent } from "../../src/sidecar/writer.ts";
import { createConnect } from "./connect.ts";
import { parseServer, type Server } from "./servers.ts";
import { sessions } from "./session.ts";
import { parentPath } from "./tree.ts";
import { createWireConnect } from "./wire/connection.ts";
import { createElection } from "./writer-election.ts";
import { createNodes, type Nodes } from "./writer-nodes.ts";
import { foundOf, type Layout, ownerIn, parseContent, recordsOf } from "./writer-record.ts";
import { ZooKeeperWriterSettings } from "./writer-schema.ts";
import { purgeNode, surveyNodes } from "./writer-survey.ts";

/** What comes back is to be written to within two seconds. */
const RETRY_MAX_MS = 1200;
const DEFAULT_SERVER: Server = { host: "127.0.0.1", port: 2181 };

export const zookeeperWriter = defineWriter({
  kind: "zookeeper",
  description: "Registers in ZooKeeper with ephemeral nodes, in the format that its readers know.",
  schema: ZooKeeperWriterSettings,
  open(config, context) {
    const { format, fields = {}, path = format === "dubbo" ? "/dubbo" : "/services", sessionTimeout = "15s" } = config;
    const servers = (config.servers ?? []).flatMap((text) => parseServer(text) ?? []);
    return createNodeWriter({
      layout: { format, root: path, fields },
      servers: servers.length === 0 ? [DEFAULT_SERVER] : servers,
      connect: createConnect({ ...config, sessionTimeout }, context, createWireConnect),
      context,
    });
  },
  elect(config, context) {
    const { sessionTimeout = "10s", electionPath = "/meshbridge/sync/leader" } = config;
    const servers = (config.servers ?? []).flatMap((text) => parseServer(text) ?? []);
    return createElection({
      ...{ clock: context.clock, random: context.random, name: context.name, identity: context.identity },
      servers: servers.length === 0 ? [DEFAULT_SERVER] : servers,
      connect: createConnect({ ...config, sessionTimeout }, context, createWireConnect),
      path: electionPath,
    });
  },
});

export interface NodeWriterOptions {
  readonly layout: Layout;
  readonly servers: readonly Server[];
  readonly connect: ReturnType<typeof createConnect>;
  readonly context: WriterContext;
}

/** As a target, but with a connection of whatever kind. */
export function createNodeWriter({ layout, servers, connect, context }: NodeWriterOptions): Writer {
  const { owner, name, clock, random } = context;
  let current: { readonly nodes: Nodes; readonly address: string } | undefined;
  /** What was put, or found to be ours: looked at until it is known to be gone. */
  const known = new Set<string>();

  const connected = () => {
    if (current !== undefined) return current;
    const address = servers.map(({ host, port }) => `${host}:${port}`).join(",");
    throw fail("MB_REGISTRY_UNREACHABLE", { registry: name, address, reason: "there is no session at the moment" });
  };
  /** What is at the path, and whether it is ours; undefined when there is nothing. */
  const look = async (path: string) => {
    const there = await connected().nodes.read(path);
    if (there === undefined) return undefined;
    const of = ownerIn({ path, data: there.data }, layout);
    return { there, of, isOurs: of !== undefined && isSameOwner(of, owner) && of.epoch <= owner.epoch };
  };
  /** The node, if there is one, and it is ours; undefined when there is none. */
  const ours = async (path: string) => {
    const { address } = connected();
    const found = await look(path);
    if (found === undefined || found.isOurs) return found?.there;
    const { of } = found;
    const whose = of === undefined ? "says of no owner" : `is owned by ${of.cluster}/${of.instance}`;
    throw fail("MB_REGISTRATION_FOREIGN", { registry: name, address, record: path, whose });
  };
  /** Dubbo's nodes are named by all that they say, so those of an earlier process have other names. */
  const siblings = async (parent: string): Promise<readonly string[]> => {
    if (layout.format !== "dubbo") return [];
    const paths = (await connected().nodes.children(parent)).map((child) => `${parent}/${child}`);
    return paths.filter((path) => {
      const of = ownerIn({ path, data: "" }, layout);
      return of !== undefined && isSameOwner(of, owner);
    });
  };

  return {
    render: (registrations) => registrations.flatMap((one) => recordsOf(one, owner, layout)),
    async observe(keys) {
      const { nodes } = connected();
      const parents = new Set([...keys, ...known].map(parentPath));
      const around = await Promise.all([...parents].map(siblings));
      const paths = new Set([...keys, ...known, ...around.flat()]);
      const found = await Promise.all(
        [...paths].map(async (path) => {
          const there = await nodes.read(path, true);
          if (there === undefined) return [];
          return [foundOf({ path, data: there.data }, layout, there.ours)];
        }),
      );
      return found.flat();
    },
    async put({ record, instead }) {
      const { path, data } = parseContent(record.content);
      const there = await ours(path);
      const before = instead === undefined ? undefined : await look(instead.key);
      known.add(path);
      const { nodes } = connected();
      if (there?.ours) return nodes.set(path, data, there.version);
      // What is of an earlier session of ours would go when that ends; what has another name would be a second one.
      const old = [
        ...(there === undefined ? [] : [{ path, version: there.version }]),
        ...(instead !== undefined && before?.isOurs ? [{ path: instead.key, version: before.there.version }] : []),
      ];
      if (old.length > 0) await nodes.replace(path, data, old);
      else await nodes.create(path, data);
    },
    async takeOut() {
      // These formats cannot say so: `recordsOf` wants no node then.
    },
    async remove({ key }) {
      const there = await ours(key);
      if (there !== undefined) await connected().nodes.remove(key, there.version);
      known.delete(key);
    },
    async confirm({ content }) {
      const { path, data } = parseContent(content);
      return (await connected().nodes.read(path))?.data === data;
    },
    survey: (cluster) => surveyNodes(connected().nodes, layout, cluster),
    purge: (record) => purgeNode(connected().nodes, layout, record),
    async *events(signal) {
      const stop = new AbortController();
      const news = createLatest<WriterEvent | { readonly type: "ended"; readonly error: unknown }>((waiting, next) =>
        // A change is part of what follows an opening.
        next.type === "changed" ? waiting : next,
      );
      const options = {
        name,
        servers,
        connect,
        clock,
        random,
        retryMaxMs: RETRY_MAX_MS,
        yieldsSession: true,
        signal: AbortSignal.any([signal, stop.signal]),
      };
      const follow = async () => {
        for await (const event of sessions({ ...options, onWatch: () => news.push({ type: "changed" }) })) {
          if (event.type === "lost") {
            current = undefined;
            news.push(event);
          } else {
            event.proven();
            current = { nodes: createNodes(event.connection), address: event.address };
            news.push({ type: "open" });
          }
        }
      };
      const ended = follow().catch((error: unknown) => news.push({ type: "ended", error }));
      try {
        for await (const event of news) {
          if (event.type !== "ended") yield event;
          else if (signal.aborted) return;
          else throw event.error;
        }
      } finally {
        stop.abort(new Error("nobody follows it any more"));
        await ended;
        current = undefined;
      }
    },
  };
}
