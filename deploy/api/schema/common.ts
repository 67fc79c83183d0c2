/** Forms that several parts of the deploy objects share. `title` is the type's name on the reference page. */
import { type Static, Type } from "typebox";
import { DURATION_FORM } from "../../../src/kernel/duration.ts";
import type { JsonObject } from "../../json/value.ts";

export const API_VERSION = "deploy.meshbridge.io/v1alpha1";
export const strict = { additionalProperties: false } as const;

/** RFC 1123 subdomain, as Kubernetes wants names. */
export function kubeName(description: string) {
  return Type.String({
    pattern: "^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$",
    patternErrorMessage: "must be a Kubernetes name: small letters, digits, `-` or `.`, a letter or digit at both ends",
    title: "name",
    description,
  });
}

export function duration(description: string, options: { readonly default?: string } = {}) {
  return Type.String({ ...DURATION_FORM, description, ...options });
}

/** A number of clusters or a share of them. Shares are rounded down, but never to nothing. */
export function countOrPercent(description: string, options: { readonly default?: number | string } = {}) {
  return Type.Union(
    [
      Type.Integer({ minimum: 1, maximum: 100_000 }),
      Type.String({
        pattern: "^([1-9]\\d?|100)%$",
        patternErrorMessage: "must be a whole number of at least 1, or a percentage from 1% to 100%",
      }),
    ],
    { title: "number or percentage", description, ...options },
  );
}

/** An open map, not looked into here. */
export function openMap(description: string) {
  return Type.Unsafe<JsonObject>(Type.Object({}, { additionalProperties: true, description }));
}

/** Any JSON value. */
export function anyValue(description: string) {
  return Type.Unsafe<JsonObject[string]>({ description });
}

const labels = (description: string) => Type.Record(Type.String(), Type.String(), { description });

const fromServer = Type.Optional(Type.Unsafe<unknown>({ description: "Set by the API server; not read from a file." }));

/** What Kubernetes calls ObjectMeta, as far as it is used. */
export const ObjectMetaSchema = Type.Object(
  {
    name: kubeName("Unique in its namespace."),
    namespace: Type.Optional(kubeName("Where the object lives; `default` when left out.")),
    labels: Type.Optional(labels("Labels of the object.")),
    annotations: Type.Optional(labels("Annotations of the object.")),
    uid: fromServer,
    resourceVersion: fromServer,
    creationTimestamp: fromServer,
    deletionTimestamp: fromServer,
    managedFields: fromServer,
    finalizers: fromServer,
    generation: Type.Optional(Type.Integer({ minimum: 0, description: "Set by the API server: counts changes of spec." })),
  },
  { ...strict, description: "Name and labels." },
);

const MatchExpressionSchema = Type.Object(
  {
    key: Type.String({ minLength: 1, maxLength: 317, description: "The label." }),
    operator: Type.Enum(["In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"], {
      description: "In and NotIn take values, Gt and Lt one whole number, Exists and DoesNotExist none.",
    }),
    values: Type.Optional(Type.Array(Type.String(), { maxItems: 1000, description: "What the label is compared with." })),
  },
  { ...strict, description: "A condition on one label." },
);
export type MatchExpression = Static<typeof MatchExpressionSchema>;

export const SelectorSchema = Type.Object(
  {
    matchLabels: Type.Optional(labels("Labels a cluster must have, with these values.")),
    matchExpressions: Type.Optional(
      Type.Array(MatchExpressionSchema, { maxItems: 100, description: "Conditions that must all hold." }),
    ),
  },
  { ...strict, title: "selector", description: "By labels; an empty selector means every cluster." },
);
export type Selector = Static<typeof SelectorSchema>;
