/**
 * Loaded before a program (`--import`), it lets tests move that program's wall clock while it runs: at SIGUSR2 the file
 * named by SHIFTED_CLOCK_FILE is read, and `Date` is ahead of the truth by so many ms from then on. The monotonic clock
 * and timers go on as they were, as when somebody sets a machine's clock.
 */
import { readFileSync } from "node:fs";

const trueNow = Date.now;
const TrueDate = Date;
const file = process.env["SHIFTED_CLOCK_FILE"];
let aheadMs = 0;

function now(): number {
  return trueNow() + aheadMs;
}

globalThis.Date = new Proxy(TrueDate, {
  apply: () => new TrueDate(now()).toString(),
  construct: (target, args: unknown[], newTarget: new (...given: unknown[]) => object) =>
    Reflect.construct(target, args.length === 0 ? [now()] : args, newTarget) as object,
  get: (target, name, receiver) => (name === "now" ? now : Reflect.get(target, name, receiver)),
});

if (file !== undefined)
  process.on("SIGUSR2", () => {
    aheadMs = Number(readFileSync(file, "utf8"));
  });
