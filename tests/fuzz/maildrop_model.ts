/**
 * What a POP3 server is: RFC 1939, RFC 5034 for AUTH and RFC 3206 for response codes, written down
 * as a program that is too simple to be wrong. The tests send the same commands to it and to real
 * servers. It shares no code with the product.
 *
 * Commands are lines without their line end. What only the moment of sending decides stands in
 * them in braces: `{apop PASSWORD}` is the digest for APOP, `{plain USER PASSWORD}` and
 * `{cram USER PASSWORD}` are a client's answers in AUTH.
 *
 * @module
 */
import { wireForm } from "../support/mailbox.ts";

/** A message that lies in a maildrop. */
export interface ModelMessage {
  /** What tells it from all others; a server makes its unique id of that. */
  readonly name: string;
  /** What RETR sends, dot-stuffing undone, a character an octet. */
  readonly wire: string;
  /** Whether QUIT has ended a session in which it was retrieved. */
  seen: boolean;
  /** Another program has removed it. */
  removed: boolean;
}

/** What a server has to answer to one command. */
export interface Expected {
  /** `+` is a challenge of AUTH. */
  readonly status: "+OK" | "-ERR" | "+";
  /** The response code that this server promises with -ERR (RFC 2449 section 8, RFC 3206). */
  readonly code?: "AUTH" | "IN-USE" | "SYS/TEMP";
  /** What the text behind +OK begins with, where RFC 1939 decides it: the numbers of STAT and LIST. */
  readonly values?: string;
  /** The octets that RETR announces: exact in this server, mere text in RFC 1939. */
  readonly announces?: number;
  /** The rest of a multi-line reply, a character an octet, as far as it is decided. */
  readonly data?: string;
  /** The messages, by their numbers, whose unique ids the reply tells. */
  readonly ids?: ReadonlyMap<number, ModelMessage>;
  /** Whether the server then closes the connection. */
  readonly closes?: true;
}

/** A command on which RFC 1939 leaves servers free: only this one's answer is known. */
export type Verdict = Expected & { readonly undecided?: true };

const OK: Expected = { status: "+OK" };
const ERR: Expected = { status: "-ERR" };
const REFUSED: Expected = { status: "-ERR", code: "AUTH" };

/** A maildrop with its user, and whoever has a session with it. */
export class ModelMaildrop {
  /** The user's name. */
  readonly user: string;
  /** The user's password. */
  readonly password: string;
  /** Oldest first; those that were deleted are gone. */
  messages: ModelMessage[] = [];
  /** Section 4: the maildrop is locked while a session is in the TRANSACTION or UPDATE state. */
  holder: ModelSession | undefined;

  /** An empty maildrop. */
  constructor(user: string, password: string) {
    this.user = user;
    this.password = password;
  }

  /** A message comes in; sessions that have begun do not see it (section 3). */
  deliver(name: string, disk: Uint8Array, seen = false): void {
    const wire = String.fromCharCode(...wireForm(disk));
    this.messages.push({ name, wire, seen, removed: false });
  }
}

/** One connection of a client, from the greeting on. */
export class ModelSession {
  readonly #maildrop: ModelMaildrop;
  readonly #strict: boolean;
  #state: "AUTHORIZATION" | "TRANSACTION" | "UPDATE" = "AUTHORIZATION";
  /** The name of USER, until a login uses it up. */
  #user: string | undefined;
  /** Whether USER was the last command, as PASS wants it. */
  #userWasLast = false;
  /** The mechanism whose answer the next line is. */
  #mechanism: "plain" | "cram" | undefined;
  /** The messages of this session, number 1 first. */
  #messages: readonly ModelMessage[] = [];
  readonly #deleted = new Set<ModelMessage>();
  readonly #retrieved = new Set<ModelMessage>();

  /**
   * A connection to the server that has this maildrop.
   *
   * @param strict whether commands on which RFC 1939 leaves servers free have no effect: they will
   * not be sent to the server either
   */
  constructor(maildrop: ModelMaildrop, strict: boolean) {
    this.#maildrop = maildrop;
    this.#strict = strict;
  }

  /** Whether the server has closed the connection. */
  get over(): boolean {
    return this.#state === "UPDATE";
  }

