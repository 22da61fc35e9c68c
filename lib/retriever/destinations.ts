/**
 * Makes the destination that a client's options ask for.
 *
 * @module
 */
import { createHash } from "node:crypto";
import type { Destination } from "./destination.ts";
import { FilesDestination } from "./files_destination.ts";
import { type DestinationContext, MaildirDestination } from "./maildir_destination.ts";
import type { DestinationOptions, SmtpOptions } from "./options.ts";

/** What some destinations need beside their context. */
export interface DestinationTools {
  /** The folder of the retriever's own files. */
  readonly stateDirectory: string;
  /** How long a mail server may say nothing, in milliseconds. */
  readonly timeout: number;
}

/** Makes a destination; it touches nothing yet. */
export async function createDestination(
  options: DestinationOptions,
  context: DestinationContext,
  tools: DestinationTools,
): Promise<Destination> {
  switch (options.kind) {
    case "maildir":
      return new MaildirDestination(options, ofOneJournal(context, tools));
    case "files":
      return new FilesDestination(options, ofOneJournal(context, tools));
    case "smtp":
      return await smtpDestination(options, context, tools);
  }
}

/**
 * Only who shares our journal is kept from working at the same time: two configs may collect one
 * account into one folder, and what lies there half written is not the other's to sweep away.
 */
function ofOneJournal(
  context: DestinationContext,
  { stateDirectory }: DestinationTools,
): DestinationContext {
  const journals = createHash("sha256").update(stateDirectory).digest("hex").slice(0, 6);
  return { ...context, tag: context.tag + journals };
}

/** Loaded only where it is wanted: nodemailer takes some ten megabytes. */
async function smtpDestination(
  options: SmtpOptions,
  { recip, hostName, tag }: DestinationContext,
  { stateDirectory, timeout }: DestinationTools,
): Promise<Destination> {
  const { SmtpDestination } = await import("./smtp_destination.ts");
  const { PartialDeliveries } = await import("./partial_deliveries.ts");
  const { connectMailServer } = await import("./smtp_connect.ts");
  return new SmtpDestination(options, {
    recip,
    hostName,
    timeout,
    connect: (smtp) => connectMailServer(smtp, timeout),
    // One file an account: the account's lock covers it.
    partial: new PartialDeliveries(`${stateDirectory}/partial-${tag}.json`),
  });
}
