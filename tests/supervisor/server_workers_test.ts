import assert from "node:assert/strict";
import type { Config } from "../../lib/config/config.ts";
import { countConnections, createLimits } from "../../lib/server/shared_limits.ts";
import { HashWorkers } from "../../lib/supervisor/hash_workers.ts";
import { Logs } from "../../lib/supervisor/logs.ts";
import { type Grants, workerPermissions } from "../../lib/supervisor/permissions.ts";
import { ServerWorkers, type SharedSetup } from "../../lib/supervisor/server_workers.ts";
import { probePort } from "../../lib/transport/probe.ts";
import { PopClient } from "../support/pop_client.ts";
import { TempFolder } from "../support/program.ts";

/** The server's worker, with a button to make it crash in spite of all its care. */
const CRASHABLE = `
addEventListener("error", (event) => event.stopImmediatePropagation());
const start = new Promise((resolve) => addEventListener("message", (event) => {
  if (event.data.crash) throw new Error("pushed");
  if (event.data.hang) {
    return Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, event.data.hang);
  }
  if (event.data.passed) return;
  event.stopImmediatePropagation();
  resolve(event.data);
}));
await import(${JSON.stringify(import.meta.resolve("../../lib/server/worker.ts"))});
dispatchEvent(new MessageEvent("message", { data: { ...await start, passed: true } }));
`;

/** Starts that worker with no more than the test itself may do. */
function startCrashable(grants: Grants): Worker {
  const url = "data:text/javascript," + encodeURIComponent(CRASHABLE);
  const permissions = { ...workerPermissions(grants), import: "inherit", read: true } as const;
  return new Worker(url, { type: "module", deno: { permissions } });
}

async function setUp(
  folder: TempFolder,
  count: number,
  start = startCrashable,
  heartbeat?: number,
) {
  const config = {
    paths: { logs: folder.path },
    log: { file: `${folder.path}/trace.log`, level: "INFO", rot: "NEVER", buffer: 0, flush: 1 },
  } as unknown as Config;
  const logs = new Logs(config);
  const probe = await probePort({ hostname: "127.0.0.1", port: 0 });
  assert.ok(probe.free);
  const limits = createLimits({
    maxServers: [0],
    unauthenticated: 0,
    unauthenticatedPerAddress: 0,
    connectionsPerAddress: 0,
    handshakes: 0,
    handshakesPerAddress: 0,
    authDelay: 0,
    authDelayMax: 0,
  }, count);
  const setup: SharedSetup = {
    trace: logs.trace,
    listeners: [{
      name: "test",
      addresses: ["127.0.0.1"],
      port: probe.port,
      backlog: 100,
      shared: true,
      implicitTls: false,
      handshakeTime: 5000,
      settings: {
        greet: "ready",
        hostName: "test.example",
        authtypes: ["USERPASS"],
        authtypesSsl: [],
        mandatoryTls: false,
        expire: -1,
        idleTimeout: 60_000,
        loginTime: 60_000,
        maxLine: 8192,
        maxBadCommands: 10,
        maxLoginCommands: 0,
        maxLoginInput: 0,
      },
    }],
    store: {
      userPath: `${folder.path}/mail`,
      mailPath: "Maildir",
      colon: ":",
      comma: ",",
      exclusive: false,
      form: "plain",
    },
    credentials: { plainpass: true, users: new Map([["alice", "pw"]]), slowSamples: new Map() },
    limits,
  };
  const reports: string[] = [];
  const created: Worker[] = [];
  const died = Promise.withResolvers<void>();
  const restarted = Promise.withResolvers<void>();
  const workers = new ServerWorkers({
    count,
    grants: { net: [`127.0.0.1:${probe.port}`], read: [folder.path], write: [folder.path] },
    setup: () => setup,
    logs,
    hashes: new HashWorkers({ count: 0, report: () => {} }),
    report: (sentence) => {
      reports.push(sentence);
      died.resolve();
    },
    ...(heartbeat === undefined ? {} : { heartbeat }),
    create: (grants) => {
      const worker = start(grants);
      if (created.push(worker) > count) restarted.resolve();
      return worker;
    },
  });
  return { workers, logs, limits, reports, created, died, restarted, port: probe.port };
}

async function greetings(port: number, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    using client = await PopClient.connect(port);
    assert.match(client.greeting, /^\+OK ready/);
    await client.ok("QUIT");
  }
}

