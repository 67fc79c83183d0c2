import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type TSchema, Type } from "typebox";
import { Value } from "typebox/value";
import { checkSchema } from "./schema-check.ts";
import { pathText } from "./text.ts";

const Port = Type.Integer({ minimum: 1, maximum: 65535 });
const Duration = Type.String({ pattern: "^\\d+(ms|s)$", patternErrorMessage: "must be a duration such as 30s" });
const strict = { additionalProperties: false };
const Ref = Type.Union([Type.Object({ fromEnv: Type.String() }, strict), Type.Object({ fromFile: Type.String() }, strict)]);
const Tagged = Type.Union([
  Type.Object({ kind: Type.Literal("file"), path: Type.String() }, strict),
  Type.Object({ kind: Type.Literal("consul"), datacenters: Type.Optional(Type.Array(Type.String())) }, strict),
]);
const Server = Type.Object({ listen: Type.String(), port: Type.Optional(Port), wait: Type.Optional(Duration) }, strict);

const cases: readonly (readonly [string, TSchema, unknown, readonly string[]])[] = [
  ["a value that fits", Server, { listen: "a", port: 1, wait: "3s" }, []],
  [
    "an unknown key with its near neighbour",
    Server,
    { listen: "a", prot: 1 },
    ['key prot: unknown key; did you mean "port"? Allowed here: listen, port, wait'],
  ],
  [
    "an unknown key like nothing known",
    Server,
    { listen: "a", zzzzzz: 1 },
    ["key zzzzzz: unknown key; allowed here: listen, port, wait"],
  ],
  [
    "hostile keys",
    Server,
    JSON.parse('{"listen":"a","__proto__":1,"constructor":2}'),
    [
      "key __proto__: unknown key; allowed here: listen, port, wait",
      "key constructor: unknown key; allowed here: listen, port, wait",
    ],
  ],
  ["a missing key", Server, {}, ["value listen: is missing; it must be text"]],
  ["a missing number", Type.Object({ port: Port }), {}, ["value port: is missing; it must be a whole number from 1 to 65535"]],
  [
    "text for a number",
    Server,
    { listen: "a", port: "80" },
    ['value port: must be a whole number from 1 to 65535, got the text "80"'],
  ],
  ["a number for text", Server, { listen: 80 }, ["value listen: must be text, got the number 80 (put it in quotes)"]],
  ["nothing for text", Server, { listen: null }, ["value listen: must be text, got nothing"]],
  ["a list for a map", Server, [], ["value (top): must be a map with listen, got a list"]],
  [
    "a number out of range",
    Server,
    { listen: "a", port: 70000 },
    ["value port: must be a whole number from 1 to 65535, got 70000"],
  ],
  ["a fraction", Port, 1.5, ["value (top): must be a whole number from 1 to 65535, got the number 1.5"]],
  ["not a number", Type.Number(), Number.NaN, ["value (top): must be a number, got the number NaN"]],
  [
    "a pattern with its own words",
    Server,
    { listen: "a", wait: "3 sec" },
    ['value wait: must be a duration such as 30s, got "3 sec"'],
  ],
  [
    "a number for a pattern with its own words",
    Server,
    { listen: "a", wait: 3 },
    ["value wait: must be a duration such as 30s, got the number 3"],
  ],
  ["a bound on one side", Type.Number({ minimum: 2 }), 1, ["value (top): must be a number of at least 2, got 1"]],
  ["a bound on the other side", Type.Number({ maximum: 2 }), 3, ["value (top): must be a number of at most 2, got 3"]],
  ["a pattern without words", Type.String({ pattern: "^a+$" }), "b", ['value (top): must match ^a+$, got "b"']],
  ["an enum", Type.Enum(["HTTP", "TCP"]), "http", ['value (top): must be HTTP or TCP, got "http"; did you mean "HTTP"?']],
  ["an enum and no text", Type.Enum(["HTTP", "TCP"]), 5, ["value (top): must be HTTP or TCP, got the number 5"]],
  [
    "text or number",
    Type.Union([Type.String(), Port]),
    true,
    ["value (top): must be text or a whole number from 1 to 65535, got true (put it in quotes)"],
  ],
  [
    "text or number, number out of range",
    Type.Union([Type.String(), Port]),
    0,
    ["value (top): must be a whole number from 1 to 65535, got 0"],
  ],
  [
    "a record",
    Type.Record(Type.String(), Port),
    { a: 1, b: "x" },
    ['value b: must be a whole number from 1 to 65535, got the text "x"'],
  ],
  ["a list's items", Type.Array(Port, { minItems: 1 }), [1, 0], ["value [1]: must be a whole number from 1 to 65535, got 0"]],
  ["an empty list", Type.Array(Port, { minItems: 1 }), [], ["value (top): must not be empty"]],
  ["an empty text", Type.String({ minLength: 1 }), "", ["value (top): must not be empty"]],
  ["too long a text", Type.String({ maxLength: 3 }), "abcd", ["value (top): must have at most 3 characters, got 4"]],
  [
    "a tag that is unknown",
    Tagged,
    { kind: "consol" },
    ['value kind: must be file or consul, got "consol"; did you mean "consul"?'],
  ],
  ["a tag that is missing", Tagged, { path: "x" }, ["value kind: is missing; it must be file or consul"]],
  ["a tag that is inherited", Tagged, Object.create({ kind: "file" }), ["value kind: is missing; it must be file or consul"]],
  [
    "only the branch of the tag",
    Tagged,
    { kind: "consul", datacentres: [] },
    ['key datacentres: unknown key; did you mean "datacenters"? Allowed here: datacenters, kind'],
  ],
  [
    "all problems at once, in the order of the text",
    Type.Object({ b: Port, a: Port }, strict),
    { c: 1, b: 0, a: 0 },
    [
      "key c: unknown key; allowed here: a, b",
      "value b: must be a whole number from 1 to 65535, got 0",
      "value a: must be a whole number from 1 to 65535, got 0",
    ],
  ],
];
for (const [title, schema, value, want] of cases)
  test(title, () => {
    const said = checkSchema(schema, value).map(({ path, at, message }) => `${at} ${pathText(path)}: ${message}`);
    assert.deepEqual(said, want);
    assert.equal(Value.Check(schema, value), want.length === 0);
  });

