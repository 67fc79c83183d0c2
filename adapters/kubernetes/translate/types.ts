/** What the translation of one Service takes and gives. Plain data; nothing here does I/O. */
import type { Group } from "../../../src/model/group.ts";
import type { Protocol } from "../../../src/model/service.ts";
import type { Rejection } from "../../../src/registry/adapter.ts";
import type { RegistrySettings } from "../../../src/registry/settings.ts";
import type { KubeEndpoint } from "../objects.ts";

/**
 * Which addresses of a dual-stack service are used. `ipv4` and `ipv6` are preferences: one instance a Pod, by the family
 * named or, when the Pod has none of it, by the other. `both`: one instance for each family a Pod has, so a Pod with two
 * gets twice the load of a Pod with one.
 */
export type FamilyPreference = "ipv4" | "ipv6" | "both";
export type Family = "ipv4" | "ipv6";

/** What holds for all Services of one cluster. */
export interface TranslateContext {
  /** Name of the registry in the configuration. */
  readonly registry: string;
  /** Name of the Kubernetes cluster: first part of every scope, and the cluster of every instance. */
  readonly cluster: string;
  readonly network: string;
  /** Used for what the endpoints do not say: Kubernetes gives a zone, never a region. */
  readonly locality: RegistrySettings["locality"];
  /** Region by zone, for clusters that span regions; wins over `locality.region`. */
  readonly regions: ReadonlyMap<string, string>;
  readonly family: FamilyPreference;
  /** Whether the Pods of a headless Service get a service of their own each, `<pod>.<service>`. */
  readonly headlessPods: boolean;
  /** Whether complete hints become labels of instances. */
  readonly hints: boolean;
  /** Spoken on ports of which neither appProtocol, name nor number tells anything. */
  readonly defaultProtocol: Protocol;
  /** The mesh's namespace for a Kubernetes namespace; one that is missing keeps its name. */
  readonly namespaces: ReadonlyMap<string, string>;
  /** What the names of ExternalName Services resolve to, as far as the caller has resolved them: IP literals. */
  readonly resolved: ReadonlyMap<string, readonly string[]>;
}

/** What one Service and its slices say. */
export interface ServiceReading {
  /**
   * The Service's own group first, always; then those of its Pods by name, if asked for. The scope of the first is
   * `<cluster>/<namespace>/<name>`, those of the others have `/<pod>` besides.
   */
  readonly groups: readonly Group[];
  /** What was left out, by scope; a scope without any is missing. Bounded by what the slices hold. */
  readonly rejected: ReadonlyMap<string, readonly Rejection[]>;
  /** Set for an ExternalName Service with a name: the caller may resolve it and translate again. */
  readonly externalName: string | undefined;
}

/** How an endpoint stands, from its three conditions. `gone`: terminating and no longer serving. */
export type Standing = "ready" | "draining" | "unready" | "gone";

/** One address of one running copy: what all slices together say of it. */
export interface Copy {
  /** Unique among the copies of the Service. */
  readonly id: string;
  readonly family: Family;
  readonly endpoint: KubeEndpoint;
  readonly standing: Standing;
  /** Number by the mesh's port name; never empty. */
  readonly ports: ReadonlyMap<string, number>;
}
