/** Certificates reach a real Envoy by SDS: served, rotated under load, never half, and again for whoever names them anew. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { setTimeout } from "node:timers/promises";
import { startHttpBackend } from "../support/backend.ts";
import { authority, issue, type KeyPair } from "../support/certificate.ts";
import { type Edge, startEdge, WEB_HOST, WEB_ROUTE } from "../support/edge.ts";
import { isLive } from "../support/envoy.ts";
import { eventually } from "../support/eventually.ts";
import { type Ask, ask } from "../support/http.ts";
import { startLoad } from "../support/load.ts";
import { freePorts } from "../support/ports.ts";
import { requireServers } from "../support/require-server.ts";
import { httpService, instanceOf, serviceFile } from "../support/service-file.ts";

const { skip } = requireServers("envoy");
const ADMIN_HOST = "admin.example.com";
const root = authority("test root");
const staff = authority("staff");
const webPair = () => issue({ names: [WEB_HOST], by: root });
const files = ({ cert, key }: KeyPair, name: string) => ({ [`${name}.crt`]: cert, [`${name}.key`]: key });

for (const variant of ["delta", "sotw"] as const) {
  describe(`an HTTPS listener (${variant})`, { skip }, () => {
    const scope = new AsyncDisposableStack();
    let edge: Edge;
    let port: number;
    let extraPort: number;
    let lateCertPort: number;
    const first = webPair();
    const second = webPair();
    const list = (...more: object[]) => [
      { name: "http", address: "127.0.0.1", port: Number(new URL(edge.url).port), protocol: "HTTP" },
      ...httpsListeners(),
      ...more,
    ];
    const httpsListeners = () => [
      {
        name: "https",
        address: "127.0.0.1",
        port,
        protocol: "HTTPS",
        tls: [{ hosts: [ADMIN_HOST], secret: "admin", clientCa: "staff" }, { secret: "web" }],
      },
    ];
    const via = (to: number, servername: string, options: Ask & { readonly host?: string } = {}) =>
      ask(`https://127.0.0.1:${to}/`, {
        ...options,
        headers: { host: options.host ?? servername },
        tls: { ca: root.cert, servername, ...options.tls },
      });
    const leaf = async (to: number) => {
      const { envoy } = edge;
      const { certificates } = JSON.parse((await ask(`${envoy.adminUrl}/certs`)).body) as {
        certificates: readonly { cert_chain: readonly { serial_number: string }[] }[];
      };
      assert.ok(to > 0);
      return certificates.map(({ cert_chain }) => cert_chain[0]?.serial_number);
    };

    before(async () => {
      const backend = await startHttpBackend(scope);
      [port, extraPort, lateCertPort] = (await freePorts(3)) as [number, number, number];
      edge = await startEdge(
        {
          variant,
          registries: [{ kind: "file", name: "local", path: "./services.yaml" }],
          files: {
            "services.yaml": serviceFile(httpService("web", [instanceOf(backend)])),
            ...files(first, "web"),
            ...files(issue({ names: [ADMIN_HOST], by: root }), "admin"),
            "staff.pem": staff.cert,
          },
          listeners: httpsListeners(),
          routes: [WEB_ROUTE, { hosts: [ADMIN_HOST], service: "default/web", port: "http" }],
          config: {
            secrets: [
              { name: "web", certFile: "web.crt", keyFile: "web.key" },
              { name: "admin", certFile: "admin.crt", keyFile: "admin.key" },
              { name: "staff", caFile: "staff.pem" },
              { name: "late", certFile: "late.crt", keyFile: "late.key" },
            ],
          },
        },
        scope,
      );
    });
    after(() => scope.disposeAsync());

    test("answers with the certificate of the server name; a client certificate is asked for where it is configured", async () => {
      await eventually("it answers", async () => assert.equal((await via(port, WEB_HOST)).status, 200));
      await assert.rejects(via(port, ADMIN_HOST), /certificate required|ECONNRESET|socket hang up/i);
      const own = issue({ names: ["jo"], by: staff });
      const known = { cert: own.cert, key: own.key };
      assert.equal((await via(port, ADMIN_HOST, { tls: known })).status, 200);
      const stranger = issue({ names: ["jo"], by: authority("staff") });
      await assert.rejects(via(port, ADMIN_HOST, { tls: { cert: stranger.cert, key: stranger.key } }));
      assert.equal((await via(port, WEB_HOST, { host: ADMIN_HOST })).status, 421, "no way around the client certificate");
      assert.equal(await edge.envoy.rejectedUpdates(), 0);
    });

    test("C4: a new listener with a held secret answers at once (envoy#47309)", async () => {
      const extra = { name: "extra", address: "127.0.0.1", port: extraPort, protocol: "HTTPS", tls: { secret: "web" } };
      await edge.workspace.configure({
        ...edge.config,
        gateways: [{ name: "edge", listeners: list(extra), routes: [WEB_ROUTE] }],
      });
      const startedAt = performance.now();
      await eventually("it answers", async () => assert.equal((await via(extraPort, WEB_HOST)).status, 200));
      const ms = performance.now() - startedAt;
      assert.ok(ms < 5000, `${Math.round(ms)} ms; Envoy's own wait would be 15 s`);
    });

    test("a secret that is not there yet keeps only its own listener waiting", async () => {
      const late = { name: "late", address: "127.0.0.1", port: lateCertPort, protocol: "HTTPS", tls: { secret: "late" } };
      await edge.workspace.configure({
        ...edge.config,
        gateways: [{ name: "edge", listeners: list(late), routes: [WEB_ROUTE] }],
      });
      await eventually("Envoy asks for it", async () => {
        const { types } = await proxy();
        assert.deepEqual(types.find(({ type }) => type === "SDS")?.names, 2 + 2);
      });
      await assert.rejects(via(lateCertPort, WEB_HOST));
      assert.equal((await via(port, WEB_HOST)).status, 200);
      for (const [name, text] of Object.entries(files(webPair(), "late"))) await edge.workspace.write(name, text);
      await eventually("it answers", async () => assert.equal((await via(lateCertPort, WEB_HOST)).status, 200));
    });

    test("half a rotation changes nothing; the whole one is taken under load without a failed request", async () => {
      const url = `https://127.0.0.1:${port}/`;
      const tls = { ca: root.cert, servername: WEB_HOST };
      const kept = startLoad({ url, host: WEB_HOST, tls, rate: 60 }, scope);
      const fresh = startLoad({ url, host: WEB_HOST, tls, rate: 60, keepAlive: false }, scope);
      const before = await leaf(port);
      await edge.workspace.write("web.crt", second.cert);
      await eventually("half of it is refused", async () => {
        assert.match((await edge.bridge.ask("/metrics")).body, /secret_reloads_total\{secret="web",result="refused"\} 1/);
      });
      assert.deepEqual(await leaf(port), before);
      await edge.workspace.write("web.key", second.key);
      await eventually("the whole is taken", async () => assert.notDeepEqual(await leaf(port), before));
      for (let turn = 0; turn < 5; turn++) {
        const serials = await leaf(port);
        for (const [name, text] of Object.entries(files(webPair(), "web"))) await edge.workspace.write(name, text);
        await eventually("the next one too", async () => assert.notDeepEqual(await leaf(port), serials));
        await setTimeout(200);
      }
      for (const load of [kept, fresh]) {
        const { sent, failures } = await load.stop();
        assert.deepEqual(failures, [], `of ${sent}`);
        assert.ok(sent >= 40, `${sent} requests`);
      }
      assert.equal(await edge.envoy.rejectedUpdates(), 0);
    });

    test("no key is in what the bridge shows, logs or records", async () => {
      const secrets = [
        ...Object.values(await Promise.all(["web.key", "admin.key", "late.key"].map((file) => edge.workspace.read(file)))),
      ];
      const lines = secrets.flatMap((pem) => pem.split("\n").filter((line) => line.length > 40 && !line.includes("-----")));
      const { id } = await proxy();
      const shown = await Promise.all(
        ["/v1/config", `/v1/proxies/${encodeURIComponent(id)}/dump`, "/v1/proxies", "/metrics", "/v1/conditions"].map((path) =>
          edge.bridge.ask(path),
        ),
      );
      for (const text of [...shown.map(({ body }) => body), edge.bridge.program.stderr()])
        for (const line of lines) assert.ok(!text.includes(line.slice(4, 36)), "a piece of a key");
      assert.equal(await isLive(edge.envoy), true);
    });

    const proxy = async () => {
      const { items } = await edge.bridge.get<{
        items: readonly { id: string; types: readonly { type: string; names: number }[] }[];
      }>("/v1/proxies");
      const [one] = items;
      assert.ok(one !== undefined);
      return one;
    };
  });
}
