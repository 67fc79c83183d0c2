/** Small line plots as one SVG: enough to see how a cost grows. Pure. */

export interface Plot {
  readonly title: string;
  readonly x: string;
  readonly y: string;
  readonly points: readonly (readonly [x: number, y: number])[];
}

const PANEL = { width: 300, height: 200, left: 52, right: 14, top: 30, bottom: 40 };
const COLUMNS = 2;
const INK = "#57606a";

/** Both axes begin at 0, so that a straight line through the corner is proportional growth. */
export function plotSvg(plots: readonly Plot[]): string {
  const rows = Math.ceil(plots.length / COLUMNS);
  const [width, height] = [COLUMNS * PANEL.width, rows * PANEL.height];
  const panels = plots.map((plot, index) => {
    const [x, y] = [(index % COLUMNS) * PANEL.width, Math.floor(index / COLUMNS) * PANEL.height];
    return `<g transform="translate(${x} ${y})">${panel(plot)}</g>`;
  });
  const titles = escaped(plots.map(({ title }) => title).join("; "));
  const style = `font-family="sans-serif" font-size="10" fill="${INK}"`;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" ${style}>\n<title>${titles}</title>\n${panels.join("\n")}\n</svg>\n`;
}

function panel({ title, x, y, points }: Plot): string {
  const { width, height, left, right, top, bottom } = PANEL;
  const [maxX, maxY] = [roundUp(Math.max(...points.map(([at]) => at))), roundUp(Math.max(...points.map(([, at]) => at)))];
  const atX = (value: number) => round(left + (value / maxX) * (width - left - right));
  const atY = (value: number) => round(height - bottom - (value / maxY) * (height - top - bottom));
  const line = points.map(([px, py]) => `${atX(px)},${atY(py)}`).join(" ");
  const dots = points.map(([px, py]) => `<circle cx="${atX(px)}" cy="${atY(py)}" r="2.5"/>`).join("");
  const axes = `M${left} ${top}V${height - bottom}H${width - right}`;
  return [
    `<text x="${left}" y="16" font-weight="bold">${escaped(title)}</text>`,
    `<path d="${axes}" fill="none" stroke="${INK}"/>`,
    `<polyline points="${line}" fill="none" stroke="#0969da" stroke-width="1.5"/><g fill="#0969da">${dots}</g>`,
    `<text x="${left - 4}" y="${top + 8}" text-anchor="end">${short(maxY)}</text>`,
    `<text x="${left - 4}" y="${height - bottom}" text-anchor="end">0</text>`,
    `<text x="${width - right}" y="${height - bottom + 12}" text-anchor="end">${short(maxX)}</text>`,
    `<text x="${(left + width - right) / 2}" y="${height - bottom + 26}" text-anchor="middle">${escaped(x)}</text>`,
    `<text transform="translate(12 ${(top + height - bottom) / 2}) rotate(-90)" text-anchor="middle">${escaped(y)}</text>`,
  ].join("");
}

/** The next of 1, 2, 2.5, 5 times a power of ten; 1 for nothing. */
function roundUp(value: number): number {
  if (!(value > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 2.5, 5, 10].map((step) => step * power).find((step) => step >= value) ?? value;
}

function short(value: number): string {
  if (value >= 1e6) return `${round(value / 1e6)} M`;
  return value >= 10_000 ? `${round(value / 1000)} k` : String(round(value));
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