  /** Whether a login has succeeded. */
  get loggedIn(): boolean {
    return this.#state === "TRANSACTION";
  }

  /** Whether the next line is an answer in AUTH, and no command. */
  get answering(): boolean {
    return this.#mechanism !== undefined;
  }

  /** The client goes away without QUIT: section 6, nothing is deleted. */
  hangUp(): void {
    this.#leave();
  }

  /** What the server answers. */
  answer(line: string): Verdict {
    if (this.#mechanism !== undefined) return this.#finishAuth(this.#mechanism, line);
    const [keyword = "", ...args] = line.split(" ");
    const name = keyword.toUpperCase();
    const afterUser = this.#userWasLast;
    this.#userWasLast = false;
    if (this.#state === "TRANSACTION") return this.#transaction(name, args);
    if (this.#state === "AUTHORIZATION") return this.#authorization(name, args, afterUser);
    throw new Error("The session is over");
  }

  // Section 4, the AUTHORIZATION state ---------------------------------------

  #authorization(name: string, args: readonly string[], afterUser: boolean): Verdict {
    const argument = args.join(" ");
    if (name === "USER" && argument !== "") return this.#nameUser(argument);
    if (name === "USER") return { ...ERR, undecided: true };
    if (name === "PASS") return this.#pass(argument, afterUser);
    if (name === "APOP") return this.#apop(argument);
    if (name === "AUTH") return this.#auth(args);
    if (name !== "QUIT" && name !== "CAPA") return ERR;
    // Some servers do not look at what follows.
    if (args.length > 0) return { ...ERR, undecided: true };
    if (name === "CAPA") return { ...OK, undecided: true };
    this.#state = "UPDATE";
    return { ...OK, closes: true };
  }

  /** Section 7: whether there is such a user is not told before PASS. */
  #nameUser(name: string): Verdict {
    this.#user = name;
    this.#userWasLast = true;
    return OK;
  }

  /** Section 7: only immediately after USER; this server lets other commands come between them. */
  #pass(password: string, afterUser: boolean): Verdict {
    const user = this.#user;
    if (user === undefined || (this.#strict && !afterUser)) return { ...ERR, undecided: true };
    const verdict = this.#logIn(user, password);
    return afterUser ? verdict : { ...verdict, undecided: true };
  }

  #apop(argument: string): Verdict {
    const [, name, password] = /^(\S+) \{apop ([^}]+)\}$/.exec(argument) ?? [];
    if (name === undefined || password === undefined) return ERR;
    return this.#logIn(name, password);
  }

