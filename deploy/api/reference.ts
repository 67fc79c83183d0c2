/** The reference page of the deploy objects, from their schemas. Pure. */
import { schemaTable } from "../../src/config/reference.ts";
import { inputSchema } from "../../src/config/schema.ts";
import { ClusterSchema } from "./schema/cluster.ts";
import { FederatedWorkloadSchema } from "./schema/workload.ts";

const HEAD = `# Deploy objects

<!-- Generated from deploy/api/schema by \`node scripts/docs.ts\`. Do not edit. -->

What \`meshbridge deploy\` reads, as files of the command line (\`-f\`, \`--clusters\`) or as objects of a hub cluster, whose
definitions \`meshbridge deploy crds\` prints. Files are strict: an unknown key is an error that names its line and the key that
was probably meant. The API server refuses the same forms, and of what is wrong beyond them as much as CEL can say; the rest is
told by the condition \`Valid\`. Durations are a whole number and \`ms\`, \`s\`, \`m\` or \`h\`. \`[]\` behind a key: a list of such maps.
\`.*\`: a map of them by name.
`;

interface Top {
  readonly description?: string;
  readonly properties: Readonly<Record<string, { readonly description?: string }>>;
}

/** Markdown, ending with a newline. */
export function deployReference(): string {
  const workload = inputSchema(FederatedWorkloadSchema) as unknown as Top;
  const cluster = inputSchema(ClusterSchema) as unknown as Top;
  return [HEAD, object("FederatedWorkload", workload), object("Cluster", cluster), LIST].join("\n");
}

function object(kind: string, { description, properties }: Top): string {
  const { spec, status } = properties;
  return `## ${kind}

${description} Namespace: ${kind === "Cluster" ? "none" : "its own; the objects it makes are in it unless they say otherwise"}.

### \`${kind}.spec\`

${spec?.description ?? ""}

${schemaTable(spec)}
### \`${kind}.status\`

${status?.description ?? ""}

${schemaTable(status)}`;
}

const LIST = `## ClusterList

A fleet in a file, for the command line: \`items\` are Clusters, each name once.
`;
