/** One route: exactly one of what excludes each other, and words that Envoy knows. */
import type { Static } from "typebox";
import { didYouMean, type Path, quoted } from "../../kernel/text.ts";
import type { GatewaySchema } from "../schema/gateways.ts";
import { type CheckContext, soundItems } from "./check.ts";

type Route = Static<typeof GatewaySchema>["routes"][number];

/** Envoy's x-envoy-retry-on and x-envoy-retry-grpc-on (router filter documentation). Others are ignored there in silence. */
const RETRY_CONDITIONS: readonly string[] = [
  "5xx",
  "gateway-error",
  "reset",
  "reset-before-request",
  "connect-failure",
  "envoy-ratelimited",
  "retriable-4xx",
  "refused-stream",
  "cancelled",
  "deadline-exceeded",
  "internal",
  "resource-exhausted",
  "unavailable",
];

/** The route is a map; what is in it may be wrong, so only what is sound, or merely there, is looked at. */
export function checkRoute(context: CheckContext, path: Path, route: Route): void {
  checkDestination(context, path, route);
  checkMatch(context, path, route);
  if (context.sound([...path, "retries"]))
    for (const condition of route.retries?.on.split(",").map((word) => word.trim()) ?? [])
      if (!RETRY_CONDITIONS.includes(condition))
        context.report(
          [...path, "retries", "on"],
          `${quoted(condition)} is not a retry condition of Envoy${didYouMean(condition, RETRY_CONDITIONS)}`,
        );
}

function checkDestination({ sound, report }: CheckContext, path: Path, { service, services, port, labels }: Route): void {
  if (service === undefined && services === undefined)
    report([...path, "service"], "is missing; a route leads to a service, or to services by weight");
  if (service !== undefined && services !== undefined) report([...path, "services"], "a route has service or services, not both");
  else if (port !== undefined && services !== undefined) report([...path, "port"], "belongs to each of the services here");
  else if (labels !== undefined && services !== undefined) report([...path, "labels"], "belong to each of the services here");
  if (sound([...path, "services"]) && services?.every(({ weight }) => weight === 0))
    report([...path, "services"], "at least one weight must be above 0");
}

function checkMatch(context: CheckContext, path: Path, route: Route): void {
  const { report } = context;
  if (route.path !== undefined && route.prefix !== undefined) report([...path, "path"], "a route has path or prefix, not both");
  else if (route.path !== undefined && route.prefixRewrite !== undefined)
    report([...path, "prefixRewrite"], "needs a prefix; this route matches a whole path");
  for (const [index, header] of soundItems(context, [...path, "headers"], route.headers)) {
    const given = (["exact", "prefix", "present", "absent"] as const).filter((key) => header[key] !== undefined);
    const has = given.length === 0 ? "none" : given.join(" and ");
    if (given.length !== 1)
      report([...path, "headers", index], `must have exactly one of exact, prefix, present and absent, has ${has}`);
  }
}
