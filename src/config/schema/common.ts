/** Forms that several parts of the configuration share. `title` is the type's name on the reference page. */
import { type TString, Type } from "typebox";
import { DURATION_FORM } from "../../kernel/duration.ts";

export const strict = { additionalProperties: false } as const;

/** Names that appear in resource names, metrics and URLs: short, printable, without a slash. */
export const NAME_PATTERN = "^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$";
export const NAME_RULE = "must be 1 to 63 letters, digits, `-`, `_` or `.`, with a letter or digit at both ends";

export function name(description: string, options: { readonly default?: string } = {}) {
  return Type.String({ pattern: NAME_PATTERN, patternErrorMessage: NAME_RULE, title: "name", description, ...options });
}

export function duration(description: string, options: { readonly default?: string } = {}): TString {
  return Type.String({ ...DURATION_FORM, description, ...options });
}

/** A duration above zero: Envoy refuses the whole resource for a zero in these places. */
export function positiveDuration(description: string, options: { readonly default?: string } = {}): TString {
  return Type.String({
    pattern: "^0{0,8}[1-9]\\d{0,8}(ms|s|m|h)$",
    patternErrorMessage: "must be a duration above zero, such as 500ms, 30s, 5m or 1h",
    title: "duration",
    description,
    ...options,
  });
}

export function port(description: string, options: { readonly default?: number } = {}) {
  return Type.Integer({ minimum: 1, maximum: 65535, description, ...options });
}

/** `namespace/name`, written out: a route leads to one service, never to a pattern. */
export function serviceRef(description: string) {
  return Type.String({
    pattern: "^[A-Za-z0-9][A-Za-z0-9._-]*/[A-Za-z0-9][A-Za-z0-9._-]*$",
    patternErrorMessage: "must be namespace/name, such as default/web",
    title: "namespace/name",
    description,
  });
}

/** Text that goes into a protobuf field as it is: no control characters, which Envoy refuses. */
export function headerText(description: string) {
  return Type.String({
    pattern: "^[^\\u0000-\\u001f\\u007f]*$",
    patternErrorMessage: "must have no control characters",
    description,
  });
}

/** The beginning of a URL path. */
export function urlPath(description: string, options: { readonly default?: string } = {}) {
  return Type.String({
    pattern: "^/[^\\u0000-\\u0020\\u007f?#]*$",
    patternErrorMessage: "must begin with / and have no space, ? or #",
    title: "path",
    description,
    ...options,
  });
}
