// A real OpenID provider for the tests, with its own sign-in form. The configuration comes as JSON in the first
// argument; the first line of the output is {"issuer": …}. It ends when its input does.
import { createServer } from "node:http";
import { generateKeyPairSync } from "node:crypto";
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
    people[id] && { accountId: id, claims: () => ({ sub: id, ...people[id] }) },
  features: { devInteractions: { enabled: true } },
});
server.on("request", provider.callback());
console.log(JSON.stringify({ issuer }));
process.stdin.resume();
process.stdin.on("end", () => process.exit(0));
