/**
 * The settings that the server and the retriever share.
 *
 * @module
 */
import { ROTATIONS } from "../log/name_template.ts";
import { TRACE_LEVELS } from "../log/trace.ts";
import { anchor, existingFile, folder, innerPath, logTemplate } from "./paths.ts";
import {
  mandatory,
  optional,
  optionalSection,
  type Section,
  section,
  setting,
} from "./schema_kit.ts";
import { boolean, choice, duration, fileMark, size } from "./value_types.ts";

const fileAbout = {
  meaning:
    "The file's path. The time may stand in it: `%DT%` at the grain of the rotation, or `%Y%` `%M%` `%D%` `%h%` `%m%` `%s%`. Folders are created as needed.",
  example: '"%DIRLOG%/pop3-%DT%.log"',
};

const logAttributes = {
  rot: setting(choice(ROTATIONS), "NEVER", {
    meaning:
      "When a new file is begun. A weekly file is named after the first day of its week. `maxfile` overrides this.",
    example: '"DAILY"',
    manual: "GreyLog Guide",
  }),
  maxfile: optional(size(1024), {
    meaning: "A new file is begun when the file reaches this size, whatever `rot` says.",
    example: '"10M"',
    manual: "GreyLog Guide",
  }),
  buffer: setting(size(0, 64 * 1024 * 1024), "8K", {
    meaning: "How much is gathered in memory before it is written.",
    example: '"64K"',
    manual: "GreyLog Guide",
  }),
  flush: setting(duration({ zero: true }), "1s", {
    meaning:
      "What was gathered is written at the latest after this time; `0` writes only when the buffer is full and at the end.",
    example: '"10s"',
    manual: "GreyLog Guide",
  }),
};

/** A setting that names a log file: a path, or a table of these attributes. */
export const logFileFields = { file: mandatory(logTemplate, fileAbout), ...logAttributes };

/** Declares a log file that is off unless configured. */
export function logFile(meaning: string, manual: string): Section<typeof logFileFields, false> {
  const { example } = fileAbout;
  return optionalSection(meaning, logFileFields, {
    name: "log file",
    key: "file",
    example,
    manual,
  });
}

/** `[paths]` */
const paths = section(
  "The folders that the tokens in other paths stand for. A relative path starts at the config file's folder, wherever the program is started.",
  {
    root: setting(anchor("DIRTOP"), ".", {
      meaning: "The folder `%DIRTOP%`; by default the config file's own.",
      example: '"/srv/mailismus"',
    }),
    config: setting(anchor("DIRCONF"), "%DIRTOP%/conf", {
      meaning: "The folder `%DIRCONF%`, for users, aliases and certificates.",
      example: '"/etc/mailismus"',
    }),
    var: setting(anchor("DIRVAR"), "%DIRTOP%/var", {
      meaning:
        "The folder `%DIRVAR%`, for all that the program writes, its caches and journals among it.",
      example: '"/var/lib/mailismus"',
    }),
    logs: setting(anchor("DIRLOG"), "%DIRVAR%/logs", {
      meaning: "The folder `%DIRLOG%`.",
      example: '"/var/log/mailismus"',
    }),
    tmp: setting(anchor("DIRTMP"), "%DIRVAR%/tmp", {
      meaning: "The folder `%DIRTMP%`.",
      example: '"/var/tmp/mailismus"',
    }),
  },
);

/** `[log]` */
const log = section("The trace log: what the program does, and what goes wrong.", {
  file: optional(logTemplate, {
    ...fileAbout,
    meaning: fileAbout.meaning + " Without it the log goes to standard error.",
    example: '"%DIRLOG%/mailismus-%DT%.log"',
  }),
  ...logAttributes,
  level: setting(choice(TRACE_LEVELS), "INFO", {
    meaning: "How much is told, from `ERR` (errors alone) to `TRC5` (everything).",
    example: '"WARN"',
  }),
  delta: setting(boolean, false, {
    meaning: "Each line also tells how long after the one before it was written.",
    example: "true",
  }),
});

/** `[directory]` */
const directory = optionalSection(
  "Who has a mailbox here. Changes to these files are taken up within seconds, without a restart.",
  {
    users: optional(existingFile, {
      meaning:
        "The users file, a `user:password` a line; the command `user` writes it. A user without a password gets mail but cannot log in.",
      example: '"%DIRCONF%/users"',
      manual: "4.10.1",
    }),
    domains: optional(existingFile, {
      meaning: "The local domains, one a line.",
      example: '"%DIRCONF%/domains"',
      manual: "4.10",
    }),
    aliases: optional(existingFile, {
      meaning:
        "The aliases, `alias : recipient : recipient …` a line. The recipient `.` alone discards the mail.",
      example: '"%DIRCONF%/aliases"',
      manual: "4.10",
    }),
    plainpass: setting(boolean, false, {
      meaning:
        "Whether the users file holds the passwords themselves. Only then can APOP and CRAM-MD5 be offered; by default it holds hashes.",
      example: "true",
      manual: "4.10.1",
    }),
  },
);

/** `[message_store]` */
const messageStore = optionalSection("Where the mailboxes are: a Maildir for each user.", {
  userpath: setting(folder, "%DIRVAR%/ms", {
    meaning: "The folder that holds a folder for each user.",
    example: '"/var/mail"',
    manual: "4.2",
  }),
  mailpath: setting(innerPath, "Maildir", {
    meaning: "The Maildir inside a user's folder.",
    example: '"mail/inbox"',
    manual: "4.2",
  }),
  filename_colon: setting(fileMark, {
    rule: '`":"`, on Windows `"+"`',
    value: (_around, context) => context.windows ? "+" : ":",
  }, {
    meaning: "The character before the flags in the name of a message's file, or `/` and its code.",
    example: '"/43"',
    manual: "4.2",
  }),
  filename_comma: setting(fileMark, ",", {
    meaning: "The character after the `2` that opens the flags, or `/` and its code.",
    example: '"/44"',
    manual: "4.2",
  }),
  exclusive: setting(boolean, false, {
    meaning:
      "Promises that no other program adds or removes messages, which allows shortcuts. Leave it off where an MTA delivers into the same folders.",
    example: "true",
    manual: "4.2",
  }),
  dotstuffing: setting(boolean, true, {
    meaning:
      "`true`: plain Maildir files, as other programs read and write them. `false`: files in the protocol's own form (CRLF, dots doubled), as a Mailismus store has them by default; nothing that writes plain files may deliver here then, since a line of a single dot would end a message for the client.",
    example: "false",
    manual: "4.2",
  }),
});

/** These sections, by name. */
export const commonSections = { paths, log, directory, message_store: messageStore };
