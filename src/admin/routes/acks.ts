/** `/v1/services/…/acks`: who has acknowledged the newest state of a service. */
import { type Static, Type } from "typebox";
import { serviceId } from "../../model/service.ts";
import { ROLES } from "../../routing/client.ts";
import { ACK_STATES, SERVICE_ACK_STATES, serviceAckOf, serviceAckState } from "../acks.ts";
import { serviceNotFound } from "../not-found.ts";
import type { Routes } from "./routes.ts";
import { PROBLEMS, Time, time } from "./schemas.ts";

const Acks = Type.Object({
  service: Type.String(),
  catalogVersion: Type.Integer({ description: "Of the catalog, as `GET /v1/services/…` shows it in the same instant." }),
  servedVersion: Type.Integer({ description: "The catalog's version that every client is served from by now." }),
  state: Type.Enum([...SERVICE_ACK_STATES], {
    description: "`acked`: everyone below has acknowledged the newest state of the service, at `catalogVersion` or after.",
  }),
  bridgeStarted: Time,
  proxies: Type.Array(
    Type.Object({
      id: Type.String(),
      role: Type.Enum([...ROLES]),
      status: Type.Enum([...ACK_STATES]),
      message: Type.Union([Type.String(), Type.Null()]),
    }),
    { description: "The connected clients that ask for the service." },
  ),
});

/** `GET /v1/services/:namespace/:name/acks`. */
export type AcksAnswer = Static<typeof Acks>;

const Params = Type.Object({ namespace: Type.String(), name: Type.String() });

export const ackRoutes: Routes = (app, state) => {
  app.get<{ Params: Static<typeof Params> }>(
    "/v1/services/:namespace/:name/acks",
    {
      schema: {
        tags: ["services"],
        summary: "Who has acknowledged the newest state of a service",
        params: Params,
        response: { 200: Acks, ...PROBLEMS },
      },
    },
    async ({ params }): Promise<AcksAnswer> => {
      const id = serviceId(params);
      const { version: catalogVersion, services } = state.catalog();
      const service = services.get(id);
      if (service === undefined) throw serviceNotFound(id, state);
      const servedVersion = state.servedVersion();
      const acks = state
        .proxies()
        .map((proxy) => ({ ...serviceAckOf(proxy, service, state.resourceSeq), role: proxy.client.role }));
      return {
        service: id,
        catalogVersion,
        servedVersion,
        state: serviceAckState(acks, catalogVersion, servedVersion),
        bridgeStarted: time(state.version().startedAt),
        proxies: acks.filter(({ status }) => status !== "not-subscribed"),
      };
    },
  );
};
