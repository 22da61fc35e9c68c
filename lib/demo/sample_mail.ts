/**
 * The mail in the demo's mailboxes: short, readable, and with what mail programs stumble over.
 *
 * @module
 */
import { encodeBase64 } from "../auth/base64.ts";
import { encodeText } from "../wire/text.ts";

/** A message of the demo. */
export interface SampleMessage {
  /** Its subject, as a person reads it. */
  readonly subject: string;
  /** The message as it lies in a Maildir: with LF line ends. */
  readonly text: string;
}

interface Draft {
  from: string;
  to: string;
  subject: string;
  /** How many hours ago it was written. */
  hours: number;
  /** Further header fields. */
  fields?: string[];
  body: string[];
}

/** Alice's mail, oldest first; `now` is in milliseconds, `date` writes a time as mail does. */
export function aliceMail(now: number, date: (time: number) => string): SampleMessage[] {
  return [DOTS, EIGHT_BIT, attachment(), newsletter(), SHORT]
    .map((draft) => compose(draft, "alice", now, date));
}

/** Bob's own mail. */
export function bobMail(now: number, date: (time: number) => string): SampleMessage[] {
  return [compose(BOBS, "bob", now, date)];
}

/** The number of the message with lines that begin with a dot. */
export const DOTTED_MESSAGE = 1;
/** The number of the one that can be spared. */
export const SPARE_MESSAGE = 4;

const DOTS: Draft = {
  from: "Carol <carol@example.org>",
  to: "Alice <alice@example.org>",
  subject: "Dots at the start of a line",
  hours: 50,
  body: [
    "Hello Alice,",
    "",
    "a line with a single dot ends a message in POP3. This one has such a line",
    "in its middle, and it must come through whole:",
    ".",
    ".profile and ...an ellipsis begin with dots, too.",
    "",
    "Carol",
  ],
};

const EIGHT_BIT: Draft = {
  from: "=?utf-8?Q?J=C3=BCrgen?= <juergen@example.net>",
  to: "Alice <alice@example.org>",
  subject: "=?utf-8?Q?Gr=C3=BC=C3=9Fe_aus_K=C3=B6ln?=",
  hours: 30,
  fields: [
    "MIME-Version: 1.0",
    "Content-Type: text/plain; charset=utf-8",
    "Content-Transfer-Encoding: 8bit",
  ],
  body: [
    "Grüße aus Köln! Das Café schließt um zehn, der Eintritt kostet 5 €.",
    "日本語も読めます。",
  ],
};

const SHORT: Draft = {
  from: "Bob <bob@example.org>",
  to: "Alice <alice@example.org>",
  subject: "Lunch?",
  hours: 1,
  body: ["Lunch at noon?"],
};

const BOBS: Draft = {
  from: "Alice <alice@example.org>",
  to: "Bob <bob@example.org>",
  subject: "Re: Lunch?",
  hours: 0.5,
  body: ["Gladly. See you there."],
};

function attachment(): Draft {
  const rows = Array.from({ length: 60 }, (_, day) => `${day + 1};${(day * 37) % 101}`);
  const base64 = encodeBase64(encodeText(["day;visitors", ...rows, ""].join("\r\n")));
  return {
    from: "Statistics <stats@example.com>",
    to: "Alice <alice@example.org>",
    subject: "Visitors, with a table attached",
    hours: 12,
    fields: ["MIME-Version: 1.0", 'Content-Type: multipart/mixed; boundary="=_demo"'],
    body: [
      "--=_demo",
      "Content-Type: text/plain; charset=us-ascii",
      "",
      "The table is attached.",
      "--=_demo",
      'Content-Type: text/csv; name="visitors.csv"',
      'Content-Disposition: attachment; filename="visitors.csv"',
      "Content-Transfer-Encoding: base64",
      "",
      ...(base64.match(/.{1,76}/g) ?? []),
      "--=_demo--",
    ],
  };
}

function newsletter(): Draft {
  const offers = Array.from(
    { length: 40 },
    (_, index) => `Offer ${index + 1}: a thing that nobody needs, for only ${index + 9}.99`,
  );
  return {
    from: "Offers <offers@example.com>",
    to: "Alice <alice@example.org>",
    subject: "Forty offers",
    hours: 3,
    body: ["Dear customer,", "", ...offers],
  };
}

function compose(
  draft: Draft,
  user: string,
  now: number,
  date: (time: number) => string,
): SampleMessage {
  const { from, to, subject, hours, fields = [], body } = draft;
  const time = now - hours * 3_600_000;
  const header = [
    `From: ${from}`,
    `To: ${to}`,
    `Date: ${date(time)}`,
    `Message-ID: <${Math.floor(time / 1000)}.${user}@example.org>`,
    `Subject: ${subject}`,
    ...fields,
  ];
  return { subject, text: [...header, "", ...body, ""].join("\n") };
}
