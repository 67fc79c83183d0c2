import assert from "node:assert/strict";
import { test } from "node:test";
import { createSelection, type Selection } from "./selection.ts";

const NAMES = ["com.acme.Pay", "com.acme.PayAdmin", "org.other.Pay", "web", ""];

const cases: readonly (readonly [string, Selection, readonly string[]])[] = [
  ["nothing said: all", {}, NAMES],
  ["include by prefix", { include: ["com.acme.*"] }, ["com.acme.Pay", "com.acme.PayAdmin"]],
  ["include by suffix", { include: ["*.Pay"] }, ["com.acme.Pay", "org.other.Pay"]],
  ["include by what is within", { include: ["*acme*min"] }, ["com.acme.PayAdmin"]],
  ["exclude", { exclude: ["com.*", ""] }, ["org.other.Pay", "web"]],
  ["both", { include: ["*Pay*"], exclude: ["*Admin"] }, ["com.acme.Pay", "org.other.Pay"]],
  ["an exact name", { include: ["web"] }, ["web"]],
  ["a dot is a dot", { include: ["com?acme*", "com.acme.Pa."] }, []],
  ["parts that overlap do not count twice", { include: ["we*eb", "web*web"] }, []],
  ["an empty include: none", { include: [] }, []],
];

for (const [title, selection, expected] of cases)
  test(title, () => assert.deepEqual(NAMES.filter(createSelection(selection)), expected));
