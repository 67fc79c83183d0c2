/** Weights within the bound of the protocol. Pure. */

/**
 * The most that the weights of one priority may add up to: gRPC refuses the whole assignment beyond it (gRFC A27), and
 * Envoy's API sets the same bound (endpoint.proto, LocalityLbEndpoints.load_balancing_weight).
 */
export const MAX_WEIGHT_SUM = 2 ** 32 - 1;

/**
 * The weights themselves where their sum is within the bound, else all scaled down together, so that shares stay what
 * they were as far as whole numbers of at least 1 can say. Expects integers ≥ 1, fewer of them than the bound.
 */
export function boundedWeights(weights: readonly number[]): readonly number[] {
  const sum = weights.reduce((total, weight) => total + weight, 0);
  if (sum <= MAX_WEIGHT_SUM) return weights;
  // Room for one each is set aside, since what rounds down to nothing becomes 1.
  const factor = (MAX_WEIGHT_SUM - weights.length) / sum;
  return weights.map((weight) => Math.max(1, Math.floor(weight * factor)));
}
