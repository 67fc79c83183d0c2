import assert from "node:assert/strict";
import { test } from "node:test";
import { isLoopback, listenText, parseListen } from "./listen-address.ts";

for (const [text, loopback] of [
  ["127.0.0.1:8080", true],
  ["127.9.9.9:1", true],
  ["127.0.0.1:0", true],
  ["[::1]:8080", true],
  ["[::ffff:127.0.0.1]:80", true],
  ["localhost:8080", true],
  ["unix:/run/meshbridge.sock", true],
  ["0.0.0.0:18000", false],
  ["[::]:18000", false],
  ["10.0.0.1:18000", false],
  ["bridge.example.com:18000", false],
] as const)
  test(`${text} is ${loopback ? "" : "not "}loopback, and reads back as it was`, () => {
    const address = parseListen(text);
    assert.ok(address);
    assert.equal(isLoopback(address), loopback);
    assert.equal(listenText(address), text);
  });

for (const text of [
  "",
  "8080",
  ":8080",
  "127.0.0.1",
  "127.0.0.1:",
  "127.0.0.1:65536",
  "127.0.0.1:-1",
  "127.0.0.256:80",
  "127.1:80",
  "::1:8080",
  "[::1]",
  "[127.0.0.1]:80",
  "[::g]:80",
  "a b:80",
  "-a:80",
  "http://127.0.0.1:80",
  "unix:",
  "unix:relative.sock",
  "unix:/a\0b",
])
  test(`${JSON.stringify(text)} is no address`, () => {
    assert.equal(parseListen(text), undefined);
  });
