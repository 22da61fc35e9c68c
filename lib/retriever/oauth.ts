/**
 * Access tokens for XOAUTH2 and OAUTHBEARER: read from a file that another
 * program keeps fresh, or fetched with a refresh token (RFC 6749 section 6).
 *
 * @module
 */
import { changeFile } from "../directory/replace_file.ts";
import { reasonOf } from "../errors.ts";
import { MASK } from "../log/mask.ts";
import type { OAuthOptions, ServerOptions } from "./options.ts";
import type { TokenSource } from "./token_source.ts";

/** A token is fetched anew this long before it expires, in milliseconds: a login must not meet the end. */
const RENEW_BEFORE = 120_000;

/** Assumed where the provider does not say how long a token is valid (RFC 6749 section 5.1), in milliseconds. */
const DEFAULT_LIFETIME = 600_000;

/** How long the provider may take, in milliseconds. */
const REQUEST_TIMEOUT = 30_000;

/** The most that is read of the provider's answer, in bytes. */
const MAX_ANSWER = 256 * 1024;

/** What token sources use of the outside. */
export interface TokenSourceTools {
  /** Fetches from the token endpoint. */
  readonly fetch: typeof fetch;
  /** The time in milliseconds since 1970. */
  readonly now: () => number;
  /** Told what the user should know. */
  readonly warn: (text: string) => void;
}

/**
 * Makes the token source that a server's options ask for.
 *
 * @returns undefined if they ask for none
 */
export function createTokenSource(
  server: ServerOptions,
  tools: TokenSourceTools,
): TokenSource | undefined {
  if (server.tokenFile !== undefined) return new FileTokenSource(server.tokenFile);
  if (server.oauth2 !== undefined) return new EndpointTokenSource(server.oauth2, tools);
  return undefined;
}

/** Reads the token from a file before every login. */
export class FileTokenSource implements TokenSource {
  readonly #path: string;

  /**
   * Makes a source of what the file holds at each login.
   *
   * @param path a file whose first line is the token
   */
  constructor(path: string) {
    this.#path = path;
  }

  /** See {@linkcode TokenSource.token}. */
  async token(): Promise<string> {
    return await readSecret(this.#path, "token_file");
  }

  /** See {@linkcode TokenSource.refused}. */
  refused(_token: string): boolean {
    return false;
  }

  /** See {@linkcode TokenSource.close}. */
  close(): void {}
}

/** Fetches tokens from a provider's token endpoint and keeps each until shortly before it expires. */
export class EndpointTokenSource implements TokenSource {
  readonly #options: OAuthOptions;
  readonly #tools: TokenSourceTools;
  readonly #abort = new AbortController();
  #current: { readonly token: string; readonly renewAt: number } | undefined;
  /** How often the current token was given out. */
  #uses = 0;
  /** The refresh token that the provider handed out last, where no file holds it. */
  #refreshToken: string | undefined;

  /**
   * Makes a source that has no token yet.
   *
   * @param options the endpoint and our credentials there
   * @param tools the network, the clock and the log
   */
  constructor(options: OAuthOptions, tools: TokenSourceTools) {
    this.#options = options;
    this.#tools = tools;
  }

  /** See {@linkcode TokenSource.token}. */
  async token(): Promise<string> {
    if (this.#current === undefined || this.#current.renewAt <= this.#tools.now()) {
      this.#current = await this.#fetch();
      this.#uses = 0;
    }
    this.#uses++;
    return this.#current.token;
  }

  /** See {@linkcode TokenSource.refused}. */
  refused(token: string): boolean {
    if (this.#current?.token !== token) return true;
    this.#current = undefined;
    // A token that was fetched for this very login was refused for another reason than its age.
    return this.#uses > 1;
  }

  /** See {@linkcode TokenSource.close}. */
  close(): void {
    this.#abort.abort();
  }

  async #fetch(): Promise<{ token: string; renewAt: number }> {
    const { tokenEndpoint } = this.#options;
    const asked = this.#tools.now();
    const answer = await this.#request(await this.#refreshTokenNow());
    const token = answer.access_token;
    if (typeof token !== "string" || token === "") {
      throw new Error(`The token endpoint ${tokenEndpoint} answered without an access_token`);
    }
    await this.#keepRefreshToken(answer.refresh_token);
    const seconds = Number(answer.expires_in);
    const lifetime = seconds > 0 ? seconds * 1000 : DEFAULT_LIFETIME;
    return { token, renewAt: asked + Math.max(lifetime - RENEW_BEFORE, lifetime / 2) };
  }

