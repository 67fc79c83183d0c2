/** The files that a command names, read and checked. */
import { reasonOf } from "../../src/kernel/errors.ts";
import { readText } from "../../src/kernel/read-text.ts";
import { fail } from "../../src/model/errors.ts";
import type { Cluster } from "../api/schema/cluster.ts";
import type { FederatedWorkload } from "../api/schema/workload.ts";
import { type Parsed, parseClusterList, parseWorkload, workloadProblemLines } from "../api/validate.ts";

/** Rejects with MB_DEPLOY_INVALID: every problem with file, line and column. */
export async function readWorkload(path: string): Promise<FederatedWorkload> {
  return await readObject(path, parseWorkload);
}

/** The members of a ClusterList. */
export async function readClusters(path: string): Promise<readonly Cluster[]> {
  return await readObject(path, parseClusterList);
}

async function readObject<T>(path: string, parse: (text: string) => Parsed<T>): Promise<T> {
  const read = await readText(path);
  if ("reason" in read) throw fail("MB_DEPLOY_INVALID", { problems: `${path}  cannot be read: ${reasonOf(read.reason)}` });
  const parsed = parse(read.text);
  if ("problems" in parsed) throw fail("MB_DEPLOY_INVALID", { problems: workloadProblemLines(path, parsed.problems) });
  return parsed.object;
}
