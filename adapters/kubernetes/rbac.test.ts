import assert from "node:assert/strict";
import { test } from "node:test";
import { type Manifest, rbacManifests } from "./rbac.ts";

const ACCOUNT = { namespace: "meshbridge-system", name: "meshbridge" };

interface Shown {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly rules?: readonly { readonly resources: readonly string[]; readonly verbs: readonly string[] }[];
}

/** `Role shop/meshbridge: services, endpointslices`. */
function sketch(manifests: readonly Manifest[]): readonly string[] {
  return (manifests as unknown as readonly Shown[]).map(({ kind, metadata, rules }) => {
    const what = rules?.map(({ resources, verbs }) => `${resources.join()} ${verbs.join("+")}`).join(", ");
    return `${kind} ${metadata.namespace ?? "*"}/${metadata.name}${what === undefined ? "" : `: ${what}`}`;
  });
}

test("the whole cluster, unless the settings name its namespaces one by one", () => {
  const rights = "services list+watch, endpointslices list+watch";
  assert.deepEqual(sketch(rbacManifests({ namespaces: ["shop-*"] }, { account: ACCOUNT, home: false })), [
    "ServiceAccount meshbridge-system/meshbridge",
    `ClusterRole */meshbridge: ${rights}`,
    "ClusterRoleBinding */meshbridge",
  ]);
  assert.deepEqual(sketch(rbacManifests({ namespaces: ["shop", "pay"] }, { account: ACCOUNT, home: false })), [
    "ServiceAccount meshbridge-system/meshbridge",
    `Role shop/meshbridge: ${rights}`,
    "RoleBinding shop/meshbridge",
    `Role pay/meshbridge: ${rights}`,
    "RoleBinding pay/meshbridge",
  ]);
});

test("Secrets in the home cluster alone, and there in one namespace", () => {
  const config = { namespaces: ["shop"], discover: { secrets: { namespace: "clusters" } } };
  const secrets = (home: boolean) =>
    sketch(rbacManifests(config, { account: ACCOUNT, home })).filter((text) => text.includes("secrets"));
  assert.deepEqual(secrets(true), ["Role clusters/meshbridge-clusters: secrets list+watch"]);
  assert.deepEqual(secrets(false), []);
});

test("Secrets that are followed by name: these alone, in their namespaces", () => {
  const secrets = [
    { namespace: "shop", name: "web" },
    { namespace: "shop", name: "api" },
    { namespace: "ops", name: "admin" },
  ];
  const manifests = rbacManifests({ namespaces: ["shop"] }, { account: ACCOUNT, home: false, secrets });
  const rules = manifests.flatMap(({ rules = [], metadata }) =>
    (rules as { resourceNames?: string[] }[]).flatMap((rule) =>
      rule.resourceNames === undefined ? [] : [[(metadata as { namespace: string }).namespace, rule.resourceNames]],
    ),
  );
  assert.deepEqual(rules, [
    ["shop", ["web", "api"]],
    ["ops", ["admin"]],
  ]);
});

test("to look into tokens, and nothing else of them", () => {
  const manifests = rbacManifests({ namespaces: ["shop"] }, { account: ACCOUNT, home: false, tokens: true });
  const [rights] = sketch(manifests).filter((text) => text.includes("token"));
  assert.equal(rights, "ClusterRole */meshbridge-tokens: tokenreviews create");
});

test("no wildcard, and nothing but reading", () => {
  const all = JSON.stringify(rbacManifests({ discover: { secrets: {} } }, { account: ACCOUNT, home: true }));
  assert.doesNotMatch(all, /"\*"|create|update|patch|delete|"get"/);
});
