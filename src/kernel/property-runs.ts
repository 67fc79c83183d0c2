/** How many cases a property test tries: as many as usual, or more where somebody asks for proof. */

/** `usual`, times the environment's MESHBRIDGE_PROPERTY_FACTOR (1 unless it is a positive number). */
export function propertyRuns(usual: number): number {
  const factor = Number(process.env["MESHBRIDGE_PROPERTY_FACTOR"]);
  return Math.ceil(usual * (factor > 0 ? factor : 1));
}
