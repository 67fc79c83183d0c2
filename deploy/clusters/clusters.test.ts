import assert from "node:assert/strict";
import { test } from "node:test";
import { parseClusterList } from "../api/validate.ts";
import type { JsonObject } from "../json/value.ts";
import type { Discovery } from "../kube/types.ts";
import { EMPTY_FLEET, withField, withMember, withoutMember } from "./fleet-file.ts";
import { FRESH_MS, healthOf } from "./health.ts";
import { isOurs, memberKubeconfig, tokenIn, withToken } from "./kubeconfig.ts";
import { profileNames } from "./profiles.ts";
import { rightsOf } from "./rights.ts";
import { accountOf, isDue, tokenTimes } from "./token.ts";

const resource = (group: string, kind: string, plural: string) =>
  ({ group, version: "v1", kind, plural, namespaced: true, verbs: new Set<string>() }) as const;
const SERVED = [
  resource("apps", "Deployment", "deployments"),
  resource("", "ConfigMap", "configmaps"),
  resource("", "Secret", "secrets"),
];
const discovery: Discovery = {
  resources: SERVED,
  find: ({ group, kind }) => SERVED.find((one) => one.group === group && one.kind === kind),
  unanswered: new Set(),
};
const account = { namespace: "mb", name: "deploy" };
const rulesOf = (objects: readonly JsonObject[], kind: string) => objects.find((one) => one["kind"] === kind)?.["rules"];

test("an account gets the kinds in use and nothing else", () => {
  const kinds = [
    { group: "apps", kind: "Deployment" },
    { group: "", kind: "Secret" },
    { group: "", kind: "ConfigMap" },
    { group: "acme.io", kind: "Widget" },
  ];
  const { objects, notServed } = rightsOf({ account, kinds, discovery, room: false, gates: false });
  const verbs = ["create", "delete", "get", "list", "patch", "watch"];
  assert.deepEqual(rulesOf(objects, "ClusterRole"), [
    { apiGroups: [""], resources: ["configmaps", "secrets"], verbs },
    { apiGroups: ["apps"], resources: ["deployments"], verbs },
  ]);
  assert.deepEqual(notServed, [{ group: "acme.io", kind: "Widget" }]);
  assert.deepEqual(rulesOf(objects, "Role"), [
    { apiGroups: [""], resources: ["serviceaccounts/token"], resourceNames: ["deploy"], verbs: ["create"] },
  ]);
  assert.ok(!JSON.stringify(objects).includes("*"), "no wildcard");
});

test("room and gates need Pods, and say with which verbs", () => {
  const { objects } = rightsOf({ account, kinds: [], discovery, room: true, gates: true });
  assert.deepEqual(rulesOf(objects, "ClusterRole"), [
    { apiGroups: [""], resources: ["pods"], verbs: ["get", "list", "patch", "watch"] },
    { apiGroups: [""], resources: ["nodes"], verbs: ["list"] },
    { apiGroups: [""], resources: ["pods/status"], verbs: ["patch"] },
    { apiGroups: ["apps"], resources: ["replicasets"], verbs: ["list"] },
  ]);
});

test("the fleet file is edited where it must be, and keeps its comments", () => {
  const member = { name: "eu-1", labels: { tier: "a" }, spec: { kubeconfig: "eu-1.kubeconfig", region: "eu" } };
  const one = withMember(EMPTY_FLEET, member);
  const commented = `${one}    # last words\n`;
  const two = withMember(commented, { name: "us-1", labels: {}, spec: { kubeconfig: "us-1.kubeconfig" } });
  const again = withMember(two, { ...member, labels: { zone: "b" }, spec: { region: "west" } });
  const cordoned = withField(again, "us-1", "unschedulable", true);
  assert.match(cordoned, /# The fleet/);
  assert.match(cordoned, /# last words/);
  const parsed = parseClusterList(cordoned);
  assert.ok("object" in parsed, JSON.stringify(parsed));
  assert.deepEqual(
    parsed.object.map(({ metadata, spec }) => [metadata.name, metadata.labels, spec.region, spec.kubeconfig, spec.unschedulable]),
    [
      ["eu-1", { tier: "a", zone: "b" }, "west", "eu-1.kubeconfig", false],
      ["us-1", undefined, undefined, "us-1.kubeconfig", true],
    ],
  );
  const open = withField(cordoned, "us-1", "unschedulable", undefined);
  assert.doesNotMatch(open, /unschedulable/);
  const left = parseClusterList(withoutMember(withoutMember(open, "eu-1"), "us-1"));
  assert.deepEqual(left, { object: [] });
});

const token = (claims: unknown) => `h.${Buffer.from(JSON.stringify(claims)).toString("base64url")}.s`;

test("a token tells when it is to be renewed, and whose it is", () => {
  const times = tokenTimes(token({ iat: 0, exp: 300 })) ?? assert.fail("no times");
  assert.deepEqual([isDue(times, 199_999), isDue(times, 200_000)], [false, true]);
  assert.deepEqual(accountOf(token({ sub: "system:serviceaccount:mb:deploy" })), account);
  for (const other of ["opaque", "a.b.c", token([]), token({ exp: "soon" })]) assert.equal(tokenTimes(other), undefined);
});

test("only a kubeconfig that is ours gives its token and takes another", () => {
  const text = memberKubeconfig("eu-1", { server: "https://a" }, "t1");
  assert.equal(tokenIn(withToken(text, "t2")), "t2");
  assert.match(withToken(text, "t2"), /server: https:\/\/a/);
  const theirs = text.slice(text.indexOf("\n") + 1);
  assert.deepEqual([isOurs(theirs), tokenIn(theirs)], [false, undefined]);
});

test("what was seen counts while it is fresh; never seen is Unknown", () => {
  const seen = (status: "True" | "False", age: number) => ({
    observedAt: new Date(100_000_000 - age).toISOString(),
    conditions: [{ type: "Ready", status, reason: "x", message: "", lastTransitionTime: "2026-01-01T00:00:00Z" }],
  });
  const health = (status: Parameters<typeof healthOf>[0]) => healthOf(status, 100_000_000);
  assert.deepEqual(
    [seen("True", 0), seen("False", 0), seen("True", FRESH_MS), seen("True", FRESH_MS + 1), {}, undefined].map(health),
    ["Ready", "NotReady", "Ready", "Unknown", "Unknown", "Unknown"],
  );
});

test("a ClusterProfile is found by display name, by its ID, or by its name", () => {
  const profile = (name: string, spec: JsonObject, properties: readonly JsonObject[] = []) => ({
    metadata: { name, namespace: "fleet" },
    spec,
    status: { properties },
  });
  const names = profileNames([
    profile("p1", { displayName: "eu-1" }),
    profile("p2", {}, [{ name: "cluster.clusterset.k8s.io", value: "us-1" }]),
    profile("eu-1", {}),
  ]);
  assert.deepEqual(
    [names.get("eu-1"), names.get("us-1"), names.get("p1"), names.get("x")],
    ["fleet/p1", "fleet/p2", "fleet/p1", undefined],
  );
});
