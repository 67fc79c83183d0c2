/** `/v1/registries`: how the registries are. */
import { type Static, Type } from "typebox";
import { fail } from "../../model/errors.ts";
import type { RegistryStatus } from "../../registry/status.ts";
import { PageQuery, page, pageOf } from "../paging.ts";
import type { Routes } from "./routes.ts";
import { PROBLEMS, RejectedAnswer, Time, time } from "./schemas.ts";

const Registry = Type.Object({
  name: Type.String(),
  kind: Type.String(),
  state: Type.Enum(["init", "syncing", "live", "suspect", "stale"], {
    description: "`suspect`: it answers, but not with proof. `stale`: it cannot be read; what it said stands.",
  }),
  suspectReason: Type.Union([Type.String(), Type.Null()]),
  lastSync: Time,
  services: Type.Integer(),
  instances: Type.Integer(),
  held: Type.Integer(),
  rejected: Type.Integer(),
  events: Type.Integer(),
  lastError: Type.Union([
    Type.Object({ code: Type.String(), message: Type.String(), next: Type.String(), at: Time }),
    Type.Null(),
  ]),
  nextRetry: Time,
});
const Detail = Type.Object({ ...Registry.properties, rejectedRecords: Type.Array(RejectedAnswer) });

/** One line of `GET /v1/registries`. */
export type RegistryAnswer = Static<typeof Registry>;

const Query = Type.Object(PageQuery, { additionalProperties: false });
const Params = Type.Object({ name: Type.String() });

export const registryRoutes: Routes = (app, state) => {
  app.get<{ Querystring: Static<typeof Query> }>(
    "/v1/registries",
    {
      schema: {
        tags: ["registries"],
        summary: "List registries",
        querystring: Query,
        response: { 200: pageOf(Registry), ...PROBLEMS },
      },
    },
    async ({ query }) => {
      const { items, ...rest } = page(state.registries(), ({ name }) => name, query);
      return { ...rest, items: items.map(answer) };
    },
  );

  app.get<{ Params: Static<typeof Params> }>(
    "/v1/registries/:name",
    { schema: { tags: ["registries"], summary: "One registry", params: Params, response: { 200: Detail, ...PROBLEMS } } },
    async ({ params: { name } }) => {
      const found = state.registries().find((registry) => registry.name === name);
      if (found === undefined)
        throw fail("MB_NOT_FOUND", { what: "registry", name: name.slice(0, 200), list: "GET /v1/registries" });
      return { ...answer(found), rejectedRecords: state.rejected().filter(({ source }) => source.registry === name) };
    },
  );
};

function answer({ lastSyncAt, nextRetryAt, lastError, suspectReason, ...rest }: RegistryStatus): Static<typeof Registry> {
  return {
    ...rest,
    suspectReason: suspectReason ?? null,
    lastSync: time(lastSyncAt),
    nextRetry: time(nextRetryAt),
    lastError: lastError === undefined ? null : { ...lastError, at: time(lastError.at) },
  };
}
