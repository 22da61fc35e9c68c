/**
 * An element of the XML configuration, with a record of what of it was used:
 * the rest is what could not be carried over.
 *
 * @module
 */
import type { Element } from "./xml.ts";

/** Something that was not carried over, and why. */
export interface Note {
  /** The line of the XML file; 0 for the file as a whole. */
  readonly line: number;
  /** What it is about, such as `pop3server/@threads`. */
  readonly what: string;
  /** Why, or what was done instead; one or more sentences without the last full stop. */
  readonly why: string;
}

/** A value found in an attribute or in an element. */
export interface Found {
  /** The value, without white space around it. */
  readonly value: string;
  /** Where it stands, such as `pop3download/clients/client/@freq`. */
  readonly path: string;
  /** The line. */
  readonly line: number;
}

/** Words for yes and no, as Mailismus takes them. */
const WORDS: Readonly<Record<string, boolean>> = {
  Y: true,
  YES: true,
  T: true,
  TRUE: true,
  ON: true,
  "1": true,
  N: false,
  NO: false,
  F: false,
  FALSE: false,
  OFF: false,
  "0": false,
};

/** What a text says as yes or no; undefined if nothing. */
export function yesOrNo(text: string): boolean | undefined {
  return WORDS[text.toUpperCase()];
}

/** An element that is being read. */
export class Source {
  /** The element. */
  readonly element: Element;
  /** Where it stands, such as `pop3server/listeners/listener`. */
  readonly path: string;
  /** Whether it, or one around it, carries `enabled="N"`. */
  readonly disabled: boolean;
  readonly #notes: Note[];
  readonly #used = new Set<Element | string>();

  /** Starts reading an element; its `enabled` is read at once. */
  constructor(element: Element, path: string, notes: Note[], disabledAround = false) {
    this.element = element;
    this.path = path;
    this.#notes = notes;
    const enabled = this.value("enabled");
    const word = enabled === undefined ? true : yesOrNo(enabled.value);
    if (enabled !== undefined && word === undefined) {
      this.note(enabled, `${JSON.stringify(enabled.value)} is neither Y nor N; it counts as Y`);
    }
    this.disabled = disabledAround || word === false;
  }

  /** The line that the element begins on. */
  get line(): number {
    return this.element.line;
  }

  /** Records something that is not carried over. */
  note(about: { readonly path: string; readonly line: number }, why: string): void {
    this.#notes.push({ line: about.line, what: about.path, why });
  }

  /**
   * The value of a setting, be it an attribute or an element, under the first of the names that is
   * there. A blank one counts as absent.
   */
  value(...names: readonly string[]): Found | undefined {
    let found: Found | undefined;
    for (const name of names) {
      for (const candidate of this.#candidates(name)) {
        if (candidate.value === "") continue;
        if (found === undefined) found = candidate;
        else if (found.value !== candidate.value) {
          this.note(candidate, `is given a second time; ${found.path} counts`);
        }
      }
    }
    return found;
  }

  #candidates(name: string): Found[] {
    const found: Found[] = [];
    const attribute = this.element.attributes.get(name);
    if (attribute !== undefined) {
      this.#used.add(`@${name}`);
      const value = attribute.trim();
      found.push({ value, path: `${this.path}/@${name}`, line: this.line });
    }
    for (const child of this.element.children.filter((each) => each.name === name)) {
      if (child.children.length > 0) continue;
      this.#used.add(child);
      found.push({ value: child.text, path: `${this.path}/${name}`, line: child.line });
    }
    return found;
  }

  /** The elements of a name. */
  parts(name: string): Source[] {
    return this.element.children.filter((child) => child.name === name).map((child) => {
      this.#used.add(child);
      return new Source(child, this.#pathOf(child), this.#notes, this.disabled);
    });
  }

  /** The only element of a name; further ones are not carried over. */
  part(name: string): Source | undefined {
    const [first, ...others] = this.parts(name);
    for (const other of others) {
      this.note(other, `stands twice; the first, on line ${first!.line}, counts`);
    }
    return first;
  }

  /** Records what nobody asked for. */
  finish(why: (name: string) => string = () => "is no setting of this program"): void {
    for (const name of this.element.attributes.keys()) {
      if (!this.#used.has(`@${name}`)) this.note({ ...this.#at(`@${name}`) }, why(name));
    }
    for (const child of this.element.children) {
      if (!this.#used.has(child)) {
        this.note({ ...this.#at(child.name), line: child.line }, why(child.name));
      }
    }
  }

  #at(name: string): { path: string; line: number } {
    return { path: this.path === "" ? name : `${this.path}/${name}`, line: this.line };
  }

  #pathOf(child: Element): string {
    const { path } = this.#at(child.name);
    const name = child.attributes.get("name") ?? child.attributes.get("id");
    return name === undefined || name.trim() === ""
      ? path
      : `${path} ${JSON.stringify(name.trim())}`;
  }
}
