/** `/v1/events`: what happens, as server-sent events. */
import { Readable } from "node:stream";
import { type Static, Type } from "typebox";
import type { BridgeEvent, EventLog } from "../events.ts";
import type { Routes } from "./routes.ts";

const Headers = Type.Object({ "last-event-id": Type.Optional(Type.String()) });

/** Silence after which the kernel asks whether the reader's machine is still there. */
const PROBE_AFTER_MS = 30_000;

export const eventRoutes: Routes = (app, state) => {
  app.get<{ Headers: Static<typeof Headers> }>(
    "/v1/events",
    {
      schema: {
        tags: ["events"],
        summary: "Follow what happens (server-sent events)",
        description:
          "Starts with what is still kept after `Last-Event-ID`, or with all that is kept. A reader that missed events, being too slow or away for too long, gets a `gap` event that says how many.",
        headers: Headers,
      },
    },
    (request, reply) => {
      const ending = new AbortController();
      request.raw.on("close", () => ending.abort());
      // Silence is no fault here: without this, connectionTimeout would cut whoever waits for a quiet bridge.
      reply.raw.setTimeout(0);
      // Then only the kernel can tell a reader that waits from one whose machine is gone.
      request.raw.socket.setKeepAlive(true, PROBE_AFTER_MS);
      const lastSeen = request.headers["last-event-id"] ?? "";
      const afterId = /^\d{1,15}$/.test(lastSeen) ? Number(lastSeen) : 0;
      const stream = Readable.from(frames(state.events, afterId, ending.signal));
      return reply.header("content-type", "text/event-stream").header("cache-control", "no-store").send(stream);
    },
  );
};

async function* frames(events: EventLog, afterId: number, signal: AbortSignal): AsyncGenerator<string> {
  yield ": events follow\n\n";
  for await (const { events: batch, missed } of events.follow(afterId, signal)) {
    if (missed > 0) yield `event: gap\ndata: ${JSON.stringify({ missed })}\n\n`;
    for (const event of batch) yield frame(event);
  }
}

function frame({ id, type, at, message, fields }: BridgeEvent): string {
  return `id: ${id}\nevent: ${type}\ndata: ${JSON.stringify({ at: new Date(at).toISOString(), message, ...fields })}\n\n`;
}
