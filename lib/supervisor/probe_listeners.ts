/**
 * The listeners' ports, tried before anything starts.
 *
 * @module
 */
import type { ConfigProblem, EffectiveSetting } from "../config/config.ts";
import { probePort } from "../transport/probe.ts";

/** Where a listener will listen. */
export interface ProbedListener {
  /** The IP addresses. */
  readonly addresses: readonly string[];
  /** The port; for 0 in the config a free one. */
  readonly port: number;
}

/** What {@linkcode probeListeners} found. */
export interface ProbeResult {
  /** The listeners in the config's order; those with problems are missing. */
  readonly listeners: readonly ProbedListener[];
  /** The ports that cannot be used. */
  readonly problems: readonly ConfigProblem[];
}

interface Wanted {
  path: string;
  item?: string;
  hostname?: string;
  port?: number;
}

/**
 * Tries the port of every listener, also of those in a config with other problems: whoever
 * corrects it is told all at once.
 *
 * @param settings the effective settings of the config
 */
export async function probeListeners(settings: readonly EffectiveSetting[]): Promise<ProbeResult> {
  const listeners: ProbedListener[] = [];
  const problems: ConfigProblem[] = [];
  const taken = new Set<number>();
  for (const { path, item, hostname, port } of wantedListeners(settings)) {
    if (port === undefined) continue;
    let probe = await probePort({ hostname, port });
    // The free port that the system names is free again until the workers take it.
    while (port === 0 && probe.free && taken.has(probe.port)) {
      probe = await probePort({ hostname, port });
    }
    if (probe.free) {
      taken.add(probe.port);
      listeners.push({
        addresses: probe.addresses.map(({ address }) => address),
        port: probe.port,
      });
    } else problems.push({ path, ...(item === undefined ? {} : { item }), message: probe.problem });
  }
  return { listeners, problems };
}

function wantedListeners(settings: readonly EffectiveSetting[]): Wanted[] {
  const byIndex = new Map<string, Wanted>();
  for (const { path, item, text } of settings) {
    const match = /^pop3server\.listeners\[(\d+)\]\.(port|interface)$/.exec(path);
    if (match === null || text === "") continue;
    const [, index, key] = match;
    const wanted = byIndex.get(index!) ?? { path: "" };
    byIndex.set(index!, wanted);
    if (item !== undefined) wanted.item = item;
    if (key === "port") {
      wanted.path = path;
      wanted.port = Number(text);
    } else wanted.hostname = String(JSON.parse(text));
  }
  return [...byIndex.values()];
}
