// A real OpenID provider for the tests, with its own sign-in form. The configuration comes as JSON in the first
// argument; the first line of the output is {"issuer": …}. It ends when its input does.
import { createServer } from "node:http";
import { generateKeyPairSync } from "node:crypto";
import { SignJWT, decodeJwt } from "jose";
import Provider from "oidc-provider";

const { client_id, client_secret, redirect_uri, people, id_token_claims, port } = JSON.parse(process.argv[2]);

const server = createServer();
await new Promise((resolve) => server.listen(port ?? 0, "127.0.0.1", resolve));
const issuer = `http://127.0.0.1:${server.address().port}`;

const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
const key = { ...privateKey.export({ format: "jwk" }), kid: `k${Date.now()}-${process.pid}`, use: "sig", alg: "RS256" };

const provider = new Provider(issuer, {
  clients: [{ client_id, client_secret, redirect_uris: [redirect_uri] }],
  jwks: { keys: [key] },
  cookies: { keys: ["only for tests"] },
  claims: { openid: ["sub"], profile: ["name", "groups"] },
  // As the specification has it, claims of a scope are at the userinfo endpoint; many providers put them into the ID token.
  conformIdTokenClaims: !id_token_claims,
  pkce: { required: () => true },
  // The login of the form is the person's subject.
  findAccount: (_, id) =>
    people[id] && { accountId: id, claims: () => ({ sub: id, name: people[id].name, groups: people[id].groups }) },
  features: { devInteractions: { enabled: true } },
});
// A provider gone bad: what it says of a person with `forge` is signed anew, with something wrong.
const stranger = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey;
provider.use(async (ctx, next) => {
  await next();
  if (ctx.path !== "/token" || !ctx.body?.id_token) return;
  const claims = decodeJwt(ctx.body.id_token);
  const forge = people[claims.sub].forge;
  if (!forge) return;
  const now = Math.floor(Date.now() / 1000);
  if (forge === "audience") claims.aud = "another";
  if (forge === "issuer") claims.iss = "https://another.example";
  if (forge === "nonce") claims.nonce = "another";
  if (forge === "expired") Object.assign(claims, { iat: now - 7200, exp: now - 3600 });
  const signer = new SignJWT(claims).setProtectedHeader({ alg: "RS256", kid: key.kid });
  ctx.body.id_token = await signer.sign(forge === "signature" ? stranger : privateKey);
  if (forge === "none") {
    const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
    ctx.body.id_token = `${part({ alg: "none" })}.${part(claims)}.`;
  }
});
server.on("request", provider.callback());
console.log(JSON.stringify({ issuer }));
process.stdin.resume();
process.stdin.on("end", () => process.exit(0));
