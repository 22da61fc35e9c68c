/**
 * `user`: adds, removes, lists and checks the users in the users file.
 *
 * @module
 */
import { dirname } from "node:path";
import { createAuthenticator, MAX_PASSWORD } from "../auth/authenticator.ts";
import { createLocalHashPool } from "../auth/local_hashes.ts";
import { parsePasswordHash } from "../auth/password_hash.ts";
import { hashPassword } from "../auth/slow_hash.ts";
import { problemText } from "../directory/problems.ts";
import { changeFile } from "../directory/replace_file.ts";
import { readLines, trim } from "../directory/text_file.ts";
import {
  appendUser,
  findUser,
  newUserNameFault,
  removeUser,
  replaceUser,
} from "../directory/users_edit.ts";
import { hashField, parseUsers, splitUserLine } from "../directory/users_file.ts";
import { EXIT_FAILED, EXIT_USAGE, reasonOf, UserError } from "../errors.ts";
import { encodeText } from "../wire/text.ts";
import type { CommandArgs, Subcommand } from "./command.ts";
import { printError, printLine } from "./output.ts";
import { type SecretInput, standardSecretInput } from "./secret_input.ts";

/** What `user` can do. */
export const USER_ACTIONS = ["add", "remove", "list", "verify"] as const;

/** What is to be done, as the command line says it. */
export interface UserAction {
  /** One of {@linkcode USER_ACTIONS}. */
  readonly action: typeof USER_ACTIONS[number];
  /** The user; absent for `list` only. */
  readonly name?: string;
  /** Whether `add` may give an existing user another password. */
  readonly replace: boolean;
  /** Whether `add` is to ask for no password: mail is delivered, nobody can log in. */
  readonly mailOnly: boolean;
}

/** An action, and the users file that it is about. */
export interface UserOptions extends UserAction {
  /** The setting `directory.users`. */
  readonly usersFile: string | undefined;
  /** The setting `directory.plainpass`. */
  readonly plainpass: boolean;
  /** Where passwords come from; the terminal or standard input by default. */
  readonly input?: SecretInput;
}

/** The description of the subcommand, to which its `run` is still to be added. */
export const USER_COMMAND: Omit<Subcommand, "run"> = {
  name: "user",
  summary: "add, remove, list or verify users in the users file",
  positionals: "add|remove|list|verify [NAME]",
  description: [
    "The users file is the one that directory.users names; add creates it if need be, and its " +
    "folder. The password is asked for on the terminal, or is the first line of standard input. It is " +
    "stored hashed with argon2id, unless directory.plainpass is true. A running server notices " +
    "the change within seconds.",
    "verify ends with status 0 if the password is right, else with 1.",
  ],
  flags: [
    { name: "replace", summary: "with add: give a user who is there already a new password" },
    { name: "mail-only", summary: "with add: no password; mail is delivered, nobody can log in" },
  ],
  examples: [
    { line: "user add joe", does: "add a user, asking for the password" },
    { line: "user add --replace joe <secret.txt", does: "set a new password, read from a file" },
    { line: "user list", does: "show who is there, and how each password is stored" },
  ],
};

/**
 * Reads the arguments of `user`.
 *
 * @throws {UserError} with status 2 if they are not one action and what it needs
 */
export function parseUserAction(args: CommandArgs): UserAction {
  const [word, name, ...rest] = args.positionals;
  const action = USER_ACTIONS.find((one) => one === word);
  if (action === undefined) {
    const said = word === undefined ? "was given none" : `not "${word}"`;
    throw usage(`"user" takes one of ${USER_ACTIONS.join(", ")}, ${said}`);
  }
  if (action === "list" ? name !== undefined : name === undefined || rest.length > 0) {
    throw usage(`"user ${action}" takes ${action === "list" ? "no name" : "one user's name"}`);
  }
  const [replace, mailOnly] = [args.has("replace"), args.has("mail-only")];
  if (action !== "add" && (replace || mailOnly)) {
    throw usage(`"--${replace ? "replace" : "mail-only"}" goes with "user add" only`);
  }
  return { action, replace, mailOnly, ...(name === undefined ? {} : { name }) };
}

