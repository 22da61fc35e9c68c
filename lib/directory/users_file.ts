/**
 * The users file: a user a line, `user:password`, the password being plain or
 * hashed, or absent for a user who gets mail but cannot log in.
 *
 * @module
 */
import type { Credentials } from "../auth/authenticator.ts";
import {
  isSlow,
  parsePasswordHash,
  type SlowHash,
  workAmount,
  workClass,
  workKind,
} from "../auth/password_hash.ts";
import { encodeText } from "../wire/text.ts";
import type { FileProblem } from "./problems.ts";
import { type FileLine, trim } from "./text_file.ts";

/** What a users file holds. */
export interface UsersFile {
  /** The users and their passwords. */
  readonly credentials: Credentials;
  /** Faults that make the file unusable. */
  readonly problems: readonly FileProblem[];
  /** Faults that concern one user only, who cannot log in. */
  readonly warnings: readonly FileProblem[];
}

/** How a users file is to be read. */
export interface UsersFileOptions {
  /** For messages. */
  readonly file: string;
  /** Whether the passwords in it are plain, rather than hashed. */
  readonly plainpass: boolean;
}

/** Why a name cannot be a user's, as the end of a sentence; undefined if it can. */
export function userNameFault(name: string): string | undefined {
  if (name === "") return "it is empty";
  if (name === "." || name === "..") return "it cannot name a folder";
  const bad = /[/\\\p{Cc}]/u.exec(name)?.[0];
  if (bad === "/" || bad === "\\") return `it holds "${bad}", so it cannot name a folder`;
  if (bad !== undefined) return "it holds a control character";
  // The longest file name of common file systems.
  if (encodeText(name).length > 255) return "it is longer than 255 octets";
  return undefined;
}

/**
 * Splits a users file's line into the name and the password; only the first colon
 * separates, and an absent password is empty.
 */
export function splitUserLine(text: string): { name: string; password: string } {
  const at = text.indexOf(":");
  if (at < 0) return { name: trim(text), password: "" };
  return { name: trim(text.slice(0, at)), password: trim(text.slice(at + 1)) };
}

/**
 * The hash in a password that may have Dovecot's further fields (`:uid:gid:…`) behind it:
 * all before the first colon, since no form of hash holds one.
 */
export function hashField(password: string): string {
  return trim(password.split(":", 1)[0]!);
}

/** Reads the lines of a users file. */
export function parseUsers(lines: Iterable<FileLine>, options: UsersFileOptions): UsersFile {
  const { file, plainpass } = options;
  const problems: FileProblem[] = [];
  const warnings: FileProblem[] = [];
  const users = new Map<string, string>();
  const seen = new Map<string, number>();
  const samples = new Samples();
  for (const { number: line, text } of lines) {
    const { name, password } = splitUserLine(text);
    const fault = lineFault(name, seen);
    if (fault !== undefined) {
      problems.push({ file, line, message: fault });
      continue;
    }
    seen.set(name, line);
    const stored = plainpass ? password : hashField(password);
    const warning = stored === "" ? undefined : storedFault(stored, plainpass, samples);
    if (warning !== undefined) warnings.push({ file, line, message: `User "${name}" ${warning}` });
    users.set(name, warning === undefined || plainpass ? stored : "");
  }
  return { credentials: { plainpass, users, ...samples.result() }, problems, warnings };
}

function lineFault(name: string, seen: ReadonlyMap<string, number>): string | undefined {
  if (name === "") return `There is no user before the ":" (expected user:password)`;
  const fault = userNameFault(name);
  if (fault !== undefined) return `Cannot use ${JSON.stringify(name)} as a user name: ${fault}`;
  const first = seen.get(name);
  if (first === undefined) return undefined;
  return `User "${name}" stands in the file twice, first on line ${first}: remove one of the lines`;
}

/** What passwd and shadow files have in place of a hash, or before it, where nobody shall log in. */
const LOCKED = /^[*!]+(?:$|:|\$\w+\$)/;

/** Looks at a stored password and collects its kind; returns what is to say of it. */
function storedFault(stored: string, plainpass: boolean, samples: Samples): string | undefined {
  if (plainpass) {
    if (LOCKED.test(stored)) {
      return "has what locks an account in passwd files, which is taken for the password itself, " +
        "since directory.plainpass is true: leave it out for a user who shall not log in";
    }
    return /^(?:\$\w+\$|\{\w|[0-9a-fA-F]{64}$)/.test(stored) &&
        !("fault" in parsePasswordHash(stored))
      ? "has what looks like a hash, which is taken for the password itself, since " +
        "directory.plainpass is true"
      : undefined;
  }
  const hash = parsePasswordHash(stored);
  if ("fault" in hash) return `cannot log in: the user ${hash.fault}`;
  samples.add(stored);
  return undefined;
}

/**
 * How many costs of one kind of hash have a sample. A failed login does the work of each sample, and
 * there are users files in which every hash has a cost of its own.
 */
const SAMPLES_OF_KIND = 4;

/** A slow hash and the text it was read from. */
interface Sample {
  readonly hash: SlowHash;
  readonly text: string;
}

class Samples {
  readonly #slow = new Map<string, Sample>();
  #fast: string | undefined;

  add(stored: string): void {
    const hash = parsePasswordHash(stored);
    if ("fault" in hash) return;
    if (!isSlow(hash)) this.#fast ??= stored;
    else if (!this.#slow.has(workClass(hash))) {
      this.#slow.set(workClass(hash), { hash, text: stored });
    }
  }

  result(): Pick<Credentials, "slowSamples" | "fastSample"> {
    const fast = this.#fast;
    const kinds = Map.groupBy(this.#slow.values(), ({ hash }) => workKind(hash));
    const slowSamples = new Map(
      [...kinds.values()].flatMap(someOf).map(({ hash, text }) => [workClass(hash), text]),
    );
    return { slowSamples, ...(fast === undefined ? {} : { fastSample: fast }) };
  }
}

/** The samples of a kind, or the dearest of them and a few at even distances below it. */
function someOf(samples: Sample[]): Sample[] {
  if (samples.length <= SAMPLES_OF_KIND) return samples;
  const dearestFirst = samples.toSorted((a, b) => workAmount(b.hash) - workAmount(a.hash));
  const step = samples.length / SAMPLES_OF_KIND;
  return Array.from(
    { length: SAMPLES_OF_KIND },
    (_, index) => dearestFirst[Math.floor(index * step)]!,
  );
}
