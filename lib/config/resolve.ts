/**
 * From the settings to the config that the program runs on: addresses split,
 * secrets fetched, one setting's consequences for others drawn.
 *
 * @module
 */
import type { ReadContext, SettingsOf } from "./schema_kit.ts";
import type { Settings } from "./schema.ts";
import type { logFileFields } from "./schema_common.ts";

/** `[pop3server]` */
export type ServerSettings = NonNullable<Settings["pop3server"]>;
/** `[[pop3server.listeners]]` */
export type ListenerSettings = ServerSettings["listeners"][number];
/** `[pop3download]` */
export type RetrieverSettings = NonNullable<Settings["pop3download"]>;
/** `[[pop3download.clients]]` */
export type ClientSettings = RetrieverSettings["clients"][number];
/** `smtp` of a client */
export type SmtpSettings = NonNullable<ClientSettings["smtp"]>;

/** A log file. The tokens of time are still in its name. */
export type LogFile = SettingsOf<typeof logFileFields>;

/** A listener, with the `server` section that holds for it. */
export type Listener = Omit<ListenerSettings, "configlink">;

/** A remote mailbox to fetch from. Its password is at hand, wherever it came from. */
export type Client = Omit<ClientSettings, "server" | "smtp"> & {
  server:
    & Omit<ClientSettings["server"], "address">
    & { host: string; port: number };
  smtp?: Omit<SmtpSettings, "server"> & { server: { host: string; port: number } };
};

/**
 * A checked config. Keys are named as in the file; durations are milliseconds,
 * sizes bytes, paths absolute. What is disabled is absent.
 */
export interface Config extends Omit<Settings, "pop3server" | "pop3download"> {
  /** The config file's absolute path. */
  file: string;
  /** The POP3 server, if there is to be one. */
  pop3server?: Omit<ServerSettings, "listeners"> & { listeners: Listener[] };
  /** The retriever, if there is to be one. */
  pop3download?: Omit<RetrieverSettings, "clients"> & { clients: Client[] };
}

/** The passwords that were found outside the file, by client. */
export type Secrets = ReadonlyMap<string, string>;

/** Makes the config of settings in which no problem was found. */
export function resolveConfig(
  settings: Settings,
  file: string,
  context: ReadContext,
  secrets: Secrets,
): Config {
  const { pop3server, pop3download, ...common } = settings;
  return {
    file,
    ...common,
    ...(pop3server && {
      pop3server: {
        ...pop3server,
        listeners: pop3server.listeners.map((listener) => resolveListener(listener, context)),
      },
    }),
    ...(pop3download && {
      pop3download: {
        ...pop3download,
        clients: pop3download.clients.map((client) => resolveClient(client, secrets)),
      },
    }),
  };
}

function resolveListener(settings: ListenerSettings, context: ReadContext): Listener {
  const { configlink: _followed, server, ...rest } = settings;
  return {
    ...rest,
    server: {
      ...server,
      greet: server.greet.replaceAll("%H%", context.hostname),
    },
  };
}

function resolveClient(settings: ClientSettings, secrets: Secrets): Client {
  const { server, smtp, ...rest } = settings;
  const { address, ...login } = server;
  const password = login.password ?? secrets.get(settings.id);
  // Ports were filled in when the settings were settled.
  return {
    ...rest,
    server: {
      host: address.host,
      port: address.port!,
      ...login,
      ...(password === undefined ? {} : { password }),
    },
    ...(smtp && {
      smtp: {
        ...smtp,
        server: {
          host: smtp.server.host,
          port: smtp.server.port!,
        },
      },
    }),
  };
}