/**
 * Does what `user` is asked to.
 *
 * @returns the exit status
 * @throws {UserError} if it cannot be done
 */
export async function runUser(options: UserOptions): Promise<number> {
  const { usersFile, action, name = "" } = options;
  if (usersFile === undefined) {
    throw usage(`"user ${action}" needs a users file, but the config does not set directory.users`);
  }
  switch (action) {
    case "add":
      return await add(usersFile, name, options);
    case "remove":
      return await remove(usersFile, name);
    case "list":
      return await list(usersFile, options.plainpass);
    case "verify":
      return await verify(usersFile, name, options);
  }
}

async function add(file: string, name: string, options: UserOptions): Promise<number> {
  const fault = newUserNameFault(name);
  if (fault !== undefined) throw usage(`Cannot add the user ${JSON.stringify(name)}: ${fault}`);
  // Before the password is asked for; it is looked at again under the lock.
  checkPlace(await readText(file), file, name, options.replace);
  const stored = options.mailOnly ? "" : await storedPassword(name, options);
  let existed = false;
  await makeFolder(file);
  await changeUsers(file, (text) => {
    existed = checkPlace(text, file, name, options.replace);
    return existed
      ? replaceUser(text, name, stored + furtherFields(text, name, options))
      : appendUser(text, name, stored);
  });
  const how = options.mailOnly
    ? "without a password: mail is delivered, nobody can log in"
    : options.plainpass
    ? "with the password as it is, since directory.plainpass is true"
    : "with the password hashed by argon2id";
  printLine(`${existed ? "Changed" : "Added"} user "${name}" in ${file}, ${how}`);
  return 0;
}

