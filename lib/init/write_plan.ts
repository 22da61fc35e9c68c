/**
 * Writing what a plan comes to: new files only, and either all of them or none.
 *
 * @module
 */
import { dirname, join, resolve } from "node:path";
import { hashPassword } from "../auth/slow_hash.ts";
import { formatProblem, formatProblems, loadConfig } from "../config/config.ts";
import { changeFile } from "../directory/replace_file.ts";
import { appendUser } from "../directory/users_edit.ts";
import { EXIT_USAGE, reasonOf, UserError } from "../errors.ts";
import { encodeText } from "../wire/text.ts";
import { configText, secretFileOf } from "./config_text.ts";
import type { Plan } from "./plan.ts";

/** What was written. */
export interface Written {
  /** The files, absolute paths, the config last. */
  readonly files: readonly string[];
  /** What `check` warns of. */
  readonly warnings: readonly string[];
}

/** Refuses a path where there is anything. */
async function mustBeNew(path: string): Promise<void> {
  try {
    await Deno.lstat(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    throw new UserError(`Cannot look for "${path}": ${reasonOf(error)}`);
  }
  throw new UserError(
    `"${path}" is there already, and nothing is overwritten: move it away, or name another config ` +
      "with --config",
    EXIT_USAGE,
  );
}

/** The folder of the users and secrets that belong to a config. */
function secretsFolder(configFile: string): string {
  return join(dirname(resolve(configFile)), "conf");
}

/**
 * Looks for what would be in the way, before anything is asked.
 *
 * @throws {UserError} with status 2 if the config or its users file is there
 */
export async function checkPlace(configFile: string): Promise<void> {
  await mustBeNew(resolve(configFile));
  await mustBeNew(join(secretsFolder(configFile), "users"));
}

/**
 * Writes the users file, the secrets and the config of a plan, and checks them.
 *
 * @throws {UserError} if a file is there already, cannot be written, or the config would be wrong;
 * nothing is left behind then
 */
export async function writePlan(plan: Plan, configFile: string): Promise<Written> {
  const config = resolve(configFile);
  const folder = secretsFolder(configFile);
  const secrets = secretsOf(plan, folder);
  for (const path of [config, join(folder, "users"), ...secrets.keys()]) await mustBeNew(path);
  const users = await usersText(plan);
  const made = new Made();
  try {
    await made.folder(dirname(config));
    if (users !== "" || secrets.size > 0) await made.folder(folder);
    if (users !== "") await made.users(join(folder, "users"), users);
    for (const [path, secret] of secrets) {
      await made.folder(dirname(path));
      await made.file(path, `${secret}\n`, 0o600);
    }
    await made.file(config, configText(plan), 0o644);
    const { problems, warnings } = await loadConfig(config);
    if (problems.length > 0) {
      throw new UserError(formatProblems(config, problems).trimEnd(), EXIT_USAGE);
    }
    return { files: made.files, warnings: warnings.map(formatProblem) };
  } catch (error) {
    await made.undo();
    throw error;
  }
}

function secretsOf({ accounts }: Plan, folder: string): Map<string, string> {
  const secrets = new Map<string, string>();
  for (const account of accounts) {
    const name = secretFileOf(account);
    const { secret } = account;
    if (name === undefined || secret.kind === "token file") continue;
    secrets.set(
      join(folder, name),
      secret.kind === "password" ? secret.value : secret.refreshToken!,
    );
  }
  return secrets;
}

async function usersText({ users }: Plan): Promise<string> {
  let text = "";
  for (const { name, password } of users) {
    text = appendUser(text, name, password === undefined ? "" : await hashPassword(password));
  }
  return text;
}

/** What was made, so that it can be unmade. */
class Made {
  readonly files: string[] = [];
  readonly #folders: string[] = [];

  async folder(path: string): Promise<void> {
    if (await Deno.stat(path).then((info) => info.isDirectory, () => false)) return;
    await this.folder(dirname(path));
    try {
      await Deno.mkdir(path);
    } catch (error) {
      throw new UserError(`Cannot make the folder "${path}": ${reasonOf(error)}`);
    }
    this.#folders.push(path);
  }

  async users(path: string, text: string): Promise<void> {
    await changeFile(path, (old) => {
      if (old === "") return text;
      throw new UserError(`"${path}" is there already, and nothing is overwritten`, EXIT_USAGE);
    });
    this.files.push(path);
  }

  async file(path: string, text: string, mode: number): Promise<void> {
    try {
      using out = await Deno.open(path, { write: true, createNew: true, mode });
      this.files.push(path);
      const bytes = encodeText(text);
      for (let at = 0; at < bytes.length;) at += await out.write(bytes.subarray(at));
      await out.sync();
    } catch (error) {
      throw new UserError(`Cannot write "${path}": ${reasonOf(error)}`);
    }
  }

  async undo(): Promise<void> {
    for (const path of [...this.files, ...this.#folders.toReversed()]) {
      // A folder that has got other contents stays.
      await Deno.remove(path).catch(() => {});
    }
  }
}
