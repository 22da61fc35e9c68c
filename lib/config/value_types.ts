/**
 * The kinds of value that stand in a config file.
 *
 * @module
 */
import { Refusal, type ValueType } from "./schema_kit.ts";

/** The longest duration: the runtime's timers hold 31 bits of milliseconds. */
const LONGEST = 24 * 86_400_000;

const quote = (text: string): string => JSON.stringify(text);

/** A text of one line. CR, LF and NUL would end or cut a protocol line, wherever they stood. */
export function text(
  options: { max?: number; allowed?: string; pattern?: RegExp } = {},
): ValueType<string> {
  const { max = 1000, allowed = "a text of one line", pattern = /^/ } = options;
  return {
    name: "text",
    allowed,
    parse(raw) {
      if (typeof raw !== "string") throw new Refusal();
      if (/[\r\n\0]/.test(raw)) {
        throw new Refusal("contains a line break or NUL, which would break the protocol's lines");
      }
      if (!pattern.test(raw)) throw new Refusal();
      if (new TextEncoder().encode(raw).length > max) {
        throw new Refusal(`is longer than ${max} octets`);
      }
      return raw;
    },
    show: quote,
  };
}

/** Yes or no. */
export const boolean: ValueType<boolean> = {
  name: "boolean",
  allowed: 'true or false (or "Y" or "N")',
  parse(raw) {
    const value = asBoolean(raw);
    if (value === undefined) throw new Refusal();
    return value;
  },
  show: String,
};

/** What a value says as a boolean; undefined if nothing. */
export function asBoolean(raw: unknown): boolean | undefined {
  if (typeof raw === "boolean") return raw;
  const word = typeof raw === "string" ? raw.toUpperCase() : "";
  if (word === "Y" || word === "YES") return true;
  return word === "N" || word === "NO" ? false : undefined;
}

/** A whole number within bounds, both included. */
export function integer(min: number, max: number, allowed?: string): ValueType<number> {
  return {
    name: `integer, ${min} to ${max}`,
    allowed: allowed ?? `a whole number from ${min} to ${max}`,
    parse(raw) {
      if (!Number.isSafeInteger(raw) || (raw as number) < min || (raw as number) > max) {
        throw new Refusal();
      }
      return raw as number;
    },
    show: String,
  };
}

const UNITS: Readonly<Record<string, number>> = {
  d: 86_400_000,
  h: 3_600_000,
  m: 60_000,
  s: 1000,
  ms: 1,
};

/**
 * A duration, in milliseconds.
 *
 * @param options.zero whether 0 is allowed
 */
export function duration(options: { zero: boolean }): ValueType<number> {
  const bounds = options.zero ? "0 or a duration" : "a duration above 0";
  return {
    name: options.zero ? "duration, or 0" : "duration",
    allowed: `${bounds} of at most 24 days, such as "500ms", "90s", "2m", "1h30m" or "1d"`,
    parse(raw) {
      const value = typeof raw === "number" ? raw : durationOf(raw);
      if (!Number.isInteger(value) || value < (options.zero ? 0 : 1) || value > LONGEST) {
        throw new Refusal();
      }
      return value;
    },
    show: showDuration,
  };
}

function durationOf(raw: unknown): number {
  if (typeof raw !== "string" || !/^\s*(\d+|(\d+(ms|[smhd])\s*)+)\s*$/.test(raw)) {
    throw new Refusal();
  }
  let total = 0;
  for (const [, count, unit = "ms"] of raw.matchAll(/(\d+)(ms|[smhd])?/g)) {
    total += Number(count) * UNITS[unit]!;
  }
  return total;
}

function showDuration(value: number): string {
  if (value === 0) return "0";
  let shown = "";
  let rest = value;
  for (const [unit, length] of Object.entries(UNITS)) {
    const count = Math.floor(rest / length);
    if (count > 0) shown += `${count}${unit}`;
    rest -= count * length;
  }
  return quote(shown);
}

