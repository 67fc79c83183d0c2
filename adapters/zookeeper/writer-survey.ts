/** What is there of a whole cluster's instances, below the root of one layout, and the removal of what is an orphan. */
import { forEachLimited } from "../../src/kernel/promises.ts";
import type { SurveyedRecord } from "../../src/sidecar/writer.ts";
import { childPath } from "./tree.ts";
import type { Nodes, NodeThere } from "./writer-nodes.ts";
import { foundOf, type Layout } from "./writer-record.ts";

/** Requests at a time. */
const PARALLEL = 32;

/**
 * An ephemeral node is there because a session is, so its owner lives, or will have gone within the session's timeout. What
 * stays without a session, as after a copy of the tree or a restore, is nobody's any more.
 */
export async function surveyNodes(nodes: Nodes, layout: Layout, cluster: string): Promise<readonly SurveyedRecord[]> {
  const { root, format } = layout;
  const found: SurveyedRecord[] = [];
  const parents = (await nodes.children(root)).map((service) => childPath(root, service));
  const instances: string[] = [];
  await forEachLimited(parents, PARALLEL, async (parent) => {
    const above = format === "dubbo" ? childPath(parent, "providers") : parent;
    for (const child of await nodes.children(above)) instances.push(childPath(above, child));
  });
  await forEachLimited(instances, PARALLEL, async (path) => {
    const there = await nodes.read(path);
    const record = there === undefined ? undefined : surveyed(path, there, layout);
    if (record?.owner.cluster === cluster) found.push(record);
  });
  return found.sort((a, b) => (a.key < b.key ? -1 : 1));
}

/** As `Writer.purge`. */
export async function purgeNode(nodes: Nodes, layout: Layout, record: SurveyedRecord): Promise<string | undefined> {
  const there = await nodes.read(record.key);
  if (there === undefined) return undefined;
  const now = surveyed(record.key, there, layout);
  if (now?.content !== record.content || now.evidence !== record.evidence) return "it has changed since it was looked at";
  await nodes.remove(record.key, there.version);
  return undefined;
}

function surveyed(path: string, { data, session }: NodeThere, layout: Layout): SurveyedRecord | undefined {
  const found = foundOf({ path, data }, layout, false);
  const { owner } = found;
  if (owner === undefined) return undefined;
  return session === undefined
    ? { ...found, owner, lease: "over", evidence: "no session holds its node" }
    : { ...found, owner, lease: "fresh", evidence: `session 0x${session} holds its node, and takes it along when it ends` };
}
