/** How an Envoy notices by itself that an endpoint is gone, hangs or cannot be reached. Pure. */
import { SocketOption_SocketState } from "../../gen/envoy/config/core/v3/socket_option.ts";
import type { OutlierDetection, ProbeSpec } from "../../routing/policy.ts";
import { duration, positiveDuration } from "./common.ts";

/** `IPPROTO_TCP` and `TCP_USER_TIMEOUT` as Linux numbers them (tcp(7)). */
const [IPPROTO_TCP, TCP_USER_TIMEOUT] = [6, 18];

/**
 * What was sent and is acknowledged by nobody within `deadAfterMs` ends the connection; a connection that waits for an
 * answer is asked each second whether it still is. Neither says anything of how long an answer may take: the other
 * machine's kernel acknowledges, not its application. Linux.
 */
export function deadPeerOptions(deadAfterMs: number) {
  if (deadAfterMs === 0) return {};
  const option = {
    description: "TCP_USER_TIMEOUT",
    level: IPPROTO_TCP,
    name: TCP_USER_TIMEOUT,
    value: { $case: "intValue" as const, value: deadAfterMs },
    state: SocketOption_SocketState.STATE_PREBIND,
  };
  const tcpKeepalive = { keepaliveProbes: Math.max(1, Math.ceil(deadAfterMs / 1000)), keepaliveTime: 1, keepaliveInterval: 1 };
  return { upstreamConnectionOptions: { tcpKeepalive }, upstreamBindConfig: { socketOptions: [option] } };
}

/** PING frames, which the far end itself answers, through whatever gateways: also one that hangs is noticed. */
export const HTTP2_KEEPALIVE = { interval: duration(2000), timeout: duration(2000) };

/**
 * `noTraffic…`: Envoy asks a cluster without traffic once a minute by default, also one that has failed its first answer,
 * which would then stay away for that long.
 */
export function healthCheck({ path, intervalMs, timeoutMs, unhealthyThreshold, healthyThreshold }: ProbeSpec) {
  return {
    timeout: positiveDuration(timeoutMs),
    interval: positiveDuration(intervalMs),
    intervalJitterPercent: 10,
    noTrafficInterval: positiveDuration(intervalMs),
    noTrafficHealthyInterval: positiveDuration(Math.max(intervalMs, IDLE_PROBE_MS)),
    unhealthyThreshold,
    healthyThreshold,
    healthChecker:
      path === undefined
        ? { $case: "tcpHealthCheck" as const, value: {} }
        : { $case: "httpHealthCheck" as const, value: { path } },
  };
}

const IDLE_PROBE_MS = 5000;

/** Ejection by success rate is off: it punishes the slowest of few hosts whatever they do. */
export function outlierDetection(rule: OutlierDetection) {
  return {
    consecutive5xx: rule.consecutive5xx,
    enforcingConsecutive5xx: 100,
    enforcingSuccessRate: 0,
    ...(rule.consecutiveGatewayFailure !== undefined && {
      consecutiveGatewayFailure: rule.consecutiveGatewayFailure,
      enforcingConsecutiveGatewayFailure: 100,
    }),
    interval: positiveDuration(rule.intervalMs),
    baseEjectionTime: positiveDuration(rule.baseEjectionMs),
    maxEjectionPercent: rule.maxEjectionPercent,
    alwaysEjectOneHost: rule.maxEjectionPercent > 0,
  };
}

/**
 * For what may lead through gateways, where the operator says nothing else: a host to which connections fail one after
 * the other, or break, is left out for a moment. Answers do not count, whatever their status: behind a gateway are many.
 */
export const UNREACHABLE_DETECTION = {
  splitExternalLocalOriginErrors: true,
  consecutiveLocalOriginFailure: 3,
  enforcingConsecutiveLocalOriginFailure: 100,
  enforcingConsecutive5xx: 0,
  enforcingConsecutiveGatewayFailure: 0,
  enforcingSuccessRate: 0,
  enforcingLocalOriginSuccessRate: 0,
  interval: duration(500),
  baseEjectionTime: duration(1000),
  maxEjectionTime: duration(10_000),
  maxEjectionPercent: 100,
};
