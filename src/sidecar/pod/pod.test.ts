import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { MeshbridgeError } from "../../kernel/errors.ts";
import { type PodIdentity, parsePairs, readIdentity } from "./identity.ts";
import { registrationOf } from "./registrations.ts";
import { fillTemplate, templateFault } from "./template.ts";

const POD: PodIdentity = {
  ...{ namespace: "shop", name: "web-1", uid: "u1", ip: "10.0.0.7", node: undefined },
  labels: { "app.kubernetes.io/name": "web", version: "v2" },
  annotations: { weight: "7", bad: "many" },
};
const CIRCUMSTANCES = { cluster: "east", pod: POD, env: { ZONE: "a" }, startedAt: 5 };
const ENV = { POD_NAMESPACE: "shop", POD_NAME: "web-1", POD_UID: "u1", POD_IP: "10.0.0.7" };

test("identity: environment and downward API files; overrides win", async (t) => {
  const dir = await mkdtemp(join(tmpdir(), "podinfo-"));
  t.after(() => rm(dir, { recursive: true }));
  await writeFile(join(dir, "labels"), 'app.kubernetes.io/name="web"\nversion="v2"');
  const pod = await readIdentity({ ip: "10.9.9.9" }, ENV, dir);
  assert.deepEqual(pod.labels, POD.labels);
  assert.deepEqual([pod.ip, pod.uid, pod.node, pod.annotations], ["10.9.9.9", "u1", undefined, {}]);
});

test("identity: a Pod without an address is told by name", async () => {
  await assert.rejects(readIdentity({}, { ...ENV, POD_IP: "" }, "/nowhere"), (error: MeshbridgeError) => {
    assert.equal(error.code, "MB_SIDECAR_IDENTITY");
    assert.match(error.message, /the ip of its Pod: POD_IP is not set/);
    return true;
  });
});

test("downward API files: values are quoted, lines that are not are left out", () => {
  assert.deepEqual(parsePairs('a="x=\\"y\\""\nb="line\\nbreak"\nno line\nc=bare\n'), { a: 'x="y"', b: "line\nbreak" });
});

test("templates: what stands for nothing is told", () => {
  assert.equal(templateFault("{pod}.{label.app.kubernetes.io/name}-{env.ZONE}"), undefined);
  assert.match(templateFault("{lable.x}") ?? "", /stands for nothing; did you mean "label"/);
  assert.match(templateFault("{label}") ?? "", /needs a name/);
  assert.match(templateFault("a{") ?? "", /a brace that belongs to nothing/);
  assert.match(templateFault("{Pod}") ?? "", /brace/);
});

test("templates: a part without a value makes the whole without one, also names of Object's own", () => {
  assert.equal(fillTemplate("{label.app.kubernetes.io/name}:{ip}", POD, {}), "web:10.0.0.7");
  for (const template of ["{node}-x", "{label.none}", "{env.NONE}", "{label.constructor}"])
    assert.equal(fillTemplate(template, POD, {}), undefined, template);
});

test("a registration: name, address and weight must have a value, the rest may be left out", () => {
  const service = {
    name: "{label.app.kubernetes.io/name}",
    port: 8080,
    weight: "{annotation.weight}",
    zone: "{env.ZONE}",
    region: "{env.REGION}",
    tags: ["{label.version}", "{label.none}"],
    labels: { version: "{label.version}", team: "{label.team}" },
  };
  assert.deepEqual(registrationOf(service, "in", CIRCUMSTANCES), {
    ...{ id: "web-1-u1-8080", service: "web", address: "10.0.0.7", port: 8080, ports: {}, protocol: undefined, weight: 7 },
    ...{ zone: "a", region: undefined, tags: ["v2"], labels: { version: "v2" }, traffic: "in", origin: ["east"], startedAt: 5 },
  });
  const refused = (more: object) => () => registrationOf({ ...service, ...more }, "in", CIRCUMSTANCES);
  assert.throws(refused({ name: "{label.none}" }), MeshbridgeError);
  assert.throws(refused({ weight: "{annotation.bad}" }), /no whole number/);
});
