/** Health in Envoy's words (envoy.config.core.v3.HealthStatus), lower case. */
export const HEALTH = ["unknown", "healthy", "unhealthy", "draining", "timeout", "degraded"] as const;
export type Health = (typeof HEALTH)[number];

/** Whether Envoy's load balancer may pick such an instance without a panic: unknown counts as healthy there. */
export function isUsable(health: Health): boolean {
  return health === "unknown" || health === "healthy" || health === "degraded";
}
