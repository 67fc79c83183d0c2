/**
 * `meshbridge deploy` on three real clusters with controllers, schedulers and KWOK nodes: what is planned is what is done,
 * drift and adoption go by policy, and a cluster that is stopped loses nothing and holds up nobody.
 */
import assert from "node:assert/strict";
import { copyFile, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { runCommand } from "../../src/cli/testing/run.ts";
import { systemClock } from "../../src/kernel/clock.ts";
import { eventually } from "../support/eventually.ts";
import { type Cluster, startKubernetes } from "../support/kubernetes.ts";
import { startNodes } from "../support/kubernetes-nodes.ts";
import { requireServers } from "../support/require-server.ts";
import { tempDir } from "../support/temp.ts";

const EXAMPLES = new URL("../../examples/deploy/", import.meta.url);
const NAMES = ["eu-1", "us-1", "us-2"];
const DEPLOYMENT = "/apis/apps/v1/namespaces/shop/deployments/web";
const CONFIG_MAP = "/api/v1/namespaces/shop/configmaps/web";
const { skip } = requireServers("etcd", "kubernetes", "kwok");

interface Live {
  readonly metadata: { readonly resourceVersion: string; readonly uid: string };
  readonly data?: Readonly<Record<string, string>>;
  readonly spec?: {
    readonly replicas: number;
    readonly template: {
      readonly spec: {
        readonly containers: readonly { readonly image: string; readonly env: readonly { readonly value: string }[] }[];
      };
    };
  };
}

interface PlanJson {
  readonly hash: string;
  readonly ask?: { readonly hash: string };
  readonly actions: readonly {
    readonly cluster: string;
    readonly verb: string;
    readonly object: string;
    readonly reason: string;
    readonly message: string;
  }[];
  readonly outcomes?: readonly {
    readonly cluster: string;
    readonly verb: string;
    readonly object: string;
    readonly result: string;
  }[];
}

describe("a workload on three real clusters", { skip }, () => {
  const scope = new AsyncDisposableStack();
  let clusters: readonly Cluster[] = [];
  let dir = "";
  const file = () => join(dir, "web.yaml");
  const run = async (verb: string, ...words: readonly string[]) => {
    const given = ["-f", file(), "--clusters", join(dir, "clusters.yaml"), "--timeout", "4s"];
    return await runCommand(["deploy", verb, ...given, ...words], { clock: systemClock });
  };
  const runJson = async (verb: string, ...words: readonly string[]) => {
    const { stdout, stderr, code } = await run(verb, "-o", "json", ...words);
    assert.notEqual(stdout, "", stderr);
    return { code, stderr, view: JSON.parse(stdout) as PlanJson };
  };
  const edit = async (from: string, to: string) => {
    const text = await readFile(file(), "utf8");
    assert.ok(text.includes(from), from);
    await writeFile(file(), text.replace(from, to));
  };
  const cluster = (name: string) => clusters.find((one) => one.name === name) ?? assert.fail(name);
  const read = (name: string, path: string) => cluster(name).api.send<Live>("GET", path);
  const replicas = async (names = NAMES) => Promise.all(names.map(async (name) => (await read(name, DEPLOYMENT)).spec?.replicas));
  /** Versions of everything that the example makes. */
  const versions = async () => {
    const paths = ["/api/v1/namespaces/shop", CONFIG_MAP, "/api/v1/namespaces/shop/services/web"];
    const all = NAMES.flatMap((name) => paths.map((path) => read(name, path)));
    return (await Promise.all(all)).map(({ metadata }) => metadata.resourceVersion);
  };

  before(async () => {
    dir = await tempDir(scope, "deploy");
    const kubernetes = await startKubernetes({ clusters: NAMES }, scope);
    clusters = kubernetes.clusters;
    await Promise.all(clusters.map((one) => startNodes(one, { zones: ["a"], scheduler: true }, scope)));
    for (const name of ["web.yaml", "clusters.yaml"]) await copyFile(new URL(name, EXAMPLES), join(dir, name));
    for (const one of clusters) await writeFile(join(dir, `${one.name}.kubeconfig`), one.kubeconfig("admin"));
  });
  after(() => scope.disposeAsync());

  test("one command from three kubeconfigs to Pods that run; the plan is what is done, a second apply writes nothing", async () => {
    const { view: plan } = await runJson("plan");
    assert.equal(plan.actions.length, 12);
    const { code, view, stderr } = await runJson("apply", "--plan-hash", plan.hash);
    assert.equal(code, 0, stderr);
    const line = ({ cluster: name, verb, object }: PlanJson["actions"][number]) => `${name} ${verb} ${object}`;
    assert.deepEqual(
      view.outcomes?.map(({ cluster: name, verb, object }) => `${name} ${verb} ${object}`),
      plan.actions.map(line),
    );
    assert.ok(view.outcomes?.every(({ result }) => result === "done"));
    assert.deepEqual(await replicas(), [4, 2, 3]);
    const us = (await read("us-1", DEPLOYMENT)).spec?.template.spec.containers[0];
    assert.equal(us?.image, "us.example.com/e2e-test-images/agnhost:2.53");
    assert.equal(us?.env[0]?.value, "us");
    await eventually(
      "all Pods run",
      async () => {
        const { code, stdout } = await run("status");
        assert.equal(code, 0, stdout);
      },
      { withinMs: 60_000, everyMs: 500 },
    );
    const before = await versions();
    const again = await runJson("apply");
    assert.deepEqual([again.code, new Set(again.view.actions.map(({ verb }) => verb))], [0, new Set(["none"])]);
    assert.deepEqual(await versions(), before);
  });

  test("drift by hand is corrected, reported or ignored, as the policy says, and says by whom", async () => {
    const drift = (value: string) =>
      cluster("eu-1").api.apply({
        apiVersion: "v1",
        kind: "ConfigMap",
        metadata: { name: "web", namespace: "shop" },
        data: { greeting: value },
      });
    await drift("hi");
    const { view } = await runJson("plan");
    const found = view.actions.find(({ verb }) => verb === "update");
    assert.deepEqual([found?.cluster, found?.reason], ["eu-1", "Drifted"]);
    assert.match(found?.message ?? "", /\/data\/greeting changed by tests; corrected/);
    assert.equal((await run("apply")).code, 0);
    assert.equal((await read("eu-1", CONFIG_MAP)).data?.["greeting"], "hello");
    await edit("  placement:", "  policy: { whenDrifted: Report }\n  placement:");
    await drift("hey");
    const reported = await runJson("apply");
    assert.ok(reported.view.actions.some(({ reason }) => reason === "DriftReported"));
    assert.equal((await read("eu-1", CONFIG_MAP)).data?.["greeting"], "hey");
    await edit("whenDrifted: Report", "whenDrifted: Correct");
    assert.equal((await run("apply")).code, 0);
    assert.equal((await read("eu-1", CONFIG_MAP)).data?.["greeting"], "hello");
  });

  test("replicas that an autoscaler took stay as it set them, and never fall to 1", async () => {
    await edit("whenDrifted: Correct", "whenDrifted: Correct, ignoreFields: [{ kind: Deployment, path: /spec/replicas }]");
    assert.equal((await run("apply")).code, 0);
    assert.deepEqual(await replicas(), [4, 2, 3]);
    const scale = {
      apiVersion: "autoscaling/v1",
      kind: "Scale",
      metadata: { name: "web", namespace: "shop" },
      spec: { replicas: 6 },
    };
    await cluster("us-2").api.send("PUT", `${DEPLOYMENT}/scale?fieldManager=horizontal-pod-autoscaler`, scale);
    await edit("agnhost:2.53", "agnhost:2.54");
    assert.equal((await run("apply")).code, 0);
    assert.deepEqual(await replicas(), [4, 2, 6]);
    assert.match((await read("us-2", DEPLOYMENT)).spec?.template.spec.containers[0]?.image ?? "", /2\.54$/);
    await edit(", ignoreFields: [{ kind: Deployment, path: /spec/replicas }]", "");
    assert.equal((await run("apply")).code, 0);
    assert.equal(
      (await replicas()).reduce<number>((sum, one) => sum + (one ?? 0), 0),
      9,
    );
  });

  test("an object that is there already is taken over only without a difference", async () => {
    const text = (await readFile(file(), "utf8"))
      .replaceAll("name: web", "name: other")
      .replace("greeting: hello", "greeting: ours");
    await writeFile(join(dir, "other.yaml"), text);
    const theirs = {
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name: "other", namespace: "shop" },
      data: { greeting: "theirs" },
    };
    await cluster("us-1").api.apply(theirs);
    const other = async () => {
      const given = ["-f", join(dir, "other.yaml"), "--clusters", join(dir, "clusters.yaml"), "-o", "json"];
      return JSON.parse((await runCommand(["deploy", "apply", ...given], { clock: systemClock })).stdout) as PlanJson;
    };
    const foreign = (view: PlanJson) =>
      view.actions.find(({ object, cluster: name }) => name === "us-1" && object.startsWith("ConfigMap"));
    const blocked = foreign(await other());
    assert.deepEqual([blocked?.verb, blocked?.reason], ["blocked", "AlreadyExists"]);
    assert.equal((await read("us-1", "/api/v1/namespaces/shop/configmaps/other")).data?.["greeting"], "theirs");
    await cluster("us-1").api.apply({ ...theirs, data: { greeting: "ours" } });
    assert.equal(foreign(await other())?.reason, "Adopted");
  });

  test("a cluster whose API server stands still gets nothing, loses nothing, and catches up", async () => {
    const uid = (await read("us-2", DEPLOYMENT)).metadata.uid;
    process.kill(cluster("us-2").program.pid, "SIGSTOP");
    try {
      await edit("total: 9", "total: 12");
      const scaled = await runJson("apply");
      assert.equal(scaled.code, 3);
      const done = scaled.view.outcomes?.filter(({ cluster: name }) => name !== "us-2") ?? [];
      assert.ok(done.length > 0 && done.every(({ result }) => result === "done" || result === "unchanged"));
      assert.ok(scaled.view.outcomes?.filter(({ cluster: name }) => name === "us-2").every(({ result }) => result === "waiting"));
      const gone = await runJson("delete");
      assert.equal(gone.code, 3);
      assert.ok(
        gone.view.outcomes?.every(({ cluster: name }) => name !== "us-2"),
        "nothing is deleted in a cluster that cannot be seen",
      );
    } finally {
      process.kill(cluster("us-2").program.pid, "SIGCONT");
    }
    await eventually("us-2 answers again", async () => assert.equal((await read("us-2", DEPLOYMENT)).metadata.uid, uid));
    // The namespace stays: the other workload uses it as well.
    for (const name of ["eu-1", "us-1"]) {
      await assert.rejects(read(name, DEPLOYMENT), /404/);
      await read(name, "/api/v1/namespaces/shop");
    }
    const { code, stderr } = await runJson("apply");
    assert.equal(code, 0, stderr);
    assert.equal(
      (await replicas()).reduce<number>((sum, one) => sum + (one ?? 0), 0),
      12,
    );
    assert.equal((await read("us-2", DEPLOYMENT)).metadata.uid, uid);
  });

  test("accidents that emptied others' clusters delete nothing here", async () => {
    const uids = () => Promise.all(NAMES.map(async (name) => (await read(name, DEPLOYMENT)).metadata.uid));
    const before = await uids();
    const text = await readFile(file(), "utf8");
    const accidents: Readonly<Record<string, readonly [from: string, to: string]>> = {
      "a selector that matches nothing": ["tier: production", "tier: none"],
      "an empty list of targets": ["clusterSelector:\n      matchLabels: { tier: production }", "clusters: []"],
    };
    for (const [what, [from, to]] of Object.entries(accidents)) {
      await edit(from, to);
      // A cluster that was stopped a moment ago may not answer at once, and is queued then.
      await eventually(what, async () => {
        const { code, view } = await runJson("apply");
        assert.equal(code, 1, JSON.stringify(view));
        assert.ok(
          view.outcomes?.every(({ result }) => result === "waiting"),
          JSON.stringify(view.outcomes),
        );
      });
      await writeFile(file(), text);
    }
    // An API server that was restarted and answers before it has all its rights; an account that may not see.
    await cluster("us-1").kill();
    const bounced = runJson("apply");
    await cluster("us-1").start();
    assert.ok((await bounced).view.actions.every(({ verb }) => verb !== "delete"));
    await writeFile(join(dir, "us-1.kubeconfig"), cluster("us-1").kubeconfig("reader"));
    const blind = await runJson("apply");
    assert.equal(blind.code, 3);
    assert.ok(blind.view.actions.every(({ verb }) => verb === "none" || verb === "queued"));
    await writeFile(join(dir, "us-1.kubeconfig"), cluster("us-1").kubeconfig("admin"));
    assert.deepEqual(await uids(), before);
    assert.equal((await run("apply")).code, 0);
  });
});
