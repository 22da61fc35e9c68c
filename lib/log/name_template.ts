/**
 * Names of log files: templates with the time in them, and the periods after
 * which a log goes on in a new file. All of it in local time, by the calendar:
 * a day that daylight saving makes 23 or 25 hours long is one day.
 *
 * @module
 */
import { dirname } from "node:path";
import { two } from "./line.ts";

/** How often a log starts a new file; weeks start on Monday (ISO 8601). */
export const ROTATIONS = ["NEVER", "HOURLY", "DAILY", "WEEKLY", "MONTHLY", "YEARLY"] as const;

/** How often a log starts a new file. */
export type Rotation = typeof ROTATIONS[number];

/** A calendar time, without a zone. */
export interface LocalTime {
  /** The year, in full. */
  readonly year: number;
  /** 1 to 12. */
  readonly month: number;
  /** 1 to 31. */
  readonly day: number;
  /** 0 to 23. */
  readonly hour: number;
  /** 0 to 59. */
  readonly minute: number;
  /** 0 to 59. */
  readonly second: number;
}

/** The time during which a log keeps its file. */
export interface RotationPeriod {
  /** When it began: what the tokens of the name stand for. With NEVER the moment asked for. */
  readonly start: LocalTime;
  /** When it ends, in milliseconds since 1970; Infinity with NEVER. */
  readonly end: number;
}

/**
 * The period that a moment belongs to.
 *
 * @param now milliseconds since 1970
 * @param zone the time zone's name; the machine's by default
 */
export function rotationPeriod(
  rotation: Rotation,
  now: number,
  zone: string = Temporal.Now.timeZoneId(),
): RotationPeriod {
  const time = Temporal.Instant.fromEpochMilliseconds(now).toZonedDateTimeISO(zone);
  const day = time.toPlainDate();
  switch (rotation) {
    case "NEVER":
      return { start: time.toPlainDateTime(), end: Infinity };
    case "HOURLY": {
      // The clock's next full hour. Where the clock is turned meanwhile, it may show the same hour
      // again: that is the same name, and so the same file.
      const past = time.minute * 60_000 + time.second * 1000 + time.millisecond;
      const start = day.toPlainDateTime({ hour: time.hour });
      return { start, end: now - past + 3_600_000 };
    }
    case "DAILY":
      return days(day, day.add({ days: 1 }), zone);
    case "WEEKLY": {
      const monday = day.subtract({ days: day.dayOfWeek - 1 });
      return days(monday, monday.add({ days: 7 }), zone);
    }
    case "MONTHLY": {
      const first = day.with({ day: 1 });
      return days(first, first.add({ months: 1 }), zone);
    }
    case "YEARLY": {
      const first = day.with({ month: 1, day: 1 });
      return days(first, first.add({ years: 1 }), zone);
    }
  }
}

function days(first: Temporal.PlainDate, next: Temporal.PlainDate, zone: string): RotationPeriod {
  return {
    start: first.toPlainDateTime(),
    end: next.toZonedDateTime({ timeZone: zone }).epochMilliseconds,
  };
}

/**
 * How exactly `%DT%` gives the time: a rotation's own grain, or to the second for a log that
 * starts a new file by size.
 */
export type Grain = Rotation | "SIZE";

/** A token of a log file's name. */
const TOKEN = /%(DT|[YMDhms])%/g;

/**
 * The name that a template gives for a time.
 *
 * `%DT%` is the time at the rotation's own grain: `2026` (YEARLY), `202611` (MONTHLY), `20261121`
 * (WEEKLY, DAILY, and NEVER: the day on which the file was opened), `20261121_1400` (HOURLY),
 * `20261121_140322` (by size). `%Y% %M% %D% %h% %m% %s%` are its parts, of two digits but for the
 * year. Other text stands as it is.
 */
export function logFileName(template: string, grain: Grain, time: LocalTime): string {
  return template.replace(TOKEN, (_, token: string) => {
    switch (token) {
      case "Y":
        return String(time.year);
      case "M":
        return two(time.month);
      case "D":
        return two(time.day);
      case "h":
        return two(time.hour);
      case "m":
        return two(time.minute);
      case "s":
        return two(time.second);
      default:
        return dateTime(grain, time);
    }
  });
}

function dateTime(grain: Grain, time: LocalTime): string {
  const year = String(time.year);
  if (grain === "YEARLY") return year;
  const month = year + two(time.month);
  if (grain === "MONTHLY") return month;
  const day = month + two(time.day);
  if (grain === "HOURLY") return `${day}_${two(time.hour)}00`;
  if (grain === "SIZE") return `${day}_${two(time.hour)}${two(time.minute)}${two(time.second)}`;
  return day;
}

/**
 * The folder below which all files of a template lie, whatever the time: what must be writable.
 *
 * @param template an absolute path
 */
export function logFolder(template: string): string {
  const at = template.search(TOKEN);
  return dirname(at < 0 ? template : template.slice(0, at) + "_");
}
