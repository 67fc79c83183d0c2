/** What sidecars have in common of their routes, which is all but the names that mean something in one namespace alone. */
import type { ServiceOutline } from "../outline.ts";
import type { Shape } from "./gateway.ts";
import type { HostMemo } from "./sidecar-hosts.ts";
import type { VirtualHostMemo } from "./virtual-hosts.ts";

/** What of services' routes stays as it is from one shape to the next, whatever the sidecar's namespace. */
export interface HostParts {
  readonly hosts: HostMemo;
  readonly encoded: VirtualHostMemo;
  /** What was made under the policies of before is no longer right. */
  clear(): void;
}

export function createHostParts(): HostParts {
  let hosts: HostMemo = new WeakMap();
  const encoded: VirtualHostMemo = new Map();
  return {
    get hosts() {
      return hosts;
    },
    encoded,
    clear() {
      hosts = new WeakMap();
      encoded.clear();
    },
  };
}

/** The routes of sidecars of one namespace that ask in one way. */
export interface RoutesMemo {
  /** What was made of this very list, or what `make` makes of it. */
  get(services: readonly ServiceOutline[], make: () => Shape): Shape;
  clear(): void;
}

export function createRoutesMemo(): RoutesMemo {
  let last: { readonly services: readonly ServiceOutline[]; readonly routes: Shape } | undefined;
  return {
    get(services, make) {
      if (last?.services !== services) last = { services, routes: make() };
      return last.routes;
    },
    clear() {
      last = undefined;
    },
  };
}

/** What sidecars have in common. */
export interface SidecarMemos {
  readonly parts: HostParts;
  readonly routes: RoutesMemo;
}
