import assert from "node:assert/strict";
import { DestinationError, MessageRefusedError } from "../../lib/retriever/destination.ts";
import type { SmtpOptions } from "../../lib/retriever/options.ts";
import { PartialDeliveries } from "../../lib/retriever/partial_deliveries.ts";
import { SmtpDestination } from "../../lib/retriever/smtp_destination.ts";
import { connectMailServer } from "../../lib/retriever/smtp_connect.ts";
import { MailServer, type MailServerOptions } from "../support/mail_server.ts";

const encoder = new TextEncoder();

interface Setup extends AsyncDisposable {
  readonly server: MailServer;
  readonly folder: string;
  destination(): SmtpDestination;
}

async function setUp(
  behaviour: MailServerOptions = {},
  options: Partial<SmtpOptions> = {},
): Promise<Setup> {
  const server = await MailServer.start(behaviour);
  const folder = await Deno.makeTempDir();
  const smtp: SmtpOptions = {
    kind: "smtp",
    sender: "pop3downloader@localhost",
    recipients: ["alice@example.org"],
    host: "127.0.0.1",
    port: server.port,
    protocol: behaviour.lmtp ? "lmtp" : "smtp",
    tls: "none",
    ...options,
  };
  const made: SmtpDestination[] = [];
  return {
    server,
    folder,
    destination() {
      const destination = new SmtpDestination(smtp, {
        recip: "alice@example.org",
        hostName: "test.example",
        timeout: 5000,
        connect: (target) => connectMailServer(target, 5000, tlsAuthority),
        partial: new PartialDeliveries(`${folder}/partial.json`),
        ...(tlsAuthority === undefined ? {} : { authorities: tlsAuthority }),
      });
      made.push(destination);
      return destination;
    },
    async [Symbol.asyncDispose]() {
      for (const destination of made) destination.close();
      await server[Symbol.asyncDispose]();
      await Deno.remove(folder, { recursive: true });
    },
  };
}

const fixtures = new URL("../fixtures/tls/", import.meta.url);
const tlsAuthority = await Deno.readTextFile(new URL("ca.pem", fixtures));

async function certificate(): Promise<{ cert: string; key: string }> {
  return {
    cert: await Deno.readTextFile(new URL("server.pem", fixtures)),
    key: await Deno.readTextFile(new URL("server.key", fixtures)),
  };
}

async function deliver(destination: SmtpDestination, text: string, id?: string): Promise<string> {
  const receiver = await destination.receive(id === undefined ? {} : { id });
  // In pieces, as they come from the remote server.
  for (let at = 0; at < text.length; at += 1000) {
    await receiver.write(encoder.encode(text.slice(at, at + 1000)));
  }
  return (await receiver.finish()).places.map(({ kind, name }) => `${kind}=${name}`).join();
}

const message = "Subject: x\r\n\r\n.dot\r\n..\r\nbody\r\n";

Deno.test("SmtpDestination sends messages over one session, byte for byte", async () => {
  await using setup = await setUp();
  const destination = setup.destination();
  await destination.open();
  const large = "Subject: y\r\n\r\n" + "0123456789abcdef\r\n".repeat(30000);
  assert.equal(await deliver(destination, message), "SMTP=alice@example.org");
  await deliver(destination, large);
  await deliver(destination, message);
  assert.deepEqual(setup.server.accepted.map((accepted) => accepted.body), [
    message,
    large,
    message,
  ]);
  assert.deepEqual(setup.server.accepted[0]!.to, ["alice@example.org"]);
  assert.equal(setup.server.accepted[0]!.from, "pop3downloader@localhost");
  assert.equal(setup.server.connections, 1);
});

Deno.test("SmtpDestination logs in, over STARTTLS and over TLS from the start", async () => {
  for (const implicit of [false, true]) {
    const login = { user: "relay", password: "se cret" };
    await using setup = await setUp(
      { tls: { ...await certificate(), implicit }, login },
      {
        tls: implicit ? "implicit" : "starttls",
        host: "localhost",
        username: "relay",
        password: "se cret",
      },
    );
    const destination = setup.destination();
    await destination.open();
    await deliver(destination, message);
    assert.equal(setup.server.accepted.length, 1);
  }
});

Deno.test("SmtpDestination goes no further in the clear when STARTTLS is not offered", async () => {
  await using setup = await setUp({}, { tls: "starttls" });
  await assert.rejects(setup.destination().open(), DestinationError);
});

Deno.test("SmtpDestination says which server refused the login", async () => {
  await using setup = await setUp(
    { login: { user: "relay", password: "right" } },
    { username: "relay", password: "wrong" },
  );
  await assert.rejects(setup.destination().open(), (error: Error) => {
    assert.ok(error instanceof DestinationError);
    assert.match(error.message, /127\.0\.0\.1:\d+ \(SMTP\).*535/);
    assert.ok(!error.message.includes("wrong"));
    return true;
  });
});

Deno.test("SmtpDestination fails when no server is there, and works once it is", async () => {
  await using setup = await setUp();
  const { port } = setup.server;
  await setup.server[Symbol.asyncDispose]();
  const destination = setup.destination();
  await assert.rejects(destination.open(), DestinationError);
  await using again = await MailServer.start({}, port);
  await destination.open();
  await deliver(destination, message);
  assert.equal(again.accepted.length, 1);
  destination.close();
});

