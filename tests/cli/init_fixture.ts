/**
 * What the tests of `init` share: people to ask, and a place to write to.
 *
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { parseCommandLine } from "../../lib/cli/arguments.ts";
import { runCheck } from "../../lib/cli/check.ts";
import { initCommand, runInit } from "../../lib/cli/init.ts";
import { type Config, loadConfig } from "../../lib/config/config.ts";
import { UserError } from "../../lib/errors.ts";
import type { Asker } from "../../lib/init/asker.ts";
import { capture, type Captured } from "./capture.ts";

/** The folder of the tests' certificates. */
export const tls = new URL("../fixtures/tls/", import.meta.url).pathname;

/** Nobody to ask. */
export const nobody: Asker = {
  interactive: false,
  line: () => Promise.resolve(null),
  secret: () => Promise.resolve(null),
  tell: () => {},
};

/** A person who answers the questions that contain these words, in this order. */
export class Person implements Asker {
  readonly interactive = true;
  readonly told: string[] = [];
  readonly #answers: [words: string, answer: string | null][];

  constructor(...answers: [words: string, answer: string | null][]) {
    this.#answers = answers;
  }

  get left(): number {
    return this.#answers.length;
  }

  line(question: string): Promise<string | null> {
    const [words, answer] = this.#answers.shift() ?? ["no further question", null];
    assert.ok(question.includes(words), `${question} is asked, not ${words}`);
    return Promise.resolve(answer);
  }

  secret(question: string): Promise<string | null> {
    this.told.push(`unseen: ${question}`);
    return this.line(question);
  }

  tell(line: string): void {
    this.told.push(line);
  }
}

/** A folder with files that hold secrets, and one, not there yet, for the config. */
export class Fixture {
  readonly folder: string = Deno.realPathSync(Deno.makeTempDirSync({ prefix: "init-" }));
  readonly config: string = join(this.folder, "new/config.toml");

  secret(name: string, text: string): string {
    const path = join(this.folder, name);
    Deno.writeTextFileSync(path, text, { mode: 0o600 });
    return path;
  }

  /** The server's key: a checkout lets everybody read its copy, which the program warns of. */
  key(): string {
    return this.secret("server.key", Deno.readTextFileSync(`${tls}server.key`));
  }

  async run(args: string[], asker: Asker = nobody): Promise<Captured> {
    const all = ["--config", this.config, ...args];
    const parsed = parseCommandLine(all, initCommand.flags, { command: "init" });
    return await capture(() => runInit(parsed, asker));
  }

  async fails(expected: RegExp, args: string[], asker: Asker = nobody): Promise<void> {
    await assert.rejects(this.run(args, asker), (error) => {
      assert.ok(error instanceof UserError, String(error));
      assert.match(error.message, expected);
      return true;
    });
  }

  /** What `check` makes of the config. */
  async checked(): Promise<Config> {
    const errors: string[] = [];
    const options = { write: () => {}, writeError: (text: string) => errors.push(text) };
    assert.equal(await runCheck({ configFile: this.config, ...options }), 0, errors.join("\n"));
    return (await loadConfig(this.config)).config!;
  }

  text(name: string): string {
    return Deno.readTextFileSync(join(this.folder, "new", name));
  }

  /** All files below the new folder. */
  written(folder = join(this.folder, "new")): string[] {
    try {
      return [...Deno.readDirSync(folder)].flatMap(({ name, isDirectory }) =>
        isDirectory ? this.written(join(folder, name)) : [join(folder, name)]
      ).sort();
    } catch (error) {
      assert.ok(error instanceof Deno.errors.NotFound);
      return [];
    }
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.folder, { recursive: true });
  }
}
