// Runs the project's checks and tests and ends with one line: "N passed, N failed, N skipped".
//   node scripts/test.mjs check   types, lint, docs, unused code, unit, golden and property tests; no servers, about three minutes
//   node scripts/test.mjs all     the same, then obtains the real servers and runs the end-to-end tests
import { spawn } from "node:child_process";
import { globSync } from "node:fs";

const all = process.argv[2] === "all";
const bin = (name) => `node_modules/.bin/${name}`;
const totals = { pass: 0, fail: 0, skipped: 0 };
const failed = [];

/** Runs one command to its end, showing its output, and returns its exit code and what it printed. */
function run(command, args) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ["ignore", "pipe", "inherit"] });
    let output = "";
    child.stdout.on("data", (chunk) => {
      output += chunk;
      process.stdout.write(chunk);
    });
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, output }));
  });
}

async function step(title, command, args) {
  const started = Date.now();
  process.stdout.write(`\n=== ${title}\n`);
  const { code } = await run(command, args);
  process.stdout.write(`=== ${title}: ${code === 0 ? "ok" : "FAILED"} in ${((Date.now() - started) / 1000).toFixed(1)} s\n`);
  if (code !== 0) {
    failed.push(title);
    totals.fail++;
  } else totals.pass++;
}

async function tests(title, patterns, options = []) {
  const files = patterns.flatMap((pattern) => globSync(pattern)).sort();
  process.stdout.write(`\n=== ${title}: ${files.length} files\n`);
  if (files.length === 0) {
    failed.push(`${title}: no test files found`);
    totals.fail++;
    return;
  }
  const { code, output } = await run(bin("node"), [
    "--test",
    "--test-reporter=spec",
    "--test-concurrency=2",
    ...options,
    ...files,
  ]);
  const count = (word) => Number(new RegExp(`^ℹ ${word} (\\d+)$`, "m").exec(output)?.[1] ?? 0);
  totals.pass += count("pass");
  totals.fail += count("fail") + count("cancelled");
  totals.skipped += count("skipped") + count("todo");
  if (code !== 0) {
    failed.push(title);
    if (count("fail") + count("cancelled") === 0) totals.fail++;
  }
}

await step("types", bin("tsc"), ["-p", "tsconfig.json"]);
await step("lint, format and import rings", bin("biome"), ["check", "."]);
await step("unused code and dependencies", bin("knip"), ["--no-progress"]);
await step("generated documentation is current", bin("node"), ["scripts/docs.ts", "--check"]);
await tests("unit, golden and property tests", [
  "{src,adapters,deploy}/**/*.test.ts",
  "test/golden/**/*.test.ts",
  "test/golden-config/**/*.test.ts",
  "bench/**/*.test.ts",
  "test/support/**/*.test.ts",
  "test/simulation/**/*.test.ts",
]);
if (all) {
  await step("real servers", bin("node"), ["test/support/servers/install.ts"]);
  // `*.long.test.ts` are for `npm run e2e`: what they try takes long, and their parts are tried here by others.
  await tests(
    "end-to-end tests with real servers",
    ["test/e2e/**/!(*.long).test.ts"],
    ["--test-concurrency=1", "--test-timeout=600000"],
  );
}
for (const title of failed) process.stdout.write(`FAILED: ${title}\n`);
process.stdout.write(`\n${totals.pass} passed, ${totals.fail} failed, ${totals.skipped} skipped\n`);
process.exitCode = totals.fail === 0 ? 0 : 1;
