/** `/v1/config` and `/v1/conditions`: what runs, and what of it could not be made as it was asked for. */
import { type Static, Type } from "typebox";
import { PageQuery, page, pageOf } from "../paging.ts";
import type { Routes } from "./routes.ts";
import { ConditionAnswer, PROBLEMS, Time, time } from "./schemas.ts";

const Config = Type.Object({
  file: Type.String(),
  reload: Type.Object({
    ok: Type.Boolean({ description: "False: the file that is there now cannot be used, and the one before runs on." }),
    at: Time,
    error: Type.Optional(Type.Object({ code: Type.String(), message: Type.String(), next: Type.String() })),
    restartNeeded: Type.Array(Type.String(), { description: "Changed settings that count from the next start only." }),
  }),
  effective: Type.Unknown({ description: "The configuration that runs, defaults filled in, secrets masked." }),
});

const ViewConditions = Type.Object({
  view: Type.String(),
  role: Type.String(),
  gateway: Type.String(),
  conditions: Type.Array(ConditionAnswer),
});
const Query = Type.Object(PageQuery, { additionalProperties: false });

export const configRoutes: Routes = (app, state) => {
  app.get(
    "/v1/config",
    { schema: { tags: ["config"], summary: "The configuration that runs", response: { 200: Config, ...PROBLEMS } } },
    async () => {
      const { file, reload, effective } = state.config();
      return { file, reload: { ...reload, at: time(reload.at) }, effective };
    },
  );
  app.get<{ Querystring: Static<typeof Query> }>(
    "/v1/conditions",
    {
      schema: {
        tags: ["config"],
        summary: "What could not be made as asked for, by view",
        querystring: Query,
        response: { 200: pageOf(ViewConditions), ...PROBLEMS },
      },
    },
    async ({ query }) => {
      const faulty = state.conditions().filter(({ conditions }) => conditions.length > 0);
      return page(faulty, ({ view }) => view, query);
    },
  );
};
