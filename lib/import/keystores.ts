/**
 * Java keystores: this program reads PEM files, so the config names PEM files
 * that are yet to be made, and the commands that make them are told.
 *
 * @module
 */

/** A certificate and its key, as PEM files. */
export interface PemPair {
  /** The certificate and its chain. */
  readonly cert: string;
  /** The private key. */
  readonly key: string;
}

/** The commands that turn one keystore into PEM. */
export interface Conversion {
  /** What they make. */
  readonly purpose: string;
  /** Shell commands, one a line. */
  readonly commands: readonly string[];
}

/** Where the PEM files are to lie. */
const FOLDER = "%DIRCONF%/tls";

/** The keystores that a configuration names. */
export class Keystores {
  readonly #pairs = new Map<string, PemPair>();
  readonly #bundles = new Map<string, string>();
  readonly #names = new Set<string>();
  readonly #conversions: Conversion[] = [];

  /** What to do about all keystores named so far. */
  get conversions(): readonly Conversion[] {
    return this.#conversions;
  }

  /** The PEM files for a key of a keystore. */
  pair(keystore: string, alias: string): PemPair {
    const id = `${keystore}\0${alias}`;
    let pair = this.#pairs.get(id);
    if (pair === undefined) {
      const name = this.#newName(alias);
      pair = { cert: `${FOLDER}/${name}.pem`, key: `${FOLDER}/${name}.key` };
      this.#pairs.set(id, pair);
      this.#conversions.push({
        purpose: `The key and certificate ${JSON.stringify(alias)} of the keystore ${keystore}. ` +
          "keytool asks for the keystore's password (kspass) and for the key's (certpass), openssl " +
          "for the one just given to the new file. The key is then unencrypted, readable by its owner alone",
        commands: pairCommands(keystore, alias, name),
      });
    }
    return pair;
  }

  /** The PEM file for the authorities of a truststore. */
  bundle(truststore: string): string {
    let path = this.#bundles.get(truststore);
    if (path === undefined) {
      const base = truststore.split(/[/\\:]/).at(-1)!.replace(/\.\w+$/, "");
      const name = this.#newName(base);
      path = `${FOLDER}/${name}.pem`;
      this.#bundles.set(truststore, path);
      this.#conversions.push({
        purpose: `The authorities of the truststore ${truststore}; keytool asks for its password`,
        commands: [
          ...PREPARE,
          `keytool -list -rfc -keystore ${shellPath(truststore)} > ${shellPath(path)}`,
        ],
      });
    }
    return path;
  }

  #newName(wish: string): string {
    const base = wish.replace(/[^A-Za-z0-9_.-]+/g, "_").replace(/^\.+/, "") || "store";
    let name = base;
    for (let n = 2; this.#names.has(name); n++) name = `${base}-${n}`;
    this.#names.add(name);
    return name;
  }
}

const PREPARE = ["umask 077", `mkdir -p ${shellPath(FOLDER)}`];

function pairCommands(keystore: string, alias: string, name: string): string[] {
  const [p12, cert, key] = ["p12", "pem", "key"].map((end) =>
    shellPath(`${FOLDER}/${name}.${end}`)
  );
  return [
    ...PREPARE,
    `keytool -importkeystore -srckeystore ${shellPath(keystore)} -srcalias ${quoted(alias)} ` +
    `-destkeystore ${p12} -deststoretype PKCS12`,
    `openssl pkcs12 -in ${p12} -nokeys -out ${cert}`,
    `openssl pkcs12 -in ${p12} -nocerts -nodes -out ${key}`,
    `rm ${p12}`,
  ];
}

/** A path for a shell in which variables are set for the folders' tokens. */
function shellPath(path: string): string {
  // Found on Java's classpath; where that is, only Mailismus' start script knows.
  const plain = path.replace(/^cp:\/*/, "");
  return quoted(plain).replace(/%(DIR[A-Z]+)%/g, (_, name) => `$${name}`);
}

function quoted(text: string): string {
  return `"${text.replace(/["\\$`]/g, "\\$&")}"`;
}
