// Brings a checkout to where its scripts can run: packages installed, protobuf code generated and, with `build`, dist
// built. Does nothing and says nothing when all is there. Usage: node scripts/ensure.mjs [build]
// It is the first thing to run on whatever Node a machine has, so it keeps to what Node 12 can read.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { chmodSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const REQUIRED = [22, 12];
const root = resolve(fileURLToPath(import.meta.url), "../..");
const say = (text) => process.stderr.write(`[setup] ${text}\n`);

/** Stops with what went wrong and what to do about it. */
function stop(what, next) {
  say(`${what}\n        ${next}`);
  process.exit(2);
}

function isUsable(version) {
  const parts = version.split(".").map(Number);
  return parts[0] > REQUIRED[0] || (parts[0] === REQUIRED[0] && parts[1] >= REQUIRED[1]);
}

const readJson = (path) => JSON.parse(readFileSync(path, "utf8"));

/** Whether node_modules holds what package-lock.json asks for: by content, since a checkout touches times at will. */
function isInstalled() {
  const installed = join(root, "node_modules/.package-lock.json");
  if (!existsSync(installed)) return false;
  const have = readJson(installed).packages;
  const want = readJson(join(root, "package-lock.json")).packages;
  return Object.keys(want).every((path) => {
    if (path === "") return true;
    // Packages for other platforms are optional and stay away.
    if (have[path] === undefined) return want[path].optional === true;
    return have[path].version === want[path].version;
  });
}

function install() {
  const lock = join(root, "package-lock.json");
  if (!existsSync(lock)) stop("package-lock.json is missing.", "Get it back with `git checkout package-lock.json`.");
  if (isInstalled()) return;
  say("installing packages (npm ci), a minute or so …");
  const started = Date.now();
  // The npm that runs us, on the Node it runs on: the one in node_modules is about to be replaced.
  const npm = process.env.npm_execpath;
  const isNpm = npm !== undefined && /npm-cli\.c?js$/.test(npm);
  const command = isNpm ? process.env.npm_node_execpath || process.execPath : "npm";
  const args = (isNpm ? [npm] : []).concat(["ci", "--no-audit", "--no-fund", "--loglevel=error"]);
  const result = spawnSync(command, args, { cwd: root, stdio: ["ignore", 2, 2], shell: !isNpm && process.platform === "win32" });
  if (result.status !== 0) {
    stop(
      `npm ci failed${result.error ? `: ${result.error.message}` : "; its messages are above"}.`,
      "Check the network and the npm registry; npm 7 or newer is needed (`npm --version`).",
    );
  }
  say(`packages installed in ${Math.round((Date.now() - started) / 1000)} s`);
}

/** The Node to run everything with: the one that comes along as a package, else the one we run on. */
function findNode() {
  const bundled = join(root, "node_modules/node/bin", process.platform === "win32" ? "node.exe" : "node");
  if (existsSync(bundled) && isUsable(readJson(join(root, "node_modules/node/package.json")).version)) return bundled;
  if (isUsable(process.versions.node)) return process.execPath;
  return stop(
    `Meshbridge needs Node.js ${REQUIRED.join(".")} or newer. This is ${process.versions.node}, and the package "node", ` +
      "which brings its own, did not install.",
    "Install a supported release from https://nodejs.org (24 is the one it is tested on), then run this again.",
  );
}

function run(what, node, args) {
  const result = spawnSync(node, args, { cwd: root, stdio: ["ignore", 2, 2] });
  if (result.error) stop(`${what} could not be started: ${result.error.message}.`, "Delete node_modules and run this again.");
  return result.status === 0;
}

/** Name, size and time of every file the build reads, as one hash. */
function fingerprint(node) {
  const hash = createHash("sha256").update(node);
  const visit = (path) => {
    const stat = statSync(path);
    if (stat.isDirectory()) {
      for (const name of readdirSync(path).sort()) visit(join(path, name));
    } else if (!/\.test\.ts$/.test(path)) hash.update(`${path}\0${stat.size}\0${stat.mtimeMs}\n`);
  };
  for (const name of ["src", "adapters", "deploy", "bench/peers", "tsconfig.json", "tsconfig.build.json", "package-lock.json"]) {
    if (existsSync(join(root, name))) visit(join(root, name));
  }
  return hash.digest("hex");
}

function build(node) {
  const stamp = join(root, "dist/.stamp");
  const now = fingerprint(node);
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === now) return;
  say("building dist …");
  const started = Date.now();
  const tsc = join(root, "node_modules/typescript/bin/tsc");
  if (!run("tsc", node, [tsc, "-p", "tsconfig.build.json"])) {
    stop("the build failed; the compiler's messages are above.", "Correct the lines it names, then run this again.");
  }
  // tsc writes plain files; `npx meshbridge` runs this one.
  chmodSync(join(root, "dist/src/bin/meshbridge.js"), 0o755);
  writeFileSync(stamp, now);
  say(`built in ${((Date.now() - started) / 1000).toFixed(1)} s`);
}

install();
const node = findNode();
if (!run("the generator", node, ["scripts/generate.mjs"])) {
  stop("generating the protobuf code failed; the messages are above.", "Delete node_modules and run this again.");
}
if (process.argv.indexOf("build") !== -1) build(node);