/** The users file of a new installation may be the first file in its folder. */
async function makeFolder(file: string): Promise<void> {
  try {
    await Deno.mkdir(dirname(file), { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new UserError(`Cannot create the folder of "${file}": ${reasonOf(error)}`, EXIT_FAILED, {
      cause: error,
    });
  }
}

/** Whether the user is there already; throws if that, or how, stands against adding. */
function checkPlace(text: string, file: string, name: string, replace: boolean): boolean {
  const places = findUser(text, name);
  if (places.length > 1) {
    const lines = places.map((place) => place.line).join(" and ");
    throw new UserError(
      `User "${name}" stands in ${file} more than once, on lines ${lines}: remove all but one`,
    );
  }
  if (places.length === 1 && !replace) {
    throw new UserError(
      `User "${name}" is in ${file} already: to set a new password, use "user add --replace ${name}"`,
    );
  }
  if (places.length === 0 && replace) {
    throw new UserError(`There is no user "${name}" in ${file}: to add one, leave out --replace`);
  }
  return places.length === 1;
}

/** Dovecot's fields behind the hash, which are not ours to drop. */
function furtherFields(text: string, name: string, options: UserOptions): string {
  const password = findUser(text, name)[0]?.password ?? "";
  const at = options.plainpass ? -1 : password.indexOf(":");
  return at < 0 ? "" : password.slice(at);
}

async function storedPassword(name: string, options: UserOptions): Promise<string> {
  const input = options.input ?? standardSecretInput();
  const password = await askPassword(input, `Password for "${name}":`);
  if (encodeText(password).length > MAX_PASSWORD) {
    throw usage(`The password is too long: at most ${MAX_PASSWORD} octets`);
  }
  if (/[\0\r\n]/.test(password)) throw usage("The password holds a line break or a NUL");
  if (options.plainpass && trim(password) !== password) {
    throw usage(
      "The password begins or ends with white space, which cannot be stored while " +
        "directory.plainpass is true",
    );
  }
  if (input.interactive && await askPassword(input, "The same again:") !== password) {
    throw usage("The two passwords are not the same: nothing was changed");
  }
  return options.plainpass ? password : await hashPassword(password);
}

async function askPassword(input: SecretInput, prompt: string): Promise<string> {
  const password = await input.ask(prompt);
  if (password === null || password === "") {
    throw usage(
      input.interactive
        ? "No password was given"
        : "No password was given: its place is the first line of standard input",
    );
  }
  return password;
}

async function remove(file: string, name: string): Promise<number> {
  await mustExist(file);
  await changeUsers(file, (text) => {
    if (findUser(text, name).length === 0) throw noUser(file, name);
    return removeUser(text, name);
  });
  printLine(`Removed user "${name}" from ${file}; the user's mail is left where it is`);
  return 0;
}

async function list(file: string, plainpass: boolean): Promise<number> {
  const lines = await readLines(file);
  if (!Array.isArray(lines)) throw new UserError(problemText(lines));
  const { problems } = parseUsers(lines, { file, plainpass });
  for (const { text } of lines) {
    const { name, password } = splitUserLine(text);
    printLine(`${name}\t${describe(plainpass ? password : hashField(password), plainpass)}`);
  }
  for (const problem of problems) printError(problemText(problem));
  return problems.length === 0 ? 0 : EXIT_FAILED;
}

function describe(stored: string, plainpass: boolean): string {
  if (stored === "") return "no password, mail only";
  if (plainpass) return "plain password";
  const hash = parsePasswordHash(stored);
  if ("fault" in hash) return `cannot log in: ${hash.fault}`;
  if (hash.kind === "plain") return "plain password";
  if (hash.kind === "argon2id" || hash.kind === "bcrypt") return hash.kind;
  if (hash.kind === "scram") return "SCRAM-SHA-256";
  return hash.kind === "crypt"
    ? `${hash.algorithm}-crypt`
    : `${hash.salt.length > 0 ? "salted " : ""}${hash.algorithm}`;
}

async function verify(file: string, name: string, options: UserOptions): Promise<number> {
  const lines = await readLines(file);
  if (!Array.isArray(lines)) throw new UserError(problemText(lines));
  const { credentials, problems, warnings } = parseUsers(lines, {
    file,
    plainpass: options.plainpass,
  });
  if (problems.length > 0) throw new UserError(problems.map(problemText).join("\n"));
  const stored = credentials.users.get(name);
  if (stored === undefined) throw noUser(file, name);
  if (stored === "") {
    const warning = warnings.find(({ message }) => message.startsWith(`User "${name}" `));
    throw new UserError(
      warning
        ? problemText(warning)
        : `User "${name}" has no password in ${file}: nobody can log in`,
    );
  }
  const password = await askPassword(
    options.input ?? standardSecretInput(),
    `Password for "${name}":`,
  );
  const outcome = await createAuthenticator(credentials, createLocalHashPool())
    .checkPassword(name, password);
  if (outcome.kind === "unavailable") {
    throw new UserError(`Cannot check the password of "${name}": ${outcome.reason}`);
  }
  const right = outcome.kind === "accepted";
  printLine(`The password of "${name}" is ${right ? "right" : "wrong"}`);
  return right ? 0 : EXIT_FAILED;
}

async function changeUsers(file: string, change: (text: string) => string): Promise<void> {
  const { closedToOthers } = await changeFile(file, change);
  if (closedToOthers) {
    printError(
      `Other users of this machine could read ${file}: now only its owner can, and its group if ` +
        `it was given to one, so make sure that the server runs as one of them`,
    );
  }
}

async function readText(file: string): Promise<string> {
  try {
    return await Deno.readTextFile(file);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw new UserError(`Cannot read "${file}": ${(error as Error).message}`);
  }
}

async function mustExist(file: string): Promise<void> {
  if (await Deno.stat(file).then(() => false, (error) => error instanceof Deno.errors.NotFound)) {
    throw new UserError(`There is no users file "${file}"`);
  }
}

function noUser(file: string, name: string): UserError {
  return new UserError(`There is no user "${name}" in ${file}`);
}

function usage(message: string): UserError {
  return new UserError(message, EXIT_USAGE);
}
