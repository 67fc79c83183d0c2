/** Which view has which secret, and what a stream says of one that cannot be read yet. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Client } from "../routing/client.ts";
import { resourceJson } from "./dump.ts";
import type { SecretSource } from "./secret-source.ts";
import { withoutSecrets } from "./secret-source.ts";
import { createSecretUses } from "./secret-uses.ts";
import { CDS, LDS, ref, resource, rig, SDS } from "./stream/testing.ts";
import { createTables } from "./table.ts";
import { secretResources } from "./translate/secrets.ts";
import type { Resource } from "./types.ts";

const material = (certificate: string, ca?: string) => ({
  identity: { certificateChain: Buffer.from(certificate), privateKey: Buffer.from("the-key") },
  ca: ca === undefined ? undefined : Buffer.from(ca),
});
const CLIENT = { role: "gateway" } as Client;

function source(content: ReadonlyMap<string, Resource | "pending">, allowed: readonly string[] = []): SecretSource {
  return { get: (name) => content.get(name), allowed: () => allowed };
}

test("a view holds the secrets its resources name, as long as one of them does, and those it is allowed", () => {
  const tables = createTables();
  const [cert, ca] = secretResources("web", material("c", "a")) as [Resource, Resource];
  const [extra] = secretResources("extra", material("e")) as [Resource];
  const uses = createSecretUses(
    tables,
    CLIENT,
    source(new Map([cert, ca, extra].map((one) => [one.name, one])), ["extra", "extra/ca", "unknown"]),
  );
  const names = () =>
    tables
      .table(SDS)
      .all()
      .map(({ name }) => name)
      .sort();
  assert.equal(uses.update(), true);
  assert.deepEqual(names(), ["extra"]);
  const first = resource(LDS, "l1", 1, [ref(SDS, "web"), ref(SDS, "web/ca")]);
  const second = resource(LDS, "l2", 1, [ref(SDS, "web")]);
  uses.replaced(undefined, first);
  uses.replaced(undefined, second);
  assert.equal(uses.update(), true);
  assert.deepEqual(names(), ["extra", "web", "web/ca"]);
  uses.replaced(first, undefined);
  assert.equal(uses.update(), true);
  assert.deepEqual(names(), ["extra", "web"]);
  uses.replaced(second, resource(LDS, "l2", 2, []));
  uses.update();
  assert.deepEqual(names(), ["extra"]);
  assert.equal(uses.update(), false, "nothing changed");
});

test("the version of a secret tells nothing of its key, and no dump shows it", () => {
  const [one] = secretResources("web", material("c")) as [Resource];
  const other = { identity: { certificateChain: Buffer.from("c"), privateKey: Buffer.from("another key") }, ca: undefined };
  assert.equal(secretResources("web", other)[0]?.version, one.version);
  assert.notEqual(secretResources("web", material("d"))[0]?.version, one.version);
  assert.deepEqual(resourceJson(one), { redacted: true });
});

for (const variant of ["delta", "sotw"] as const) {
  const ask = ({ sotw, delta }: ReturnType<typeof rig>, type: string, names: string[]) =>
    variant === "sotw" ? sotw(type, names) : delta(type, { subscribe: names });

  test(`SDS (${variant}): a secret that cannot be read yet is no missing one; it comes when it is there`, () => {
    const one = rig(variant);
    one.tables.table(SDS).setPending(new Set(["web"]));
    ask(one, SDS, ["web"]);
    assert.deepEqual(one.flush(), []);
    one.tables.table(SDS).setPending(new Set());
    one.set(SDS, "web");
    assert.deepEqual(one.flush(), ["SDS[web]"]);
    one.ack(SDS);
    assert.deepEqual(one.flush(), []);
  });

  test(`C4 SDS (${variant}): a new listener with a held secret brings that secret again`, () => {
    const one = rig(variant);
    one.set(SDS, "web");
    one.set(LDS, "l1", 1, [ref(SDS, "web")]);
    ask(one, LDS, variant === "sotw" ? [] : ["*"]);
    assert.deepEqual(one.flush(), ["LDS[l1]"]);
    one.ack(LDS);
    ask(one, SDS, ["web"]);
    assert.deepEqual(one.flush(), ["SDS[web]"]);
    one.ack(SDS);
    one.set(LDS, "l2", 1, [ref(SDS, "web")]);
    assert.deepEqual(one.flush(), [variant === "sotw" ? "LDS[l1 l2]" : "LDS[l2]", "SDS[web]"]);
  });

  test(`C4 SDS (${variant}): a cluster's secret comes again after the cluster, in whatever order they were asked for`, () => {
    const one = rig(variant);
    one.set(SDS, "web");
    one.set(CDS, "c", 1, [ref(SDS, "web")]);
    ask(one, SDS, ["web"]);
    assert.deepEqual(one.flush(), ["SDS[web]"]);
    one.ack(SDS);
    ask(one, CDS, variant === "sotw" ? [] : ["*"]);
    assert.deepEqual(one.flush(), ["CDS[c]", "SDS[web]"]);
  });
}

test("a connection that may not have secrets is told that there are none, and sees everything else", () => {
  const tables = createTables();
  tables.table(SDS).set(resource(SDS, "web"));
  tables.table(CDS).set(resource(CDS, "c"));
  const limited = withoutSecrets(tables);
  assert.equal(limited.table(SDS).get("web"), undefined);
  assert.equal(limited.table(CDS).get("c")?.name, "c");
  tables.complete = true;
  assert.equal(limited.complete, true);
});
