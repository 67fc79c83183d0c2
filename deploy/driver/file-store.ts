/**
 * A rollout's state in a folder, for the command line. Each state is a file of its own with a number: the next one is made
 * by a link, which fails when there is one already, so of two processes only one can go on from a state. Every file carries
 * the hash of its content; one that was torn or edited is refused, never guessed at.
 */
import { createHash, randomBytes } from "node:crypto";
import { link, mkdir, open, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { reasonOf } from "../../src/kernel/errors.ts";
import { readText } from "../../src/kernel/read-text.ts";
import { fail } from "../../src/model/errors.ts";
import { canonicalText, type Json, type JsonObject, ownValue } from "../json/value.ts";
import { readState, readTemplate } from "./state-schema.ts";
import type { RolloutStore } from "./store.ts";

const STATE = /^state-(\d{1,12})\.json$/;
const TEMPLATE = /^template-([0-9a-f]+)\.json$/;

/** `workload` is `namespace/name`: the state of another one in the folder is refused. */
export function createFileStore(dir: string, workload: string): RolloutStore {
  let known = 0;
  const refuse = (name: string, reason: string) => fail("MB_DEPLOY_STATE", { place: join(dir, name), reason });

  const names = async (): Promise<readonly string[]> => {
    try {
      return await readdir(dir);
    } catch (error) {
      if (codeOf(error) === "ENOENT") return [];
      throw refuse("", reasonOf(error));
    }
  };
  const numbers = async () => (await names()).flatMap((name) => Number(STATE.exec(name)?.[1] ?? [])).toSorted((a, b) => a - b);

  const read = async (name: string): Promise<Json> => {
    const found = await readText(join(dir, name));
    if ("reason" in found) throw refuse(name, found.reason);
    const content = contentOf(found.text, workload);
    if ("reason" in content) throw refuse(name, content.reason);
    return content.value;
  };

  return {
    async load() {
      known = (await numbers()).at(-1) ?? 0;
      if (known === 0) return undefined;
      const state = readState(await read(`state-${known}.json`));
      if (state === undefined) throw refuse(`state-${known}.json`, "it is no state of a rollout");
      return state;
    },
    async save(state) {
      const next = known + 1;
      if (!(await create(dir, `state-${next}.json`, packed(workload, state as unknown as Json))))
        throw fail("MB_DEPLOY_TAKEN_OVER", { workload });
      known = next;
      for (const number of await numbers()) if (number < known) await rm(join(dir, `state-${number}.json`), { force: true });
    },
    async keepTemplate(template) {
      // One that is there already is the same: its name is a hash of its content.
      await create(dir, `template-${template.revision}.json`, packed(workload, template as unknown as Json));
    },
    async template(revision) {
      const name = `template-${revision}.json`;
      if (!(await names()).includes(name)) return undefined;
      const template = readTemplate(await read(name));
      if (template === undefined) throw refuse(name, "it is no template");
      return template;
    },
    async prune(revisions) {
      for (const name of await names()) {
        const revision = TEMPLATE.exec(name)?.[1];
        if (revision !== undefined && !revisions.has(revision)) await rm(join(dir, name), { force: true });
      }
    },
  };
}

/** The whole file on the disk, or none of it; false when there is one of that name. For this user alone: templates hold Secrets. */
async function create(dir: string, name: string, text: string): Promise<boolean> {
  await mkdir(dir, { recursive: true, mode: 0o700 });
  const draft = join(dir, `.${name}.${randomBytes(6).toString("hex")}`);
  try {
    await using file = await open(draft, "wx", 0o600);
    await file.writeFile(text);
    await file.sync();
    await link(draft, join(dir, name));
    await using folder = await open(dir, "r");
    await folder.sync();
    return true;
  } catch (error) {
    if (codeOf(error) === "EEXIST") return false;
    throw fail("MB_DEPLOY_STATE", { place: join(dir, name), reason: reasonOf(error) }, { cause: error });
  } finally {
    await rm(draft, { force: true });
  }
}

function packed(workload: string, value: Json): string {
  return `${JSON.stringify({ format: 1, workload, hash: hashOf(workload, value), value }, undefined, 1)}\n`;
}

function contentOf(text: string, workload: string): { readonly value: Json } | { readonly reason: string } {
  let parsed: Json;
  try {
    parsed = JSON.parse(text) as Json;
  } catch (error) {
    return { reason: `it is no JSON: ${reasonOf(error)}` };
  }
  const value = ownValue(parsed, "value");
  if (ownValue(parsed, "format") !== 1 || value === undefined) return { reason: "its format is not known to this version" };
  if (ownValue(parsed, "workload") !== workload) return { reason: "it is about another workload" };
  if (ownValue(parsed, "hash") !== hashOf(workload, value)) return { reason: "its hash is wrong: it was cut off or edited" };
  return { value };
}

function hashOf(workload: string, value: Json): string {
  const text = canonicalText({ workload, value: JSON.parse(JSON.stringify(value)) as Json } satisfies JsonObject);
  return createHash("sha256").update(text).digest("hex").slice(0, 32);
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : undefined;
}
