/**
 * Makes the destination that a client's options ask for.
 *
 * @module
 */
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
      return new MaildirDestination(options, context);
    case "files":
      return new FilesDestination(options, context);
    case "smtp":
      return await smtpDestination(options, context, tools);
  }
}

/** Loaded only where it is wanted: nodemailer takes some ten megabytes. */
async function smtpDestination(
  options: SmtpOptions,
  { hostName, tag }: DestinationContext,
  { stateDirectory, timeout }: DestinationTools,
): Promise<Destination> {
  const { SmtpDestination } = await import("./smtp_destination.ts");
  const { PartialDeliveries } = await import("./partial_deliveries.ts");
  const { connectMailServer } = await import("./smtp_connect.ts");
  return new SmtpDestination(options, {
    hostName,
    timeout,
    connect: (smtp) => connectMailServer(smtp, timeout),
    // One file an account: the account's lock covers it.
    partial: new PartialDeliveries(`${stateDirectory}/partial-${tag}.json`),
  });
}
