/** Runs a tool that renders templates: never through a shell, with bounds on time and output. */
import { execFile } from "node:child_process";
import { fail } from "../../src/model/errors.ts";
import type { RenderContext } from "./render.ts";

const RENDER_MS = 60_000;
const MAX_OUTPUT_BYTES = 64 * 1024 * 1024;

export interface ToolCall {
  readonly command: string;
  readonly args: readonly string[];
  /** For its standard input; nothing when left out. */
  readonly input?: string;
}

/** Its standard output. Rejects with MB_DEPLOY_TEMPLATE: what it said, or what to do when it is not installed. */
export function runTool({ command, args, input = "" }: ToolCall, { signal, env = process.env }: RenderContext): Promise<string> {
  const origin = `${command} ${args[0] ?? ""}`;
  return new Promise((done, reject) => {
    const refuse = (reason: string) => reject(fail("MB_DEPLOY_TEMPLATE", { origin, reason }));
    const limits = { signal, timeout: RENDER_MS, killSignal: "SIGKILL", maxBuffer: MAX_OUTPUT_BYTES } as const;
    const child = execFile(command, args, { ...limits, env: { ...env } }, (error, stdout, stderr) => {
      if (error === null) return done(stdout);
      if (signal.aborted) return reject(signal.reason);
      const { code } = error as NodeJS.ErrnoException;
      if (code === "ENOENT")
        return refuse(`${command} is not installed here: install it, or render elsewhere and name the result in template.files`);
      if (code === "ERR_CHILD_PROCESS_STDIO_MAXBUFFER")
        return refuse(`it writes more than ${MAX_OUTPUT_BYTES / 1024 / 1024} MiB`);
      if (error.killed) return refuse(`it has not ended within ${RENDER_MS / 1000} s`);
      const said = stderr.trim().split("\n").slice(-3).join(" ").slice(0, 500);
      return refuse(said || error.message);
    });
    // A tool that ends without reading is no trouble of its own: its exit says what was.
    child.stdin?.on("error", () => undefined);
    child.stdin?.end(input);
  });
}
