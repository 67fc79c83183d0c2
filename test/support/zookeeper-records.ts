/** What providers write into ZooKeeper, byte for byte as their own libraries do: a path and its data. */

export interface ZookeeperRecord {
  readonly path: string;
  readonly data: string;
}

export interface Place {
  readonly address: string;
  readonly port: number;
}

/** A Dubbo provider at interface level: `/dubbo/<interface>/providers/<encoded URL>` (dubbo `ZookeeperRegistry`). */
export function dubboProvider(
  iface: string,
  { address, port }: Place,
  parameters: Readonly<Record<string, string>> = {},
  protocol = "dubbo",
): ZookeeperRecord {
  const host = address.includes(":") ? `[${address}]` : address;
  const query = new URLSearchParams({
    anyhost: "true",
    application: "shop-app",
    interface: iface,
    methods: "get,put",
    side: "provider",
    timestamp: "1700000000000",
    ...parameters,
  });
  const url = `${protocol}://${host}:${port}/${iface}?${query}`;
  return { path: `/dubbo/${iface}/providers/${encodeURIComponent(url)}`, data: address };
}

/** A Dubbo override rule: `/dubbo/<interface>/configurators/<encoded URL>`. */
export function dubboOverride(
  iface: string,
  place: Place | undefined,
  parameters: Readonly<Record<string, string>>,
): ZookeeperRecord {
  const authority = place === undefined ? "0.0.0.0" : `${place.address}:${place.port}`;
  const query = new URLSearchParams({ category: "configurators", dynamic: "false", enabled: "true", ...parameters });
  const url = `override://${authority}/${iface}?${query}`;
  return { path: `/dubbo/${iface}/configurators/${encodeURIComponent(url)}`, data: "" };
}

/** A Dubbo 3 instance at application level: `/services/<app>/<ip:port>` (dubbo `ZookeeperServiceDiscovery`). */
export function dubboInstance(app: string, { address, port }: Place, revision = "r1"): ZookeeperRecord {
  const metadata = {
    "dubbo.endpoints": JSON.stringify([{ port, protocol: "dubbo" }]),
    "dubbo.metadata.revision": revision,
    "dubbo.metadata.storage-type": "remote",
  };
  const type = "org.apache.dubbo.registry.zookeeper.ZookeeperInstance";
  const id = `${address}:${port}`;
  return curator(`/services/${app}/${id}`, {
    name: app,
    id,
    address,
    port,
    payload: { "@class": type, id, name: app, metadata },
  });
}

/** What a revision of an application provides: `/dubbo/metadata/<app>/<revision>` (dubbo `MetadataInfo`). */
export function dubboMetadata(app: string, revision: string, interfaces: readonly string[], port: number): ZookeeperRecord {
  const services = interfaces.map((name) => {
    const info = { name, path: name, port, protocol: "dubbo", version: "", group: "", params: { methods: "get,put" } };
    return [`${name}:dubbo`, info] as const;
  });
  const data = JSON.stringify({ app, revision, services: Object.fromEntries(services) });
  return { path: `/dubbo/metadata/${app}/${revision}`, data };
}

/** A Spring Cloud instance: `/services/<name>/<id>` (Curator `JsonInstanceSerializer`, spring-cloud-zookeeper). */
export function springInstance(
  name: string,
  { address, port, id = `${name}-${port}` }: Place & { readonly id?: string },
  metadata: Readonly<Record<string, string>> = { instance_status: "UP" },
): ZookeeperRecord {
  const type = "org.springframework.cloud.zookeeper.discovery.ZookeeperInstance";
  const payload = { "@class": type, id: name, name, metadata };
  return curator(`/services/${name}/${id}`, { name, id, address, port, payload });
}

/** A Twitter serverset member: JSON with `serviceEndpoint`. */
export function serversetMember(root: string, member: string, { address, port }: Place, status = "ALIVE"): ZookeeperRecord {
  const data = { serviceEndpoint: { host: address, port }, additionalEndpoints: {}, status, shard: 0 };
  return { path: `${root}/${member}`, data: JSON.stringify(data) };
}

/** An AirBnb nerve member: `{host, port, name}`. */
export function nerveMember(root: string, member: string, { address, port }: Place): ZookeeperRecord {
  return { path: `${root}/${member}`, data: JSON.stringify({ host: address, port, name: member }) };
}

/** An apisix-seed service: one node whose data is the list of its instances. */
export function seedService(root: string, name: string, places: readonly Place[], weight = 1): ZookeeperRecord {
  return { path: `${root}/${name}`, data: JSON.stringify(places.map(({ address, port }) => ({ host: address, port, weight }))) };
}

interface CuratorInstance {
  readonly name: string;
  readonly id: string;
  readonly address: string;
  readonly port: number;
  readonly payload: object;
}

function curator(path: string, instance: CuratorInstance): ZookeeperRecord {
  const parts = ["scheme", "://", "address", ":", "port"].map((value) => ({ value, variable: /[a-z]/.test(value) }));
  const data = {
    ...instance,
    sslPort: null,
    registrationTimeUTC: 1_700_000_000_000,
    serviceType: "DYNAMIC",
    uriSpec: { parts },
  };
  return { path, data: JSON.stringify(data) };
}
