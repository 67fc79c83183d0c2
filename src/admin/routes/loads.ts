/** `/v1/loads`: the load that clients report (LRS), by cluster and locality. */
import { type Static, Type } from "typebox";
import { localityName } from "../../model/locality.ts";
import { PageQuery, page, pageOf } from "../paging.ts";
import type { Routes } from "./routes.ts";
import { LocalityAnswer, PROBLEMS } from "./schemas.ts";

const LoadLine = Type.Object({
  cluster: Type.String(),
  locality: LocalityAnswer,
  issued: Type.Number({ description: "Requests since the process began." }),
  succeeded: Type.Number(),
  failed: Type.Number(),
  inProgress: Type.Number({ description: "As of each client's last report." }),
  dropped: Type.Number({ description: "Requests to the cluster, in any locality, that clients dropped by policy." }),
});

const Query = Type.Object({ ...PageQuery, cluster: Type.Optional(Type.String()) }, { additionalProperties: false });

export const loadRoutes: Routes = (app, state) => {
  app.get<{ Querystring: Static<typeof Query> }>(
    "/v1/loads",
    {
      schema: {
        tags: ["proxies"],
        summary: "List the load that clients report",
        querystring: Query,
        response: { 200: pageOf(LoadLine), ...PROBLEMS },
      },
    },
    async ({ query: { cluster, ...query } }) => {
      const dropped = state.droppedRequests();
      const chosen = state.loads().filter((load) => (cluster ?? load.cluster) === load.cluster);
      const { items, ...rest } = page(chosen, (load) => `${load.cluster} ${localityName(load.locality)}`, query);
      return { ...rest, items: items.map((load) => ({ ...load, dropped: dropped.get(load.cluster) ?? 0 })) };
    },
  );
};
