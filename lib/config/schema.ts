/**
 * The schema of the config file: every setting's name, type, default and
 * meaning, in the order in which they are documented. To add a setting, add it
 * to its section.
 *
 * @module
 */
import type { SettingsOf } from "./schema_kit.ts";
import { directory, log, messageStore, paths } from "./schema_common.ts";
import { pop3download } from "./schema_retriever.ts";
import { pop3server } from "./schema_server.ts";

/** The whole file. `paths` comes first, for the tokens in what follows. */
export const schema = {
  paths,
  log,
  directory,
  message_store: messageStore,
  pop3server,
  pop3download,
} as const;

/** The type of {@linkcode schema}. */
export type Schema = typeof schema;
/** The settings as the file and the defaults give them. */
export type Settings = SettingsOf<Schema>;
