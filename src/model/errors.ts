/** The table of everything that can go wrong. A code is never reused; docs/reference/errors.md is generated from it. */
import { type ErrorDetails, type ErrorSpec, MeshbridgeError } from "../kernel/errors.ts";

const TABLE = {
  MB_CONFIG_UNREADABLE: {
    message: "cannot read the configuration {path}: {reason}",
    next: "give the right path with -c, or check the file's permissions",
    status: 500,
    exitCode: 2,
  },
  MB_CONFIG_INVALID: {
    message: "{problems}",
    next: "correct the lines named above; `meshbridge config validate -c FILE` checks again, `meshbridge config schema` prints what is allowed",
    status: 422,
    exitCode: 2,
  },
  MB_SECRET_UNREADABLE: {
    message: "cannot read the secret of {where} from {origin}: {reason}",
    next: "set the environment variable, or make the file readable to this process",
    status: 500,
    exitCode: 2,
  },
  MB_LISTEN_FAILED: {
    message: "cannot listen on {address} for {purpose}: {reason}",
    next: "choose another address in the configuration, or stop what uses it",
    status: 500,
    exitCode: 2,
  },
  MB_LISTEN_INSECURE: {
    message: "{purpose} would listen in plain text on {address}, which others can reach",
    next: "configure tls, listen on a loopback address, or say `insecure: true`",
    status: 500,
    exitCode: 2,
  },
  MB_TLS_INVALID: {
    message: "cannot use the TLS files of {purpose}: {reason}",
    next: "check that certFile and keyFile exist, are PEM and belong together",
    status: 500,
    exitCode: 2,
  },
  MB_REGISTRY_UNREACHABLE: {
    message: "registry {registry} did not answer at {address}: {reason}",
    next: "nothing is removed; it is tried again by itself. Check that the registry runs and can be reached from here",
    status: 503,
    exitCode: 3,
  },
  MB_REGISTRY_REFUSED: {
    message: "registry {registry} at {address} refused with {statusCode}: {reason}",
    next: "nothing is removed; check the credentials and their rights, which the registry's page lists",
    status: 502,
    exitCode: 3,
  },
  MB_KUBECONFIG_INVALID: {
    message: "cannot use the kubeconfig of {origin}: {field}: {reason}",
    next: "correct the kubeconfig, or allow what it needs with `allow` of the registry; what was known of the cluster stands",
    status: 500,
    exitCode: 2,
  },
  MB_CLUSTER_UNREACHABLE: {
    message: "cluster {cluster} did not answer at {address}: {reason}",
    next: "nothing is deleted there and the other clusters go on; check that its API server runs and can be reached from here",
    status: 503,
    exitCode: 3,
  },
  MB_CLUSTER_REFUSED: {
    message: "cluster {cluster} at {address} refused with {statusCode}: {reason}",
    next: "correct what it names; when it is a right that is missing, grant it to the account of the kubeconfig",
    status: 502,
    exitCode: 1,
  },
  MB_CLUSTER_BAD_REPLY: {
    message: "cluster {cluster} at {address} answered with something unusable: {reason}",
    next: "nothing is deleted there; check that the address is an API server and not a proxy's error page",
    status: 502,
    exitCode: 3,
  },
  MB_DEPLOY_INVALID: {
    message: "{problems}",
    next: "correct the places named above; nothing was written to any cluster",
    status: 422,
    exitCode: 2,
  },
  MB_DEPLOY_TEMPLATE: {
    message: "cannot render the template from {origin}: {reason}",
    next: "correct it, or install the tool; nothing was written to any cluster",
    status: 422,
    exitCode: 2,
  },
  MB_DEPLOY_PLAN_CHANGED: {
    message: "the plan of {workload} is {now} by now, not {given}",
    next: "something changed since it was agreed to: look at `meshbridge deploy plan` again; nothing was written to any cluster",
    status: 409,
    exitCode: 1,
  },
  MB_DEPLOY_STATE: {
    message: "the rollout's state in {place} cannot be used: {reason}",
    next: "nothing was written to any cluster; put back what was there, or move it away to begin anew without a way back",
    status: 409,
    exitCode: 1,
  },
  MB_DEPLOY_TAKEN_OVER: {
    message: "the rollout of {workload} was changed by somebody else meanwhile",
    next: "nothing was done on what was known before; look at `meshbridge deploy rollout status`",
    status: 409,
    exitCode: 1,
  },
  MB_DEPLOY_NOT_LEADING: {
    message: "a controller of epoch {epoch} leads no longer",
    next: "nothing was written by it; the controller that leads now goes on from what was kept",
    status: 409,
    exitCode: 1,
  },
  MB_DEPLOY_BUSY: {
    message: "the rollout of {workload} is being driven already, by {holder}",
    next: "wait for it, or end it; what it has done is kept and the next one goes on from there",
    status: 409,
    exitCode: 1,
  },
  MB_DEPLOY_REFUSED: {
    message: "{verb} of {workload} is refused: {reason}",
    next: "look at `meshbridge deploy rollout status`",
    status: 409,
    exitCode: 1,
  },
  MB_CLUSTER_IN_USE: {
    message: "cluster {cluster} still holds {count} objects of workloads: {examples}",
    next: "place the workloads elsewhere and apply, or leave the objects behind with --orphan; --force forgets the cluster as it is",
    status: 409,
    exitCode: 1,
  },
  MB_LINK_INVALID: {
    message: "registry {registry} cannot use the link of {origin}: {reason}",
    next: "correct the settings or the link file; what was known of the peer stands",
    status: 500,
    exitCode: 2,
  },
  MB_LINK_FILE: {
    message: "cannot make or mend a link with {path}: {reason}",
    next: "correct the file named above; nothing was written. An existing link file is never overwritten: name another one",
    status: 500,
    exitCode: 2,
  },
  MB_LINK_LOST: {
    message: "the link {registry} to {peer} is lost, and {testimony}: {reason}",
    next: "nothing is removed; look at the network between here and there, and at the bridge of {peer}",
    status: 503,
    exitCode: 3,
  },
  MB_LINK_ORIGIN_STALE: {
    message: "registry {registry}: {peer} itself cannot read {origin} at the moment",
    next: "nothing is removed; look at the link to {origin} on the bridge of {peer}",
    status: 503,
    exitCode: 3,
  },
  MB_REGISTRY_BAD_REPLY: {
    message: "registry {registry} at {address} answered with something unusable: {reason}",
    next: "nothing is removed; check that the address is the registry's API and not a proxy's error page",
    status: 502,
    exitCode: 3,
  },
  MB_REGISTRY_FAILED: {
    message: "the adapter of registry {registry} stopped: {reason}",
    next: "nothing is removed; it is started again by itself. If it repeats, report it with the log lines around it",
    status: 500,
    exitCode: 3,
  },
  MB_REGISTRATION_FOREIGN: {
    message: "registry {registry} at {address} has a record {record} of somebody else: it {whose}",
    next: "nothing was changed. Give the instance another name, or remove the record in the registry if nobody owns it any more",
    status: 409,
    exitCode: 1,
  },
  MB_SIDECAR_IDENTITY: {
    message: "the sidecar does not know {what} of its Pod: {reason}",
    next: "hand it in from the downward API, as `meshbridge sidecar manifest` does, or set it under `pod` of the configuration",
    status: 500,
    exitCode: 2,
  },
  MB_FILE_UNREADABLE: {
    message: "registry {registry} cannot read {path}: {reason}",
    next: "nothing is removed; the file is read again when it changes",
    status: 500,
    exitCode: 2,
  },
  MB_FILE_INVALID: {
    message: "{problems}",
    next: "what the file held before is kept for the records named above; every other record counts",
    status: 422,
    exitCode: 2,
  },
  MB_XDS_NODE_INVALID: {
    message: "the xDS client's node is not usable: {reason}",
    next: "use the bootstrap that `meshbridge bootstrap` prints",
    status: 400,
    exitCode: 2,
  },
  MB_XDS_NODE_FORBIDDEN: {
    message: "the xDS client may not be what its node says: {reason}",
    next: "correct the client's bootstrap, or allow it in `xds.identities`",
    status: 403,
    exitCode: 2,
  },
  MB_XDS_TOKEN_UNCHECKED: {
    message: "the token of the xDS client cannot be looked into: {reason}",
    next: "the client tries again by itself; check that the cluster of `xds.tokens` answers, and the rights `meshbridge rbac` prints",
    status: 503,
    exitCode: 3,
  },
  MB_XDS_REQUEST_INVALID: {
    message: "the xDS request is not valid: {reason}",
    next: "a stream speaks of one type only unless it is aggregated (ADS)",
    status: 400,
    exitCode: 2,
  },
  MB_NOT_FOUND: {
    message: "there is no {what} called {name}",
    next: "list what there is with {list}",
    status: 404,
    exitCode: 1,
  },
  MB_SERVICE_REJECTED: {
    message: "the service {name} is not in the catalog: {count} of its records were left out, the first being {reason}",
    next: "correct the record in its registry; `GET /v1/registries/NAME` lists all that were left out",
    status: 404,
    exitCode: 1,
  },
  MB_DRAIN_LAST: {
    message: "draining {cluster} would leave {service} nothing that is confirmed to serve: {clients}",
    next: "bring up instances elsewhere first; `force` drains even so, and requests will fail",
    status: 409,
    exitCode: 1,
  },
  MB_STATE_UNWRITABLE: {
    message: "cannot keep {what} in {path}: {reason}",
    next: "nothing was changed; make the folder of `state.dir` writable, or say `state.keep: false` to keep nothing",
    status: 500,
    exitCode: 1,
  },
  MB_FORBIDDEN_HOST: {
    message: "the admin API does not answer for the host name {host}",
    next: "ask for it by IP address, as localhost, or by the name it listens on",
    status: 403,
    exitCode: 2,
  },
  MB_BAD_REQUEST: {
    message: "the request is not valid: {reason}",
    next: "see /docs for the parameters of this resource",
    status: 400,
    exitCode: 2,
  },
  MB_BRIDGE_UNREACHABLE: {
    message: "no bridge answers at {address}: {reason}",
    next: "start it with `meshbridge serve -c FILE`, or name its admin address with --admin",
    status: 503,
    exitCode: 3,
  },
  MB_USAGE: {
    message: "{reason}",
    next: "`{command} --help` shows what it takes",
    status: 400,
    exitCode: 2,
  },
  MB_GATEWAY_UNKNOWN: {
    message: "the configuration {path} has no gateway called {name}",
    next: "use one of its gateways: {known}",
    status: 404,
    exitCode: 2,
  },
  MB_BRIDGE_BAD_REPLY: {
    message: "what answers at {address} is not a bridge's admin API: {reason}",
    next: "name the admin address with --admin; it is `admin.listen` in the configuration",
    status: 502,
    exitCode: 3,
  },
  MB_INTERNAL: {
    message: "something failed that should not: {reason}",
    next: "report it with the log lines around it",
    status: 500,
    exitCode: 1,
  },
} as const satisfies Record<string, ErrorSpec>;

export type ErrorCode = keyof typeof TABLE;
export const ERROR_TABLE: Readonly<Record<ErrorCode, ErrorSpec>> = TABLE;

/** Makes an error of the table. `details` fill the `{…}` of its sentences and must hold no secret. */
export function fail(code: ErrorCode, details: ErrorDetails = {}, options?: ErrorOptions): MeshbridgeError {
  return new MeshbridgeError(code, ERROR_TABLE[code], details, options);
}
