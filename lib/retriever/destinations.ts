/**
 * Makes the destination that a client's options ask for.
 *
 * @module
 */
import type { Destination } from "./destination.ts";
import { FilesDestination } from "./files_destination.ts";
import { type DestinationContext, MaildirDestination } from "./maildir_destination.ts";
import type { DestinationOptions } from "./options.ts";
import { PartialDeliveries } from "./partial_deliveries.ts";
import { connectMailServer } from "./smtp_connect.ts";
import { SmtpDestination } from "./smtp_destination.ts";

/** What some destinations need beside their context. */
export interface DestinationTools {
  /** The folder of the retriever's own files. */
  readonly stateDirectory: string;
  /** How long a mail server may say nothing, in milliseconds. */
  readonly timeout: number;
}

/** Makes a destination; it touches nothing yet. */
export function createDestination(
  options: DestinationOptions,
  context: DestinationContext,
  { stateDirectory, timeout }: DestinationTools,
): Destination {
  switch (options.kind) {
    case "maildir":
      return new MaildirDestination(options, context);
    case "files":
      return new FilesDestination(options, context);
    case "smtp":
      return new SmtpDestination(options, {
        hostName: context.hostName,
        timeout,
        connect: (smtp) => connectMailServer(smtp, timeout),
        // One file an account: the account's lock covers it.
        partial: new PartialDeliveries(`${stateDirectory}/partial-${context.tag}.json`),
      });
  }
}
