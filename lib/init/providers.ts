/**
 * What is known of the large mail providers: where their POP3 servers are, how
 * one logs in there, and what must be switched on in the account first. The
 * table in docs/providers.md is checked against this one.
 *
 * @module
 */

/** How a connection is encrypted: from the first byte, by STLS, or not at all. */
export type TlsMode = "implicit" | "stls" | "none";

/** What proves who one is. */
export type LoginKind = "password" | "app password" | "OAuth";

/** Where a provider hands out access tokens. */
export interface OAuthEndpoint {
  /** The address that turns a refresh token into an access token. */
  readonly tokenEndpoint: string;
  /** The scopes to ask for. */
  readonly scope: string;
}

/** A mail provider. */
export interface Provider {
  /** The short name that flags take. */
  readonly id: string;
  /** Its name. */
  readonly name: string;
  /** Domains of addresses that are surely its own. */
  readonly domains: readonly string[];
  /** Its POP3 server; absent where every provider has another. */
  readonly host?: string;
  /** Whether there is POP3 at all. */
  readonly pop3: boolean;
  /** The server's port. */
  readonly port: number;
  /** How its connections are encrypted. */
  readonly tls: TlsMode;
  /** How one logs in. */
  readonly login: LoginKind;
  /** Tokens, where it takes them for POP3. */
  readonly oauth?: OAuthEndpoint;
  /** What to do in the account before the first run, and what else to know; whole sentences. */
  readonly before: readonly string[];
}

const POP3S = { pop3: true, port: 995, tls: "implicit" } as const;

const MICROSOFT: OAuthEndpoint = {
  tokenEndpoint: "https://login.microsoftonline.com/common/oauth2/v2.0/token",
  scope: "https://outlook.office.com/POP.AccessAsUser.All offline_access",
};

const APP_REGISTRATION =
  "Register an application with Microsoft Entra (a public client, with the delegated permission " +
  "POP.AccessAsUser.All), and get a refresh token for it: docs/providers.md shows how.";

const UNITED_INTERNET = [
  "Allow POP3 in the settings of the mailbox (POP3/IMAP access).",
  "With two-factor authentication, make an application-specific password and use it here.",
];

/** The providers, in the order in which they are offered. */
export const PROVIDERS: readonly Provider[] = [
  {
    id: "gmail",
    name: "Gmail",
    domains: ["gmail.com", "googlemail.com"],
    host: "pop.gmail.com",
    ...POP3S,
    login: "app password",
    oauth: {
      tokenEndpoint: "https://oauth2.googleapis.com/token",
      scope: "https://mail.google.com/",
    },
    before: [
      "Enable POP in Gmail's settings, under Forwarding and POP/IMAP, and choose there what becomes of " +
      "fetched messages: that choice, not this program's preserve, is what Gmail follows.",
      "Switch on 2-Step Verification, and make an app password for your Google account. A Google " +
      "Workspace may allow OAuth alone: ask its administrator.",
    ],
  },
  {
    id: "outlook",
    name: "Outlook.com, Hotmail",
    domains: ["outlook.com", "hotmail.com", "live.com", "msn.com"],
    host: "outlook.office365.com",
    ...POP3S,
    login: "OAuth",
    oauth: MICROSOFT,
    before: [
      "Let devices and apps use POP, in Outlook.com's settings under Mail (Forwarding and IMAP, or POP and IMAP).",
      APP_REGISTRATION,
    ],
  },
  {
    id: "microsoft365",
    name: "Microsoft 365 (work or school)",
    domains: [],
    host: "outlook.office365.com",
    ...POP3S,
    login: "OAuth",
    oauth: MICROSOFT,
    before: [
      "POP must be enabled for the mailbox, and the application be allowed: ask the administrator.",
      APP_REGISTRATION,
    ],
  },
  {
    id: "yahoo",
    name: "Yahoo Mail",
    domains: ["yahoo.com", "ymail.com", "rocketmail.com"],
    host: "pop.mail.yahoo.com",
    ...POP3S,
    login: "app password",
    before: ["Make an app password, in Yahoo's account security settings."],
  },
  {
    id: "aol",
    name: "AOL Mail",
    domains: ["aol.com", "aim.com"],
    host: "pop.aol.com",
    ...POP3S,
    login: "app password",
    before: ["Make an app password, in AOL's account security settings."],
  },
  {
    id: "icloud",
    name: "iCloud Mail",
    domains: ["icloud.com", "me.com", "mac.com"],
    pop3: false,
    port: 995,
    tls: "implicit",
    login: "app password",
    before: ["iCloud Mail has no POP3, only IMAP: let it forward the mail to an account that has."],
  },
  {
    id: "gmx",
    name: "GMX (gmx.de, gmx.net, gmx.at, gmx.ch)",
    domains: ["gmx.de", "gmx.net", "gmx.at", "gmx.ch"],
    host: "pop.gmx.net",
    ...POP3S,
    login: "password",
    before: UNITED_INTERNET,
  },
  {
    id: "gmx.com",
    name: "GMX (gmx.com)",
    domains: ["gmx.com"],
    host: "pop.gmx.com",
    ...POP3S,
    login: "password",
    before: UNITED_INTERNET,
  },
  {
    id: "web.de",
    name: "WEB.DE",
    domains: ["web.de"],
    host: "pop3.web.de",
    ...POP3S,
    login: "password",
    before: UNITED_INTERNET,
  },
  {
    id: "fastmail",
    name: "Fastmail",
    domains: ["fastmail.com", "fastmail.fm"],
    host: "pop.fastmail.com",
    ...POP3S,
    login: "app password",
    before: ["Make an app password that may use POP, in Fastmail's privacy and security settings."],
  },
  {
    id: "zoho",
    name: "Zoho Mail (zoho.com addresses)",
    domains: ["zoho.com", "zohomail.com"],
    host: "pop.zoho.com",
    ...POP3S,
    login: "password",
    before: [
      "Enable POP access in Zoho Mail's settings, under Mail Accounts; newer free plans do not have it.",
      "With two-factor authentication, make an application-specific password and use it here.",
      "A domain of your own is at poppro.zoho.com, and accounts of Zoho's other data centres at hosts " +
      "such as pop.zoho.eu: the page where POP is enabled names the right one.",
    ],
  },
  {
    id: "isp",
    name: "another provider",
    domains: [],
    ...POP3S,
    login: "password",
    before: [
      "Check with your provider that POP3 is enabled for the account, and at which host and port.",
    ],
  },
];

/** The provider of this short name, in any case. */
export function findProvider(id: string): Provider | undefined {
  return PROVIDERS.find((provider) => provider.id === id.toLowerCase());
}

/** The provider that an address surely belongs to. */
export function providerOf(address: string): Provider | undefined {
  const domain = address.slice(address.lastIndexOf("@") + 1).toLowerCase();
  return PROVIDERS.find((provider) =>
    provider.domains.includes(domain) ||
    // Yahoo's addresses end in those of many countries.
    (provider.id === "yahoo" && /^yahoo\.(co\.|com\.)?[a-z]{2}$/.test(domain))
  );
}