Deno.test("SmtpDestination delivers to all recipients or to none", async () => {
  await using setup = await setUp(
    { refuseRecipient: (address) => address === "bob@example.org" ? 550 : undefined },
    { recipients: ["alice@example.org", "bob@example.org", "carol@example.org"] },
  );
  const destination = setup.destination();
  for (let i = 0; i < 3; i++) {
    await assert.rejects(deliver(destination, message), (error: Error) => {
      assert.ok(error instanceof MessageRefusedError);
      assert.match(error.message, /550/);
      return true;
    });
  }
  assert.equal(setup.server.accepted.length, 0);
});

Deno.test("SmtpDestination goes on after a message that the server refused", async () => {
  for (const code of [550, 451]) {
    await using setup = await setUp({
      refuseMessage: (body) => body.includes("bad") ? code : undefined,
    });
    const destination = setup.destination();
    await deliver(destination, message);
    await assert.rejects(deliver(destination, "Subject: bad\r\n\r\n"), MessageRefusedError);
    await deliver(destination, message);
    assert.equal(setup.server.accepted.length, 2);
    assert.equal(setup.server.connections, 1);
  }
});

Deno.test("SmtpDestination takes a connection dropped after DATA for a failure, and says what may follow", async () => {
  let drops = 1;
  await using setup = await setUp({ dropAfterData: () => drops-- > 0 });
  const destination = setup.destination();
  await assert.rejects(deliver(destination, message), (error: Error) => {
    assert.ok(error instanceof DestinationError);
    assert.match(error.message, /sent whole but not answered: .* a second time/);
    return true;
  });
  await deliver(destination, message);
  assert.equal(setup.server.accepted.length, 1);
});

Deno.test("Receiver.discard() leaves the mail server without half a message", async () => {
  await using setup = await setUp();
  const destination = setup.destination();
  const receiver = await destination.receive({});
  await receiver.write(encoder.encode("Subject: half\r\n\r\nof a mess"));
  await receiver.discard();
  await deliver(destination, message);
  assert.deepEqual(setup.server.accepted.map((accepted) => accepted.body), [message]);
});

Deno.test("SmtpDestination discards what goes to the sink", async () => {
  await using setup = await setUp({}, { recipients: [] });
  const destination = setup.destination();
  await destination.open();
  assert.equal(await deliver(destination, message), "SMTP=discarded");
  assert.equal(setup.server.connections, 0);
});

Deno.test("SmtpDestination is the same destination whomever an alias leads to", async () => {
  const keys: string[] = [];
  for (const recipients of [["bob@example.org"], ["bob@example.org", "carol@example.org"], []]) {
    await using setup = await setUp({}, { recipients, port: 25 });
    keys.push(setup.destination().key);
  }
  assert.deepEqual(keys, Array(3).fill("smtp:127.0.0.1:25:alice@example.org"));
});

Deno.test("SmtpDestination remembers over restarts which LMTP recipients have a message", async () => {
  let full = true;
  await using setup = await setUp(
    {
      lmtp: true,
      refuseMessage: (_body, recipient) => full && recipient.startsWith("bob") ? 452 : undefined,
    },
    { recipients: ["alice@example.org", "bob@example.org"] },
  );
  for (let run = 0; run < 2; run++) {
    await assert.rejects(
      deliver(setup.destination(), message, "server user uidl1"),
      (error: Error) => {
        assert.ok(error instanceof MessageRefusedError);
        assert.match(error.message, /bob@example\.org: 452/);
        return true;
      },
    );
  }
  full = false;
  await setup.destination().retain(new Set(["uidl1"]));
  await deliver(setup.destination(), message, "server user uidl1");
  await deliver(setup.destination(), message, "server user uidl2");
  assert.deepEqual(setup.server.accepted.map((accepted) => accepted.to), [
    ["alice@example.org"],
    ["bob@example.org"],
    ["alice@example.org", "bob@example.org"],
  ]);
});

Deno.test("SmtpDestination takes an id that the remote server gives anew for a new message", async () => {
  let full = true;
  await using setup = await setUp(
    {
      lmtp: true,
      refuseMessage: (_body, recipient) => full && recipient.startsWith("bob") ? 452 : undefined,
    },
    { recipients: ["alice@example.org", "bob@example.org"] },
  );
  await assert.rejects(deliver(setup.destination(), message, "server user uidl1"));
  // Its owner deleted the message in another way.
  await setup.destination().retain(new Set(["uidl2"]));
  full = false;
  await deliver(setup.destination(), `${message}new\r\n`, "server user uidl1");
  assert.deepEqual(setup.server.accepted.at(-1)!.to, ["alice@example.org", "bob@example.org"]);
});

Deno.test("SmtpDestination fails a message that LMTP refuses for every recipient", async () => {
  await using setup = await setUp(
    { lmtp: true, refuseMessage: () => 550 },
    { recipients: ["alice@example.org", "bob@example.org"] },
  );
  await assert.rejects(deliver(setup.destination(), message, "id"), MessageRefusedError);
});
