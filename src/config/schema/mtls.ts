/** Mutual TLS between workloads. */
import { Type } from "typebox";
import { name, strict } from "./common.ts";

const TrustDomainSchema = Type.Object(
  {
    name: name("The trust domain, as it stands in SPIFFE ids."),
    ca: name("The secret with its authorities."),
    clusters: Type.Array(name("A cluster."), { default: [], description: "Clusters whose workloads are of it." }),
    networks: Type.Array(name("A network."), { default: [], description: "Networks whose workloads are of it." }),
  },
  { ...strict, description: "Who vouches for workloads of some clusters." },
);

export const MtlsSchema = Type.Object(
  {
    certificate: name("The secret with the certificate that proxies show, as clients and as servers."),
    trustDomains: Type.Array(TrustDomainSchema, {
      minItems: 1,
      description: "The first is that of every cluster and network that none of them names.",
    }),
    clientCa: Type.Optional(
      name("The secret with the authorities of those who may call. Default: those of the first trust domain."),
    ),
    identity: Type.String({
      default: "spiffe://{trustDomain}/ns/{namespace}/sa/{service}",
      pattern: "^spiffe://[^\\u0000-\\u0020]+$",
      patternErrorMessage: "must be a URI that begins with spiffe://",
      title: "URI",
      description: "What a service's certificate must name; `{trustDomain}`, `{namespace}` and `{service}` are filled in.",
    }),
    inbound: Type.Enum(["strict", "permissive", "off"], {
      default: "permissive",
      description:
        "What a sidecar's inbound listener takes. strict: mutual TLS. permissive: plain text as well. off: plain text.",
    }),
  },
  { ...strict, description: "Mutual TLS between workloads; services say by `tls: mutual` that they are dialled so." },
);
