// Mint, list, redeem and revoke a token with types that openapi-typescript generated.
//
//     GATEPASS_PASSWORD=... NODE_EXTRA_CA_CERTS=root.pem node built/tokens.js URL CSR
//
// CSR is the file of a certificate request, PEM. Needs an admin's password.

import { readFileSync } from "node:fs";
import createClient from "openapi-fetch";
import type { components, paths } from "./gatepass.js";

type Problem = components["schemas"]["Problem"];
type ProblemCode = components["schemas"]["ProblemCode"];
type Scope = components["schemas"]["Scope"];
type TokenState = components["schemas"]["TokenState"];

const [url, file] = process.argv.slice(2);
const password = process.env.GATEPASS_PASSWORD;
if (!url || !file || !password) throw new Error("usage: GATEPASS_PASSWORD=... node tokens.js URL CSR");
const csr = readFileSync(file, "utf8");

/** A client with this credential. Lists are one value with commas. */
const caller = (secret?: string) =>
  createClient<paths>({
    baseUrl: url,
    headers: secret ? { Authorization: `Bearer ${secret}` } : {},
    querySerializer: { array: { style: "form", explode: false } },
  });

/** The answer, or an error with the problem's reason. */
function expected<T>({ data, error }: { data?: T; error?: Problem }): T {
  if (error) throw new Error(`${error.code}: ${error.detail}`);
  if (data === undefined) throw new Error("no answer");
  return data;
}

const body = { username: "admin", password };
const session = expected(await caller().POST("/api/v1/session", { body }));
const scopes: Scope[] = ["tokens:read", "tokens:write"];
const order = { scopes, label: "clients", ttl: "1h", limits: "any" as const };
const key = expected(await caller(session.session).POST("/api/v1/api-keys", { body: order }));
const gate = caller(key.api_key);

const minted = expected(await gate.POST("/api/v1/enrollment-tokens", { body: { roles: ["proxy"], max_uses: 2 } }));
// Many tokens are a text of JSON Lines. A request that is sent again with its Idempotency-Key gets no token.
if (typeof minted === "string" || !("token" in minted)) throw new Error("not one new token");
const host = expected(await caller(minted.token).POST("/api/v1/bootstrap", { body: { csr } }));
// A host that needs approval gets 202. It sends the same request again after Retry-After.
if (!("host_id" in host)) throw new Error(`enrollment ${host.enrollment_id} waits for approval`);
console.log("enrolled", host.host_id, ...host.roles);

const state: TokenState[] = ["pending", "active"];
const query = { state, limit: 10 };
const page = expected(await gate.GET("/api/v1/enrollment-tokens", { params: { query } }));
console.log("listed", ...page.items.filter((token) => token.minter === `api_key:${key.id}`).map((token) => token.id));

const path = { id: minted.token_id };
const revoked = expected(await gate.DELETE("/api/v1/enrollment-tokens/{id}", { params: { path } }));
console.log(revoked.state, revoked.id);

const { error: problem } = await gate.POST("/api/v1/enrollment-tokens", { body: { roles: ["pilot"] } });
const code: ProblemCode = "invalid_request";
if (problem?.code !== code) throw new Error(`unexpected: ${JSON.stringify(problem)}`);
console.log("refused", problem.code, ...(problem.fields ?? []).map((fault) => fault.field));
