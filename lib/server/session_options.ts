/**
 * What a session is given from outside.
 *
 * @module
 */

import type { Authenticator, ServerMechanism } from "../auth/types.ts";
import type { SessionTranscript } from "../log/transcript.ts";
import type { MaildropStore } from "../maildir/maildrop.ts";
import type { Connection } from "../transport/connection.ts";
import type { Deadlines } from "../transport/deadlines.ts";
import type { LoginGate } from "./login_gate.ts";
import type { SessionGroup } from "./session_group.ts";

/** The settings that a listener's sessions share. */
export interface SessionSettings {
  /** The greeting's text, without `+OK` and stamp. */
  readonly greet: string;
  /** This host's name, for the APOP stamp and CRAM-MD5 challenges. */
  readonly hostName: string;
  /** Which login methods there are. */
  readonly authtypes: readonly ServerMechanism[];
  /** Which of them need TLS. */
  readonly authtypesSsl: readonly ServerMechanism[];
  /** No login at all before STLS. */
  readonly mandatoryTls: boolean;
  /** Days that messages are kept; -1 for ever, 0 deletes at QUIT what was retrieved. */
  readonly expire: number;
  /** Idle time of a session in milliseconds. */
  readonly idleTimeout: number;
  /** Milliseconds in which a connection must have logged in. */
  readonly loginTime: number;
  /** The most bytes of a line, its line end included. */
  readonly maxLine: number;
  /** So many bad commands in a row end the session. */
  readonly maxBadCommands: number;
  /** So many lines may a client send until it is logged in; 0 for any number. */
  readonly maxLoginCommands: number;
  /** So many bytes may a client send until it is logged in; 0 for any number. */
  readonly maxLoginInput: number;
}

/** The trace log, as far as sessions write into it. Never throws. */
export interface SessionLog {
  /** Something is wrong with the server itself. */
  error(text: string): void;
  /** Something that an administrator may want to look at: a failed login. */
  warn(text: string): void;
  /** What happened: one line a session. */
  info(text: string): void;
  /** Detail for whoever looks for a fault: connections that never logged in. */
  trace(text: string): void;
}

/** Everything that {@linkcode runSession} needs besides its connection. */
export interface SessionOptions {
  /** Names the session in the log, as it does in the transcript. */
  readonly id: string;
  /** The listener's settings. */
  readonly settings: SessionSettings;
  /** Checks credentials. */
  readonly authenticator: Authenticator;
  /** Opens maildrops. */
  readonly store: MaildropStore;
  /** This connection's view of the login limits. */
  readonly loginGate: LoginGate;
  /**
   * Makes the server's side of a TLS handshake over the connection (STLS); absent where TLS is
   * not configured or the connection is encrypted from the start. It has its own time limit. When
   * it throws, or the connection that it was given is closed, the session ends.
   */
  readonly startTls?: (connection: Connection) => Promise<Connection>;
  /** Why no handshake can be begun now, for the client to read, if there is a reason. */
  readonly tlsRefusal?: () => string | undefined;
  /** The worker's deadlines. */
  readonly deadlines: Deadlines;
  /** The worker's sessions; the session enters and leaves by itself. */
  readonly group: SessionGroup;
  /** The trace log. */
  readonly log: SessionLog;
  /** Told when the client has reached a limit, with the reason in words. */
  readonly limitReached?: (limit: string) => void;
  /**
   * The record of this session's dialogue, where one is configured. Who accepted the connection
   * has noted that in it; the session notes all the rest.
   */
  readonly transcript?: SessionTranscript;
}
