/**
 * How a session can fail. Every message is a sentence that can stand in a report; what will be
 * done about it is the run's to say.
 *
 * @module
 */

/** The session is over; the next run starts anew. */
export class SessionError extends Error {
  /** Tells it from other errors. */
  override name = "SessionError";
}

/** The connection is gone: the server closed it, or the network did. */
export class ConnectionLostError extends SessionError {
  /** Tells it from other errors. */
  override name = "ConnectionLostError";
}

/** The server did not say enough in time. */
export class ServerSilentError extends SessionError {
  /** Tells it from other errors. */
  override name = "ServerSilentError";
}

/** The server said something that POP3 does not allow. */
export class ProtocolError extends SessionError {
  /** Tells it from other errors. */
  override name = "ProtocolError";
}

/**
 * Where a message ends and the reply behind it begins cannot be told. Without commands sent ahead it
 * could: then nothing follows a message, and silence is its end.
 */
export class BlurredEndError extends ProtocolError {
  /** Tells it from other errors. */
  override name = "BlurredEndError";

  /** There is nothing to add. */
  constructor() {
    super("the server ends a message on its last line, where the end cannot be told from text");
  }
}

/** No login method succeeded. */
export class LoginError extends SessionError {
  /** Tells it from other errors. */
  override name = "LoginError";
}

/** The session ends because the program does: no fault at all. */
export class EndingError extends SessionError {
  /** Tells it from other errors. */
  override name = "EndingError";

  /** There is nothing to add. */
  constructor() {
    super("the program is ending");
  }
}
