import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { exportJWK, generateKeyPair, SignJWT, type JWTPayload } from "jose";

/** An identity provider whose every answer a test decides. */
export interface FakeIssuer {
  readonly url: string;
  /** Claims of the next ID token; undefined leaves the token out. */
  idClaims: JWTPayload | undefined;
  /** Claims of the next access token; undefined makes it opaque. */
  accessClaims: JWTPayload | undefined;
  userInfo: Record<string, unknown> | undefined;
  /** Answers the token endpoint instead. */
  tokenAnswer: { readonly status: number; readonly json: unknown } | undefined;
  /** How often each path was asked for. */
  readonly asked: Map<string, number>;
  sign(
    claims: JWTPayload,
    options?: { readonly issuedAt?: Date; readonly jti?: string },
  ): Promise<string>;
  close(): Promise<void>;
}

export async function startFakeIssuer(): Promise<FakeIssuer> {
  const { privateKey, publicKey } = await generateKeyPair("RS256");
  const jwk = { ...(await exportJWK(publicKey)), use: "sig", alg: "RS256", kid: "k1" };
  const server = createServer((req, res) => {
    void serve(req, res);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const issuer: FakeIssuer = {
    url,
    idClaims: { sub: "s-1" },
    accessClaims: undefined,
    userInfo: undefined,
    tokenAnswer: undefined,
    asked: new Map(),
    sign(claims, { issuedAt = new Date(), jti } = {}) {
      const token = new SignJWT({ iss: url, aud: "slipway", ...claims })
        .setProtectedHeader({ alg: "RS256", kid: "k1" })
        .setIssuedAt(issuedAt)
        .setExpirationTime("5m");
      return (jti === undefined ? token : token.setJti(jti)).sign(privateKey);
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return issuer;

  async function serve(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const path = new URL(req.url ?? "/", url).pathname;
    issuer.asked.set(path, (issuer.asked.get(path) ?? 0) + 1);
    const { status, json } = await answerTo(path);
    res.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(json));
  }

  async function answerTo(path: string): Promise<{ status: number; json: unknown }> {
    switch (path) {
      case "/.well-known/openid-configuration":
        return {
          status: 200,
          json: {
            issuer: url,
            authorization_endpoint: `${url}/authorize`,
            token_endpoint: `${url}/token`,
            jwks_uri: `${url}/keys`,
            ...(issuer.userInfo ? { userinfo_endpoint: `${url}/userinfo` } : {}),
            id_token_signing_alg_values_supported: ["RS256"],
            scopes_supported: ["openid", "profile", "email"],
          },
        };
      case "/keys":
        return { status: 200, json: { keys: [jwk] } };
      case "/userinfo":
        return { status: 200, json: issuer.userInfo };
      case "/token":
        return issuer.tokenAnswer ?? { status: 200, json: await tokens() };
      default:
        return { status: 404, json: {} };
    }
  }

  async function tokens(): Promise<Record<string, unknown>> {
    return {
      token_type: "bearer",
      expires_in: 300,
      access_token: issuer.accessClaims ? await issuer.sign(issuer.accessClaims) : "opaque",
      refresh_token: "next",
      ...(issuer.idClaims ? { id_token: await issuer.sign(issuer.idClaims) } : {}),
    };
  }
}
