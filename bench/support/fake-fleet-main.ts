/** A process of simulated API servers for the deploy benchmark: its parent orders, and it answers each order once. */
import { type FakeServer, startFakeServer } from "../../deploy/kube/fake-server.ts";
import { fieldManager } from "../../deploy/plan/ownership.ts";
import { applied } from "../../deploy/plan/testing.ts";
import { benchDeployment, TRACKED } from "./deploy-data.ts";
import type { FleetOrder, FleetReply } from "./deploy-protocol.ts";

const servers: FakeServer[] = [];

process.on("message", (order: FleetOrder) => {
  answer(order).then(
    (reply) => process.send?.(reply),
    (error: unknown) => {
      throw error;
    },
  );
});
// Its parent is gone: nobody needs it any more.
process.on("disconnect", () => process.exit(0));

async function answer(order: FleetOrder): Promise<FleetReply> {
  if (order.type === "writes") return { writes: servers.reduce((sum, { counts }) => sum + writesOf(counts), 0) };
  for (let index = 0; index < order.servers; index++) {
    const server = await startFakeServer();
    servers.push(server);
    for (let item = 0; item < order.objects; item++) {
      const object = applied(undefined, benchDeployment(TRACKED, `web-${item}`, "1"), fieldManager(TRACKED));
      server.put(`deployments/bench/web-${item}`, object);
    }
  }
  return { urls: servers.map(({ url }) => url) };
}

function writesOf(counts: Readonly<Record<string, number>>): number {
  return ["PATCH", "POST", "PUT", "DELETE"].reduce((sum, method) => sum + (counts[method] ?? 0), 0);
}
