/**
 * `import`: makes a config of a Mailismus XML configuration.
 *
 * @module
 */
import { EXIT_USAGE, reasonOf, UserError } from "../errors.ts";
import { importMailismus, noteText } from "../import/mailismus.ts";
import { MAX_XML } from "../import/xml.ts";
import { encodeText } from "../wire/text.ts";
import type { CommandArgs, Subcommand } from "./command.ts";
import { PROGRAM } from "./help.ts";
import { printError, writeOut } from "./output.ts";

/** The subcommand. */
export const importCommand: Subcommand = {
  name: "import",
  summary: "make a config of a Mailismus XML configuration",
  positionals: "MAILISMUS.XML",
  description: [
    "The directory, the message store, the POP3 server and the retriever become TOML, on standard " +
    "output or in a new file. What has no counterpart here is told on standard error, and again in " +
    "comments at the end of the config, together with the commands that turn Java keystores into " +
    "PEM files. Passwords of remote mailboxes are carried over: keep the result to yourself.",
  ],
  flags: [{
    name: "output",
    short: "o",
    value: "FILE",
    summary: "the config to write; it must not exist yet",
  }],
  examples: [
    { line: "import conf/mailismus.xml", does: "see what would become of it" },
    {
      line: "import conf/mailismus.xml --output config.toml",
      does: "write the config, readable by you alone",
    },
  ],
  run: runImport,
};

/**
 * Imports a configuration.
 *
 * @returns the exit status, 0
 * @throws {UserError} if the file is no Mailismus configuration, or the config cannot be written
 */
export async function runImport(args: CommandArgs): Promise<number> {
  const [file, ...rest] = args.positionals;
  if (file === undefined || rest.length > 0) {
    throw new UserError(
      `"import" takes one XML file (see "${PROGRAM} import --help")`,
      EXIT_USAGE,
    );
  }
  const output = args.value("output");
  const { toml, notes, counts } = importMailismus(await readBounded(file), file);
  if (output === undefined) writeOut(toml);
  else await writeNew(output, toml);
  const made = `${plural(counts.listeners, "listener")} and ${plural(counts.clients, "client")}`;
  printError(
    `Imported ${made} of ${file}` + (output === undefined ? "" : ` into ${output}`) +
      (notes.length === 0 ? "" : `. Not carried over, or not as it was:`),
  );
  for (const note of notes) printError(`  ${noteText(note)}`);
  if (output !== undefined) printError(`Next: ${PROGRAM} check --config ${output}`);
  return 0;
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

/** The file, or so much of it that it is seen to be too large. */
async function readBounded(file: string): Promise<Uint8Array> {
  const bytes = new Uint8Array(MAX_XML + 1);
  let length = 0;
  try {
    using input = await Deno.open(file);
    for (let n: number | null = 0; n !== null && length < bytes.length; length += n ?? 0) {
      n = await input.read(bytes.subarray(length));
    }
  } catch (error) {
    throw new UserError(`Cannot read "${file}": ${reasonOf(error)}`, EXIT_USAGE);
  }
  return bytes.subarray(0, length);
}

/** Writes a file that only its owner can read, for the passwords in it. */
async function writeNew(file: string, text: string): Promise<void> {
  try {
    using out = await Deno.open(file, { write: true, createNew: true, mode: 0o600 });
    const bytes = encodeText(text);
    for (let at = 0; at < bytes.length;) at += await out.write(bytes.subarray(at));
    await out.sync();
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) {
      throw new UserError(
        `Cannot write "${file}": it is there already, and is never overwritten; name another file`,
        EXIT_USAGE,
      );
    }
    throw new UserError(`Cannot write "${file}": ${reasonOf(error)}`);
  }
}
