/**
 * From the config's words to those of the retriever.
 *
 * @module
 */
import type { Client, Config } from "../config/config.ts";
import { expandRecipient, type RecipientData } from "../directory/recipients.ts";
import { fileFault } from "../log/log_file.ts";
import type {
  ClientOptions,
  DestinationOptions,
  RetrieverOptions,
  ServerOptions,
  SmtpOptions,
  TlsOptions,
} from "../retriever/options.ts";
import { journalFolder } from "./permissions.ts";

/** The retriever's part of a config. */
export type RetrieverConfig = NonNullable<Config["pop3download"]>;

/** What {@linkcode retrieverSetup} found. */
export interface RetrieverSetup {
  /** Absent if there are problems. */
  readonly options?: RetrieverOptions;
  /** What keeps clients from being set up. */
  readonly problems: readonly string[];
}

/**
 * Reads the certificates that the clients need and expands their recipients.
 *
 * @param directory undefined if none is configured
 * @param hostName this host's name
 */
export async function retrieverSetup(
  config: Config,
  retriever: RetrieverConfig,
  directory: RecipientData | undefined,
  hostName: string,
): Promise<RetrieverSetup> {
  const problems: string[] = [];
  const clients: ClientOptions[] = [];
  for (const client of retriever.clients) {
    const server = await serverOptions(client, problems);
    const destination = destinationOptions(config, client, directory, problems);
    if (destination !== undefined) clients.push(clientOptions(client, server, destination));
  }
  if (problems.length > 0) return { problems };
  const { timeout, delay_start: delayStart, max_parallel: maxParallel } = retriever;
  const stateDirectory = journalFolder(config);
  return {
    options: { stateDirectory, hostName, timeout, delayStart, maxParallel, clients },
    problems,
  };
}

function clientOptions(
  client: Client,
  server: ServerOptions,
  destination: DestinationOptions,
): ClientOptions {
  const { id, recip, freq, runs, preserve, capa, max_size: maxSize } = client;
  return {
    id,
    recip,
    freq,
    runs,
    preserve,
    trackSeen: client.track_seen,
    capa,
    omitReceivedHeader: client.omitreceivedheader,
    ...(maxSize === undefined ? {} : { maxSize }),
    server,
    destination,
  };
}

async function serverOptions(client: Client, problems: string[]): Promise<ServerOptions> {
  const { server, ssl } = client;
  const { username, password, token_file: tokenFile, oauth2 } = server;
  return {
    host: server.host,
    port: server.port,
    tls: ssl === undefined ? "none" : ssl.latent ? "stls" : "implicit",
    ...(ssl === undefined ? {} : { tlsOptions: await tlsOptions(client, ssl, problems) }),
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    authtypes: server.authtypes,
    initrsp: server.initrsp,
    ...(tokenFile === undefined ? {} : { tokenFile }),
    ...(oauth2 === undefined ? {} : {
      oauth2: {
        tokenEndpoint: oauth2.token_endpoint,
        clientId: oauth2.client_id,
        ...defined({
          clientSecret: oauth2.client_secret,
          refreshToken: oauth2.refresh_token,
          refreshTokenFile: oauth2.refresh_token_file,
          scope: oauth2.scope,
        }),
      },
    }),
  };
}

async function tlsOptions(
  { id, server }: Client,
  ssl: NonNullable<Client["ssl"]>,
  problems: string[],
): Promise<TlsOptions> {
  const read = async (path: string | undefined): Promise<string | undefined> => {
    if (path === undefined) return undefined;
    try {
      return await Deno.readTextFile(path);
    } catch (error) {
      problems.push(`Cannot set up client "${id}": cannot read "${path}": ${fileFault(error)}`);
      return undefined;
    }
  };
  return {
    serverName: ssl.peercert ?? server.host,
    ...defined({
      ca: await read(ssl.tspath),
      cert: await read(ssl.cert),
      key: await read(ssl.key),
      passphrase: ssl.certpass,
    }),
  };
}

function destinationOptions(
  config: Config,
  client: Client,
  directory: RecipientData | undefined,
  problems: string[],
): DestinationOptions | undefined {
  const { recip, smtp, downloads_directory: directoryPath } = client;
  if (smtp !== undefined) return smtpOptions(client, smtp, directory, problems);
  if (directoryPath !== undefined) return { kind: "files", directory: directoryPath };
  const store = config.message_store;
  if (store === undefined) {
    problems.push(
      `Cannot set up client "${client.id}": a local mailbox needs a [message_store] section`,
    );
    return undefined;
  }
  return {
    kind: "maildir",
    path: `${store.userpath}/${recip}/${store.mailpath}`,
    userPath: store.userpath,
    colon: store.filename_colon,
    comma: store.filename_comma,
    wire: !store.dotstuffing,
  };
}

function smtpOptions(
  { id, recip }: Client,
  { sender, server, protocol, tls, username, password }: NonNullable<Client["smtp"]>,
  directory: RecipientData | undefined,
  problems: string[],
): SmtpOptions {
  const { addresses, problems: faults } = expandRecipient(directory, recip);
  problems.push(...faults.map((fault) => `Cannot set up client "${id}": ${fault}`));
  return {
    kind: "smtp",
    sender,
    recipients: addresses,
    host: server.host,
    port: server.port,
    protocol,
    tls,
    ...defined({ username, password }),
  };
}

/** Leaves out what is undefined. */
function defined<T extends object>(
  values: T,
): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const present = Object.entries(values).filter(([, value]) => value !== undefined);
  return Object.fromEntries(present) as { [K in keyof T]?: Exclude<T[K], undefined> };
}
