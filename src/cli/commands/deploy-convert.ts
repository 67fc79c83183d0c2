/** `deploy convert`: files of other projects as FederatedWorkloads on stdout, and on stderr what has no counterpart. */
import type { Command } from "commander";
import { readText } from "../../kernel/read-text.ts";
import { printable } from "../../kernel/text.ts";
import { fail } from "../../model/errors.ts";
import type { CommandContext } from "../context.ts";
import { toYaml } from "../output/yaml.ts";
import { EXIT } from "../report-error.ts";

export function addDeployConvert(deploy: Command, context: CommandContext): void {
  const several = (value: string, before: readonly string[] = []) => [...before, value];
  deploy
    .command("convert")
    .description("turn KubeFed's federated objects, or Karmada's policies and what they select, into FederatedWorkloads")
    .requiredOption("-f, --file <file>", "a file of them; repeatable, and read together", several)
    .option("--strict", "end with 1 when anything has no counterpart")
    .action(async ({ file, strict }: { readonly file: readonly string[]; readonly strict?: boolean }) => {
      const { convert } = await import("../../../deploy/convert/convert.ts");
      const files = await Promise.all(
        file.map(async (name) => {
          const read = await readText(name);
          if ("reason" in read) throw fail("MB_DEPLOY_INVALID", { problems: `${name}  cannot be read: ${read.reason}` });
          return { name, text: read.text };
        }),
      );
      const { workloads, notes, others } = convert(files);
      context.terminal.out(workloads.map(toYaml).join("---\n"));
      for (const { place, what, message } of notes) context.terminal.err(`${printable(`${place}  ${what}: ${message}`)}\n`);
      if (others > 0) context.terminal.err(`note: ${others} objects are neither KubeFed's nor selected by a policy of Karmada\n`);
      if (workloads.length === 0) context.terminal.err("nothing was converted\n");
      context.exit(workloads.length === 0 || (strict === true && notes.length > 0) ? EXIT.failed : EXIT.ok);
    });
}
