import assert from "node:assert/strict";
import { test } from "node:test";
import { type ApiDocument, httpReference } from "./reference.ts";
import { ask } from "./testing/ask.ts";

const DOCUMENT: ApiDocument = {
  paths: {
    "/v1/things/{id}": {
      put: {
        summary: "Change a thing",
        parameters: [
          { name: "id", in: "path", required: true, schema: { type: "string" } },
          { name: "dry", in: "query", description: "Only look.", schema: { type: "boolean", default: false } },
        ],
        requestBody: { content: { "application/json": { schema: { properties: { size: { enum: ["s", "l"] } } } } } },
        responses: {
          "200": {
            content: {
              "application/json": {
                schema: {
                  required: ["parts", "at"],
                  properties: {
                    parts: { type: "array", items: { type: "object", required: ["n"], properties: { n: { type: "integer" } } } },
                    at: { anyOf: [{ type: "string", format: "date-time" }, { type: "null" }] },
                    labels: { type: "object", additionalProperties: { type: "string" }, description: "Of a | b." },
                  },
                },
              },
            },
          },
        },
      },
    },
  },
};

test("a route's section says what it takes and what it answers, down to the fields of lists", () => {
  assert.equal(
    httpReference(DOCUMENT),
    `## PUT /v1/things/{id}

Change a thing.

| parameter | in | type | says |
| --- | --- | --- | --- |
| \`id\` | path, required | string |  |
| \`dry\` | query | boolean | Only look. Default: false. |

| body | type | says |
| --- | --- | --- |
| \`size\` | \`s\`, \`l\` |  |

| answer | type | says |
| --- | --- | --- |
| \`parts\` | list of object |  |
| \`parts[].n\` | integer |  |
| \`at\` | string (date-time) or null |  |
| \`labels?\` | map to string | Of a \\| b. |
`,
  );
});

test("the real document gives a section for every route", async () => {
  const { body } = await ask("/openapi.json");
  const sections: readonly string[] = httpReference(body).match(/^## \w+ \S+$/gm) ?? [];
  assert.equal(sections.length, Object.keys(body.paths).length + 2, "one each, and two for /v1/log-level and for drain");
  assert.ok(sections.includes("## GET /v1/services/{namespace}/{name}"));
});
