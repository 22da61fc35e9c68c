/**
 * A folder of files as a destination: one `.eml` file a message, as it came from the server.
 *
 * @module
 */
import {
  DurableFile,
  ensureDurableFolder,
  folderMark,
  removeQuietly,
  syncFolder,
} from "../maildir/durable_file.ts";
import { uniqueName } from "../maildir/delivery.ts";
import type { Announced, Destination, Names, Receiver, Recovered, Staged } from "./destination.ts";
import { FolderActions } from "./file_failures.ts";
import type { DestinationContext } from "./maildir_destination.ts";
import type { FilesOptions } from "./options.ts";

/** Saves messages as files. */
export class FilesDestination implements Destination {
  /** See {@linkcode Destination.key}. */
  readonly key: string;
  /** See {@linkcode Destination.form}. */
  readonly form = "crlf";
  /** Nothing but POP3 is between the remote server and the file. */
  readonly protocol = "POP3";
  /** Files can be found again after a crash. */
  readonly recoverable = true;
  readonly #folder: string;
  readonly #actions: FolderActions;
  readonly #context: DestinationContext;
  #mark: string | undefined;

  /** Touches nothing yet. */
  constructor(options: FilesOptions, context: DestinationContext) {
    this.#folder = options.directory.replaceAll("%U%", safeFolderName(context.recip));
    this.#actions = new FolderActions(this.#folder);
    this.key = `files:${this.#folder}`;
    this.#context = context;
  }

  /** See {@linkcode Destination.open}. */
  async open(): Promise<void> {
    await this.#actions.run("open the folder", () => ensureDurableFolder(this.#folder));
  }

  /** See {@linkcode Destination.recover}. */
  async recover(announced: readonly Announced[]): Promise<Recovered[]> {
    return await this.#actions.run("finish the last run's files in", async () => {
      const results = announced.map(({ names }) => this.#finish(names));
      if (announced.length > 0) await syncFolder(this.#folder);
      this.#sweep();
      return results;
    });
  }

  /** See {@linkcode Destination.receive}. */
  receive(): Receiver {
    const names = fileNames(`${this.#folderMark()}.${this.#context.tag}`);
    const file = this.#actions.write(() => new DurableFile(`${this.#folder}/${names.temporary}`));
    return {
      write: (bytes) => this.#actions.write(() => file.write(bytes)),
      finish: () => {
        this.#actions.write(() => file.end());
        const places = [{ kind: "File" as const, name: `${this.#folder}/${names.final}` }];
        return { places, names, file } satisfies StagedFile;
      },
      discard: () => file.discard(),
    };
  }

  /** See {@linkcode Destination.secure}. */
  async secure(group: readonly Staged[]): Promise<void> {
    await this.#actions.run("bring messages to disk in", async () => {
      const results = await Promise.allSettled(filesOf(group).map((file) => file.sync()));
      const failed = results.find((result) => result.status === "rejected");
      if (failed !== undefined) throw failed.reason;
      await syncFolder(this.#folder);
    });
  }

  /** See {@linkcode Destination.publish}. */
  async publish(group: readonly Staged[]): Promise<void> {
    await this.#actions.run("name the files in", async () => {
      for (const staged of group) this.#move((staged as StagedFile).names);
      await syncFolder(this.#folder);
    });
  }

  /** See {@linkcode Destination.abandon}. */
  abandon(group: readonly Staged[]): void {
    for (const file of filesOf(group)) file.discard();
  }

  /** See {@linkcode Destination.close}. */
  close(): void {
    // Nothing is held between messages.
  }

  /**
   * Nobody but us touches the temporary file: if it is gone from the folder that it was written
   * into, it has become the final one.
   */
  #finish(names: Names): Recovered {
    try {
      this.#move(names);
      return "delivered";
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
      return names.temporary.includes(`.${this.#folderMark()}.`) ? "delivered" : "missing";
    }
  }

  #folderMark(): string {
    return this.#mark ??= folderMark(this.#folder);
  }

  #move({ temporary, final }: Names): void {
    Deno.renameSync(`${this.#folder}/${temporary}`, `${this.#folder}/${final}`);
  }

  #sweep(): void {
    for (const { name } of [...Deno.readDirSync(this.#folder)]) {
      if (name.startsWith(".") && name.endsWith(`.${this.#context.tag}.part`)) {
        removeQuietly(`${this.#folder}/${name}`);
      }
    }
  }
}

interface StagedFile extends Staged {
  readonly names: Names;
  readonly file: DurableFile;
}

function filesOf(group: readonly Staged[]): DurableFile[] {
  return group.map((staged) => (staged as StagedFile).file);
}

/**
 * A recipient as the name of one folder: what could lead elsewhere, or mean something to a shell
 * or another file system, becomes `_`.
 */
export function safeFolderName(recip: string): string {
  const name = recip.replace(/[^\p{L}\p{N}@._+=-]/gu, "_").replace(/^[.-]/, "_");
  return name === "" ? "_" : name.slice(0, 200);
}

/** Names that sort by time, in UTC: `20261121T140322.123456Z-P17R5e1b22c9Q1.eml`. */
function fileNames(tag: string): Names {
  const [seconds, micros, process] = /^(\d+)\.M(\d+)(P.*)$/.exec(uniqueName())!.slice(1) as [
    string,
    string,
    string,
  ];
  const date = new Date(Number(seconds) * 1000).toISOString().slice(0, 19).replace(/[-:]/g, "");
  const name = `${date}.${micros}Z-${process}`;
  return { temporary: `.${name}.${tag}.part`, final: `${name}.eml` };
}