  /** RFC 5034 section 4. */
  #auth([mechanism, response, ...more]: readonly string[]): Verdict {
    // AUTH alone lists mechanisms, in this server and in others, but no RFC says so.
    if (mechanism === undefined) return { ...OK, undecided: true };
    const name = mechanism.toUpperCase();
    if (name === "CRAM-MD5" && response === undefined) {
      this.#mechanism = "cram";
      return { status: "+" };
    }
    if (name !== "PLAIN") return ERR;
    if (response === undefined) {
      this.#mechanism = "plain";
      return { status: "+" };
    }
    return this.#finishAuth("plain", [response, ...more].join(" "));
  }

  #finishAuth(mechanism: "plain" | "cram", answer: string): Verdict {
    this.#mechanism = undefined;
    const [, kind, user, password] = /^\{(\w+) (\S+) ([^}]+)\}$/.exec(answer) ?? [];
    // "*" cancels, and whatever else is sent here is no message of the mechanism.
    if (kind !== mechanism || user === undefined || password === undefined) return ERR;
    return this.#logIn(user, password);
  }

  #logIn(user: string, password: string): Verdict {
    const maildrop = this.#maildrop;
    this.#user = undefined;
    if (user !== maildrop.user || password !== maildrop.password) return REFUSED;
    if (maildrop.holder !== undefined) return { status: "-ERR", code: "IN-USE" };
    maildrop.holder = this;
    this.#messages = maildrop.messages.filter(({ removed }) => !removed);
    this.#state = "TRANSACTION";
    return OK;
  }

  // Section 5, the TRANSACTION state ----------------------------------------

  #transaction(name: string, args: readonly string[]): Verdict {
    const message = this.#message(args[0]);
    const single = args.length === 1 ? message : undefined;
    if (name === "LIST" && args.length === 0) return this.#listAll();
    if (name === "UIDL" && args.length === 0) return this.#idsOfAll();
    if (name === "TOP") return this.#top(message, args);
    if (["LIST", "UIDL", "RETR", "DELE"].includes(name)) {
      if (args.length > 1 && message !== undefined) return { ...ERR, undecided: true };
      if (single === undefined) return ERR;
      if (name === "LIST") return this.#list(single);
      if (name === "UIDL") return { ...OK, ids: new Map([[this.#number(single), single]]) };
      if (name === "RETR") return this.#retr(single);
      this.#deleted.add(single);
      return OK;
    }
    return this.#withoutArgument(name, args);
  }

  #withoutArgument(name: string, args: readonly string[]): Verdict {
    if (!["STAT", "NOOP", "RSET", "QUIT", "CAPA"].includes(name)) return ERR;
    if (args.length > 0) return { ...ERR, undecided: true };
    if (name === "STAT") return { ...OK, values: this.#totals() };
    if (name === "QUIT") return this.#quit();
    if (name === "RSET") {
      this.#deleted.clear();
      this.#retrieved.clear();
    }
    return name === "CAPA" ? { ...OK, undecided: true } : OK;
  }

  /** The message of that number, if it is one, is there and is not marked as deleted. */
  #message(number: string | undefined): ModelMessage | undefined {
    if (number === undefined || !/^\d+$/.test(number)) return undefined;
    const message = this.#messages[Number(number) - 1];
    return message !== undefined && !this.#deleted.has(message) ? message : undefined;
  }

  #number(message: ModelMessage): number {
    return this.#messages.indexOf(message) + 1;
  }

  /** Numbers do not change when others are deleted. */
  #left(): ModelMessage[] {
    return this.#messages.filter((message) => !this.#deleted.has(message));
  }

  /** Deleted messages are not counted in either total. */
  #totals(): string {
    const left = this.#left();
    return `${left.length} ${left.reduce((sum, { wire }) => sum + wire.length, 0)}`;
  }

  #list(message: ModelMessage): Verdict {
    return { ...OK, values: `${this.#number(message)} ${message.wire.length}` };
  }

  #listAll(): Verdict {
    const lines = this.#left().map((it) => `${this.#number(it)} ${it.wire.length}\r\n`);
    return { ...OK, data: lines.join("") };
  }

  #idsOfAll(): Verdict {
    return { ...OK, ids: new Map(this.#left().map((it) => [this.#number(it), it])) };
  }

  #retr(message: ModelMessage): Verdict {
    if (message.removed) return { status: "-ERR", code: "SYS/TEMP", undecided: true };
    this.#retrieved.add(message);
    return { ...OK, announces: message.wire.length, data: message.wire };
  }

  /** Section 7: the header, the blank line and so many lines of the body. */
  #top(message: ModelMessage | undefined, args: readonly string[]): Verdict {
    const [, lines = ""] = args;
    if (message === undefined || !/^\d+$/.test(lines)) return ERR;
    if (args.length > 2) return { ...ERR, undecided: true };
    if (message.removed) return { status: "-ERR", code: "SYS/TEMP", undecided: true };
    const all = message.wire.split("\r\n").slice(0, -1);
    const blank = all.indexOf("");
    const wanted = blank < 0 ? all : all.slice(0, blank + 1 + Number(lines));
    return { ...OK, data: wanted.map((line) => `${line}\r\n`).join("") };
  }

  // Section 6, the UPDATE state ---------------------------------------------

  #quit(): Verdict {
    const maildrop = this.#maildrop;
    maildrop.messages = maildrop.messages.filter((message) => !this.#deleted.has(message));
    for (const message of this.#retrieved) message.seen = true;
    this.#leave();
    return { ...OK, closes: true };
  }

  #leave(): void {
    this.#state = "UPDATE";
    if (this.#maildrop.holder === this) this.#maildrop.holder = undefined;
  }
}
