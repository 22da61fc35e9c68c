import assert from "node:assert/strict";
import fc from "fast-check";
import {
  logFileName,
  logFolder,
  type Rotation,
  rotationPeriod,
  ROTATIONS,
} from "../../lib/log/name_template.ts";

/** The moment of a local time. */
function at(local: string, zone = "Europe/Berlin"): number {
  return Temporal.ZonedDateTime.from(`${local}[${zone}]`).epochMilliseconds;
}

function nameAt(rotation: Rotation, local: string, zone = "Europe/Berlin"): string {
  return logFileName("%DT%", rotation, rotationPeriod(rotation, at(local, zone), zone).start);
}

function endOf(rotation: Rotation, now: number, zone: string): string {
  const { end } = rotationPeriod(rotation, now, zone);
  return Temporal.Instant.fromEpochMilliseconds(end).toZonedDateTimeISO(zone)
    .toString({ timeZoneName: "never" });
}

Deno.test("logFileName() gives %DT% at the grain of each rotation", () => {
  const names = ROTATIONS.map((rotation) => nameAt(rotation, "2026-11-21T14:03:22"));
  assert.deepEqual(names, [
    "20261121",
    "20261121_1400",
    "20261121",
    "20261116",
    "202611",
    "2026",
  ]);
});

Deno.test("logFileName() gives %DT% to the second for rotation by size", () => {
  const { start } = rotationPeriod("NEVER", at("2026-01-02T03:04:05"), "Europe/Berlin");
  assert.equal(logFileName("a-%DT%.log", "SIZE", start), "a-20260102_030405.log");
});

Deno.test("logFileName() gives the parts of the period's start", () => {
  const template = "/logs/Y%Y%/%M%/%D%-%h%%m%%s%.log";
  const name = (rotation: Rotation) =>
    logFileName(
      template,
      rotation,
      rotationPeriod(rotation, at("2026-11-21T14:03:22"), "Europe/Berlin").start,
    );
  assert.equal(name("NEVER"), "/logs/Y2026/11/21-140322.log");
  assert.equal(name("HOURLY"), "/logs/Y2026/11/21-140000.log");
  assert.equal(name("WEEKLY"), "/logs/Y2026/11/16-000000.log");
  assert.equal(name("MONTHLY"), "/logs/Y2026/11/01-000000.log");
  assert.equal(name("YEARLY"), "/logs/Y2026/01/01-000000.log");
});

Deno.test("logFileName() leaves other text alone", () => {
  const { start } = rotationPeriod("DAILY", at("2026-11-21T14:03:22"), "Europe/Berlin");
  assert.equal(logFileName("100%/%X%/$&/%y%.log", "DAILY", start), "100%/%X%/$&/%y%.log");
});

Deno.test("rotationPeriod() begins weeks on Monday, over the ends of months and years", () => {
  assert.equal(nameAt("WEEKLY", "2026-11-16T00:00:00"), "20261116");
  assert.equal(nameAt("WEEKLY", "2026-11-22T23:59:59.999"), "20261116");
  assert.equal(nameAt("WEEKLY", "2026-11-23T00:00:00"), "20261123");
  assert.equal(nameAt("WEEKLY", "2027-01-02T12:00:00"), "20261228");
});

Deno.test("rotationPeriod() ends a day of 23 or 25 hours at midnight", () => {
  const zone = "Europe/Berlin";
  assert.equal(endOf("DAILY", at("2026-03-29T01:00:00"), zone), "2026-03-30T00:00:00+02:00");
  assert.equal(endOf("DAILY", at("2026-10-25T01:00:00"), zone), "2026-10-26T00:00:00+01:00");
  assert.equal(endOf("WEEKLY", at("2026-10-21T01:00:00"), zone), "2026-10-26T00:00:00+01:00");
  assert.equal(endOf("MONTHLY", at("2026-03-02T01:00:00"), zone), "2026-04-01T00:00:00+02:00");
  assert.equal(endOf("YEARLY", at("2026-07-01T01:00:00"), zone), "2027-01-01T00:00:00+01:00");
});

Deno.test("rotationPeriod() ends a day whose successor has no midnight", () => {
  // In Beirut summer time begins at midnight.
  const zone = "Asia/Beirut";
  const now = at("2026-03-28T12:00:00", zone);
  assert.equal(endOf("DAILY", now, zone), "2026-03-29T01:00:00+03:00");
  assert.equal(nameAt("DAILY", "2026-03-29T01:00:00", zone), "20260329");
});

Deno.test("rotationPeriod() names the hour that comes twice alike", () => {
  const zone = "Europe/Berlin";
  const first = at("2026-10-25T02:30:00+02:00");
  const second = at("2026-10-25T02:30:00+01:00");
  assert.equal(second - first, 3_600_000);
  for (const now of [first, second]) {
    const { start, end } = rotationPeriod("HOURLY", now, zone);
    assert.equal(logFileName("%DT%", "HOURLY", start), "20261025_0200");
    assert.equal(end, now + 1_800_000);
  }
});

Deno.test("rotationPeriod() knows zones that are off by parts of an hour", () => {
  assert.equal(nameAt("HOURLY", "2026-11-21T14:03:22", "Asia/Kathmandu"), "20261121_1400");
  // Lord Howe Island turns its clock by half an hour: 02:00 becomes 02:30, and 02:00 01:30.
  assert.equal(nameAt("HOURLY", "2026-10-04T02:35:00", "Australia/Lord_Howe"), "20261004_0200");
  assert.equal(nameAt("HOURLY", "2026-04-05T01:45:00", "Australia/Lord_Howe"), "20260405_0100");
});

Deno.test("rotationPeriod() gives the same name throughout a period, another one after it", () => {
  const zones = ["UTC", "Europe/Berlin", "America/New_York", "Asia/Beirut", "Pacific/Auckland"];
  const from = Date.UTC(2020, 0, 1);
  const to = Date.UTC(2030, 0, 1);
  fc.assert(fc.property(
    fc.constantFrom(...ROTATIONS),
    fc.constantFrom(...zones),
    fc.integer({ min: from, max: to }),
    fc.double({ min: 0, max: 1, noNaN: true }),
    (rotation, zone, now, share) => {
      const { start, end } = rotationPeriod(rotation, now, zone);
      if (rotation === "NEVER") return end === Infinity;
      assert.ok(end > now);
      const name = (time: number) =>
        logFileName("%DT%", rotation, rotationPeriod(rotation, time, zone).start);
      const within = Math.min(end - 1, Math.floor(now + share * (end - now)));
      assert.equal(name(within), logFileName("%DT%", rotation, start));
      if (rotation !== "HOURLY") assert.notEqual(name(end), name(now));
      return true;
    },
  ));
});

Deno.test("logFolder() is the folder above everything that the time can change", () => {
  assert.equal(logFolder("/var/log/mail/pop3.log"), "/var/log/mail");
  assert.equal(logFolder("/var/log/mail/pop3-%DT%.log"), "/var/log/mail");
  assert.equal(logFolder("/var/log/Y%Y%/%M%/pop3.log"), "/var/log");
  assert.equal(logFolder("/var/log/%Y%/pop3.log"), "/var/log");
  assert.equal(logFolder("/%D%.log"), "/");
});
