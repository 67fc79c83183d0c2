/**
 * Adds the sidecar to a workload: container, readiness gate, mounts, an end that leaves time to drain, and the least rights.
 * Pure. Adding it again changes nothing.
 */
import { GATE } from "../pod/pod-object.ts";

export type Manifest = Readonly<Record<string, unknown>>;

export interface AddOptions {
  readonly image: string;
  /** Text of the sidecar's configuration, for a ConfigMap. */
  readonly config: string;
  /** It follows its Pod in the API: readiness gate and rights are added. */
  readonly followsPod: boolean;
  readonly drainSeconds: number;
}

const CONTAINER = "meshbridge-sidecar";
const PODINFO = "meshbridge-podinfo";
const CONFIG = "meshbridge-config";
/** How much longer than the drain a registry may take to be told, as the sidecar itself reckons it, and a margin. */
const GRACE_SECONDS = 10;
/** Kubernetes' own default. */
const DEFAULT_TERMINATION_SECONDS = 30;
const KINDS = ["Deployment", "StatefulSet", "DaemonSet"];

/** Whether the sidecar can be added to it. */
export function isWorkload(object: Manifest): boolean {
  return KINDS.includes(String(object["kind"])) && isMapping(mapping(mapping(object["spec"])["template"])["spec"]);
}

/** The workload with the sidecar, after the objects that it needs. */
export function addSidecar(workload: Manifest, options: AddOptions): readonly Manifest[] {
  const metadata = mapping(workload["metadata"]);
  const name = String(metadata["name"] ?? "workload");
  const namespace = typeof metadata["namespace"] === "string" ? { namespace: metadata["namespace"] } : {};
  const spec = mapping(workload["spec"]);
  const template = mapping(spec["template"]);
  const pod = mapping(template["spec"]);
  const given = pod["serviceAccountName"];
  const account = typeof given === "string" && given !== "default" ? given : name;
  const configMap = {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: `${name}-sidecar`, ...namespace },
    data: { "sidecar.yaml": options.config },
  };
  const rights = options.followsPod ? rightsOf(name, account, namespace, account === given) : [];
  const changed = { ...workload, spec: { ...spec, template: { ...template, spec: podSpec(pod, name, account, options) } } };
  return [configMap, ...rights, changed];
}

function podSpec(pod: Manifest, name: string, account: string, options: AddOptions): Manifest {
  const { drainSeconds, followsPod } = options;
  const needed = drainSeconds + GRACE_SECONDS;
  const grace = pod["terminationGracePeriodSeconds"];
  const volumes = [
    { name: CONFIG, configMap: { name: `${name}-sidecar` } },
    {
      name: PODINFO,
      downwardAPI: {
        items: ["labels", "annotations"].map((path) => ({ path, fieldRef: { fieldPath: `metadata.${path}` } })),
      },
    },
  ];
  return {
    ...pod,
    ...(followsPod && { serviceAccountName: account, readinessGates: withGate(list(pod["readinessGates"])) }),
    terminationGracePeriodSeconds: Math.max(typeof grace === "number" ? grace : DEFAULT_TERMINATION_SECONDS, needed),
    // An init container that is restarted always is a sidecar: it starts before the workload, and is ended after it.
    initContainers: [...without(list(pod["initContainers"]), [CONTAINER]), sidecarContainer(options.image)],
    containers: list(pod["containers"]).map((container) => outliving(container, drainSeconds)),
    volumes: [...without(list(pod["volumes"]), [CONFIG, PODINFO]), ...volumes],
  };
}

function sidecarContainer(image: string): Manifest {
  const field = (name: string, fieldPath: string) => ({ name, valueFrom: { fieldRef: { fieldPath } } });
  return {
    name: CONTAINER,
    image,
    restartPolicy: "Always",
    args: ["sidecar", "run", "-c", "/etc/meshbridge/sidecar.yaml"],
    env: [
      field("POD_NAMESPACE", "metadata.namespace"),
      field("POD_NAME", "metadata.name"),
      field("POD_UID", "metadata.uid"),
      field("POD_IP", "status.podIP"),
      field("NODE_NAME", "spec.nodeName"),
    ],
    // Runs when the Pod begins to end, at the same time as the workload's own hooks.
    lifecycle: { preStop: { exec: { command: ["meshbridge", "sidecar", "drain"] } } },
    resources: { requests: { cpu: "10m", memory: "96Mi" }, limits: { memory: "256Mi" } },
    securityContext: {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      runAsNonRoot: true,
      capabilities: { drop: ["ALL"] },
    },
    volumeMounts: [
      { name: CONFIG, mountPath: "/etc/meshbridge", readOnly: true },
      { name: PODINFO, mountPath: "/etc/podinfo", readOnly: true },
    ],
  };
}

/** A workload without a hook of its own goes on serving while it is taken out of the registries. */
function outliving(container: Manifest, drainSeconds: number): Manifest {
  const lifecycle = mapping(container["lifecycle"]);
  if (lifecycle["preStop"] !== undefined) return container;
  return { ...container, lifecycle: { ...lifecycle, preStop: { sleep: { seconds: drainSeconds + 1 } } } };
}

function withGate(gates: readonly Manifest[]): readonly Manifest[] {
  return gates.some((gate) => gate["conditionType"] === GATE) ? gates : [...gates, { conditionType: GATE }];
}

/** To follow its Pod and to set its condition; Pods have no names that a role could list in advance. */
function rightsOf(name: string, account: string, namespace: object, existing: boolean): readonly Manifest[] {
  const role = `${name}-sidecar`;
  const group = "rbac.authorization.k8s.io";
  const metadata = { name: role, ...namespace };
  const rules = [
    { apiGroups: [""], resources: ["pods"], verbs: ["list", "watch"] },
    { apiGroups: [""], resources: ["pods/status"], verbs: ["patch"] },
  ];
  return [
    ...(existing ? [] : [{ apiVersion: "v1", kind: "ServiceAccount", metadata: { name: account, ...namespace } }]),
    { apiVersion: `${group}/v1`, kind: "Role", metadata, rules },
    {
      apiVersion: `${group}/v1`,
      kind: "RoleBinding",
      metadata,
      roleRef: { apiGroup: group, kind: "Role", name: role },
      subjects: [{ kind: "ServiceAccount", name: account, ...namespace }],
    },
  ];
}

function without(items: readonly Manifest[], names: readonly string[]): readonly Manifest[] {
  return items.filter((item) => !names.includes(String(item["name"])));
}

function isMapping(value: unknown): value is Manifest {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function mapping(value: unknown): Manifest {
  return isMapping(value) ? value : {};
}

function list(value: unknown): readonly Manifest[] {
  return Array.isArray(value) ? value.filter(isMapping) : [];
}
