/** Gateways: names that must differ, ports that must not collide, routes that must lead from and to something. */
import { isIP } from "node:net";
import type { Static } from "typebox";
import { didYouMean, orList, type Path, quoted } from "../../kernel/text.ts";
import type { GatewaySchema } from "../schema/gateways.ts";
import { type CheckContext, reportDuplicateNames, soundItems } from "./check.ts";
import { checkRoute } from "./routes.ts";

type Gateway = Static<typeof GatewaySchema>;

export function checkGateways(context: CheckContext): void {
  const { gateways } = context.file;
  reportDuplicateNames(context, ["gateways"], gateways, "gateway");
  if (!context.shaped(["gateways"])) return;
  for (const [index, gateway] of gateways.entries())
    if (context.shaped(["gateways", index])) checkGateway(context, ["gateways", index], gateway);
}

function checkGateway(context: CheckContext, path: Path, gateway: Gateway): void {
  const listenersPath = [...path, "listeners"];
  reportDuplicateNames(context, listenersPath, gateway.listeners, "listener");
  const listeners = soundItems(context, listenersPath, gateway.listeners);
  for (const [index, listener] of listeners) {
    if (isIP(listener.address) === 0)
      context.report([...listenersPath, index, "address"], `must be an IP address, got ${quoted(listener.address)}`);
    const clash = listeners.find(
      ([other, { address, port }]) => other < index && port === listener.port && overlaps(address, listener.address),
    );
    if (clash !== undefined)
      context.report(
        [...listenersPath, index, "port"],
        `listener "${clash[1].name}" of this gateway has port ${listener.port} already`,
      );
  }
  if (gateway.kind === "eastWest" && context.sound([...path, "routes"]) && gateway.routes.length > 0)
    context.report([...path, "routes"], "an eastWest gateway has no routes: it passes on what `exports` allow");
  if (!context.shaped([...path, "routes"])) return;
  for (const [index, route] of gateway.routes.entries()) {
    const routePath = [...path, "routes", index];
    if (!context.shaped(routePath)) continue;
    checkRoute(context, routePath, route);
    if (context.sound(listenersPath) && context.sound([...routePath, "listeners"]))
      checkRouteListeners(context, routePath, route, gateway.listeners);
  }
}

/** An address of all interfaces takes the port on each of them. */
function overlaps(a: string, b: string): boolean {
  const all = (address: string) => address === "0.0.0.0" || address === "::";
  return a === b || all(a) || all(b);
}

const HTTP_ONLY = ["path", "prefix", "timeout", "retries", "prefixRewrite"] as const;

function checkRouteListeners(
  context: CheckContext,
  path: Path,
  route: Gateway["routes"][number],
  listeners: Gateway["listeners"],
): void {
  const names = listeners.map(({ name }) => name);
  const wanted = typeof route.listeners === "string" ? [route.listeners] : route.listeners;
  for (const [index, name] of wanted.entries())
    if (!names.includes(name)) {
      const at = typeof route.listeners === "string" ? [...path, "listeners"] : [...path, "listeners", index];
      context.report(
        at,
        `this gateway has no listener called ${quoted(name)}${didYouMean(name, names) || `; it has ${orList(names)}`}`,
      );
    }
  const own = listeners.filter(({ name }) => wanted.length === 0 || wanted.includes(name));
  if (own.length === 0 || own.some(({ protocol }) => protocol === "HTTP" || protocol === "HTTPS")) return;
  for (const key of HTTP_ONLY)
    if (route[key] !== undefined) context.report([...path, key], "needs an HTTP listener; this route has none");
  if (context.sound([...path, "headers"]) && route.headers.length > 0)
    context.report([...path, "headers"], "needs an HTTP listener; this route has none");
}
