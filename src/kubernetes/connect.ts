/**
 * One cluster's API server over HTTPS. `@kubernetes/client-node` reads the kubeconfig and knows the ways to authenticate;
 * it is loaded when the first cluster is connected, and no other file knows it. Its own requests are not used: they open
 * a connection for every call, and its watch ends for good at the first error.
 */
import type { IncomingMessage } from "node:http";
import type { RequestOptions } from "node:https";
import { resolve } from "node:path";
import { type MeshbridgeError, reasonOf } from "../kernel/errors.ts";
import { withTimeout } from "../kernel/promises.ts";
import { retryAfterMs } from "../kernel/retry-after.ts";
import { fail } from "../model/errors.ts";
import { type ApiAnswer, type ApiRefusal, type ApiRequest, type KubeClient, OPENED, WatchFailed } from "./api.ts";
import { jsonLines, readBody } from "./body.ts";
import type { ApiFaults } from "./faults.ts";
import { chooseContext, type KubeconfigOptions } from "./kubeconfig.ts";
import { readTokenFile } from "./token-file.ts";
import { createTransport } from "./transport.ts";

/** A watch's answer must begin within this; its lines may take as long as they like. */
const OPEN_MS = 10_000;
const JSON_TYPE = "application/json";

export interface ConnectOptions extends KubeconfigOptions {
  /** What errors say of the server at the address. */
  faults(address: string): ApiFaults;
  /** The folder that relative paths in the kubeconfig are meant from. */
  readonly dir: string;
}

/** `in-cluster`: the Pod's own service account. Throws MB_KUBECONFIG_INVALID; connects to nothing yet. */
export async function connectCluster(kubeconfig: string | "in-cluster", options: ConnectOptions): Promise<KubeClient> {
  const { server, credentials } = await loadCredentials(kubeconfig, options);
  const faults = options.faults(server);
  const transport = createTransport(server, credentials);

  const send = async (request: ApiRequest, signal: AbortSignal): Promise<IncomingMessage> => {
    const { method, path, query, body, accept = JSON_TYPE, contentType = JSON_TYPE } = request;
    const search = new URLSearchParams(query).toString();
    const content = body === undefined ? {} : { body: { text: JSON.stringify(body), type: contentType } };
    return await transport.send({ method, path: `${path}${search === "" ? "" : `?${search}`}`, accept, ...content }, signal);
  };
  const unreachable = (cause: unknown): ApiRefusal => {
    // What stands idle may lead nowhere either: the next request connects anew.
    transport.closeIdle();
    return { error: faults.unreachable(reasonOf(cause), cause), status: undefined, retryAfterMs: undefined };
  };
  const exchange: KubeClient["send"] = async (request, { timeoutMs, signal }) => {
    signal.throwIfAborted();
    try {
      const response = await send(request, withTimeout(signal, timeoutMs));
      const text = await readBody(response);
      const { statusCode = 0 } = response;
      return statusCode >= 200 && statusCode <= 299 ? parseBody(text, faults) : refusal(response, text, faults);
    } catch (cause) {
      signal.throwIfAborted();
      return unreachable(cause);
    }
  };

  return {
    faults,
    send: exchange,
    get: (path, query, { accept, ...limits }) => exchange({ method: "GET", path, query, ...(accept && { accept }) }, limits),
    async *watch(path, query, signal, accept) {
      const opening = new AbortController();
      const timer = setTimeout(() => opening.abort(new Error(`no answer within ${OPEN_MS / 1000} s`)), OPEN_MS);
      try {
        const request = { method: "GET", path, query: { ...query, watch: "true" }, ...(accept && { accept }) } as const;
        const response = await send(request, AbortSignal.any([signal, opening.signal]));
        if (response.statusCode !== 200) throw new WatchFailed(refusal(response, await readBody(response), faults));
        clearTimeout(timer);
        yield OPENED;
        yield* jsonLines(response, signal);
      } catch (cause) {
        signal.throwIfAborted();
        throw cause instanceof WatchFailed ? cause : new WatchFailed(unreachable(cause));
      } finally {
        clearTimeout(timer);
      }
    },
    close: () => transport.close(),
  };
}

function parseBody(text: string, faults: ApiFaults): ApiAnswer {
  try {
    return { body: JSON.parse(text) };
  } catch {
    // The parser's own words quote what it read.
    return { error: faults.badReply("it is no JSON"), status: 200, retryAfterMs: undefined };
  }
}

function refusal({ statusCode = 0, headers }: IncomingMessage, text: string, faults: ApiFaults): ApiRefusal {
  const details = statusOf(text);
  const message = details?.["message"];
  const error = faults.refused(statusCode, printable(typeof message === "string" ? message : text));
  return { error, status: statusCode, retryAfterMs: retryAfterMs(statusCode, headers), ...(details && { details }) };
}

/** The Status object in the answer; undefined for anything else, such as a proxy's page. */
function statusOf(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>) : undefined;
  } catch {
    // Its beginning is all there is to tell.
    return undefined;
  }
}

function printable(text: string): string {
  return text
    .slice(0, 400)
    .replace(/[^\x20-\x7e]+/g, " ")
    .trim()
    .slice(0, 200);
}

/** What each request is sent with, asked for at each: token files and certificates are replaced while the process runs. */
async function loadCredentials(kubeconfig: string | "in-cluster", options: ConnectOptions) {
  const { KubeConfig } = await import("@kubernetes/client-node");
  const kc = new KubeConfig();
  let tokenPath: string | undefined;
  if (kubeconfig === "in-cluster") {
    if (!process.env["KUBERNETES_SERVICE_HOST"] || !process.env["KUBERNETES_SERVICE_PORT"])
      throw invalid(options, "KUBERNETES_SERVICE_HOST", "it is not set: this process runs in no Pod");
    kc.loadFromCluster();
  } else {
    const chosen = chooseContext(kubeconfig, options);
    try {
      kc.loadFromString(chosen.kubeconfig);
    } catch {
      // The parser's own words quote what it read, which holds credentials.
      throw invalid(options, "the whole", "it cannot be read");
    }
    kc.makePathsAbsolute(options.dir);
    if (chosen.tokenFile !== undefined) tokenPath = resolve(options.dir, chosen.tokenFile);
  }
  const credentials = async (): Promise<RequestOptions> => {
    const wanted: RequestOptions = {};
    await kc.applyToHTTPSOptions(wanted as Parameters<typeof kc.applyToHTTPSOptions>[0]);
    if (tokenPath === undefined) return wanted;
    return { ...wanted, headers: { ...wanted.headers, Authorization: `Bearer ${await readTokenFile(tokenPath)}` } };
  };
  return { server: kc.getCurrentCluster()?.server ?? "", credentials };
}

function invalid({ origin }: ConnectOptions, field: string, reason: string): MeshbridgeError {
  return fail("MB_KUBECONFIG_INVALID", { origin, field, reason });
}
