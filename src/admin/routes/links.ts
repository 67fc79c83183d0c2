/** `/v1/links`: what this bridge reads of others, and who reads its exports. */
import { type Static, Type } from "typebox";
import { REGISTRY_STATES } from "../../registry/status.ts";
import type { Routes } from "./routes.ts";
import { PROBLEMS, Time, time } from "./schemas.ts";

const Answer = Type.Object({
  cluster: Type.String({ description: "This bridge's own." }),
  reads: Type.Array(
    Type.Object({
      name: Type.String({ description: "The registry, of kind meshbridge." }),
      peer: Type.Union([Type.String(), Type.Null()], { description: "null: it has not been read yet." }),
      origins: Type.Array(
        Type.Object({
          cluster: Type.String(),
          state: Type.Enum([...REGISTRY_STATES]),
          ageSeconds: Type.Union([Type.Number(), Type.Null()]),
        }),
        { description: "The clusters whose services come by it, the peer's own first." },
      ),
      state: Type.Enum([...REGISTRY_STATES]),
      lastSync: Time,
      ageSeconds: Type.Union([Type.Number(), Type.Null()]),
      staleness: Type.String({ description: "What its age does to its instances." }),
      services: Type.Integer(),
      instances: Type.Integer(),
      problem: Type.Union([Type.String(), Type.Null()]),
    }),
  ),
  peers: Type.Array(
    Type.Object({
      name: Type.String(),
      identities: Type.Array(Type.String()),
      streams: Type.Array(Type.Object({ address: Type.String(), since: Time, groups: Type.Integer(), lastMarker: Time }), {
        description: "None: it is not connected.",
      }),
    }),
    { description: "Who may read this bridge's exports." },
  ),
});
export type LinksAnswer = Static<typeof Answer>;

/** The kind of registry that is another bridge. */
const LINK_KIND = "meshbridge";

export const linkRoutes: Routes = (app, state) => {
  app.get(
    "/v1/links",
    {
      schema: {
        tags: ["links"],
        summary: "Links between bridges, in both directions",
        response: { 200: Answer, ...PROBLEMS },
      },
    },
    async (): Promise<LinksAnswer> => {
      const { cluster, peers, readers, peerOf } = state.links();
      const links = state.registries().filter(({ kind }) => kind === LINK_KIND);
      return {
        cluster,
        reads: links.map(({ name, state: now, lastSyncAt, ageMs, staleness, services, instances, lastError, parts }) => ({
          ...{ name, state: now, staleness, services, instances },
          peer: peerOf.get(name) ?? null,
          origins: parts.map((part) => ({ cluster: part.name, state: part.state, ageSeconds: seconds(part.ageMs) })),
          lastSync: time(lastSyncAt),
          ageSeconds: seconds(ageMs),
          problem: now === "live" ? null : (lastError?.message ?? null),
        })),
        peers: peers.map(({ name, identities }) => ({
          ...{ name, identities: [...identities] },
          streams: readers
            .filter(({ peer }) => peer === name)
            .map(({ address, since, groups, markedAt }) => ({ address, since: time(since), groups, lastMarker: time(markedAt) })),
        })),
      };
    },
  );
};

function seconds(ms: number | undefined): number | null {
  return ms === undefined ? null : ms / 1000;
}
