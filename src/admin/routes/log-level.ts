/** `/v1/log-level`: how much is logged, changeable while it runs. */
import { type Static, Type } from "typebox";
import type { Routes } from "./routes.ts";
import { PROBLEMS } from "./schemas.ts";

const Level = Type.Object({ level: Type.Enum(["trace", "debug", "info", "warn", "error"]) }, { additionalProperties: false });

export const logLevelRoutes: Routes = (app, state) => {
  const answer = () => ({ level: state.logLevel() as Static<typeof Level>["level"] });
  app.get(
    "/v1/log-level",
    { schema: { tags: ["operation"], summary: "The log level", response: { 200: Level, ...PROBLEMS } } },
    async () => answer(),
  );
  app.put<{ Body: Static<typeof Level> }>(
    "/v1/log-level",
    { schema: { tags: ["operation"], summary: "Change the log level", body: Level, response: { 200: Level, ...PROBLEMS } } },
    async ({ body }) => {
      state.setLogLevel(body.level);
      return answer();
    },
  );
};
