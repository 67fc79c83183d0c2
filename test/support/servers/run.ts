/** Runs one install step, showing that it is alive: its name, the elapsed time, and its output when it fails. */
import { spawn } from "node:child_process";

const TICK_MS = 15_000;
const KEPT_OUTPUT_BYTES = 64 * 1024;

export interface Step {
  readonly title: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** Resolves when the command exits 0; rejects with the end of its output otherwise. */
export async function runStep(step: Step): Promise<void> {
  const started = Date.now();
  const seconds = () => `${Math.round((Date.now() - started) / 1000)} s`;
  const say = (text: string) => process.stderr.write(`[servers] ${step.title}: ${text}\n`);
  say("started");
  const ticker = setInterval(() => say(`still running, ${seconds()}`), TICK_MS);
  try {
    await new Promise<void>((resolve, reject) => {
      const child = spawn(step.command, step.args, {
        cwd: step.cwd,
        env: { ...process.env, ...step.env },
        stdio: ["ignore", "pipe", "pipe"],
      });
      let output = "";
      const keep = (chunk: Buffer) => {
        output = (output + chunk.toString("utf8")).slice(-KEPT_OUTPUT_BYTES);
      };
      child.stdout.on("data", keep);
      child.stderr.on("data", keep);
      child.on("error", reject);
      child.on("close", (code) => {
        if (code === 0) resolve();
        else reject(new Error(`${step.title}: "${step.command}" exited with ${code}\n${output}`));
      });
    });
  } finally {
    clearInterval(ticker);
  }
  say(`done in ${seconds()}`);
}
