/** The file adapter on real files: the contract, what every bad file does, and how soon a change is seen. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rename, rm, symlink, unlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { promisify } from "node:util";
import { stringify } from "yaml";
import { systemClock } from "../../src/kernel/clock.ts";
import { silentLog } from "../../src/kernel/log.ts";
import { type Recorder, record } from "../../src/registry/contract-recorder.ts";
import { adapterContract, type ContractInstance } from "../../src/registry/contract-suite.ts";
import { registrySettings } from "../../src/registry/testing.ts";
import { file } from "./index.ts";

const settings = registrySettings({ trusted: true });

function watch(path: string | string[], baseDir: string, signal: AbortSignal) {
  return file.watch(
    { path },
    { name: "local", settings, baseDir, signal, log: silentLog, clock: systemClock, random: Math.random },
  );
}

/** Writes as a careful program does: beside, then renamed over. */
async function replace(path: string, text: string): Promise<void> {
  await writeFile(`${path}.tmp`, text);
  await rename(`${path}.tmp`, path);
}

function servicesText(services: ReadonlyMap<string, readonly ContractInstance[]>): string {
  const list = [...services].map(([name, instances]) => ({
    name,
    ports: [{ name: "http", port: 80 }],
    instances: instances.map(({ address, port }) => ({ address, ports: { http: port } })),
  }));
  return stringify({ services: list });
}

async function contractRegistry() {
  const dir = await mkdtemp(join(tmpdir(), "file-adapter-"));
  const path = join(dir, "services.yaml");
  const services = new Map<string, readonly ContractInstance[]>();
  const save = () => replace(path, servicesText(services));
  await save();
  return {
    watch: (signal: AbortSignal) => watch("services.yaml", dir, signal),
    put: async (service: string, instances: readonly ContractInstance[]) => {
      services.set(service, instances);
      await save();
    },
    remove: async (service: string) => {
      services.delete(service);
      await save();
    },
    removeInstance: async (service: string, { address, port }: ContractInstance) => {
      const rest = services.get(service)?.filter((other) => other.address !== address || other.port !== port);
      services.set(service, rest ?? []);
      await save();
    },
    breakRegistry: () => unlink(path),
    heal: save,
    stop: () => rm(dir, { recursive: true, force: true }),
  };
}

adapterContract("file", { start: contractRegistry });

interface Bench {
  readonly dir: string;
  readonly seen: Recorder;
  write(name: string, text: string): Promise<void>;
}

/** A folder with the files given, and a run of the adapter on it. */
async function bench(t: TestContext, path: string | string[], files: Readonly<Record<string, string>>): Promise<Bench> {
  const dir = await mkdtemp(join(tmpdir(), "file-adapter-"));
  const write = (name: string, text: string) => replace(join(dir, name), text);
  for (const [name, text] of Object.entries(files)) {
    await mkdir(join(dir, name, ".."), { recursive: true });
    await write(name, text);
  }
  const seen = record((signal) => watch(path, dir, signal));
  t.after(async () => {
    await seen.abort();
    await rm(dir, { recursive: true, force: true });
  });
  return { dir, seen, write };
}

const lastProblem = (seen: Recorder) => seen.degraded.at(-1)?.error.message ?? "";
const service = (name: string, port: number) =>
  `  - name: ${name}\n    ports: [ { name: http, port: 80 } ]\n    instances: [ { address: 10.0.0.1, ports: { http: ${port} } } ]\n`;
const web = (port: number) => `services:\n${service("web", port)}`;
const both = (port: number) => `services:\n${service("web", port)}${service("api", port)}`;

test("a change is seen within 300 ms, however it is written", async (t) => {
  const { dir, seen } = await bench(t, "services.yaml", { "services.yaml": web(9000) });
  await seen.until(() => seen.synced > 0, "synced");
  const path = join(dir, "services.yaml");
  let port = 9000;
  const tookMs: number[] = [];
  for (const write of [writeFile, replace, writeFile, replace, writeFile]) {
    port++;
    await write(path, web(port));
    const from = performance.now();
    await seen.until(() => seen.endpoints("web")?.join() === `10.0.0.1:${port}`, `port ${port}`);
    tookMs.push(performance.now() - from);
  }
  // The median: a machine busy with other tests may stop the process for longer than this at any one time.
  const median = tookMs.sort((a, b) => a - b)[2] ?? Number.POSITIVE_INFINITY;
  assert.ok(median < 300, `it took ${tookMs.map(Math.round).join(", ")} ms`);
});

test("a mounted ConfigMap is followed through its swaps", async (t) => {
  const { dir, seen } = await bench(t, "services.yaml", {});
  const swap = async (version: string, text: string) => {
    await mkdir(join(dir, `..${version}`));
    await writeFile(join(dir, `..${version}`, "services.yaml"), text);
    await symlink(`..${version}`, join(dir, "..data_tmp"));
    await rename(join(dir, "..data_tmp"), join(dir, "..data"));
  };
  await swap("v1", web(9001));
  await symlink("..data/services.yaml", join(dir, "services.yaml"));
  await seen.until(() => seen.endpoints("web")?.join() === "10.0.0.1:9001", "the first version");
  for (const [version, port] of [
    ["v2", 9002],
    ["v3", 9003],
  ] as const) {
    await swap(version, web(port));
    await seen.until(() => seen.endpoints("web")?.join() === `10.0.0.1:${port}`, version);
  }
  assert.equal(seen.losses.length, 2);
});

