/** The reference page of the sidecar's settings, from their schemas. */
import { adapters } from "../adapters/index.ts";
import { writers } from "../adapters/writers.ts";
import { settingsTable } from "../src/config/reference.ts";
import { clusterSchema } from "../src/sidecar/settings/cluster-schema.ts";
import { sidecarSchema } from "../src/sidecar/settings/schema.ts";

const HEAD = `# Sidecar reference

<!-- Generated from src/sidecar/settings and adapters/*/writer*.ts by \`node scripts/docs.ts\`. Do not edit. -->

\`meshbridge sidecar run -c FILE\` reads one YAML file. It is strict: an unknown key is an error that names its line and the key
that was probably meant. It is read once, at the start. Durations are a whole number and \`ms\`, \`s\`, \`m\` or \`h\`; relative
paths are meant from the folder of the file. How it is used: [beside a workload](../how-to/register-pods.md),
[for a cluster](../how-to/mirror-a-cluster.md).
`;

/** What a source takes besides its kind's own settings, which the bridge's page lists. */
const SOURCE_KEYS = ["name", "namespace", "addresses", "holdFor", "protection"];

export function sidecarReference(): string {
  const pod = sidecarSchema(writers);
  const cluster = clusterSchema(adapters, writers);
  const [source] = (cluster.properties.sources.items as { readonly anyOf: readonly { readonly properties: object }[] }).anyOf;
  const common = Object.fromEntries(Object.entries(source?.properties ?? {}).filter(([key]) => SOURCE_KEYS.includes(key)));
  const targets = writers.map(
    ({ kind, description, schema, clusterOnly, elect }) =>
      `### kind \`${kind}\`\n\n${description}${clusterOnly ? " No target of a sidecar beside a workload." : ""}${elect ? " May hold the election of the cluster scope, with the same settings." : ""}\n\n${settingsTable(schema)}`,
  );
  return [
    HEAD,
    `## Beside a workload\n\n${settingsTable(pod)}`,
    `## Targets\n\nEvery target has a \`name\` and a \`kind\`, and what its kind takes:\n`,
    ...targets,
    `## For a cluster\n\n${settingsTable(cluster)}`,
    `### Sources\n\nA source has a \`kind\` and the settings that [the bridge](configuration.md#registries) has for it, and of those that every\nregistry takes these:\n\n${settingsTable({ properties: common })}`,
  ].join("\n");
}
