import assert from "node:assert/strict";
import { SERVER_MECHANISMS, type ServerMechanism } from "../../lib/auth/types.ts";
import {
  acceptedMechanisms,
  acceptedSaslNames,
  type ConnectionFacts,
  type LoginSettings,
  offersApop,
  refusalOf,
} from "../../lib/server/policy.ts";

const TLS = { protocol: "TLSv1.3", cipher: "TLS_AES_256_GCM_SHA384" };
const PLAIN: ConnectionFacts = {
  tls: undefined,
  tlsPossible: true,
  digestsPossible: true,
  stamp: "<1@x>",
};

function settings(change: Partial<LoginSettings> = {}): LoginSettings {
  return { authtypes: SERVER_MECHANISMS, authtypesSsl: [], mandatoryTls: false, ...change };
}

Deno.test("acceptedMechanisms() is what remains of authtypes", () => {
  const cases: [string, Partial<LoginSettings>, Partial<ConnectionFacts>, ServerMechanism[]][] = [
    ["in the clear", {}, {}, ["USERPASS", "APOP", "SASL_PLAIN", "SASL_CRAM_MD5"]],
    ["none", { authtypes: [] }, {}, []],
    ["some need TLS", { authtypesSsl: ["SASL_PLAIN", "USERPASS"] }, {}, ["APOP", "SASL_CRAM_MD5"]],
    ["those with TLS", { authtypesSsl: ["SASL_PLAIN"], authtypes: ["SASL_PLAIN"] }, { tls: TLS }, [
      "SASL_PLAIN",
    ]],
    ["mandatory", { mandatoryTls: true }, {}, []],
    ["mandatory, with TLS", { mandatoryTls: true }, { tls: TLS, stamp: undefined }, [
      "USERPASS",
      "SASL_PLAIN",
      "SASL_CRAM_MD5",
    ]],
    ["hashed passwords", {}, { digestsPossible: false }, ["USERPASS", "SASL_PLAIN"]],
    ["no stamp", {}, { stamp: undefined }, ["USERPASS", "SASL_PLAIN", "SASL_CRAM_MD5"]],
    ["a verified certificate", { authtypes: ["SASL_EXTERNAL"] }, {
      tls: { ...TLS, verifiedCommonName: "alice" },
    }, ["SASL_EXTERNAL"]],
    ["a certificate with a fault", { authtypes: ["SASL_EXTERNAL"] }, {
      tls: { ...TLS, certificateFault: "expired" },
    }, []],
    ["EXTERNAL without TLS", { authtypes: ["SASL_EXTERNAL"] }, {}, []],
  ];
  for (const [name, change, facts, expected] of cases) {
    assert.deepEqual(acceptedMechanisms(settings(change), { ...PLAIN, ...facts }), expected, name);
  }
});

Deno.test("refusalOf() tells the way to TLS only where there is one", () => {
  const needsTls = settings({ mandatoryTls: true });
  assert.match(refusalOf("USERPASS", needsTls, PLAIN) ?? "", /use STLS first/);
  const noTls = { ...PLAIN, tlsPossible: false };
  assert.equal(refusalOf("SASL_EXTERNAL", settings(), noTls), "This login method needs TLS");
});

Deno.test("offersApop() asks whether APOP would be accepted at once", () => {
  const greeting = { ...PLAIN, stamp: undefined };
  assert.equal(offersApop(settings(), greeting), true);
  assert.equal(offersApop(settings({ authtypes: ["USERPASS"] }), greeting), false);
  assert.equal(offersApop(settings({ authtypesSsl: ["APOP"] }), greeting), false);
  assert.equal(offersApop(settings({ authtypesSsl: ["APOP"] }), { ...greeting, tls: TLS }), true);
  assert.equal(offersApop(settings({ mandatoryTls: true }), greeting), false);
  assert.equal(offersApop(settings(), { ...greeting, digestsPossible: false }), false);
});

Deno.test("acceptedSaslNames() gives the names that AUTH takes", () => {
  const facts = { ...PLAIN, tls: { ...TLS, verifiedCommonName: "alice" } };
  assert.deepEqual(acceptedSaslNames(settings(), facts), ["PLAIN", "CRAM-MD5", "EXTERNAL"]);
  assert.deepEqual(acceptedSaslNames(settings({ authtypes: ["USERPASS"] }), facts), []);
});
