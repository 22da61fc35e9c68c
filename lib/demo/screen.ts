/**
 * What the demo shows: headings, one-line explanations, and dialogues in which `C:` is the client
 * and `S:` the server.
 *
 * @module
 */

/** How a line is coloured, as SGR parameters. */
const STYLES = {
  heading: "1",
  note: "2",
  client: "36",
  server: "32",
  refusal: "31",
  caption: "1",
} as const;

type Style = keyof typeof STYLES;

/** How a {@linkcode Screen} shows. */
export interface ScreenOptions {
  /** Takes text; false once nobody reads any more. */
  readonly write: (text: string) => boolean;
  /** Whether to use colours. */
  readonly colour: boolean;
}

/** Shows the demo's progress, a line at a time. */
export class Screen {
  readonly #options: ScreenOptions;
  #steps = 0;
  /** Whether nothing is shown. */
  muted = false;

  /** Shows nothing yet. */
  constructor(options: ScreenOptions) {
    this.#options = options;
  }

  /** Shows a line as it is. */
  line(text = ""): void {
    if (this.muted || this.#options.write(text + "\n")) return;
    throw new Deno.errors.BrokenPipe("nobody reads the demo's output");
  }

  /** Begins a part without a number. */
  heading(text: string): void {
    this.line();
    this.#styled("heading", text);
  }

  /** Begins the next step, with a line that explains it. */
  step(title: string, explanation: string): void {
    this.heading(`${++this.#steps}. ${title}`);
    this.note(explanation);
  }

  /** Says what a piece of dialogue is about, and perhaps why it goes as it does. */
  caption(title: string, explanation?: string): void {
    this.line();
    const tail = explanation === undefined ? "" : this.#paint("note", ` ${explanation}`);
    this.line(`   ${this.#paint("caption", `${title}:`)}${tail}`);
  }

  /** Explains in a line. */
  note(text: string): void {
    this.#styled("note", `   ${text}`);
  }

  /** Shows what the client says. */
  client(text: string): void {
    this.#styled("client", `   C: ${text}`.trimEnd());
  }

  /** Shows a line of the server. */
  server(text: string): void {
    this.#styled(text.startsWith("-ERR") ? "refusal" : "server", `   S: ${text}`.trimEnd());
  }

  #styled(style: Style, text: string): void {
    this.line(this.#paint(style, text));
  }

  #paint(style: Style, text: string): string {
    return this.#options.colour ? `\x1b[${STYLES[style]}m${text}\x1b[0m` : text;
  }
}
