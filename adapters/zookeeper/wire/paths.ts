/** Paths as the adapter has them, and as the server has them: below the chroot. */
export interface Chroot {
  /** The server's path of ours. */
  toServer(path: string): string;
  /** Our path of the server's; undefined when it is not below the chroot. */
  fromServer(path: string): string | undefined;
}

/** A chroot is as `/a/b`; undefined, empty and `/` are none. */
export function chrootOf(chroot: string | undefined): Chroot {
  const prefix = (chroot ?? "").replace(/\/+$/, "");
  if (prefix === "") return { toServer: (path) => path, fromServer: (path) => path };
  return {
    toServer: (path) => (path === "/" ? prefix : prefix + path),
    fromServer: (path) => {
      if (path === prefix) return "/";
      return path.startsWith(`${prefix}/`) ? path.slice(prefix.length) : undefined;
    },
  };
}

/** Whether it is absolute and of segments that each name something; the servers do not check that where they read. */
export function isPath(path: string): boolean {
  return path === "/" || (/^(?:\/[^/]+)+$/.test(path) && !/\/\.{1,2}(?:\/|$)/.test(path));
}
