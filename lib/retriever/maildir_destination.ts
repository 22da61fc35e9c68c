/**
 * The recipient's Maildir as a destination.
 *
 * @module
 */
import type { AuditDestination } from "../log/audit.ts";
import { checkDeliveryFolders } from "../maildir/folder_links.ts";
import { MaildirDelivery, type MaildirMessage } from "../maildir/delivery.ts";
import type {
  Announced,
  Destination,
  MessageForm,
  Names,
  Receiver,
  Recovered,
  Staged,
} from "./destination.ts";
import { FolderActions, judgeAbsent } from "./file_failures.ts";
import type { MaildirOptions } from "./options.ts";

/** What a destination needs to know beside its options. */
export interface DestinationContext {
  /** The recipient, as configured. */
  readonly recip: string;
  /** This host's name. */
  readonly hostName: string;
  /** Names the remote account; marks temporary files together with the destination. Hexadecimal digits. */
  readonly tag: string;
  /** The clock, in milliseconds since 1970. */
  readonly now: () => number;
}

/** Delivers into a Maildir. */
export class MaildirDestination implements Destination {
  /** See {@linkcode Destination.key}. */
  readonly key: string;
  /** See {@linkcode Destination.form}. */
  readonly form: MessageForm;
  /** Nothing but POP3 is between the remote server and the file. */
  readonly protocol = "POP3";
  /** Files can be found again after a crash. */
  readonly recoverable = true;
  readonly #actions: FolderActions;
  readonly #places: readonly AuditDestination[];
  readonly #now: () => number;
  readonly #delivery: MaildirDelivery;
  readonly #options: MaildirOptions;
  /** Whether the folders' owner can replace them. */
  #unsafe = true;

  /** Touches nothing yet. */
  constructor(options: MaildirOptions, context: DestinationContext) {
    this.#options = options;
    this.key = keyOfMailbox(context.recip);
    this.form = options.wire ? "wire" : "lf";
    this.#actions = new FolderActions(options.path);
    this.#places = [{ kind: "Mailbox", name: context.recip }];
    this.#now = context.now;
    this.#delivery = new MaildirDelivery({
      path: options.path,
      marks: { colon: options.colon, comma: options.comma },
      form: options.wire ? "wire" : "plain",
      hostName: context.hostName,
      tag: `pop3-${context.tag}`,
    });
  }

  /** See {@linkcode Destination.open}. */
  async open(): Promise<void> {
    await this.#actions.run("open the mailbox", async () => {
      this.#lookAtFolders();
      await this.#delivery.open();
      this.#lookAtFolders();
    });
  }

  /** See {@linkcode Destination.recover}. */
  async recover(announced: readonly Announced[]): Promise<Recovered[]> {
    return await this.#actions.run("finish the last run's deliveries to", async () => {
      const found = this.#delivery.find(announced.map(({ names }) => names));
      const unfinished: Names[] = [];
      const results = announced.map(({ names, time }, i): Recovered => {
        if (found[i] === "delivered") return "delivered";
        if (found[i] === "elsewhere") return "missing";
        if (found[i] === "nowhere") return judgeAbsent(time, this.#now());
        if (!this.#delivery.isWhole(names)) return "missing";
        unfinished.push(names);
        return "delivered";
      });
      // Also without any: what a killed run moved may not be on disk yet.
      if (announced.length > 0) await this.#delivery.publish(unfinished);
      this.#delivery.sweep(new Set());
      return results;
    });
  }

  /** See {@linkcode Destination.receive}. */
  receive(): Receiver {
    const message = this.#actions.write(() => {
      if (this.#unsafe) this.#lookAtFolders();
      return this.#delivery.begin();
    });
    return {
      write: (bytes) => this.#actions.write(() => message.write(bytes)),
      finish: () => this.#actions.write(() => new StagedMaildirMessage(this.#places, message)),
      discard: () => message.discard(),
    };
  }

  /** See {@linkcode Destination.secure}. */
  async secure(group: readonly Staged[]): Promise<void> {
    await this.#actions.run(
      "bring messages to disk in",
      () => this.#delivery.secure(messagesOf(group)),
    );
  }

  /** See {@linkcode Destination.publish}. */
  async publish(group: readonly Staged[]): Promise<void> {
    const names = group.map((staged) => (staged as StagedMaildirMessage).names);
    await this.#actions.run("move messages into new/ of", async () => {
      if (this.#unsafe) this.#lookAtFolders();
      await this.#delivery.publish(names);
    });
  }

  /** See {@linkcode Destination.abandon}. */
  abandon(group: readonly Staged[]): void {
    for (const message of messagesOf(group)) message.discard();
  }

  /** See {@linkcode Destination.close}. */
  close(): void {
    // Nothing is held between messages.
  }

  /** A link to where the mailbox's owner may not write is not followed, though we could. */
  #lookAtFolders(): void {
    const { userPath, path } = this.#options;
    this.#unsafe = userPath !== undefined && checkDeliveryFolders(userPath, path);
  }
}

/** The name of a user's mailbox in the journal; its path may change without that. */
function keyOfMailbox(recip: string): string {
  return `mailbox:${recip}`;
}

class StagedMaildirMessage implements Staged {
  readonly names: Names;

  constructor(readonly places: readonly AuditDestination[], readonly message: MaildirMessage) {
    this.names = message.finish();
  }
}

function messagesOf(group: readonly Staged[]): MaildirMessage[] {
  return group.map((staged) => (staged as StagedMaildirMessage).message);
}
