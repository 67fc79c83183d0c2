import assert from "node:assert/strict";
import { test } from "node:test";
import { createServerOrder, parseServer, serverName } from "./servers.ts";

const cases: readonly (readonly [string, string | undefined])[] = [
  ["zk1", "zk1:2181"],
  ["zk1.example.com:2182", "zk1.example.com:2182"],
  ["10.0.0.1:1", "10.0.0.1:1"],
  ["[::1]", "[::1]:2181"],
  ["[2001:db8::1]:65535", "[2001:db8::1]:65535"],
  ["::1", undefined],
  ["zk1:0", undefined],
  ["zk1:65536", undefined],
  ["zk1:x", undefined],
  ["zk1/app", undefined],
  ["", undefined],
];

for (const [text, expected] of cases)
  test(`${text === "" ? "no text" : text} is ${expected ?? "no server"}`, () => {
    const server = parseServer(text);
    assert.equal(server && serverName(server), expected);
  });

const three = ["a", "b", "c"].map((host) => ({ host, port: 2181 }));

test("every server comes once before the first one comes again", () => {
  const order = createServerOrder(three, () => 0.5);
  const seen = Array.from({ length: 6 }, () => {
    const { host } = order.current;
    order.rotate();
    return host;
  });
  assert.deepEqual(new Set(seen.slice(0, 3)), new Set(["a", "b", "c"]));
  assert.deepEqual(seen.slice(0, 3), seen.slice(3));
});

test("chance decides with which one it begins", () => {
  const firsts = [0, 0.4, 0.9].map((chance) => createServerOrder(three, () => chance).current.host);
  assert.deepEqual(firsts, ["a", "b", "c"]);
});

test("an ensemble without a server is refused", () => {
  assert.throws(() => createServerOrder([], () => 0), RangeError);
});