const SIZES: Readonly<Record<string, number>> = { G: 1024 ** 3, M: 1024 ** 2, K: 1024 };

/** A size, in bytes, within bounds, both included. */
export function size(min: number, max: number = Number.MAX_SAFE_INTEGER): ValueType<number> {
  const bounds = max === Number.MAX_SAFE_INTEGER
    ? `at least ${sizeText(min)}`
    : `from ${sizeText(min)} to ${sizeText(max)}`;
  return {
    name: `size, ${bounds}`,
    allowed: `a size in bytes, ${bounds}, such as 512, "8K", "10M" or "1G"`,
    parse(raw) {
      let value = raw;
      if (typeof raw === "string") {
        const match = /^\s*(\d+)\s*([KMG]?)B?\s*$/i.exec(raw);
        value = match ? Number(match[1]) * (SIZES[match[2]!.toUpperCase()] ?? 1) : undefined;
      }
      if (!Number.isSafeInteger(value) || (value as number) < min || (value as number) > max) {
        throw new Refusal();
      }
      return value as number;
    },
    show: (value) => /[KMG]/.test(sizeText(value)) ? quote(sizeText(value)) : String(value),
  };
}

function sizeText(bytes: number): string {
  for (const [unit, length] of Object.entries(SIZES)) {
    if (bytes >= length && bytes % length === 0) return `${bytes / length}${unit}`;
  }
  return String(bytes);
}

/** One of some words, in any case; the value is spelt as in `words`. */
export function choice<const W extends string>(words: readonly W[]): ValueType<W> {
  return {
    name: words.map((word) => `\`"${word}"\``).join(", "),
    allowed: oneOf(words.map(quote)),
    parse(raw) {
      const found = typeof raw === "string" &&
        words.find((word) => word.toUpperCase() === raw.toUpperCase());
      if (!found) throw new Refusal();
      return found;
    },
    show: quote,
  };
}

/** One of some whole numbers. */
export function oneNumber<const N extends number>(numbers: readonly N[]): ValueType<N> {
  return {
    name: numbers.map((number) => `\`${number}\``).join(", "),
    allowed: oneOf(numbers.map(String)),
    parse(raw) {
      const found = numbers.find((number) => number === raw);
      if (found === undefined) throw new Refusal();
      return found;
    },
    show: String,
  };
}

function oneOf(words: readonly string[]): string {
  return words.length < 2 ? words.join() : `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`;
}

/**
 * Names of login methods: an array, or one text with `|` between them.
 *
 * @param all what `"all"` stands for
 */
export function mechanisms<const M extends string>(
  words: readonly M[],
  all: readonly M[],
): ValueType<M[]> {
  return {
    name: "login methods",
    allowed: `an array of ${oneOf(words.map(quote))}; or one text with "|" between them; ` +
      `or "all", or "-" for none`,
    parse(raw) {
      const given = Array.isArray(raw) ? raw : [raw];
      if (!given.every((item) => typeof item === "string")) throw new Refusal();
      const names = given.flatMap((item: string) => item.split("|")).map((name) =>
        name.trim().toUpperCase()
      );
      if (names.length === 1 && names[0] === "ALL") return [...all];
      if (names.length === 1 && names[0] === "-") return [];
      for (const name of names) {
        if (!words.includes(name as M)) {
          const known = oneOf(words.map(quote));
          throw new Refusal(
            `names ${quote(name)}, which is no login method here; it takes ${known}`,
          );
        }
      }
      return [...new Set(names as M[])];
    },
    show: (value) => value.length === 0 ? '"-"' : `[${value.map(quote).join(", ")}]`,
  };
}

/** A host and a port. */
export interface HostPort {
  /** A host name or an IP address, without brackets. */
  readonly host: string;
  /** Absent if the text names none; filled in when all settings are known. */
  readonly port?: number;
}

