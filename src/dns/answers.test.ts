/** What is answered to whom: a table of queries, each as bytes in and bytes out. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { locality } from "../model/locality.ts";
import { type AskOptions, dnsWorld, instanceOf, network, serviceOf, type WorldInput } from "./testing.ts";

const us = { cluster: "us-1", network: "n2", locality: locality({ region: "us" }) };
const hold = { hold: { reason: "index-went-back" as const, since: 0 } };

const WORLD: WorldInput = {
  networks: [
    network("n1", { cidrs: ["10.1.0.0/16"], clusters: ["eu-1"] }),
    network("n2", { cidrs: ["10.2.0.0/16", "fd02::/16"], clusters: ["us-1"] }),
  ],
  exports: [{ match: "shop/*", to: ["*"], local: false }],
  services: [
    serviceOf("shop/web", [
      instanceOf("10.1.0.1", { id: "w-1" }),
      instanceOf("10.1.0.2", { health: "unhealthy" }),
      instanceOf("10.2.0.1", us),
    ]),
    serviceOf("shop/Upper", [instanceOf("10.1.0.4"), instanceOf("fd01::4")], { hosts: ["up.service.consul"] }),
    serviceOf("shop/sick", [instanceOf("10.1.0.5", { health: "unhealthy" })]),
    serviceOf("shop/none", []),
    serviceOf("shop/held", [instanceOf("10.1.0.6", hold)]),
    serviceOf("shop/mixed", [instanceOf("10.1.0.7", hold), instanceOf("10.1.0.8")]),
    serviceOf("shop/drain", [instanceOf("10.1.0.9", { health: "draining" })]),
    serviceOf("shop/web-0.db", [instanceOf("10.1.1.1")]),
    serviceOf("shop/db", [instanceOf("10.1.1.1"), instanceOf("10.1.1.2")]),
    serviceOf("inner/secret", [instanceOf("10.1.0.10")]),
    serviceOf("deep.name/web", [instanceOf("10.1.0.11")]),
  ],
  spec: {
    ingress: [{ network: "n2", addresses: ["203.0.113.2"], port: 443 }],
    clientSubnetFrom: ["10.1.0.53/32"],
    names: [
      { name: "any.query.mesh.local", services: [key("shop/sick"), key("shop/web")], order: [] },
      { name: "us.query.mesh.local", services: [key("shop/web")], order: ["us-1"] },
      { name: "*.apps.mesh.local", services: [key("shop/web")], order: [] },
      { name: "gone.query.mesh.local", services: [key("shop/not-there")], order: [] },
    ],
  },
};

function key(id: string) {
  return serviceOf(id, []).key;
}

const NXDOMAIN = "NXDOMAIN: | SOA";
const NODATA = "NOERROR: | SOA";
const FROM_US: AskOptions = { from: "10.2.0.9" };

const table: readonly (readonly [why: string, name: string, type: string, expected: string, options?: AskOptions])[] = [
  ["the nearest healthy", "web.shop.mesh.local", "A", "NOERROR: A 10.1.0.1"],
  ["names have no case", "WEB.Shop.mesh.LOCAL", "A", "NOERROR: A 10.1.0.1"],
  ["nearest to who asks", "web.shop.mesh.local", "A", "NOERROR: A 10.2.0.1", FROM_US],
  ["over IPv6 as well", "web.shop.mesh.local", "A", "NOERROR: A 10.2.0.1", { from: "fd02::9" }],
  ["the cluster set's name", "web.shop.svc.clusterset.local", "A", "NOERROR: A 10.1.0.1"],
  ["no IPv6: NODATA, not NXDOMAIN", "web.shop.mesh.local", "AAAA", NODATA],
  ["IPv6 where there is", "upper.shop.mesh.local", "AAAA", "NOERROR: AAAA fd01::4"],
  ["a host name of a template", "up.service.consul", "A", "NOERROR: A 10.1.0.4"],
  ["a type that a name has not", "web.shop.mesh.local", "TXT", NODATA],
  ["nobody healthy", "sick.shop.mesh.local", "A", NODATA],
  ["nobody at all", "none.shop.mesh.local", "A", NODATA],
  ["held is better than none", "held.shop.mesh.local", "A", "NOERROR: A 10.1.0.6"],
  ["held is for when the healthy do not suffice", "mixed.shop.mesh.local", "A", "NOERROR: A 10.1.0.8"],
  ["draining gets nobody new", "drain.shop.mesh.local", "A", NODATA],
  ["no such service", "nothing.shop.mesh.local", "A", NXDOMAIN],
  ["no such namespace", "web.nowhere.mesh.local", "A", NXDOMAIN],
  ["a namespace exists", "shop.mesh.local", "A", NODATA],
  ["so does what is between", "svc.clusterset.local", "A", NODATA],
  ["a namespace with a dot", "web.deep.name.mesh.local", "A", "NOERROR: A 10.1.0.11"],
  ["what is not exported is not there for others", "secret.inner.mesh.local", "A", NODATA, FROM_US],
  ["but at home it is", "secret.inner.mesh.local", "A", "NOERROR: A 10.1.0.10"],
  ["one cluster by name", "eu-1.web.shop.mesh.local", "A", "NOERROR: A 10.1.0.1"],
  ["another network through what stands for it", "us-1.web.shop.mesh.local", "A", "NOERROR: A 203.0.113.2"],
  ["in the cluster set too", "us-1.web.shop.svc.clusterset.local", "A", "NOERROR: A 203.0.113.2"],
  ["no such cluster", "mars.web.shop.mesh.local", "A", NXDOMAIN],
  ["a Pod of a headless service", "web-0.db.shop.mesh.local", "A", "NOERROR: A 10.1.1.1"],
  ["a headless service", "db.shop.mesh.local", "A", "NOERROR: A 10.1.1.1, A 10.1.1.2"],
  ["an instance by its id", "w-1.web.shop.mesh.local", "A", "NOERROR: A 10.1.0.1"],
  ["an instance by its address", "10-1-0-1.web.shop.mesh.local", "A", "NOERROR: A 10.1.0.1"],
  ["an instance of a cluster", "w-1.eu-1.web.shop.svc.clusterset.local", "A", "NOERROR: A 10.1.0.1"],
  ["an instance that is ill", "10-1-0-2.web.shop.mesh.local", "A", NODATA],
  ["an instance of nobody", "10-9-9-9.web.shop.mesh.local", "A", NXDOMAIN],
  ["below an instance there is nothing", "x.w-1.web.shop.mesh.local", "A", NXDOMAIN],
  [
    "SRV: all who can serve, the nearest first",
    "_http._tcp.web.shop.mesh.local",
    "SRV",
    "NOERROR: SRV 0 1 8080 10-1-0-1.web.shop.mesh.local, SRV 1 1 443 203-0-113-2.web.shop.mesh.local",
  ],
  ["SRV: where an ingress is", "203-0-113-2.web.shop.mesh.local", "A", "NOERROR: A 203.0.113.2"],
  ["SRV of one cluster", "_http._tcp.eu-1.web.shop.mesh.local", "SRV", "NOERROR: SRV 0 1 8080 10-1-0-1.eu-1.web.shop.mesh.local"],
  ["SRV: no such port", "_grpc._tcp.web.shop.mesh.local", "SRV", NXDOMAIN],
  ["SRV: no such transport", "_http._udp.web.shop.mesh.local", "SRV", NXDOMAIN],
  ["SRV names have no address", "_http._tcp.web.shop.mesh.local", "A", NODATA],
  ["on the way to SRV", "_tcp.web.shop.mesh.local", "A", NODATA],
  [
    "SRV of the service itself",
    "db.shop.mesh.local",
    "SRV",
    "NOERROR: SRV 0 1 8080 10-1-1-1.db.shop.mesh.local, SRV 0 1 8080 10-1-1-2.db.shop.mesh.local",
  ],
  ["a failover by name: the first that can", "any.query.mesh.local", "A", "NOERROR: A 10.1.0.1"],
  ["a failover by name with an order of its own", "us.query.mesh.local", "A", "NOERROR: A 203.0.113.2"],
  ["a failover to nobody", "gone.query.mesh.local", "A", NODATA],
  ["a wildcard", "shop-7.apps.mesh.local", "A", "NOERROR: A 10.1.0.1"],
  ["a wildcard over several labels", "a.b.apps.mesh.local", "A", "NOERROR: A 10.1.0.1"],
  ["a wildcard is not its own parent", "apps.mesh.local", "A", NODATA],
  ["the zone", "mesh.local", "SOA", "NOERROR: SOA ns.mesh.local"],
  ["its name server", "mesh.local", "NS", "NOERROR: NS ns.mesh.local"],
  ["its name server's address", "ns.mesh.local", "A", "NOERROR: A 192.0.2.53"],
  ["a zone has no address", "mesh.local", "A", NODATA],
  ["not ours", "example.com", "A", "REFUSED:"],
  ["not ours, though it looks alike", "notmesh.local", "A", "REFUSED:"],
  ["zones are not transferred", "mesh.local", "AXFR", "REFUSED:"],
  ["the root", ".", "NS", "REFUSED:"],
  ["everything is next to nothing", "web.shop.mesh.local", "ANY", 'NOERROR: HINFO {"cpu":"RFC8482","os":""}'],
  ["everything of nothing", "nothing.shop.mesh.local", "ANY", NXDOMAIN],
  [
    "a resolver we believe names the subnet",
    "web.shop.mesh.local",
    "A",
    "NOERROR: A 10.2.0.1",
    { from: "10.1.0.53", subnet: "10.2.0.0" },
  ],
  ["another one may say what it wants", "web.shop.mesh.local", "A", "NOERROR: A 10.1.0.1", { subnet: "10.2.0.0" }],
];

for (const [why, name, type, expected, options] of table)
  test(`${type} ${name}: ${why}`, () => {
    assert.equal(dnsWorld(WORLD).ask(name, type, options), expected);
    assert.equal(dnsWorld(WORLD).ask(name, type, { ...options, transport: "tcp" }), expected);
  });

test("as long as a registry cannot be read, no name is said not to be", () => {
  const world = dnsWorld({ ...WORLD, certain: false });
  assert.equal(world.ask("nothing.shop.mesh.local", "A"), "SERVFAIL:");
  assert.equal(world.ask("none.shop.mesh.local", "A"), "SERVFAIL:");
  assert.equal(world.ask("web.shop.mesh.local", "A"), "NOERROR: A 10.1.0.1");
  assert.equal(world.ask("sick.shop.mesh.local", "A"), NODATA);
  assert.equal(world.ask("example.com", "A"), "REFUSED:");
});

test("before the registries have been read nothing is answered but that", () => {
  const world = dnsWorld({ ...WORLD, sync: "waiting" });
  assert.equal(world.ask("web.shop.mesh.local", "A"), "SERVFAIL:");
  assert.equal(world.ask("example.com", "A"), "REFUSED:");
});

test("what changes is answered at once, and a service that goes takes its names along", () => {
  const world = dnsWorld(WORLD);
  assert.equal(world.ask("web.shop.mesh.local", "A"), "NOERROR: A 10.1.0.1");
  world.put(serviceOf("shop/web", [instanceOf("10.2.0.1", us)]));
  assert.equal(world.ask("web.shop.mesh.local", "A"), "NOERROR: A 203.0.113.2");
  world.responder.update({ services: new Map(), changed: new Set(["shop/web"]), sync: "complete" });
  assert.equal(world.ask("web.shop.mesh.local", "A"), NXDOMAIN);
});

test("who has a sidecar is told a service's address there, whatever becomes of its instances; others are told instances", () => {
  const vips = { range: "127.64.0.0/10", for: "tcp" as const, pins: {} };
  const tcp = [{ name: "db", port: 5432, protocol: "TCP" as const, inferred: false }];
  const services = [
    serviceOf("shop/db", [instanceOf("10.1.0.1", { health: "unhealthy" })], { ports: tcp }),
    serviceOf("shop/web", [instanceOf("10.1.0.2")]),
  ];
  const world = dnsWorld({ services, vips, spec: { vipsFor: ["10.1.0.0/24"] } });
  assert.equal(world.ask("db.shop.mesh.local", "A"), "NOERROR: A 127.83.10.6");
  assert.equal(world.ask("db.shop.svc.clusterset.local", "A"), "NOERROR: A 127.83.10.6");
  assert.equal(world.ask("db.shop.mesh.local", "AAAA"), NODATA);
  assert.equal(world.ask("db.shop.mesh.local", "A", { from: "10.1.9.9" }), NODATA);
  assert.equal(world.ask("web.shop.mesh.local", "A"), "NOERROR: A 10.1.0.2");
  assert.equal(world.ask("eu-1.db.shop.mesh.local", "A"), NODATA);
  world.put(serviceOf("shop/cache", [instanceOf("10.1.0.3")], { ports: tcp }));
  assert.match(world.ask("cache.shop.mesh.local", "A"), /NOERROR: A 127\./);
  assert.equal(world.ask("db.shop.mesh.local", "A"), "NOERROR: A 127.83.10.6");
});

test("under other policies the names are those of the services there are now, and no other", () => {
  const world = dnsWorld({ services: [serviceOf("shop/web", [instanceOf("10.1.0.1")]), serviceOf("shop/web-eu-1", [])] });
  assert.equal(world.ask("web-eu-1.shop.mesh.local", "A"), NODATA);
  const web = serviceOf("shop/web", [instanceOf("10.1.0.1")]);
  world.responder.configure(world.state, { services: new Map([[web.id, web]]), sync: "complete" });
  assert.equal(world.ask("web-eu-1.shop.mesh.local", "A"), NXDOMAIN);
  assert.equal(world.ask("web.shop.mesh.local", "A"), "NOERROR: A 10.1.0.1");
});

test("who is outside is led to the ingress of the nearest cluster that can serve, and only to what is exported", () => {
  const place = (cidr: string, region: string) => ({
    cidrs: [cidr],
    network: "internet",
    cluster: "",
    locality: locality({ region }),
  });
  const world = (health: "healthy" | "unhealthy", more: Partial<WorldInput> = {}) =>
    dnsWorld({
      ...WORLD,
      services: [
        serviceOf("shop/web", [
          instanceOf("10.1.0.1", { health }),
          instanceOf("10.1.0.2", { health }),
          instanceOf("10.2.0.1", us),
        ]),
        serviceOf("inner/secret", [instanceOf("10.1.0.10")]),
      ],
      spec: {
        places: [place("198.51.100.0/24", "eu"), place("192.0.2.0/24", "us")],
        ingress: [
          { network: "n1", addresses: ["203.0.113.1"], port: 443 },
          { network: "n2", addresses: ["203.0.113.2"], port: 443 },
        ],
      },
      ...more,
    });
  const [eu, fromUs] = [{ from: "198.51.100.7" }, { from: "192.0.2.7" }];
  const ask = (of: ReturnType<typeof world>, options: AskOptions) => of.ask("web.shop.mesh.local", "A", options);
  assert.equal(ask(world("healthy"), eu), "NOERROR: A 203.0.113.1");
  assert.equal(ask(world("healthy"), fromUs), "NOERROR: A 203.0.113.2");
  assert.equal(ask(world("unhealthy"), eu), "NOERROR: A 203.0.113.2", "the other cluster when the near one cannot");
  assert.equal(world("healthy").ask("secret.inner.mesh.local", "A", eu), NODATA);
  const primary = { policy: { failover: { order: ["us-1", "eu-1"], priorityLabels: [] } } };
  assert.equal(ask(world("healthy", primary), eu), "NOERROR: A 203.0.113.2", "a primary and its backup, by order");
});
