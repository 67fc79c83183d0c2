/** `npm run faults`: every registry × every fault, one cell after the other, and a table of what proxies were told. */
import { mkdir, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { reasonOf } from "../../src/kernel/errors.ts";
import { type CellResult, runCell } from "./cell.ts";
import { REGISTRY_KINDS, type RegistryKind } from "./driver.ts";
import { FAULTS, type Fault } from "./faults.ts";
import { matrixTable } from "./table.ts";

const RESULTS = fileURLToPath(new URL("./results/", import.meta.url));
const HELP = `usage: npm run faults -- [options]
  --only consul/sigkill      one cell; or a registry, or a fault: consul, sigkill; several with commas
  --short                    faults of some seconds instead of up to a minute
  --with consul,zookeeper    the registries the bridge reads besides the one in trouble (default: all)
  --list                     names the cells and ends
faults: ${FAULTS.map(({ name }) => name).join(", ")}
`;

interface Pick {
  readonly kind: RegistryKind;
  readonly fault: Fault;
}

function cells(only: string | undefined): readonly Pick[] {
  const all = FAULTS.flatMap((fault) => fault.registries.map((kind) => ({ kind, fault })));
  if (only === undefined) return all;
  const wanted = new Set(only.split(","));
  return all.filter(({ kind, fault }) => [kind, fault.name, `${kind}/${fault.name}`].some((name) => wanted.has(name)));
}

async function main(): Promise<number> {
  const text = { type: "string" } as const;
  const flag = { type: "boolean" } as const;
  const { values } = parseArgs({ options: { only: text, short: flag, with: text, list: flag, help: flag } });
  const picked = cells(values.only);
  if (values.help === true || picked.length === 0) {
    process.stderr.write(HELP);
    return values.help === true ? 0 : 2;
  }
  if (values.list === true) {
    process.stdout.write(picked.map(({ kind, fault }) => `${kind}/${fault.name}\n`).join(""));
    return 0;
  }
  const besides = (values.with?.split(",") ?? REGISTRY_KINDS).filter((kind) => REGISTRY_KINDS.includes(kind as RegistryKind));
  const results: CellResult[] = [];
  const failures: string[] = [];
  for (const [index, { kind, fault }] of picked.entries()) {
    const started = performance.now();
    process.stderr.write(`[faults] ${index + 1}/${picked.length} ${kind}/${fault.name} … `);
    try {
      const kinds = [...new Set([kind, ...besides])] as RegistryKind[];
      const result = await runCell({ kind, fault, short: values.short === true, kinds });
      results.push(result);
      process.stderr.write(result.broken.length === 0 ? "holds" : `BROKEN: ${result.broken.join("; ")}`);
    } catch (error) {
      failures.push(`${kind}/${fault.name}: ${reasonOf(error)}`);
      process.stderr.write(`FAILED: ${reasonOf(error)}`);
    }
    process.stderr.write(` (${Math.round((performance.now() - started) / 1000)} s)\n`);
  }
  process.stdout.write(`${matrixTable(results)}\n`);
  for (const failure of failures) process.stdout.write(`FAILED ${failure}\n`);
  const broken = results.filter((result) => result.broken.length > 0).length + failures.length;
  process.stdout.write(`${picked.length} cells: ${picked.length - broken} hold, ${broken} do not\n`);
  if (values.only === undefined) await save(results);
  return broken === 0 ? 0 : 1;
}

async function save(results: readonly CellResult[]): Promise<void> {
  await mkdir(RESULTS, { recursive: true });
  const file = `${RESULTS}faults-${new Date().toISOString().replace(/[:.]/g, "-")}.json`;
  const plain = results.map((result) => ({
    ...result,
    before: Object.fromEntries(result.before),
    during: Object.fromEntries(result.during),
  }));
  await writeFile(file, `${JSON.stringify(plain, undefined, 2)}\n`);
  process.stdout.write(`written: ${file}\n`);
}

process.exitCode = await main();
