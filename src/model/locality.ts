/** Where something runs, in Envoy's words (envoy.config.core.v3.Locality). An empty string means unknown. */
export interface Locality {
  readonly region: string;
  readonly zone: string;
  readonly subZone: string;
}

export const UNKNOWN_LOCALITY: Locality = { region: "", zone: "", subZone: "" };

/** A locality with the missing parts left unknown. */
export function locality(parts: Partial<Locality> = {}): Locality {
  return { region: parts.region ?? "", zone: parts.zone ?? "", subZone: parts.subZone ?? "" };
}

/** A stable name for maps and sorting: `region/zone/subZone`. */
export function localityName({ region, zone, subZone }: Locality): string {
  return `${region}/${zone}/${subZone}`;
}

export function isSameLocality(a: Locality, b: Locality): boolean {
  return a === b || (a.region === b.region && a.zone === b.zone && a.subZone === b.subZone);
}