const BAD_FILES: Readonly<Record<string, readonly [string, RegExp]>> = {
  "an empty file": ["", /services\.yaml:1:1 {2}the file is empty/],
  "a file cut short": ["services:\n  - name: web\n    ports: [ { name: ht", /services\.yaml:3:\d+ {2}not YAML/],
  "a file of something else": ["hello\n", /services\.yaml:1:1 {2}must be a map with services/],
  "a file without services": ["servces: []\n", /services\.yaml:1:1 {2}services {2}is missing/],
  "services without a value": ["services:\n", /services\.yaml:1:1 {2}services {2}must be a list/],
  "a file that is no UTF-8": ["", /cannot read services\.yaml: it is not UTF-8 text/],
};
for (const [title, [text, want]] of Object.entries(BAD_FILES))
  test(`${title} removes nothing and is told`, async (t) => {
    const { dir, seen } = await bench(t, "services.yaml", { "services.yaml": both(9001) });
    await seen.until(() => seen.synced > 0, "synced");
    await writeFile(join(dir, "services.yaml"), title.includes("UTF-8") ? Buffer.from([0xff, 0xfe, 0xfd]) : text);
    await seen.until(() => seen.degraded.length > 0, "degraded");
    assert.match(lastProblem(seen), want);
    const before = seen.synced;
    await writeFile(join(dir, "services.yaml"), both(9001));
    await seen.until(() => seen.synced > before, "synced again");
    assert.deepEqual(seen.losses, []);
  });

test("a file that says `services: []` removes", async (t) => {
  const { seen, write } = await bench(t, "services.yaml", { "services.yaml": both(9001) });
  await seen.until(() => seen.synced > 0, "synced");
  await write("services.yaml", "services: []\n");
  await seen.until(() => seen.groups().length === 0, "no group");
  assert.equal(seen.evidenceOf("web"), "authoritative");
});

test("a bad record costs only itself, and keeps what it said before", async (t) => {
  const { seen, write } = await bench(t, "services.yaml", { "services.yaml": both(9001) });
  await seen.until(() => seen.synced > 0, "synced");
  await write("services.yaml", both(9002).replace("port: 80 }", "port: eighty }"));
  await seen.until(() => seen.degraded.length > 0, "degraded");
  assert.deepEqual(seen.endpoints("web"), ["10.0.0.1:9001"]);
  assert.deepEqual(seen.endpoints("api"), ["10.0.0.1:9002"]);
  assert.equal(
    lastProblem(seen),
    'MB_FILE_INVALID: services.yaml:3:34  services[0].ports[0].port  must be a number, got the text "eighty"',
  );
});

test("a bad record at the start lets the rest be served, without proof of what is missing", async (t) => {
  const { seen } = await bench(t, "services.yaml", { "services.yaml": both(9001).replace("name: web", "nam: web") });
  await seen.until(() => seen.degraded.length > 0, "degraded");
  assert.equal(seen.synced, 1);
  assert.deepEqual(seen.endpoints("api"), ["10.0.0.1:9001"]);
  assert.match(lastProblem(seen), /services\.yaml:2:5 {2}services\[0\]\.nam {2}unknown key; did you mean "name"\?/);
});

test("a bad instance is left out alone and named by its line", async (t) => {
  const text = `services:
  - name: web
    ports: [ { name: http, port: 80 } ]
    instances:
      - { address: 10.0.0.1, ports: { http: 9001 } }
      - { adress: 10.0.0.2, ports: { http: 9002 } }
      - { address: 10.0.0.3, ports: { http: 9003 }, weight: .nan }
      - { address: 10.0.0.4, ports: { htp: 9004 } }
      - { address: 10.0.0.5, ports: { http: 9005 }, labels: { version: 1 } }
      - { address: 10.0.0.6, ports: { http: 9006 }, health: fine }
`;
  const { dir } = await bench(t, "services.yaml", { "services.yaml": text });
  const controller = new AbortController();
  for await (const event of watch("services.yaml", dir, controller.signal)) {
    if (event.type !== "group") continue;
    assert.deepEqual(
      event.group.instances.map(({ id }) => id),
      ["10.0.0.1:9001"],
    );
    assert.deepEqual(event.rejected, [
      {
        record: "services.yaml:6",
        reason:
          'adress unknown key; did you mean "address"? Allowed here: address, cluster, health, id, labels, locality, network, ports, weight',
      },
      { record: "services.yaml:7", reason: "weight must be a number, got the number NaN" },
      { record: "services.yaml:8", reason: "ports has none of the service's ports (http)" },
      { record: "services.yaml:9", reason: "labels.version must be text, got the number 1 (put it in quotes)" },
      {
        record: "services.yaml:10",
        reason: 'health must be unknown, healthy, unhealthy, draining, timeout or degraded, got "fine"',
      },
    ]);
    break;
  }
});

