#!/usr/bin/env node
/**
 * The program. It looks at the runtime before anything else is loaded, so that an old one gets a sentence instead of a
 * syntax error from somewhere inside.
 */
const REQUIRED = [22, 12] as const;

const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
if (major < REQUIRED[0] || (major === REQUIRED[0] && minor < REQUIRED[1])) {
  process.stderr.write(
    `meshbridge needs Node.js ${REQUIRED.join(".")} or newer; this is ${process.versions.node}.\n` +
      "In a checkout, `npm start` brings its own; elsewhere install a supported release (24 is the one it is tested on).\n",
  );
  process.exitCode = 2;
} else {
  const { main } = await import("./main.ts");
  process.exitCode = await main(process.argv);
}
