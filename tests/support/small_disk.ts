/**
 * A folder on a disk that can be filled.
 *
 * @module
 */
import { runCommand, TempFolder } from "./program.ts";

const SIZE = 24 * 1024 * 1024;

/** A small file system of its own where the system lets us make one, else a folder whose files may not be written to. */
export class SmallDisk implements AsyncDisposable {
  readonly #folder: TempFolder;
  readonly #mounted: boolean;

  private constructor(folder: TempFolder, mounted: boolean) {
    this.#folder = folder;
    this.#mounted = mounted;
  }

  /** Makes one. */
  static async make(): Promise<SmallDisk> {
    const folder = await TempFolder.make();
    const args = ["-t", "tmpfs", "-o", `size=${SIZE},mode=700`, "tmpfs", folder.path];
    const mounted = Deno.uid() === 0 &&
      await runCommand("mount", args).then(({ code }) => code === 0, () => false);
    return new SmallDisk(folder, mounted);
  }

  /** Where it is. */
  get path(): string {
    return this.#folder.path;
  }

  /** How {@linkcode fill} works here. */
  get method(): "full" | "none" {
    return this.#mounted ? "full" : "none";
  }

  /** Leaves room for so many bytes. */
  fill(room: number): void {
    if (!this.#mounted) return;
    using file = Deno.openSync(`${this.path}/filler`, { create: true, append: true });
    const piece = new Uint8Array(64 * 1024);
    try {
      while (true) file.writeSync(piece);
    } catch {
      const { size } = file.statSync();
      file.truncateSync(Math.max(0, size - room));
    }
  }

  /** Makes room again. */
  free(): void {
    try {
      Deno.removeSync(`${this.path}/filler`);
    } catch {
      // It was not full.
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#mounted) await runCommand("umount", ["-l", this.path]);
    await this.#folder[Symbol.asyncDispose]();
  }
}
