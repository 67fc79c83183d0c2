/** `/v1/registries`: how the registries are. */
import { type Static, Type } from "typebox";
import { fail } from "../../model/errors.ts";
import { STALENESS_STAGES } from "../../registry/staleness.ts";
import { type PartStatus, REGISTRY_STATES, type RegistryStatus } from "../../registry/status.ts";
import { PageQuery, page, pageOf } from "../paging.ts";
import type { Routes } from "./routes.ts";
import { PROBLEMS, RejectedAnswer, Time, time } from "./schemas.ts";

const LastError = Type.Union([
  Type.Object({ code: Type.String(), message: Type.String(), next: Type.String(), at: Time }),
  Type.Null(),
]);
const AgeSeconds = Type.Union([Type.Number(), Type.Null()], {
  description: "Since what is shown of it was last confirmed, by this process or the one that saved it.",
});
const Staleness = Type.Enum([...STALENESS_STAGES], {
  description: "What its age does to its instances: as they are, DEGRADED, in the last priority, gone.",
});
const Part = Type.Object({
  name: Type.String(),
  state: Type.Enum([...REGISTRY_STATES]),
  suspectReason: Type.Union([Type.String(), Type.Null()]),
  ageSeconds: AgeSeconds,
  staleness: Staleness,
  lastError: LastError,
});
const Registry = Type.Object({
  name: Type.String(),
  kind: Type.String(),
  state: Type.Enum([...REGISTRY_STATES], {
    description:
      "`suspect`: it answers, but something is in doubt. `stale`: it cannot be read; what it said stands. `expired`: for so long that its instances have left.",
  }),
  suspectReason: Type.Union([Type.String(), Type.Null()]),
  lastSync: Time,
  ageSeconds: AgeSeconds,
  staleness: Staleness,
  services: Type.Integer(),
  instances: Type.Integer(),
  held: Type.Integer(),
  rejected: Type.Integer(),
  events: Type.Integer(),
  lastError: LastError,
  nextRetry: Time,
  parts: Type.Array(Part, { description: "Its datacentres or clusters, each by itself; empty when it has none." }),
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

function answer({ lastSyncAt, nextRetryAt, parts, ...status }: RegistryStatus): Static<typeof Registry> {
  return { ...shown(status), lastSync: time(lastSyncAt), nextRetry: time(nextRetryAt), parts: parts.map(shown) };
}

/** What the whole and its parts have in common, as JSON has it. */
function shown<T extends Pick<PartStatus, "suspectReason" | "ageMs" | "lastError">>(status: T) {
  const { suspectReason, ageMs, lastError, ...rest } = status;
  return {
    ...rest,
    suspectReason: suspectReason ?? null,
    ageSeconds: ageMs === undefined ? null : ageMs / 1000,
    lastError: lastError === undefined ? null : { ...lastError, at: time(lastError.at) },
  };
}
