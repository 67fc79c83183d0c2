/** `/v1/protection`: what is held back from removal, why, for how long, and the operator's word that it is meant. */
import { type Static, Type } from "typebox";
import { fail } from "../../model/errors.ts";
import { SUSPECT_REASONS } from "../../model/evidence.ts";
import type { HeldInstance } from "../../registry/holds.ts";
import { PageQuery, page, pageOf } from "../paging.ts";
import type { Routes } from "./routes.ts";
import { PROBLEMS, SourceAnswer, Time, time } from "./schemas.ts";

const Held = Type.Object({
  source: SourceAnswer,
  service: Type.String(),
  instance: Type.String(),
  address: Type.String(),
  reason: Type.Enum(Object.keys(SUSPECT_REASONS)),
  message: Type.String(),
  since: Time,
  endsInSeconds: Type.Union([Type.Number(), Type.Null()], {
    description: "When the hold ends if nothing happens; null while the registry's answers are in doubt.",
  }),
});

/** One line of `GET /v1/protection`. */
export type HeldAnswer = Static<typeof Held>;

const Query = Type.Object(
  { ...PageQuery, registry: Type.Optional(Type.String()), service: Type.Optional(Type.String()) },
  { additionalProperties: false },
);
const Params = Type.Object({ registry: Type.String() });
const Release = Type.Object(
  {
    service: Type.Optional(Type.String({ description: "namespace/name; all services when not given." })),
    instance: Type.Optional(Type.String({ description: "One instance's id; all when not given." })),
  },
  { additionalProperties: false },
);
const Released = Type.Object({ released: Type.Integer() });
/** What `POST /v1/protection/:registry/release` answers. */
export type ReleasedAnswer = Static<typeof Released>;

export const protectionRoutes: Routes = (app, state) => {
  app.get<{ Querystring: Static<typeof Query> }>(
    "/v1/protection",
    {
      schema: {
        tags: ["protection"],
        summary: "List held instances",
        querystring: Query,
        response: { 200: pageOf(Held), ...PROBLEMS },
      },
    },
    async ({ query: { registry, service, ...query } }) => {
      const chosen = state
        .held()
        .filter(
          (held) => (registry ?? held.source.registry) === held.source.registry && (service ?? held.service) === held.service,
        );
      const { items, ...rest } = page(chosen, keyOf, query);
      return { ...rest, items: items.map(answer) };
    },
  );

  app.post<{ Params: Static<typeof Params>; Body: Static<typeof Release> }>(
    "/v1/protection/:registry/release",
    {
      schema: {
        tags: ["protection"],
        summary: "End holds of a registry: what left is meant to have left",
        params: Params,
        // Required, if only `{}`: a request without a body is one that any web page may make a browser send.
        body: Release,
        response: { 200: Released, ...PROBLEMS },
      },
    },
    async ({ params: { registry }, body }) => {
      const released = state.releaseHolds(registry, body);
      if (released === undefined)
        throw fail("MB_NOT_FOUND", { what: "registry", name: registry.slice(0, 200), list: "GET /v1/registries" });
      return { released };
    },
  );
};

function keyOf({ source, instance }: HeldInstance): string {
  return `${source.registry}/${source.scope}/${instance}`;
}

function answer({ source, service, instance, address, hold, endsInMs }: HeldInstance): HeldAnswer {
  return {
    source: { ...source },
    service,
    instance,
    address,
    reason: hold.reason,
    message: SUSPECT_REASONS[hold.reason],
    since: time(hold.since),
    endsInSeconds: endsInMs === undefined ? null : endsInMs / 1000,
  };
}
