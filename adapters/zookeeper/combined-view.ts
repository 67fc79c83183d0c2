/** All roots of a registry as one view: a format may look at what another root holds, such as Dubbo's metadata. */
import type { ZnodeView } from "./formats/types.ts";
import type { MirroredRoot } from "./root.ts";

/** Roots may lie within each other: the innermost that holds a path answers for it. */
export function combinedView(roots: readonly Pick<MirroredRoot, "path" | "view">[]): ZnodeView {
  const innermost = [...roots].sort((a, b) => b.path.length - a.path.length);
  const viewOf = (path: string) => innermost.find((root) => holds(root.path, path))?.view;
  return {
    children: (path) => viewOf(path)?.children(path) ?? [],
    data: (path) => viewOf(path)?.data(path),
    stat: (path) => viewOf(path)?.stat(path),
  };
}

function holds(root: string, path: string): boolean {
  return root === "/" || path === root || path.startsWith(`${root}/`);
}
