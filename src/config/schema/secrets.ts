/** Certificates that proxies get over xDS (SDS). */
import { Type } from "typebox";
import { ROLES } from "../../routing/client.ts";
import { name, strict } from "./common.ts";

const file = (description: string) => Type.Optional(Type.String({ minLength: 1, description }));

const kubernetesName = (description: string) =>
  Type.String({
    pattern: "^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$",
    patternErrorMessage: "must be a Kubernetes name: lower case letters, digits, `-` and `.`",
    title: "name",
    description,
  });

const SecretClientSchema = Type.Object(
  {
    role: Type.Optional(Type.Enum([...ROLES], { description: "Its role." })),
    gateway: Type.Optional(name("The gateway's name.")),
    namespace: Type.Optional(name("Its namespace; of sidecars only.")),
    cluster: Type.Optional(name("Its cluster.")),
  },
  { ...strict, description: "Clients that are so in every respect that is given." },
);

export const SecretSchema = Type.Object(
  {
    name: name("Listeners name it; its authorities are the SDS resource `NAME/ca`."),
    certFile: file("PEM file of the certificate chain, the leaf first."),
    keyFile: file("PEM file of its private key."),
    caFile: file("PEM file of authorities."),
    directory: file(
      "Folder with a pair, and authorities if there are any: `tls.crt`, `tls.key`, `ca.crt` (Kubernetes, cert-manager); `svid.pem`, `svid_key.pem`, `bundle.pem` (SPIRE's helper); `cert-chain.pem`, `key.pem`, `root-cert.pem` (Istio).",
    ),
    kubernetes: Type.Optional(
      Type.Object(
        {
          registry: name("A registry of kind kubernetes, whose connection is used."),
          cluster: Type.Optional(
            Type.String({ minLength: 1, description: "Its cluster; needed when the registry has several." }),
          ),
          namespace: kubernetesName("Namespace of the Secret."),
          secret: kubernetesName(
            "Name of the Secret: of type kubernetes.io/tls, or with the same keys; `ca.crt` is its authorities.",
          ),
        },
        {
          ...strict,
          description: "A Secret of a Kubernetes cluster; `meshbridge rbac` prints the right to read it, and it alone.",
        },
      ),
    ),
    clients: Type.Array(SecretClientSchema, {
      default: [],
      description: "Clients that may have it besides those whose own listeners name it.",
    }),
  },
  {
    ...strict,
    description: "A certificate with its key, authorities, or both. Followed while it runs; what is half written is not taken.",
  },
);
