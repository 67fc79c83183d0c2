/** How kinds that only their own operators know are read. */
import { type Static, Type } from "typebox";
import { anyValue, strict } from "./common.ts";

const expression = (description: string) =>
  Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 2000,
      title: "JSON path or CEL",
      description: `${description} A JSON path begins with $; all else is CEL over \`object\`.`,
    }),
  );

const TestSchema = Type.Object(
  {
    path: Type.Optional(
      Type.String({ minLength: 1, maxLength: 2000, description: "A JSON path (RFC 9535): what is looked at." }),
    ),
    equals: Type.Optional(anyValue("What one of the values found must be. Default: something is found.")),
    cel: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 2000,
        description: "Instead of a path: a CEL expression over `object` that is true.",
      }),
    ),
  },
  { ...strict, description: "A condition on the object." },
);
export type KindTest = Static<typeof TestSchema>;

export const CustomKindSchema = Type.Object(
  {
    group: Type.String({ description: "The API group; empty for the core." }),
    kind: Type.String({ minLength: 1, description: "The kind; every version of it." }),
    scale: Type.Optional(
      Type.String({
        pattern: "^/([^~]|~[01])*$",
        patternErrorMessage: "must be a JSON pointer such as /spec/size",
        title: "JSON pointer",
        description: "Where its replicas are written; with it, `spec.replicas` of the workload counts for this kind.",
      }),
    ),
    replicas: expression("The wanted replicas. Default: at `scale`, or $.spec.replicas."),
    updatedReplicas: expression("Replicas of the newest spec. Default: $.status.updatedReplicas."),
    readyReplicas: expression("Ready replicas. Default: $.status.readyReplicas."),
    observedGeneration: expression("Generation its status is about. Default: $.status.observedGeneration."),
    message: expression("What is told of it in a status. Default: which condition holds or does not."),
    healthy: Type.Array(TestSchema, { minItems: 1, maxItems: 100, description: "All must hold for it to be healthy." }),
    degraded: Type.Array(TestSchema, { default: [], maxItems: 100, description: "Any of these, and it has failed." }),
  },
  { ...strict, description: "How a custom kind is read." },
);
export type CustomKind = Static<typeof CustomKindSchema>;