test("several files are one registry; the first to name a service counts", async (t) => {
  const { seen, write } = await bench(t, ["a.yaml", "b.yaml"], { "a.yaml": web(9001), "b.yaml": both(9002) });
  await seen.until(() => seen.degraded.length > 0, "the duplicate");
  assert.equal(lastProblem(seen), 'MB_FILE_INVALID: b.yaml:2  the service "default/web" is already at a.yaml:2, which counts');
  assert.deepEqual(seen.endpoints("web"), ["10.0.0.1:9001"]);
  assert.deepEqual(seen.endpoints("api"), ["10.0.0.1:9002"]);
  await write("a.yaml", "services: []\n");
  await seen.until(() => seen.endpoints("web")?.join() === "10.0.0.1:9002", "web of the second file");
});

test("a missing file keeps only its own services; the others live on", async (t) => {
  const { dir, seen, write } = await bench(t, ["a.yaml", "b.yaml"], {
    "a.yaml": web(9001),
    "b.yaml": `services:\n${service("api", 9001)}`,
  });
  await seen.until(() => seen.synced > 0, "synced");
  await unlink(join(dir, "a.yaml"));
  await seen.until(() => seen.degraded.length > 0, "degraded");
  assert.equal(lastProblem(seen), "MB_FILE_UNREADABLE: registry local cannot read a.yaml: there is no such file");
  await write("b.yaml", "services: []\n");
  await seen.until(() => seen.endpoints("api") === undefined, "the removal of api");
  assert.deepEqual(seen.endpoints("web"), ["10.0.0.1:9001"]);
});

test("a glob takes up new files, in new folders too, and keeps the services of a file that vanishes", async (t) => {
  const { dir, seen, write } = await bench(t, "conf/*/*.yaml", { "conf/one/a.yaml": web(9001) });
  await seen.until(() => seen.synced > 0, "synced");
  await mkdir(join(dir, "conf/two"));
  await write("conf/two/b.yaml", `services:\n${service("api", 9002)}`);
  await seen.until(() => seen.endpoints("api")?.join() === "10.0.0.1:9002", "api");
  await unlink(join(dir, "conf/one/a.yaml"));
  await seen.until(() => seen.degraded.length > 0, "degraded");
  assert.match(lastProblem(seen), /conf\/one\/a\.yaml: it is gone; to remove its services/);
  assert.deepEqual(seen.endpoints("web"), ["10.0.0.1:9001"]);
  // The way to remove: empty it first, then delete it.
  await write("conf/one/a.yaml", "services: []\n");
  await seen.until(() => seen.endpoints("web") === undefined, "the removal of web");
  const before = seen.synced;
  await unlink(join(dir, "conf/one/a.yaml"));
  await seen.until(() => seen.synced > before, "synced without the file");
});

test("a glob that matches nothing is told, and nothing is taken for empty", async (t) => {
  const { seen, write, dir } = await bench(t, "conf/*.yaml", {});
  await seen.until(() => seen.degraded.length > 0, "degraded");
  assert.equal(lastProblem(seen), "MB_FILE_UNREADABLE: registry local cannot read conf/*.yaml: no file matches");
  assert.equal(seen.synced, 0);
  await mkdir(join(dir, "conf"));
  await write("conf/a.yaml", web(9001));
  await seen.until(() => seen.synced > 0, "synced");
});

test("a pipe, a folder and the like do not hang it", async (t) => {
  const { seen, dir } = await bench(t, ["folder", "pipe", "a.yaml"], { "a.yaml": web(9001) });
  await mkdir(join(dir, "folder"));
  await promisify(execFile)("mkfifo", [join(dir, "pipe")]);
  await seen.until(() => /cannot read folder, pipe: it is not a file/.test(lastProblem(seen)), "degraded for both");
  assert.deepEqual(seen.endpoints("web"), ["10.0.0.1:9001"]);
});

test("a large file is read, and an edit in it is seen soon, without holding up the process", { timeout: 60_000 }, async (t) => {
  const record = (index: number, port: number) => service(`svc-${index}`, port);
  const lines = Array.from({ length: 3000 }, (_, index) => record(index, 9000));
  const { dir, seen } = await bench(t, "services.yaml", { "services.yaml": `services:\n${lines.join("")}` });
  let longest = 0;
  let last = performance.now();
  const beat = setInterval(() => {
    longest = Math.max(longest, performance.now() - last);
    last = performance.now();
  }, 5);
  t.after(() => clearInterval(beat));
  await seen.until(() => seen.synced > 0, "synced");
  assert.equal(seen.groups().length, 3000);
  lines[1500] = record(1500, 9001);
  await replace(join(dir, "services.yaml"), `services:\n${lines.join("")}`);
  const from = performance.now();
  await seen.until(() => seen.endpoints("svc-1500")?.join() === "10.0.0.1:9001", "the edit");
  // Parsing the whole anew takes several times as long on any machine.
  assert.ok(performance.now() - from < 1000);
  assert.ok(longest < 1000, `the process was held up for ${Math.round(longest)} ms`);
});
