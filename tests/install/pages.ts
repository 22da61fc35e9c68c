/**
 * The documents' examples, for tests that run or load them.
 *
 * @module
 */
import { ROOT } from "./staging.ts";

/** A page of docs/. */
export class Page {
  readonly #text: string;

  private constructor(text: string) {
    this.#text = text;
  }

  /** Reads a page by its name, `tls.md`. */
  static async read(name: string): Promise<Page> {
    return new Page(await Deno.readTextFile(`${ROOT}/docs/${name}`));
  }

  /** The whole text. */
  get text(): string {
    return this.#text;
  }

  /** The page below a heading, up to the next one of that level. */
  section(heading: string): Page {
    const found = this.#text.split(/^(?=## )/m).find((part) => part.startsWith(`## ${heading}\n`));
    if (found === undefined) throw new Error(`There is no heading "${heading}"`);
    return new Page(found);
  }

  /** The blocks of code in a language. */
  blocks(language: string): string[] {
    const block = new RegExp(`^( *)\`\`\`${language}\\n(.*?)^\\1\`\`\`$`, "gms");
    return [...this.#text.matchAll(block)].map(([, indent = "", text = ""]) =>
      text.replaceAll(new RegExp(`^${indent}`, "gm"), "")
    );
  }

  /** The first block of code in a language that contains a text. */
  block(language: string, containing: string): string {
    const found = this.blocks(language).find((text) => text.includes(containing));
    if (found === undefined) throw new Error(`No block of ${language} contains "${containing}"`);
    return found;
  }
}
