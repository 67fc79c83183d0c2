// Runs end-to-end tests by the beginning of their file's name, at full length: node scripts/e2e.mjs clusters [links dns …]
import { spawnSync } from "node:child_process";
import { globSync } from "node:fs";

const names = process.argv.slice(2);
const files = [...new Set(names.flatMap((name) => globSync(`test/e2e/${name}*.test.ts`)))].sort();
if (files.length === 0) {
  const all = globSync("test/e2e/*.test.ts").map((file) => file.slice("test/e2e/".length, -".test.ts".length));
  process.stderr.write(
    `usage: npm run e2e -- NAME…\nno end-to-end test begins with ${names.join(", ") || "nothing"}; there are:\n  ${all.sort().join("\n  ")}\n`,
  );
  process.exit(2);
}
const { status } = spawnSync(
  "node_modules/.bin/node",
  ["--test", "--test-reporter=spec", "--test-concurrency=1", "--test-timeout=900000", ...files],
  { stdio: "inherit", env: { ...process.env, MESHBRIDGE_LONG: "1" } },
);
process.exit(status ?? 1);
