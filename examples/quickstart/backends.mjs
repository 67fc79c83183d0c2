// The sample backends of the quickstart: each answers every request with its own name.
// `npm start` runs them; by hand: node examples/quickstart/backends.mjs
import { createServer } from "node:http";
import { pathToFileURL } from "node:url";

/** What services.yaml names. */
export const BACKENDS = [
  { name: "web v1", port: 9001 },
  { name: "web v2", port: 9002 },
  { name: "api zone a", port: 9003 },
  { name: "api zone b", port: 9004 },
];

/**
 * Starts them on 127.0.0.1 and resolves with those that could not listen, each with its error. They do not keep the
 * process alive.
 */
export async function startBackends() {
  const results = await Promise.all(BACKENDS.map(start));
  return results.filter((result) => result.error !== undefined);
}

function start({ name, port }) {
  const server = createServer((request, response) => {
    response.setHeader("content-type", "text/plain");
    response.end(`${name} on port ${port}: ${request.method} ${request.url}, Host ${request.headers.host}\n`);
  });
  server.unref();
  return new Promise((resolve) => {
    server.once("error", (error) => resolve({ name, port, error }));
    server.listen(port, "127.0.0.1", () => resolve({ name, port }));
  });
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const failed = await startBackends();
  for (const { name, port, error } of failed) process.stderr.write(`${name} cannot listen on ${port}: ${error.message}\n`);
  if (failed.length === BACKENDS.length) process.exitCode = 2;
  else {
    for (const { name, port } of BACKENDS) process.stdout.write(`${name}: http://127.0.0.1:${port}\n`);
    // Kept alive until it is interrupted.
    setInterval(() => undefined, 2 ** 30);
  }
}
