/** Trying again: elsewhere, since what failed once is likely to fail again at once. Pure. */
import { HeaderMatcher } from "../../gen/envoy/config/route/v3/route_components.ts";
import { PreviousHostsPredicate } from "../../gen/envoy/extensions/retry/host/previous_hosts/v3/previous_hosts.ts";
import { PreviousPrioritiesConfig } from "../../gen/envoy/extensions/retry/priority/previous_priorities/v3/previous_priorities_config.ts";
import type { RetrySpec } from "../../routing/policy.ts";
import { any, duration } from "./common.ts";

const PREVIOUS_PRIORITIES = "envoy.extensions.retry.priority.previous_priorities.v3.PreviousPrioritiesConfig";
const PREVIOUS_HOSTS = "envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate";

/** How often a host that was tried already is drawn anew before it is taken all the same. */
const DRAWS = 5;

/** May be sent twice and mean the same (RFC 9110, section 9.2.2). */
const IDEMPOTENT = "GET|HEAD|OPTIONS|TRACE|PUT|DELETE";
/** Conditions that try broken connections again already, for every method: so the operator wants it. */
const WITH_RESETS = ["reset", "5xx", "gateway-error"];

/** A retry policy, and the headers a request must have for it. */
export interface RetryCase {
  readonly headers: readonly HeaderMatcher[];
  readonly retryPolicy: ReturnType<typeof retryPolicy> | undefined;
}

/**
 * The cases of a route, in the order in which Envoy has to try them. What was sent and broke off, as all that is under way
 * does when a cluster is lost, is sent again only where it does no harm to arrive twice.
 */
export function retryCases(spec: RetrySpec | undefined): readonly RetryCase[] {
  if (spec === undefined) return [{ headers: [], retryPolicy: undefined }];
  const conditions = spec.on.split(",");
  const plain: RetryCase = { headers: [], retryPolicy: retryPolicy(spec) };
  if (spec.resets === "none" || WITH_RESETS.some((one) => conditions.includes(one))) return [plain];
  const withResets = retryPolicy({ ...spec, on: `${spec.on},reset` });
  if (spec.resets === "all") return [{ headers: [], retryPolicy: withResets }];
  return [{ headers: [IDEMPOTENT_METHOD], retryPolicy: withResets }, plain];
}

const IDEMPOTENT_METHOD: HeaderMatcher = HeaderMatcher.fromPartial({
  name: ":method",
  headerMatchSpecifier: {
    $case: "stringMatch",
    value: { matchPattern: { $case: "safeRegex", value: { regex: IDEMPOTENT } } },
  },
});

/** A retry goes to another priority where there is one, and to another host within it. */
function retryPolicy({ attempts, on, perTryTimeoutMs }: RetrySpec) {
  return {
    retryOn: on,
    numRetries: attempts,
    ...(perTryTimeoutMs !== undefined && { perTryTimeout: duration(perTryTimeoutMs) }),
    retryPriority: {
      name: "envoy.retry_priorities.previous_priorities",
      configType: {
        $case: "typedConfig" as const,
        value: any(PREVIOUS_PRIORITIES, PreviousPrioritiesConfig, PreviousPrioritiesConfig.fromPartial({ updateFrequency: 1 })),
      },
    },
    retryHostPredicate: [
      {
        name: "envoy.retry_host_predicates.previous_hosts",
        configType: { $case: "typedConfig" as const, value: any(PREVIOUS_HOSTS, PreviousHostsPredicate, {}) },
      },
    ],
    hostSelectionRetryMaxAttempts: DRAWS,
  };
}
