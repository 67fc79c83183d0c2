/** The settings of a Kubernetes registry: one or many clusters. */
import { type Static, Type } from "typebox";
import { RISKS } from "../../src/kubernetes/kubeconfig.ts";
import { LocalitySchema } from "../../src/registry/settings.ts";

const strict = { additionalProperties: false } as const;
const Text = Type.String({ minLength: 1 });
const Patterns = Type.Array(Text);

const PLACE = {
  network: Type.Optional({ ...Text, description: "Network of its instances. Default: the registry's." }),
  locality: Type.Optional({ ...LocalitySchema, description: "What its endpoints do not say. Default: the registry's." }),
};

const ClusterSettings = Type.Object(
  {
    name: Type.Optional({ ...Text, description: "Name of the cluster. Default: the context's name; `in-cluster` without one." }),
    kubeconfig: Type.Optional({
      ...Text,
      description: "Kubeconfig file. Without it and `inCluster`: $KUBECONFIG, else ~/.kube/config.",
    }),
    context: Type.Optional({ ...Text, description: "Context of that file. Default: its current one." }),
    inCluster: Type.Optional(Type.Boolean({ description: "The cluster the bridge runs in, with its Pod's service account." })),
    ...PLACE,
  },
  { ...strict, description: "One cluster." },
);
export type ClusterSettings = Static<typeof ClusterSettings>;

const DiscoverSettings = Type.Object(
  {
    directory: Type.Optional({
      ...Text,
      description:
        "Folder of kubeconfig files, followed while it runs; each file is a cluster, named as the file without its ending.",
    }),
    secrets: Type.Optional(
      Type.Object(
        {
          namespace: Type.Optional({ ...Text, default: "meshbridge-system", description: "Where the Secrets are." }),
          home: Type.Optional({
            ...ClusterSettings,
            description: "The cluster that holds them. Default: the one the bridge runs in.",
          }),
        },
        {
          ...strict,
          description:
            "Secrets of a home cluster with the label `meshbridge.io/cluster: NAME`; the value of their only key, or of `kubeconfig`, is a kubeconfig.",
        },
      ),
    ),
  },
  {
    ...strict,
    description: "Clusters that come and go while the bridge runs. What is removed there leaves; what cannot be read stays.",
  },
);

export const KubernetesSettings = Type.Object(
  {
    clusters: Type.Optional(Type.Array(ClusterSettings, { maxItems: 200, description: "Clusters by name." })),
    discover: Type.Optional(DiscoverSettings),
    allow: Type.Optional(
      Type.Array(Type.Enum([...RISKS]), {
        uniqueItems: true,
        description:
          "What kubeconfigs may do besides https with a token or a client certificate. `exec` runs programs named in the file.",
      }),
    ),
    namespaces: Type.Optional({ ...Patterns, description: "Namespaces to read; `*` stands for any text. Default: all." }),
    excludeNamespaces: Type.Optional({
      ...Patterns,
      default: ["kube-system"],
      description: "Namespaces to leave out. Default: kube-system.",
    }),
    include: Type.Optional({ ...Patterns, description: "Names of Services to read. Default: all." }),
    exclude: Type.Optional({ ...Patterns, description: "Names of Services to leave out." }),
    labelSelector: Type.Optional({
      ...Text,
      description: "Services must match it; asked of the API server, e.g. `app in (web, api)`.",
    }),
    expose: Type.Optional(
      Type.Enum(["all", "annotated"], {
        default: "all",
        description:
          '`annotated`: only Services with the annotation `meshbridge.io/expose: "true"`. In either case `"false"` keeps one out.',
      }),
    ),
    namespaceMap: Type.Optional(
      Type.Record(Type.String(), Text, { description: "Namespace here by Kubernetes namespace. Default: its own name." }),
    ),
    regions: Type.Optional(Type.Record(Type.String(), Text, { description: "Region by zone: Kubernetes tells zones alone." })),
    family: Type.Optional(
      Type.Enum(["ipv4", "ipv6", "both"], {
        default: "ipv4",
        description: "Preferred address family of dual-stack Services; `both` makes two instances of a Pod.",
      }),
    ),
    headlessPods: Type.Optional(
      Type.Boolean({
        default: false,
        description: "Each Pod of a headless Service becomes the service `<pod>.<service>` besides.",
      }),
    ),
    hints: Type.Optional(
      Type.Boolean({
        default: true,
        description: "Topology hints decide which zone an endpoint is for, where all endpoints have them.",
      }),
    ),
    defaultProtocol: Type.Optional(
      Type.Enum(["HTTP", "HTTP2", "GRPC", "TCP", "TLS"], {
        default: "TCP",
        description: "Spoken on ports of which neither appProtocol, name nor number tells anything.",
      }),
    ),
  },
  strict,
);
export type KubernetesSettings = Static<typeof KubernetesSettings>;
