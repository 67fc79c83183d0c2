/**
 * All secrets of the configuration, kept current. What cannot be used never replaces what can: the last good content of a
 * name stays until a better one is there, or until the configuration no longer names it.
 */
import { isDeepStrictEqual } from "node:util";
import type { Clock } from "../kernel/clock.ts";
import { reasonOf } from "../kernel/errors.ts";
import type { Log } from "../kernel/log.ts";
import type { TlsMaterial } from "../model/tls-material.ts";
import { type CertificateFacts, checkMaterial } from "./check.ts";
import type { SecretOrigin, SecretReading, SecretSpec } from "./types.ts";

/** What people may know of one secret. */
export interface SecretStatus {
  readonly name: string;
  /** Something usable is there. */
  readonly usable: boolean;
  /** Wall-clock ms at which what is served came in. */
  readonly loadedAt: number | undefined;
  readonly certificate: CertificateFacts | undefined;
  readonly hasCa: boolean;
  /** Why the newest content was not taken; undefined when it was. */
  readonly problem: string | undefined;
}

export interface SecretsEnv {
  readonly clock: Clock;
  readonly log: Log;
  /** Follows one origin until the signal aborts; may repeat what it said. */
  follow(spec: SecretSpec, signal: AbortSignal): AsyncIterable<SecretReading>;
  /** Something that `material` or `specs` gives has changed. */
  onChange(): void;
  /** A new content was looked at, and taken or not. */
  onReload(name: string, ok: boolean): void;
}

export interface Secrets {
  /** Starts what is new, swaps what has another origin once the new one is usable, and drops what is no longer named. */
  configure(specs: readonly SecretSpec[]): void;
  specs(): readonly SecretSpec[];
  /** The last good content; undefined while there was none, and for a name that is not configured. */
  material(name: string): TlsMaterial | undefined;
  /** Sorted by name. */
  statuses(): readonly SecretStatus[];
  stop(): void;
}

interface Kept {
  spec: SecretSpec;
  following: AbortController;
  material: TlsMaterial | undefined;
  certificate: CertificateFacts | undefined;
  loadedAt: number | undefined;
  problem: string | undefined;
  /** What is kept is of an earlier origin, to which the next one need not conform. */
  swapping: boolean;
}

export function createSecrets(env: SecretsEnv): Secrets {
  const { clock, log } = env;
  const kept = new Map<string, Kept>();

  const take = (one: Kept, reading: SecretReading) => {
    const { name } = one.spec;
    try {
      if ("reason" in reading) throw new Error(reading.reason);
      const certificate = checkMaterial(reading.material);
      one.problem = undefined;
      if (sameMaterial(one.material, reading.material)) return;
      if (!one.swapping) assertNoLess(one.material, reading.material);
      const first = one.material === undefined;
      Object.assign(one, { material: reading.material, certificate, loadedAt: clock.now(), swapping: false });
      const expires = certificate === undefined ? undefined : new Date(certificate.notAfter).toISOString();
      log.info({ secret: name, expires }, first ? "secret loaded" : "secret replaced");
      if (certificate !== undefined && certificate.notAfter < clock.now())
        log.warn({ secret: name, expires }, "secret has expired");
      env.onReload(name, true);
      env.onChange();
    } catch (error) {
      const problem = reasonOf(error);
      // Said once: a secret that stays as it is is looked at again and again.
      if (one.problem === problem) return;
      one.problem = problem;
      const kept =
        one.material === undefined ? "secret not usable; there is none yet" : "secret not usable; the last good one stays";
      log.warn({ secret: name, reason: problem }, kept);
      env.onReload(name, false);
    }
  };

  const follow = async (one: Kept, { signal }: AbortController) => {
    try {
      for await (const reading of env.follow(one.spec, signal)) if (!signal.aborted) take(one, reading);
    } catch (error) {
      if (!signal.aborted) log.error({ secret: one.spec.name, err: error }, "secret is no longer followed");
    }
  };

  const start = (spec: SecretSpec) => {
    const before = kept.get(spec.name);
    const following = new AbortController();
    const one: Kept = before ?? {
      spec,
      following,
      material: undefined,
      certificate: undefined,
      loadedAt: undefined,
      problem: undefined,
      swapping: false,
    };
    before?.following.abort();
    Object.assign(one, { spec, following, problem: undefined, swapping: true });
    kept.set(spec.name, one);
    void follow(one, following);
  };

  return {
    configure(specs) {
      const names = new Set(specs.map(({ name }) => name));
      let changed = false;
      for (const [name, { following }] of kept) {
        if (names.has(name)) continue;
        following.abort();
        kept.delete(name);
        changed = true;
      }
      for (const spec of specs) {
        const known = kept.get(spec.name);
        changed ||= known === undefined || !isDeepStrictEqual(known.spec.clients, spec.clients);
        if (known !== undefined && sameOrigin(known.spec.origin, spec.origin)) known.spec = spec;
        else start(spec);
      }
      if (changed) env.onChange();
    },
    specs: () => [...kept.values()].map(({ spec }) => spec),
    material: (name) => kept.get(name)?.material,
    statuses: () =>
      [...kept.values()]
        .map(({ spec: { name }, material, loadedAt, certificate, problem }) => ({
          name,
          usable: material !== undefined,
          loadedAt,
          certificate,
          hasCa: material?.ca !== undefined,
          problem,
        }))
        .sort((a, b) => (a.name < b.name ? -1 : 1)),
    stop() {
      for (const { following } of kept.values()) following.abort();
    },
  };
}

function sameOrigin(a: SecretOrigin, b: SecretOrigin): boolean {
  return a.kind === "elsewhere" && b.kind === "elsewhere" ? a.key === b.key : isDeepStrictEqual(a, b);
}

/** A rotation exchanges; it takes nothing away. A part that has vanished is a write in progress, or a mistake. */
function assertNoLess(before: TlsMaterial | undefined, after: TlsMaterial): void {
  if (before?.identity !== undefined && after.identity === undefined) throw new Error("the certificate and its key are gone");
  if (before?.ca !== undefined && after.ca === undefined) throw new Error("the authorities are gone");
}

function sameMaterial(a: TlsMaterial | undefined, b: TlsMaterial): boolean {
  if (a === undefined) return false;
  const parts = ({ identity, ca }: TlsMaterial) => [identity?.certificateChain, identity?.privateKey, ca];
  const others = parts(b);
  return parts(a).every((part, index) => sameBytes(part, others[index]));
}

function sameBytes(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  return a === undefined || b === undefined ? a === b : Buffer.compare(a, b) === 0;
}
