// Verifies a service token of gatepass with jose, and prints its roles.
//
//   node verify.mjs https://gate.example.org:8443 root.pem https://jobs.example.org < token
//
// Exit code 0: the token is good for this audience now. 1: it is not, and standard error says why.

import { readFileSync } from "node:fs";
import https from "node:https";
import { inflateSync } from "node:zlib";
import { createLocalJWKSet, jwtVerify } from "jose";

const LEEWAY = 60; // seconds that clocks may differ
const MOST_BYTES = 512 * 1024; // no document of the authority is longer
const MOST_ENTRIES = 1 << 20; // in a status list
const STATES = ["valid", "revoked", "suspended", "used up"];

/** One document of the authority. TLS trusts the root `ca` and no other; redirects are not followed. */
function fetch(url, ca) {
  return new Promise((resolve, reject) => {
    const request = https.get(url, { ca, agent: false, timeout: 10_000 }, (answer) => {
      const parts = [];
      let length = 0;
      answer.on("data", (part) => {
        length += part.length;
        if (length > MOST_BYTES) request.destroy(new Error(`${url} is too long`));
        parts.push(part);
      });
      answer.on("error", reject);
      answer.on("end", () => {
        if (answer.statusCode === 200) resolve(Buffer.concat(parts).toString());
        else reject(new Error(`${url} was answered with ${answer.statusCode}`));
      });
    });
    request.on("timeout", () => request.destroy(new Error(`${url} was not answered in time`)));
    request.on("error", reject);
  });
}

/** The claims of `text`, if a key for just this `typ` signed it, it is in time and says what is `expected`. */
async function signed(text, typ, jwks, expected) {
  // A key signs one kind of token and no other; one without gatepass_typ signs enrollment tokens.
  const keys = jwks.keys.filter((key) => (key.gatepass_typ ?? "enroll+jwt") === typ && !("d" in key));
  // The algorithm is the key's, never the header's.
  const rules = { ...expected, typ, algorithms: ["EdDSA"], clockTolerance: LEEWAY };
  const { payload } = await jwtVerify(text, createLocalJWKSet({ keys }), rules);
  if (payload.iat > Date.now() / 1000 + LEEWAY) throw new Error("it was signed in the future");
  return payload;
}

/** What the claim `status_list` of a verified list says of the token at `index`. */
function state({ bits, lst }, index) {
  if (bits !== 2) throw new Error("the status list has entries of another size");
  const statuses = inflateSync(Buffer.from(lst, "base64url"), { maxOutputLength: MOST_ENTRIES / 4 });
  if (!Number.isInteger(index) || index < 0 || index >= statuses.length * 4) {
    throw new Error("the status list has no such entry");
  }
  // Four entries in a byte, the first in its lowest bits.
  return STATES[(statuses[index >> 2] >> ((index & 3) * 2)) & 3];
}

/** The claims of a good token. */
async function verify(issuer, ca, audience, token) {
  const jwks = JSON.parse(await fetch(`${issuer}/.well-known/jwks.json`, ca));
  const requiredClaims = ["iss", "aud", "jti", "iat", "nbf", "exp", "status"];
  const claims = await signed(token, "role+jwt", jwks, { issuer, audience, requiredClaims });
  if (claims.aud !== audience) throw new Error("the token is for several audiences");
  const { uri, idx } = claims.status.status_list;
  if (!uri.startsWith(`${issuer}/status/`)) throw new Error("the token names a status list elsewhere");
  const expected = { subject: uri, requiredClaims: ["sub", "iat", "exp"] };
  const published = await signed(await fetch(uri, ca), "statuslist+jwt", jwks, expected);
  const found = state(published.status_list, idx);
  if (found !== "valid") throw new Error(`the token is ${found}`);
  return claims;
}

const [issuer, root, audience] = process.argv.slice(2);
if (!audience) {
  console.error("usage: node verify.mjs AUTHORITY ROOT.PEM AUDIENCE < token");
  process.exit(2);
}
try {
  const claims = await verify(issuer, readFileSync(root), audience, readFileSync(0, "utf8").trim());
  console.log(claims.roles.join(" "));
} catch (error) {
  console.error(`refused: ${error.code ?? error.name}: ${error.message}`);
  process.exit(1);
}
