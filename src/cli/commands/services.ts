import type { Command } from "commander";
import type { ServiceDetail, ServiceSummary } from "../../admin/routes/services.ts";
import { printable } from "../../kernel/text.ts";
import { fail } from "../../model/errors.ts";
import { parseServiceId } from "../../model/service.ts";
import type { CommandContext } from "../context.ts";
import { type BridgeOptions, bridgeOf, type OutputOptions, print, withBridge, withOutput } from "../options.ts";

interface Options extends BridgeOptions, OutputOptions {
  readonly namespace?: string;
  readonly registry?: string;
  readonly q?: string;
}

/** `services [SERVICE]`: what is in the catalog; with a name, its instances. */
export function addServices(program: Command, context: CommandContext): void {
  const command = program
    .command("services [service]")
    .description("list the services of the catalog, or the instances of one (namespace/name)")
    .option("-n, --namespace <namespace>", "only those of this namespace")
    .option("-r, --registry <registry>", "only those that this registry names")
    .option("-q <text>", "only those with this in their name");
  withOutput(withBridge(command)).action(async (name: string | undefined, options: Options) => {
    const bridge = await bridgeOf(context, options);
    if (name !== undefined) {
      const path = `/v1/services/${servicePath(name, context)}`;
      printInstances(context, options, await bridge.read<ServiceDetail>(path));
      return;
    }
    const { namespace, registry, q } = options;
    const rows = await bridge.list<ServiceSummary>("/v1/services", { namespace, registry, q });
    const columns = [
      { title: "SERVICE", value: ({ id }: ServiceSummary) => printable(id) },
      {
        title: "PORTS",
        value: ({ ports }: ServiceSummary) =>
          ports.map(({ name: port, port: n, protocol }) => `${printable(port)}:${n}/${protocol}`).join(","),
      },
      { title: "HEALTHY", value: ({ healthy, instances }: ServiceSummary) => `${healthy}/${instances}` },
      { title: "HELD", value: ({ held }: ServiceSummary) => (held > 0 ? context.terminal.paint("yellow", String(held)) : "0") },
      { title: "REGISTRIES", value: ({ registries }: ServiceSummary) => registries.map(printable).join(",") },
      {
        title: "CONDITIONS",
        value: ({ conditions }: ServiceSummary) => conditions.map(({ type }) => type).join(","),
        wide: true,
      },
    ];
    print(context, options.output, rows, {
      columns,
      rows,
      empty: "No services. `meshbridge registries` tells how the registries are.",
    });
  });
}

/** `namespace/name` as a path; without a slash the namespace is `default`. */
function servicePath(name: string, context: CommandContext): string {
  const key = parseServiceId(name.includes("/") ? name : `default/${name}`);
  if (key === undefined)
    throw fail("MB_USAGE", { reason: `"${name}" is not a service: write namespace/name`, command: "meshbridge services" });
  context.signal.throwIfAborted();
  return `${encodeURIComponent(key.namespace)}/${encodeURIComponent(key.name)}`;
}

type Instance = ServiceDetail["instances"][number];

function printInstances(context: CommandContext, { output }: OutputOptions, service: ServiceDetail): void {
  const { paint, err } = context.terminal;
  const columns = [
    { title: "INSTANCE", value: ({ id }: Instance) => printable(id) },
    {
      title: "ADDRESS",
      value: ({ address, ports }: Instance) =>
        Object.entries(ports)
          .map(([port, n]) => `${address}:${n} (${printable(port)})`)
          .join(", "),
    },
    {
      title: "HEALTH",
      value: ({ health, evidence }: Instance) => (evidence === "held" ? paint("yellow", `${health}, held`) : health),
    },
    { title: "WEIGHT", value: ({ weight }: Instance) => String(weight) },
    { title: "REGISTRY", value: ({ source }: Instance) => printable(source.registry) },
    {
      title: "LOCALITY",
      value: ({ locality }: Instance) => printable([locality.region, locality.zone, locality.subZone].filter(Boolean).join("/")),
    },
    { title: "CLUSTER", value: ({ cluster }: Instance) => printable(cluster), wide: true },
    { title: "SCOPE", value: ({ source }: Instance) => printable(source.scope), wide: true },
    {
      title: "LABELS",
      value: ({ labels }: Instance) =>
        Object.entries(labels)
          .map(([key, value]) => printable(`${key}=${value}`))
          .join(","),
      wide: true,
    },
  ];
  print(context, output, service, { columns, rows: service.instances, empty: `${service.id} has no instances.` });
  if (output !== "table" && output !== "wide") return;
  for (const { type, message } of service.conditions) err(`${type}: ${printable(message)}\n`);
  if (service.rejected.length > 0) err(`${service.rejected.length} records were left out: meshbridge explain ${service.id}\n`);
}
