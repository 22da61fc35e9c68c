/**
 * Writing archives as `tar` reads them. The same files make the same archive, byte by byte.
 *
 * @module
 */

/** A file of an archive. */
export interface TarFile {
  /** Its name, without folders; ASCII, under 100 characters. */
  readonly name: string;
  /** Its permissions. */
  readonly mode: number;
  /** When it was last changed, in seconds since 1970. */
  readonly time: number;
  /** What is in it. */
  readonly bytes: Uint8Array;
}

const BLOCK = 512;

/** The end of an archive. */
export const TAR_END: Uint8Array = new Uint8Array(2 * BLOCK);

/** A file as a part of an archive: header (POSIX.1-1988, "ustar"), contents, padding. */
export function tarEntry(file: TarFile): Uint8Array {
  const entry = new Uint8Array(BLOCK + Math.ceil(file.bytes.length / BLOCK) * BLOCK);
  const put = (at: number, text: string) => entry.set(new TextEncoder().encode(text), at);
  const octal = (at: number, digits: number, value: number) =>
    put(at, value.toString(8).padStart(digits, "0"));
  put(0, file.name);
  octal(100, 7, file.mode);
  octal(108, 7, 0); // The owner, and
  octal(116, 7, 0); // the group: of whoever unpacks it.
  octal(124, 11, file.bytes.length);
  octal(136, 11, file.time);
  put(148, " ".repeat(8)); // The check sum counts its own field as blanks.
  put(156, "0"); // A regular file.
  put(257, "ustar\0" + "00");
  const sum = entry.subarray(0, BLOCK).reduce((total, byte) => total + byte, 0);
  put(148, sum.toString(8).padStart(6, "0") + "\0 ");
  entry.set(file.bytes, BLOCK);
  return entry;
}
