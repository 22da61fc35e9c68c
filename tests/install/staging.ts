/**
 * Installations into a staging folder, by the installer's script.
 *
 * @module
 */
import assert from "node:assert/strict";
import { type Outcome, runCommand, TempFolder } from "../support/program.ts";

/** The checkout. */
export const ROOT: string = new URL("../../", import.meta.url).pathname.replace(/\/$/, "");

const DECODER = new TextDecoder();

/** A throw-away folder, with an installation in its folder `host`. */
export class Staging implements AsyncDisposable {
  /** What the installer takes for the root of the file system. */
  readonly prefix: string;
  readonly #folder: TempFolder;

  private constructor(folder: TempFolder) {
    this.#folder = folder;
    this.prefix = `${folder.path}/host`;
  }

  /** Makes an empty one. */
  static async make(): Promise<Staging> {
    return new Staging(await TempFolder.make());
  }

  /** The path of something installed. */
  path(rest: string): string {
    return `${this.prefix}/${rest}`;
  }

  /** The installed program. */
  get program(): string {
    return this.path("usr/local/bin/mailismus");
  }

  /** The installed config. */
  get config(): string {
    return this.path("etc/mailismus/config.toml");
  }

  /**
   * A program to install: the one that `MAILISMUS_BIN` names, or a stand-in that runs this checkout.
   *
   * @param release what tells a stand-in from another
   */
  async binary(release = "1"): Promise<string> {
    const built = Deno.env.get("MAILISMUS_BIN");
    const path = `${this.#folder.path}/mailismus-${release}`;
    if (built) await Deno.copyFile(built, path);
    else {
      const text = `#!/bin/sh\n# ${release}\nexec sh '${ROOT}/scripts/mailismus' "$@"\n`;
      await Deno.writeTextFile(path, text);
    }
    // As a download leaves it: not executable.
    await Deno.chmod(path, 0o644);
    return path;
  }

  /** Runs the installer. */
  async run(...args: string[]): Promise<Outcome & { text: string }> {
    const outcome = await runCommand(
      "sh",
      [`${ROOT}/scripts/install.sh`, "--prefix", this.prefix, ...args],
      { env: { HOME: this.#folder.path } },
    );
    return { ...outcome, text: DECODER.decode(outcome.stdout) };
  }

  /** Runs the installer, which must succeed; what it said. */
  async install(...args: string[]): Promise<string> {
    const { code, text, stderr } = await this.run(...args);
    assert.equal(code, 0, text + stderr);
    assert.equal(stderr, "");
    return text;
  }

  /** Everything below the prefix: kind, mode, and for files when they were written, and their text. */
  tree(): Map<string, string> {
    const found = new Map<string, string>();
    const walk = (folder: string) => {
      for (const { name } of Deno.readDirSync(folder)) {
        const path = `${folder}/${name}`;
        const { isDirectory, mode, mtime } = Deno.lstatSync(path);
        const rights = ((mode ?? 0) & 0o7777).toString(8);
        const key = path.slice(this.prefix.length + 1);
        found.set(key, isDirectory ? `folder ${rights}` : `file ${rights} ${mtime?.getTime()}`);
        if (isDirectory) walk(path);
      }
    };
    walk(this.prefix);
    return found;
  }

  /** Takes the installed config for this text, with the paths of this staging folder in it. */
  async configure(change: (text: string) => string): Promise<void> {
    const text = await Deno.readTextFile(this.config);
    const changed = change(text);
    assert.notEqual(changed, text);
    await Deno.writeTextFile(this.config, changed);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#folder[Symbol.asyncDispose]();
  }
}
