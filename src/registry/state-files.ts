/** The few things that kept state needs of a disk: a port, so that a simulation can bring one that fails. */
import { mkdir, open, readFile, rename } from "node:fs/promises";
import { dirname } from "node:path";

export interface StateFiles {
  /** Rejects with the code ENOENT when there is no such file. */
  read(path: string): Promise<string>;
  /** Creates the folder, for this user alone, where it is missing. Resolves when the text is on the disk itself. */
  write(path: string, text: string): Promise<void>;
  /** Replaces what is called `to`, in one step. Rejects with the code ENOENT when there is no `from`. */
  rename(from: string, to: string): Promise<void>;
}

export const diskFiles: StateFiles = {
  read: (path) => readFile(path, "utf8"),
  async write(path, text) {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    const file = await open(path, "w", 0o600);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
  },
  rename,
};
