/**
 * The self-extracting form of the program: a shell script, and behind it a compressed archive of
 * Deno and the bundled program. It is for machines that cannot fetch what `deno compile` needs.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import { BuildError, ROOT } from "./process.ts";
import { TAR_END, tarEntry } from "./tar.ts";

/** What a self-extracting file is made of. */
export interface SingleFileParts {
  /** The program's version. */
  readonly version: string;
  /** What it runs on, for messages. */
  readonly platform: string;
  /** Flags of `deno run`. */
  readonly flags: readonly string[];
  /** Deno, as {@linkcode packRuntime} made it. */
  readonly runtime: PackedRuntime;
  /** The bundled program by file name; it starts with `main.mjs`. */
  readonly files: ReadonlyMap<string, Uint8Array>;
}

/** A Deno executable as the first part of a compressed archive. */
export interface PackedRuntime {
  /** The executable's size in bytes. */
  readonly size: number;
  /** The compressed part. */
  readonly packed: Uint8Array;
}

/**
 * When all files were last changed, in seconds since 1970: always the same, so that the launcher
 * sees from the time stamps if one was changed since, and the same sources make the same file.
 */
const TIME = Date.UTC(2026, 0, 1) / 1000;

/** Compresses a Deno executable, which takes some seconds. */
export function packRuntime(bytes: Uint8Array): PackedRuntime {
  const entry = tarEntry({ name: "deno", mode: 0o700, time: TIME, bytes });
  return { size: bytes.length, packed: gzipSync(entry) };
}

/** Makes a self-extracting file. */
export async function makeSingleFile(parts: SingleFileParts): Promise<Uint8Array> {
  const { runtime, files } = parts;
  // gzip and its readers take several compressed parts behind each other for one.
  const payload = concat([
    runtime.packed,
    gzipSync(concat([
      ...[...files].map(([name, bytes]) => tarEntry({ name, mode: 0o600, time: TIME, bytes })),
      TAR_END,
    ])),
  ]);
  const hash = createHash("sha256").update(payload).digest("hex").slice(0, 16);
  const template = await Deno.readTextFile(`${ROOT}/scripts/compile/launcher.sh`);
  const text = launcher(template, { ...parts, id: `${parts.version}-${hash}` });
  return concat([new TextEncoder().encode(text), payload]);
}

/** The script, with everything in it that concerns this payload. */
function launcher(template: string, parts: SingleFileParts & { id: string }): string {
  const sizes = new Map<string, number>([["deno", parts.runtime.size]]);
  for (const [name, bytes] of parts.files) sizes.set(name, bytes.length);
  // As `ls` sorts them in the C locale.
  const names = [...sizes.keys()].sort();
  const mode = (name: string) => name === "deno" ? "-rwx------" : "-rw-------";
  const total = [...sizes.values()].reduce((sum, size) => sum + size, 0);
  const values: Record<string, string> = {
    VERSION: parts.version,
    PLATFORM: parts.platform,
    ID: parts.id,
    NAMES: names.join(" "),
    EXPECTED: names.map((name) => `${mode(name)} $user ${sizes.get(name)};`).join(""),
    MEGABYTES: String(Math.ceil(total / 1e6 + 5)),
    FLAGS: parts.flags.join(" "),
  };
  const text = template.replace(/@(?!OFFSET)([A-Z]+)@/g, (whole, name: string) => {
    const value = values[name];
    if (value === undefined) throw new BuildError(`launcher.sh has an unknown ${whole}`);
    if (!/^[\w ./:=;$+,-]*$/.test(value)) {
      throw new BuildError(`Cannot put "${value}" into a script`);
    }
    return value;
  });
  // The offset is a part of the text whose length it says: the number of the first byte behind it.
  let offset = text.length;
  while (text.replace("@OFFSET@", String(offset)).length + 1 !== offset) {
    offset = text.replace("@OFFSET@", String(offset)).length + 1;
  }
  return text.replace("@OFFSET@", String(offset));
}

/** Bytes behind each other. */
export function concat(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
