/** What differs from cluster to cluster. */
import { type Static, Type } from "typebox";
import { anyValue, kubeName, openMap, SelectorSchema, strict } from "./common.ts";

const PatchSchema = Type.Object(
  {
    op: Type.Enum(["add", "remove", "replace", "move", "copy", "test"], { default: "replace", description: "As in RFC 6902." }),
    path: Type.String({
      pattern: "^(/([^~]|~[01])*)?$",
      patternErrorMessage: "must be a JSON pointer such as /spec/replicas",
      title: "JSON pointer",
      description: "Where in the manifest; variables are replaced.",
    }),
    from: Type.Optional(Type.String({ description: "Where the value comes from, with move and copy." })),
    value: Type.Optional(anyValue("The value, with add, replace and test; variables in texts are replaced.")),
  },
  { ...strict, description: "One operation of RFC 6902." },
);
export type Patch = Static<typeof PatchSchema>;

const TargetSchema = Type.Object(
  {
    kind: Type.Optional(Type.String({ minLength: 1, description: "Manifests of this kind." })),
    name: Type.Optional(Type.String({ minLength: 1, description: "Manifests of this name." })),
  },
  { ...strict, description: "Which manifests of the template it is for. Default: every one that has a Pod template." },
);

const ImageSchema = Type.Object(
  {
    container: Type.Optional(Type.String({ minLength: 1, description: "Default: every container." })),
    registry: Type.Optional(Type.String({ minLength: 1, description: "The new registry, such as eu.example.com:5000." })),
    repository: Type.Optional(Type.String({ minLength: 1, description: "The new repository, such as shop/web." })),
    tag: Type.Optional(Type.String({ minLength: 1, description: "The new tag." })),
    digest: Type.Optional(Type.String({ minLength: 1, description: "The new digest, such as sha256:…; it replaces the tag." })),
  },
  { ...strict, description: "Parts of the image that are replaced." },
);
export type ImageOverride = Static<typeof ImageSchema>;

const EnvSchema = Type.Record(
  Type.String({ pattern: "^[A-Za-z_.-][A-Za-z0-9_.-]*$" }),
  Type.Union([Type.String(), Type.Null()]),
  {
    description: "Environment variables of every container, by name; null removes.",
  },
);

const ArgsSchema = Type.Object(
  {
    container: Type.Optional(Type.String({ minLength: 1, description: "Default: every container." })),
    set: Type.Optional(Type.Array(Type.String(), { description: "These arguments instead of all others." })),
    append: Type.Optional(Type.Array(Type.String(), { description: "Added at the end." })),
    remove: Type.Optional(Type.Array(Type.String(), { description: "Taken out, wherever they stand." })),
  },
  { ...strict, description: "Arguments of the containers." },
);
export type ArgsOverride = Static<typeof ArgsSchema>;

export const OverrideSchema = Type.Object(
  {
    clusters: Type.Optional(Type.Array(kubeName("A cluster."), { description: "For these; they win over the selector." })),
    clusterSelector: Type.Optional(SelectorSchema),
    target: Type.Optional(TargetSchema),
    patches: Type.Array(PatchSchema, { default: [], maxItems: 1000, description: "RFC 6902 operations, in this order." }),
    merge: Type.Optional(openMap("A merge patch (RFC 7386): null removes.")),
    image: Type.Optional(ImageSchema),
    env: Type.Optional(EnvSchema),
    args: Type.Optional(ArgsSchema),
  },
  { ...strict, description: "A rule for some clusters. With neither names nor selector it is for all." },
);
export type Override = Static<typeof OverrideSchema>;