test("a secret written where a reference belongs is not repeated", () => {
  const said = checkSchema(Type.Object({ token: Ref }), { token: "very-secret" });
  assert.deepEqual(
    said.map(({ message }) => message),
    ["must be a map with fromEnv or a map with fromFile, got text"],
  );
});

test("a URL that is none is not repeated: it may carry a password", () => {
  const [problem] = checkSchema(Type.String({ format: "uri" }), "user:pass word@host");
  assert.equal(problem?.message, "must be a URL such as http://127.0.0.1:8500");
});

const json = fc.jsonValue({ maxDepth: 3 });
const mixed = fc.oneof(
  json,
  fc.record(
    { kind: fc.constantFrom("file", "consul", "x"), path: fc.oneof(fc.string(), fc.integer()), datacenters: json },
    { requiredKeys: [] },
  ),
  fc.record(
    { listen: fc.oneof(fc.string(), json), port: fc.oneof(fc.integer(), fc.double()), wait: fc.constantFrom("1s", "1ms", "x") },
    { requiredKeys: [] },
  ),
  fc.record({ fromEnv: fc.oneof(fc.string(), json), fromFile: fc.oneof(fc.string(), json) }, { requiredKeys: [] }),
);

test("it finds a problem exactly when TypeBox refuses the value", () => {
  const schemas = [
    Server,
    Ref,
    Tagged,
    Type.Array(Server, { minItems: 1, maxItems: 3 }),
    Type.Record(Type.String(), Port),
    Type.Object({ mode: Type.Enum(["merge", "reject"]), of: Type.Optional(Ref) }, strict),
    Type.Union([Type.String(), Port, Type.Array(Type.String())]),
  ];
  fc.assert(
    fc.property(fc.constantFrom(...schemas), mixed, (schema, value) => {
      assert.equal(
        checkSchema(schema, value).length === 0,
        Value.Check(schema, value),
        JSON.stringify(checkSchema(schema, value)),
      );
    }),
    { numRuns: 2000 },
  );
});
