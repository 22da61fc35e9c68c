import assert from "node:assert/strict";
import { UserError } from "../../lib/errors.ts";
import { importMailismus, noteText } from "../../lib/import/mailismus.ts";

/** Imports a text; gives the config's text and the notes. */
function importText(xml: string): { toml: string; notes: string[] } {
  const { toml, notes } = importMailismus(new TextEncoder().encode(xml), "test.xml");
  return { toml, notes: notes.map(noteText) };
}

const wrap = (inner: string): string => `<mailserver>\n${inner}\n</mailserver>`;

Deno.test("importMailismus() refuses what is no Mailismus configuration, in a sentence", () => {
  const entities = '<!ENTITY a "aaaaaaaaaa">' +
    [..."bcdefghij"].map((name, i) => `<!ENTITY ${name} "${`&${"abcdefghi"[i]};`.repeat(10)}">`)
      .join("");
  const cases: [string | Uint8Array, RegExp][] = [
    ["", /it is empty/],
    [" \n\t", /it is empty/],
    ["[pop3server]\nenabled = true\n", /it is not XML: it does not begin with "<"/],
    ["<mailserver><pop3server></mailserver>", /line 1, column \d+: Missing end tag/],
    ["<mailserver>\n<a b=c/></mailserver>", /line 2, column 6: Attribute value expected/],
    ["<mailserver/><mailserver/>", /line 1, column 14: /],
    ["<!-- nothing -->", /line 1, column 17: /],
    [`<!DOCTYPE m [${entities}]>\n<mailserver>&j;</mailserver>`, /Named entity isn't defined: &j;/],
    [
      '<!DOCTYPE m [<!ENTITY x SYSTEM "file:///etc/passwd">]><mailserver>&x;</mailserver>',
      /Named entity isn't defined: &x;/,
    ],
    ["<mailserver>".repeat(80_000), /its elements lie more than 50 deep/],
    [
      "<mailserver>" + "<a>".repeat(60) + "</a>".repeat(60) + "</mailserver>",
      /its elements lie more than 50 deep/,
    ],
    [`<mailserver>${" ".repeat(1024 * 1024)}</mailserver>`, /it is larger than any config/],
    ["<naf><dispatchers/></naf>", /it is naf\.xml, which only says what Mailismus runs/],
    ["<html><body/></html>", /its outermost element is <html>/],
    [Uint8Array.of(0x3c, 0xff, 0xfe), /it is not UTF-8 text/],
    ['<?xml version="1.0" encoding="klingon"?><mailserver/>', /its encoding is "klingon"/],
  ];
  for (const [xml, expected] of cases) {
    const bytes = typeof xml === "string" ? new TextEncoder().encode(xml) : xml;
    assert.throws(
      () => importMailismus(bytes, "x.xml"),
      (error) =>
        error instanceof UserError && error.status === 2 &&
        error.message.startsWith('Cannot import "x.xml": ') && expected.test(error.message),
      String(expected),
    );
  }
});

Deno.test("importMailismus() reads the encodings that XML files are written in", () => {
  const xml = '<?xml version="1.0" encoding="ISO-8859-1"?><mailserver><directory>' +
    "<users>/m\u00fcll</users></directory></mailserver>";
  const bytes = Uint8Array.from(xml, (letter) => letter.charCodeAt(0));
  assert.match(importMailismus(bytes, "x.xml").toml, /^users = "\/m\u00fcll"$/m);
  const wide = new Uint8Array(
    new Uint16Array([..."\ufeff<mailserver/>"].map((c) => c.charCodeAt(0))).buffer,
  );
  assert.equal(importMailismus(wide, "x.xml").notes.length, 0);
});

Deno.test("importMailismus() lets nothing in the XML file break out of a comment or a string", () => {
  const { toml } = importText(wrap(
    '<pop3download><clients><client id="a&#10;enabled = 1" recip="x&quot;&#10;y = 2" z="1"/>' +
      '<client recip="b"><server address="h&#13;p = 1"/></client></clients></pop3download>' +
      '<directory><users>a"\nb = 3</users></directory><message_store class="x&#10;c = 4"/>',
  ));
  for (const line of toml.split("\n")) {
    assert.match(line, /^(|#.*|\[.*\]|(enabled|id|recip|users|dotstuffing) = .*)$/);
  }
  assert.match(toml, /^id = "a\\nenabled = 1"$/m);
});

Deno.test("importMailismus() has Mailismus' own default of dotstuffing, also for a store not spoken of", () => {
  const directory = "<directory><users>u</users></directory>";
  const cases: [string, boolean | undefined][] = [
    ["<message_store/>", false],
    ["<message_store><dotstuffing/></message_store>", false],
    ['<message_store dotstuffing="yes"/>', true],
    ["<message_store><dotstuffing>True</dotstuffing></message_store>", true],
    ["<message_store><dotstuffing>N</dotstuffing></message_store>", false],
    ["<message_store><dotstuffing>maybe</dotstuffing></message_store>", false],
    [`${directory}<pop3server/>`, false],
    [directory, undefined],
  ];
  for (const [xml, expected] of cases) {
    const found = /^dotstuffing = (.*)$/m.exec(importText(wrap(xml)).toml)?.[1];
    assert.equal(found, expected === undefined ? undefined : String(expected), xml);
  }
});

Deno.test("importMailismus() follows only links that the program would follow", () => {
  const listeners = (inner: string): string =>
    wrap(`<pop3server><listeners>${inner}</listeners></pop3server>`);
  const nobody = importText(listeners('<listener name="A" configlink="B"/>'));
  assert.ok(!nobody.toml.includes("configlink ="));
  assert.match(nobody.notes[0]!, /"B" names no other listener/);
  const chain = importText(listeners(
    '<listener name="A" configlink="B"/><listener name="B" configlink="C"/><listener name="C"/>',
  ));
  assert.match(chain.notes[0]!, /"B" names a listener that is itself linked/);
  const both = importText(listeners(
    '<listener name="A" configlink="B"><server><greet>A</greet></server></listener><listener name="B"/>',
  ));
  assert.match(both.notes[0]!, /does not count beside configlink="B"/);
  assert.ok(!both.toml.includes("greet"));
});

Deno.test("importMailismus() switches a server off that has no listener", () => {
  for (
    const inner of [
      "",
      "<listeners/>",
      '<listeners><listener enabled="N"/></listeners>',
      '<listeners enabled="N"><listener/></listeners>',
    ]
  ) {
    const { toml } = importText(wrap(`<pop3server>${inner}</pop3server>`));
    assert.match(toml, /\[pop3server\]\n# It has no listener.*\nenabled = false\n/, inner);
  }
});

Deno.test("importMailismus() notes what is given twice", () => {
  const { toml, notes } = importText(wrap(
    '<pop3server><listeners><listener port="1"><port>2</port></listener></listeners></pop3server>\n' +
      "<pop3server/>",
  ));
  assert.match(toml, /^port = 1$/m);
  assert.deepEqual(notes, [
    "line 2: pop3server/listeners/listener/port: is given a second time; " +
    "pop3server/listeners/listener/@port counts",
    "line 3: pop3server: stands twice; the first, on line 2, counts",
  ]);
});
