import assert from "node:assert/strict";
import { test } from "node:test";
import { plotSvg } from "./plot.ts";

test("a plot begins at 0, ends at a round number, and its text cannot break it", () => {
  const svg = plotSvg([
    {
      title: "a < b & c",
      x: "clients",
      y: "ms",
      points: [
        [0, 0],
        [30_000, 0.9],
      ],
    },
  ]);
  assert.match(svg, /a &lt; b &amp; c/);
  assert.match(svg, />50 k</);
  assert.match(svg, />1</);
  // The corner of the axes, and 3/5 of the width at 9/10 of the height.
  assert.match(svg, /points="52,160 192.4,43"/);
});

test("plots stand two in a row", () => {
  const plot = { title: "t", x: "x", y: "y", points: [[1, 1]] as const };
  assert.match(plotSvg([plot, plot, plot]), /viewBox="0 0 600 400"/);
});
