/** Trying again: elsewhere, since what failed once is likely to fail again at once. Pure. */
import { PreviousHostsPredicate } from "../../gen/envoy/extensions/retry/host/previous_hosts/v3/previous_hosts.ts";
import { PreviousPrioritiesConfig } from "../../gen/envoy/extensions/retry/priority/previous_priorities/v3/previous_priorities_config.ts";
import type { RetrySpec } from "../../routing/policy.ts";
import { any, duration } from "./common.ts";

const PREVIOUS_PRIORITIES = "envoy.extensions.retry.priority.previous_priorities.v3.PreviousPrioritiesConfig";
const PREVIOUS_HOSTS = "envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate";

/** How often a host that was tried already is drawn anew before it is taken all the same. */
const DRAWS = 5;

/** A retry goes to another priority where there is one, and to another host within it. */
export function retryPolicy({ attempts, on, perTryTimeoutMs }: RetrySpec) {
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
