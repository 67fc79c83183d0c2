/** Follows the configuration file while the bridge runs. */
import type { Clock } from "../kernel/clock.ts";
import { MeshbridgeError } from "../kernel/errors.ts";
import { watchFiles } from "../kernel/watch-files.ts";
import { type LoadOptions, parseConfig, readConfigText } from "./load.ts";
import type { ResolvedConfig } from "./resolved.ts";

export type ConfigUpdate = { readonly ok: ResolvedConfig } | { readonly error: MeshbridgeError };

export interface WatchConfigOptions extends LoadOptions {
  /** The text that is running now. */
  readonly text: string;
  readonly signal: AbortSignal;
  readonly clock: Clock;
}

/** Editors and deployment tools write in several steps; a configuration is worth waiting for the last one. */
const QUIET_MS = 250;

/**
 * Yields the configuration whenever the file's content has changed, and why it cannot be used, once for each reason;
 * what runs then stays. After an error the next good content is yielded even when it is what runs already, so that the
 * error can be taken back. Environment and flags stay those of the start. Ends at the abort.
 */
export async function* watchConfig({
  text,
  signal,
  clock,
  ...options
}: WatchConfigOptions): AsyncGenerator<ConfigUpdate, void, undefined> {
  let seen = `text ${text}`;
  let unreadable = false;
  const watching = watchFiles(() => [options.path], { signal, clock, quietMs: QUIET_MS, again: () => unreadable });
  for await (const _ of watching) {
    const { key, update } = await look(options);
    unreadable = "error" in update && update.error.code === "MB_CONFIG_UNREADABLE";
    if (key === seen) continue;
    seen = key;
    yield update;
  }
}

/** Two looks have the same key exactly when the second tells nothing new. */
async function look(options: LoadOptions): Promise<{ readonly key: string; readonly update: ConfigUpdate }> {
  try {
    const text = await readConfigText(options.path);
    return { key: `text ${text}`, update: { ok: parseConfig(text, options) } };
  } catch (error) {
    if (!(error instanceof MeshbridgeError)) throw error;
    return { key: `error ${error.message}`, update: { error } };
  }
}
