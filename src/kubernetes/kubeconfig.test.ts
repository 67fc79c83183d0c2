import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parse, stringify } from "yaml";
import { MeshbridgeError } from "../kernel/errors.ts";
import { chooseContext, type KubeconfigOptions, type Risk } from "./kubeconfig.ts";

const OPTIONS: KubeconfigOptions = { origin: "eu.yaml", context: undefined, allow: [], local: true };
const EXEC = { command: "aws", args: ["eks"] };

function kubeconfig(user: object = { token: "t" }, cluster: object = {}, more: object = {}): string {
  return stringify({
    clusters: [{ name: "c", cluster: { server: "https://k8s:6443", ...cluster } }],
    users: [{ name: "u", user }],
    contexts: [{ name: "eu", context: { cluster: "c", user: "u" } }],
    "current-context": "eu",
    ...more,
  });
}

function refusal(text: string, options: Partial<KubeconfigOptions> = {}): string {
  try {
    chooseContext(text, { ...OPTIONS, ...options });
  } catch (error) {
    assert.ok(error instanceof MeshbridgeError && error.code === "MB_KUBECONFIG_INVALID", String(error));
    return `${error.details["field"]}: ${error.details["reason"]}`;
  }
  return "taken";
}

const FILE = { "certificate-authority": "ca.pem" };
const ROWS: readonly (readonly [what: string, text: string, refused: string, options?: Partial<KubeconfigOptions>])[] = [
  ["a token", kubeconfig(), "taken"],
  ["a client certificate", kubeconfig({ "client-certificate-data": "YQ==", "client-key-data": "YQ==" }), "taken"],
  ["a token file of this machine", kubeconfig({ tokenFile: "token" }), "taken"],
  ["files of this machine", kubeconfig({}, FILE), "taken"],
  [
    "files named from elsewhere",
    kubeconfig({}, FILE),
    "cluster.certificate-authority of context eu: allow files",
    { local: false },
  ],
  [
    "a token file named from elsewhere",
    kubeconfig({ tokenFile: "/etc/shadow" }),
    "user.tokenFile of context eu: allow files",
    { local: false },
  ],
  ["a program", kubeconfig({ exec: EXEC }), "user.exec of context eu: allow exec"],
  ["a program that is allowed", kubeconfig({ exec: EXEC }), "taken", { allow: ["exec"] }],
  ["an auth provider", kubeconfig({ "auth-provider": { name: "gcp" } }), "user.auth-provider of context eu: allow auth-provider"],
  [
    "no verification",
    kubeconfig({}, { "insecure-skip-tls-verify": true }),
    "cluster.insecure-skip-tls-verify of context eu: allow insecure-skip-tls-verify",
  ],
  ["plain http", kubeconfig({}, { server: "http://k8s" }), "cluster.server of context eu: allow http"],
  ["plain http that is allowed", kubeconfig({}, { server: "http://k8s" }), "taken", { allow: ["http"] }],
  ["no URL", kubeconfig({}, { server: "k8s" }), "cluster.server of context eu: it is no URL of a server"],
  [
    "a socket",
    kubeconfig({}, { server: "unix:///var/run/docker.sock" }),
    "cluster.server of context eu: it is no URL of a server",
  ],
  [
    "credentials in the URL",
    kubeconfig({}, { server: "https://a:b@k8s" }),
    "cluster.server of context eu: it is no URL of a server",
  ],
  ["a password", kubeconfig({ username: "admin", password: "x" }), "user.username of context eu: it is not supported"],
  ["a proxy", kubeconfig({}, { "proxy-url": "http://p" }), "cluster.proxy-url of context eu: it is not supported"],
  ["another context", kubeconfig(), "contexts: there is no context us", { context: "us" }],
  ["no current context, and only one", kubeconfig({}, {}, { "current-context": "" }), "taken"],
  [
    "no current context, and none",
    kubeconfig({}, {}, { "current-context": "", contexts: [] }),
    "current-context: no context is named",
  ],
  ["a cluster that is not there", kubeconfig({}, {}, { clusters: [] }), "cluster.server of context eu: it is no URL of a server"],
  ["half a file", kubeconfig().slice(0, 40), "current-context: no context is named"],
  ["nothing", "", "the whole: it is no mapping"],
  ["other text", "{[", "the whole: it is no YAML at line 1, column 3"],
  ["aliases", "a: &a [1]\nb: [*a]", "the whole: it is no YAML"],
];

for (const [what, text, refused, options] of ROWS)
  test(`kubeconfig with ${what}: ${refused}`, () => {
    const expected = refused.replace(/allow (\S+)$/, "it is refused unless `allow: [$1]` is set");
    assert.equal(refusal(text, options), expected);
  });

test("what one parser merges and another does not is not smuggled in", () => {
  const text = kubeconfig().replace("token: t", `"<<": { exec: { command: sh } }\n      token: t`);
  const chosen = chooseContext(text, OPTIONS);
  assert.deepEqual(JSON.parse(chosen.kubeconfig).users, [{ name: "eu", user: { token: "t" } }]);
});

test("an error quotes nothing of a file that cannot be read", () => {
  assert.doesNotMatch(refusal("users: [{token: TOPSECRET\n  x: ]"), /TOPSECRET/);
});

test("whatever a kubeconfig holds, it is refused with its own error, or nothing risky is left in what is used", () => {
  const leaf = fc.oneof(fc.string(), fc.boolean(), fc.constant(null), fc.constant({}), fc.constant([]));
  const names = ["token", "tokenFile", "exec", "auth-provider", "client-key", "username", "as", "<<", "__proto__", "token-file"];
  const user = fc.dictionary(fc.constantFrom(...names), leaf);
  const cluster = fc.dictionary(fc.constantFrom("certificate-authority", "proxy-url", "insecure-skip-tls-verify", "<<"), leaf);
  fc.assert(
    fc.property(user, cluster, fc.subarray<Risk>(["exec", "http"]), (someUser, someCluster, allow) => {
      const text = kubeconfig(someUser, someCluster);
      const options = { ...OPTIONS, allow, local: false };
      if (refusal(text, options) !== "taken") return;
      const used = parse(chooseContext(text, options).kubeconfig);
      const allowed = ["token", "as", ...allow];
      assert.deepEqual(
        Object.keys(used.users[0].user).filter((field) => !allowed.includes(field)),
        [],
      );
      assert.deepEqual(used.clusters[0].cluster, { server: "https://k8s:6443" });
    }),
  );
});
