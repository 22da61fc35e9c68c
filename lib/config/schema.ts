/**
 * The schema of the config file: every setting's name, type, default and
 * meaning, in the order in which they are documented. To add a setting, add it
 * to its section.
 *
 * @module
 */
import { commonSections } from "./schema_common.ts";
import type { SettingsOf } from "./schema_kit.ts";
import { retrieverSections } from "./schema_retriever.ts";
import { serverSections } from "./schema_server.ts";

/** All sections. */
export type Schema = typeof commonSections & typeof serverSections & typeof retrieverSections;

/** The whole file. `paths` comes first, for the tokens in what follows. */
export const schema: Schema = { ...commonSections, ...serverSections, ...retrieverSections };

/** The settings as the file and the defaults give them. */
export type Settings = SettingsOf<Schema>;
