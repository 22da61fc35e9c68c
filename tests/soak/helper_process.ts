/**
 * Processes that help in a soak run: they take words on their standard input, a line each, and
 * answer in lines of JSON.
 *
 * @module
 */

/** A running helper. */
export class HelperProcess<Answer> implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  /** Its answers, up to its end. To be read once. */
  readonly answers: AsyncGenerator<Answer>;

  private constructor(child: Deno.ChildProcess) {
    this.#child = child;
    this.#writer = child.stdin.getWriter();
    this.answers = answersOf<Answer>(child.stdout);
  }

  /**
   * Starts a script of this folder.
   *
   * @param script its path, relative to this folder
   * @param permissions `--allow-…` flags
   * @param nice how much it gives way to others, 0 to 19
   */
  static start<Answer>(
    script: string,
    args: readonly string[],
    permissions: readonly string[],
    nice = 0,
  ): HelperProcess<Answer> {
    const path = new URL(script, import.meta.url).pathname;
    const options = ["run", "--quiet", "--no-config", "--no-lock", "--no-check", "--no-prompt"];
    const command = [Deno.execPath(), ...options, ...permissions, path, ...args];
    // Each connection is an open file.
    const shell = `ulimit -n "$(ulimit -Hn)"; exec nice -n ${nice} "$@"`;
    const child = new Deno.Command("sh", {
      args: ["-c", shell, "sh", ...command],
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    return new HelperProcess(child);
  }

  /** Sends a word. */
  async tell(word: string): Promise<void> {
    await this.#writer.write(new TextEncoder().encode(`${word}\n`));
  }

  /**
   * Closes its standard input, for a helper that then says its last word and ends.
   *
   * @throws if it ends without a word
   */
  async lastWord(): Promise<Answer> {
    await this.#writer.close();
    const { value, done } = await this.answers.next();
    if (done) throw new Error("A helper of the soak run has died");
    return value;
  }

  /** Ends it at once, unless it has ended. */
  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // It has ended.
    }
    await this.#writer.abort().catch(() => {});
    await this.#child.status;
  }
}

async function* answersOf<Answer>(stdout: ReadableStream<Uint8Array>): AsyncGenerator<Answer> {
  let rest = "";
  for await (const text of stdout.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop()!;
    for (const line of lines) yield JSON.parse(line) as Answer;
  }
}
