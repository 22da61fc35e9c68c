/**
 * Passwords that stand outside the config file.
 *
 * @module
 */
import { decodeText } from "../wire/text.ts";
import type { clientServerFields } from "./schema_retriever.ts";
import type { Table } from "./table.ts";

/** `server` of a client */
export type ServerTable = Table<typeof clientServerFields>;

/**
 * Fetches a client's password from its file or from the environment.
 *
 * @returns undefined if it stands in the config file, or cannot be had: a problem then tells why
 */
export function findPassword(
  server: ServerTable | undefined,
  env: (name: string) => string | undefined,
): string | undefined {
  const given = (["password", "password_file", "password_env"] as const)
    .filter((key) => server?.given(key));
  if (!server || given.length === 0) return undefined;
  if (given.length > 1) {
    server.problem(given[1]!, `stands beside ${given[0]}; a client takes one of them`);
    return undefined;
  }
  if (given[0] === "password_file") return fromFile(server);
  return given[0] === "password_env" ? fromEnvironment(server, env) : undefined;
}

function fromFile(server: ServerTable): string | undefined {
  const path = server.get("password_file");
  if (path === undefined) return undefined;
  const text = decodeText(Deno.readFileSync(path));
  const line = text === undefined ? "" : /^[^\n]*/.exec(text)![0].replace(/\r$/, "");
  const fault = text === undefined ? "is not UTF-8" : faultOf(line, "its first line");
  if (fault === undefined) return line;
  server.wrong("password_file", fault);
  return undefined;
}

function fromEnvironment(
  server: ServerTable,
  env: (name: string) => string | undefined,
): string | undefined {
  const name = server.get("password_env");
  if (name === undefined) return undefined;
  let value: string | undefined;
  try {
    value = env(name);
  } catch (error) {
    server.wrong("password_env", `cannot be looked up: ${(error as Error).message}`);
    return undefined;
  }
  const fault = value === undefined
    ? "is not set in the environment"
    : faultOf(value, "the variable");
  if (fault === undefined) return value;
  server.wrong("password_env", fault);
  return undefined;
}

function faultOf(password: string, where: string): string | undefined {
  if (password === "") return `holds no password: ${where} is empty`;
  if (/[\r\n\0]/.test(password)) {
    return `holds no password that can be sent: ${where} contains a line break or NUL`;
  }
  return undefined;
}
