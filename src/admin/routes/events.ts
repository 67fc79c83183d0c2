/** `/v1/events`: what happens, as server-sent events. */
import { Readable } from "node:stream";
import { type Static, Type } from "typebox";
import type { Routes } from "../app.ts";
import type { BridgeEvent, EventLog } from "../events.ts";

const Headers = Type.Object({ "last-event-id": Type.Optional(Type.String()) });

export const eventRoutes: Routes = (app, state) => {
  app.get<{ Headers: Static<typeof Headers> }>(
    "/v1/events",
    {
      schema: {
        tags: ["events"],
        summary: "Follow what happens (server-sent events)",
        description: "Starts with what is still kept after `Last-Event-ID`. A reader that is too slow gets a `gap` event.",
        headers: Headers,
      },
    },
    (request, reply) => {
      const ending = new AbortController();
      request.raw.on("close", () => ending.abort());
      const afterId = Number(request.headers["last-event-id"] ?? 0);
      const stream = Readable.from(frames(state.events, Number.isSafeInteger(afterId) ? afterId : 0, ending.signal));
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
