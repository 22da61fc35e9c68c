/**
 * Reading an XML file into elements with their lines. The parser takes no
 * document type declarations into account: no entity is ever looked up
 * elsewhere, and none but XML's own five is known.
 *
 * @module
 */
import { parseXml, XmlComment, XmlElement, XmlError, XmlText } from "@rgrove/parse-xml";
import { EXIT_USAGE, reasonOf, UserError } from "../errors.ts";

/** The largest file that is read, in octets; real ones have some kilobytes. */
export const MAX_XML = 1024 * 1024;

/** How deep elements may lie in each other. */
const MAX_DEPTH = 50;

/** An element of an XML file. */
export interface Element {
  /** Its name. */
  readonly name: string;
  /** The line that it begins on, from 1. */
  readonly line: number;
  /** Its attributes, in their order. */
  readonly attributes: ReadonlyMap<string, string>;
  /** The elements in it. */
  readonly children: readonly Element[];
  /** Its own text, without white space around it. */
  readonly text: string;
}

/** An XML file. */
export interface XmlFile {
  /** Its outermost element. */
  readonly root: Element;
  /** How many comments stand in it. */
  readonly comments: number;
}

/**
 * Reads an XML file.
 *
 * @param file its name, for messages
 * @throws {UserError} with status 2 if it is not XML, or larger or deeper than a config is
 */
export function readXml(bytes: Uint8Array, file: string): XmlFile {
  const cannot = (why: string) => new UserError(`Cannot import "${file}": ${why}`, EXIT_USAGE);
  if (bytes.length > MAX_XML) {
    throw cannot(`it is larger than any config, of over ${MAX_XML} octets`);
  }
  const text = decode(bytes, cannot);
  if (text.trim() === "") throw cannot("it is empty");
  if (!/^\s*</.test(text)) throw cannot('it is not XML: it does not begin with "<"');
  const document = parse(text, cannot);
  const root = document.root;
  if (root === null) throw cannot("there is no element in it");
  const lineStarts = lineStartsOf(text);
  let comments = document.children.filter((child) => child instanceof XmlComment).length;
  const convert = (from: XmlElement, depth: number): Element => {
    if (depth > MAX_DEPTH) throw cannot(`its elements lie more than ${MAX_DEPTH} deep`);
    comments += from.children.filter((child) => child instanceof XmlComment).length;
    return {
      name: from.name,
      line: lineOf(from.start, lineStarts),
      attributes: new Map(Object.entries(from.attributes)),
      children: from.children.filter((child) => child instanceof XmlElement)
        .map((child) => convert(child, depth + 1)),
      text: from.children.map((child) => child instanceof XmlText ? child.text : "").join("")
        .trim(),
    };
  };
  return { root: convert(root, 1), comments };
}

function parse(text: string, cannot: (why: string) => UserError): ReturnType<typeof parseXml> {
  try {
    return parseXml(text, { includeOffsets: true, preserveComments: true });
  } catch (error) {
    // The parser goes down into elements by calling itself.
    if (error instanceof RangeError) throw cannot(`its elements lie more than ${MAX_DEPTH} deep`);
    if (!(error instanceof XmlError)) throw cannot(reasonOf(error));
    const [first] = error.message.split(/\n| \(line /, 1);
    throw cannot(`line ${error.line}, column ${error.column}: ${first}`);
  }
}

/** The text by the encoding that the file's beginning tells, which is UTF-8 unless it says otherwise. */
function decode(bytes: Uint8Array, cannot: (why: string) => UserError): string {
  const encoding = encodingOf(bytes);
  let decoder: TextDecoder;
  try {
    decoder = new TextDecoder(encoding, { fatal: true });
  } catch {
    throw cannot(`it says that its encoding is "${encoding}", which is unknown here: use UTF-8`);
  }
  try {
    return decoder.decode(bytes);
  } catch {
    throw cannot(`it is not ${encoding.toUpperCase()} text`);
  }
}

function encodingOf(bytes: Uint8Array): string {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return "utf-16le";
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return "utf-16be";
  const head = String.fromCharCode(...bytes.subarray(0, 200));
  return /^(?:\xef\xbb\xbf)?<\?xml[^>]*?\sencoding\s*=\s*["']([\w.:-]+)["']/.exec(head)?.[1] ??
    "utf-8";
}

function lineStartsOf(text: string): number[] {
  const starts = [0];
  for (const { index } of text.matchAll(/\n/g)) starts.push(index + 1);
  return starts;
}

function lineOf(offset: number, starts: readonly number[]): number {
  let [low, high] = [0, starts.length];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (starts[middle]! <= offset) low = middle;
    else high = middle;
  }
  return low + 1;
}
