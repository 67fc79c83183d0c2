/** What a process has used, from Linux's /proc. */
import { readdir, readFile } from "node:fs/promises";

/** CPU of all its threads so far, in µs (nanosecond counters of `schedstat`). Threads that have ended are not in it. */
export async function cpuMicros(pid: number): Promise<number> {
  const tasks = await readdir(`/proc/${pid}/task`);
  const nanos = await Promise.all(
    tasks.map(async (task) => {
      try {
        return Number((await readFile(`/proc/${pid}/task/${task}/schedstat`, "utf8")).split(" ")[0]);
      } catch {
        // The thread ended between the listing and the reading.
        return 0;
      }
    }),
  );
  return nanos.reduce((sum, value) => sum + value, 0) / 1000;
}

export interface Memory {
  readonly rssMiB: number;
  readonly peakMiB: number;
}

export async function memoryOf(pid: number): Promise<Memory> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  const mib = (key: string) =>
    Math.round(Number(new RegExp(`^${key}:\\s+(\\d+) kB`, "m").exec(status)?.[1] ?? Number.NaN) / 1024);
  return { rssMiB: mib("VmRSS"), peakMiB: mib("VmHWM") };
}