/** A network address: `host`, `host:port` or `[v6]:port`. */
export const address: ValueType<HostPort> = {
  name: "address",
  allowed: 'a host with or without a port, such as "pop.example.org", "pop.example.org:995", ' +
    '"192.0.2.1:110" or "[2001:db8::1]:995"',
  parse(raw) {
    if (typeof raw !== "string") throw new Refusal();
    const bracketed = /^\[([^\]]*)\](?::(\d{1,5}))?$/.exec(raw);
    if (bracketed) return hostPort(isIpv6(bracketed[1]!), bracketed[1]!, bracketed[2]);
    if (isIpv6(raw)) return { host: raw };
    const plain = /^([^:]*)(?::(\d{1,5}))?$/.exec(raw);
    return hostPort(plain !== null && isHost(plain[1]!), plain?.[1] ?? "", plain?.[2]);
  },
  show({ host, port }) {
    const shown = host.includes(":") && port !== undefined ? `[${host}]` : host;
    return quote(port === undefined ? shown : `${shown}:${port}`);
  },
};

function hostPort(valid: boolean, host: string, port: string | undefined): HostPort {
  if (!valid) throw new Refusal();
  if (port === undefined) return { host };
  if (Number(port) < 1 || Number(port) > 65535) {
    throw new Refusal("names a port outside 1 to 65535");
  }
  return { host, port: Number(port) };
}

/** An IP address or a host name. */
export const host: ValueType<string> = {
  name: "host",
  allowed: 'an IP address or a host name, such as "127.0.0.1", "::1" or "mail.example.org"',
  parse(raw) {
    if (typeof raw !== "string" || !(isHost(raw) || isIpv6(raw))) throw new Refusal();
    return raw;
  },
  show: quote,
};

/** Whether a text is an IPv6 address, in any of its spellings (without zone or brackets). */
export function isIpv6(candidate: string): boolean {
  return candidate.includes(":") && URL.canParse(`http://[${candidate}]/`);
}

function isHost(candidate: string): boolean {
  // What looks like numbers and dots only must be an IPv4 address.
  if (/^[\d.]+$/.test(candidate)) {
    const parts = candidate.split(".");
    return parts.length === 4 && parts.every((part) => /^\d{1,3}$/.test(part) && +part < 256);
  }
  return candidate.length <= 253 &&
    /^[\p{L}\p{N}_]([\p{L}\p{N}_-]*[\p{L}\p{N}_])?(\.[\p{L}\p{N}_]([\p{L}\p{N}_-]*[\p{L}\p{N}_])?)*\.?$/u
      .test(candidate);
}

/** An address of the web that a secret may be sent to. */
export const secureUrl: ValueType<string> = {
  name: "URL",
  allowed: 'an https address, such as "https://login.example.org/token" (http only to this host)',
  parse(raw) {
    if (typeof raw !== "string" || !URL.canParse(raw)) throw new Refusal();
    const url = new URL(raw);
    // It stands in messages, where no secret belongs; and it could not be fetched.
    if (url.username !== "" || url.password !== "") throw new Refusal();
    const here = ["localhost", "127.0.0.1", "[::1]"].includes(url.hostname);
    if (url.protocol !== "https:" && !(url.protocol === "http:" && here)) throw new Refusal();
    return raw;
  },
  show: quote,
};

/** The mark that stands before a message's flags in a file's name. */
export const fileMark: ValueType<string> = {
  name: "character",
  allowed: 'one printable character that may stand in a file name, or "/" and its decimal code, ' +
    'such as "+" or "/43"',
  parse(raw) {
    const code = typeof raw === "string" ? /^\/(\d{1,3})$/.exec(raw) : null;
    const mark = code ? String.fromCharCode(Number(code[1])) : raw;
    // Letters and digits occur in every message's name, so they could mark nothing.
    if (typeof mark !== "string" || !/^[!-~]$/.test(mark) || /[/\\.\w]/.test(mark)) {
      throw new Refusal();
    }
    return mark;
  },
  show: quote,
};
