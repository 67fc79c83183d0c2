/** Services to fill a catalog with. */
import type { CatalogService } from "../../src/catalog/types.ts";
import { locality } from "../../src/model/locality.ts";

/** `default/service-<index>` with one HTTP port; `shift` is added to the port of its first instance, so that it is another service. */
export function benchService(index: number, endpoints: number, shift = 0): CatalogService {
  const name = `service-${index}`;
  const source = { registry: "r", scope: name };
  const instances = Array.from({ length: endpoints }, (_, n) => ({
    id: `${name}-${n}`,
    address: `10.${index % 250}.${n >> 8}.${n & 255}`,
    ports: { http: 8080 + (n === 0 ? shift : 0) },
    locality: locality({ region: "eu", zone: "a" }),
    cluster: "c1",
    network: "default",
    health: "healthy" as const,
    weight: 1,
    labels: {},
    source,
  }));
  const ports = [{ name: "http", port: 80, protocol: "HTTP" as const, inferred: false }];
  const key = { namespace: "default", name };
  return { id: `default/${name}`, key, ports, labels: {}, instances, sources: [source], conditions: [] };
}
