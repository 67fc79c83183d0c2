import assert from "node:assert/strict";
import { test } from "node:test";
import { chrootOf, isPath } from "./paths.ts";

const CHROOTS: readonly (readonly [string | undefined, string, string])[] = [
  [undefined, "/a", "/a"],
  ["", "/", "/"],
  ["/", "/a", "/a"],
  ["/r", "/", "/r"],
  ["/r/s/", "/a/b", "/r/s/a/b"],
];
for (const [chroot, ours, theirs] of CHROOTS)
  test(`below the chroot ${chroot} the path ${ours} is ${theirs}, and back`, () => {
    assert.equal(chrootOf(chroot).toServer(ours), theirs);
    assert.equal(chrootOf(chroot).fromServer(theirs), ours);
  });

for (const path of ["/", "/rs", "/x/r", "", "r"])
  test(`${JSON.stringify(path)} is not below the chroot /r`, () => assert.equal(chrootOf("/r").fromServer(path), undefined));

for (const [path, valid] of [
  ["/", true],
  ["/a/b", true],
  ["/a/...", true],
  ["/a/.b", true],
  ["/a/dubbo%3A%2F%2F", true],
  ["", false],
  ["a", false],
  ["/a/", false],
  ["/a//b", false],
  ["//", false],
  ["/a/./b", false],
  ["/a/..", false],
] as const)
  test(`${JSON.stringify(path)} is ${valid ? "a path" : "no path"}`, () => assert.equal(isPath(path), valid));

test("a very long path is checked in no time", () => {
  const path = `${"/a".repeat(100_000)}/`;
  const began = performance.now();
  assert.equal(isPath(path), false);
  assert.ok(performance.now() - began < 1000);
});