Deno.test("ServerWorkers serves on while a worker dies, and starts it again", async () => {
  await using folder = await TempFolder.make();
  const { workers, logs, limits, reports, created, died, restarted, port } = await setUp(folder, 2);
  try {
    await workers.start();
    const held = await Promise.all(Array.from({ length: 12 }, () => PopClient.connect(port)));
    assert.equal(countConnections(limits, 0), 12);
    created[0]!.postMessage({ crash: true });
    await died.promise;
    assert.match(reports[0]!, /^Server worker 1 died: .*pushed.* started again in 100 millisec/);
    const left = countConnections(limits, 0);
    assert.ok(left < 12, `${left} of 12 connections are still counted`);
    const ends = await Promise.all(held.map((client) => client.command("NOOP").catch(() => null)));
    assert.equal(ends.filter((reply) => reply !== null).length, left, "the other's sessions go on");
    await greetings(port, 8);
    await restarted.promise;
    await greetings(port, 8);
    for (const client of held) client.close();
  } finally {
    await workers.stop(0, Promise.resolve());
    await logs.close();
  }
});

Deno.test("ServerWorkers leaves no lock and no counted connection of a dead worker", async () => {
  await using folder = await TempFolder.make();
  const { workers, logs, limits, created, restarted, port } = await setUp(folder, 1);
  try {
    await workers.start();
    const held = await PopClient.login(port, "alice", "pw");
    using other = await PopClient.connect(port);
    await other.ok("USER alice");
    assert.match((await other.command("PASS pw")).status, /^-ERR \[IN-USE\]/);
    assert.equal(countConnections(limits, 0), 2);
    created[0]!.postMessage({ crash: true });
    await assert.rejects(held.command("NOOP"));
    held.close();
    await restarted.promise;
    assert.equal(countConnections(limits, 0), 0);
    await until("log in again", async () => {
      const client = await PopClient.login(port, "alice", "pw").catch(() => undefined);
      client?.close();
      return client !== undefined;
    });
  } finally {
    await workers.stop(0, Promise.resolve());
    await logs.close();
  }
});

Deno.test("ServerWorkers says that a worker hangs, and that it answers again", async () => {
  await using folder = await TempFolder.make();
  const { workers, logs, reports, created } = await setUp(folder, 2, startCrashable, 50);
  const reported = (pattern: RegExp) => () =>
    Promise.resolve(reports.some((one) => pattern.test(one)));
  try {
    await workers.start();
    created[1]!.postMessage({ hang: 4000 });
    await until("be told", reported(/^Server worker 2 hangs: no sign of life for 1 seconds\. /));
    await until("be told", reported(/^Server worker 2 answers again$/));
  } finally {
    await workers.stop(0, Promise.resolve());
    await logs.close();
  }
});

/** Waits for something that must happen soon. */
async function until(what: string, condition: () => Promise<boolean>): Promise<void> {
  for (const end = performance.now() + 20_000; performance.now() < end;) {
    if (await condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  assert.fail(`Waited too long to ${what}`);
}

Deno.test("ServerWorkers stops in time though a worker hangs", async () => {
  await using folder = await TempFolder.make();
  const { workers, logs, created } = await setUp(folder, 2);
  await workers.start();
  created[1]!.postMessage({ hang: 1e9 });
  const begun = performance.now();
  await workers.stop(100, new Promise(() => {}));
  assert.ok(performance.now() - begun < 1000);
  await logs.close();
});

Deno.test("ServerWorkers says why it cannot make its threads", async () => {
  await using folder = await TempFolder.make();
  const { workers, logs } = await setUp(folder, 2, () => {
    throw new Error("not permitted");
  });
  await assert.rejects(workers.start(), /Cannot serve: not permitted/);
  workers.terminate();
  await logs.close();
});

Deno.test("ServerWorkers says why it cannot start", async () => {
  await using folder = await TempFolder.make();
  const { workers, logs, port } = await setUp(folder, 2);
  // Not shared, so that nobody else can listen there.
  const taken = Deno.listen({ hostname: "127.0.0.1", port });
  try {
    await assert.rejects(workers.start(), /Cannot serve: .*in use/);
  } finally {
    workers.terminate();
    taken.close();
    await logs.close();
  }
});