  async #refreshTokenNow(): Promise<string> {
    const { refreshToken, refreshTokenFile } = this.#options;
    if (refreshTokenFile !== undefined) {
      return await readSecret(refreshTokenFile, "refresh_token_file");
    }
    const token = this.#refreshToken ?? refreshToken;
    if (token === undefined) {
      throw new Error("No refresh token: set server.oauth2.refresh_token or refresh_token_file");
    }
    return token;
  }

  async #request(refreshToken: string): Promise<Record<string, unknown>> {
    const { tokenEndpoint, clientId, clientSecret, scope } = this.#options;
    const form = new URLSearchParams({
      grant_type: "refresh_token",
      refresh_token: refreshToken,
      client_id: clientId,
    });
    if (clientSecret !== undefined) form.set("client_secret", clientSecret);
    if (scope !== undefined) form.set("scope", scope);
    let response: Response;
    let text: string;
    try {
      response = await this.#tools.fetch(tokenEndpoint, {
        method: "POST",
        body: form,
        headers: { accept: "application/json" },
        // A redirect would carry the secrets elsewhere.
        redirect: "error",
        signal: AbortSignal.any([this.#abort.signal, AbortSignal.timeout(REQUEST_TIMEOUT)]),
      });
      text = await readBounded(response);
    } catch (error) {
      throw new Error(
        `Cannot fetch an access token from ${tokenEndpoint}: ${reasonOf(error)}`,
        { cause: error },
      );
    }
    return this.#read(response.status, text, [refreshToken, clientSecret ?? ""]);
  }

  #read(status: number, text: string, secrets: readonly string[]): Record<string, unknown> {
    let answer: Record<string, unknown> = {};
    try {
      const value: unknown = JSON.parse(text);
      if (typeof value === "object" && value !== null) answer = value as Record<string, unknown>;
    } catch {
      // Said below, by the status or by the missing token.
    }
    if (status === 200) return answer;
    const code = typeof answer.error === "string"
      ? withoutSecrets(answer.error, secrets)
      : `HTTP status ${status}`;
    const description = typeof answer.error_description === "string"
      ? ` (${withoutSecrets(answer.error_description, secrets)})`
      : "";
    const cure = code === "invalid_grant"
      ? ": the refresh token has expired or was withdrawn; sign in at the provider again and store the new one"
      : code === "invalid_client" || code === "unauthorized_client"
      ? ": check server.oauth2.client_id and client_secret"
      : "";
    throw new Error(
      `The token endpoint ${this.#options.tokenEndpoint} refused: ${code}${description}${cure}`,
    );
  }

  /** A provider that rotates refresh tokens invalidates the old one: the new one must not get lost. */
  async #keepRefreshToken(token: unknown): Promise<void> {
    if (typeof token !== "string" || token === "") return;
    const { refreshToken, refreshTokenFile } = this.#options;
    if (refreshTokenFile === undefined) {
      if (token === (this.#refreshToken ?? refreshToken)) return;
      this.#refreshToken = token;
      this.#tools.warn(
        `The token endpoint ${this.#options.tokenEndpoint} handed out a new refresh token, which is lost ` +
          "when the program ends: use server.oauth2.refresh_token_file, where it can be kept",
      );
      return;
    }
    if (token === await readSecret(refreshTokenFile, "refresh_token_file")) return;
    try {
      await changeFile(refreshTokenFile, () => `${token}\n`);
    } catch (error) {
      this.#tools.warn(
        `Cannot keep the new refresh token in ${refreshTokenFile}: ${reasonOf(error)}; ` +
          "the next start may need a new sign-in",
      );
    }
  }
}

/** The first line of a file that holds a secret. */
async function readSecret(path: string, setting: string): Promise<string> {
  let text: string;
  try {
    text = await Deno.readTextFile(path);
  } catch (error) {
    throw new Error(`Cannot read ${setting} ${path}: ${reasonOf(error)}`, { cause: error });
  }
  const secret = text.split(/\r?\n/, 1)[0]!.trim();
  if (secret === "") throw new Error(`The ${setting} ${path} holds no token in its first line`);
  return secret;
}

async function readBounded(response: Response): Promise<string> {
  if (response.body === null) return "";
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of response.body) {
    text += decoder.decode(chunk, { stream: true });
    if (text.length > MAX_ANSWER) throw new Error(`the answer is over ${MAX_ANSWER} bytes`);
  }
  return text;
}

/** What a provider said, cut short; hidden if it repeats what it was sent, as it is or encoded. */
function withoutSecrets(text: string, secrets: readonly string[]): string {
  const forms = secrets.filter((secret) => secret !== "").flatMap((secret) => [
    secret,
    encodeURIComponent(secret),
    new URLSearchParams([["", secret]]).toString().slice(1),
  ]);
  return forms.some((form) => text.includes(form)) ? MASK : text.slice(0, 300);
}
