/** One commit of a sample repository. Files are whole contents by path. */
export interface SampleCommit {
  readonly author: keyof typeof sampleAuthors;
  readonly coAuthor?: keyof typeof sampleAuthors;
  /** How long before the workspace was made. */
  readonly hoursAgo: number;
  readonly message: string;
  readonly files: Readonly<Record<string, string>>;
}

export interface SampleRepository {
  readonly name: string;
  readonly dependsOn: readonly string[];
  /** What is in production. */
  readonly master: readonly SampleCommit[];
  /** What came since, on top of it. */
  readonly uat: readonly SampleCommit[];
}

/** Who writes the code. Dana and Robin are sample people too; the others have no account. */
export const sampleAuthors = {
  dana: "Dana Okafor <dana@example.com>",
  robin: "Robin Vega <robin@example.com>",
  mira: "Mira Sørensen <mira@example.com>",
  tomas: "Tomás Quiroga <tomas@example.com>",
  jun: "Jun Takahashi <jun@example.com>",
} as const;

/**
 * The five services of the sample workspace. One breaking change (api-gateway), one migration (user-service), one pair of
 * authors (auth-service); billing-service has nothing new.
 */
export const sampleRepositories: readonly SampleRepository[] = [
  {
    name: "auth-service",
    dependsOn: [],
    master: [
      {
        author: "dana",
        hoursAgo: 40 * 24,
        message: "feat: issue and verify access tokens",
        files: {
          "README.md": readme("auth-service", "Issues access tokens and says who they belong to."),
          "package.json": packageFile("auth-service", "2.3.0"),
          "deploy/stack.yml": stackFile("auth-service"),
          "src/tokens.ts": `import { createHmac, randomUUID, timingSafeEqual } from "node:crypto";

const LIFETIME_SECONDS = 3600;

export function issueToken(subject: string, key: string, now: Date): string {
  const expires = Math.floor(now.getTime() / 1000) + LIFETIME_SECONDS;
  const payload = [subject, expires, randomUUID()].join(".");
  return \`\${payload}.\${sign(payload, key)}\`;
}

export function verifyToken(token: string, key: string, now: Date): string | undefined {
  const end = token.lastIndexOf(".");
  const payload = token.slice(0, end);
  const [subject, expires] = payload.split(".");
  const isGenuine = isEqual(token.slice(end + 1), sign(payload, key));
  return isGenuine && Number(expires) * 1000 > now.getTime() ? subject : undefined;
}

function sign(payload: string, key: string): string {
  return createHmac("sha256", key).update(payload).digest("base64url");
}

function isEqual(a: string, b: string): boolean {
  return a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b));
}
`,
        },
      },
      {
        author: "jun",
        hoursAgo: 26 * 24,
        message: "fix: answer 401 instead of 500 for a token without dots\n\nFixes AUTH-88.",
        files: {
          "src/middleware.ts": `import { verifyToken } from "./tokens.ts";

export function requireToken(key: string) {
  return (request, response, next) => {
    const [, token] = /^Bearer (\\S+)$/.exec(request.headers.authorization ?? "") ?? [];
    const subject = token?.includes(".") ? verifyToken(token, key, new Date()) : undefined;
    if (subject === undefined) {
      response.status(401).end();
      return;
    }
    request.subject = subject;
    next();
  };
}
`,
        },
      },
    ],
    uat: [
      {
        author: "dana",
        coAuthor: "mira",
        hoursAgo: 70,
        message: `feat(tokens): rotate signing keys without signing anybody out

Tokens now name the key they were signed with, so the old key keeps verifying what it
signed until the last of those tokens has expired.`,
        files: {
          "package.json": packageFile("auth-service", "2.4.0"),
          "src/keys.ts": `export interface SigningKey {
  readonly id: string;
  readonly secret: string;
  /** Null: the key that signs now. */
  readonly retiredAt: Date | null;
}

const GRACE_MS = 3_600_000;

/** The keys a token may still be signed with. */
export function usableKeys(keys: readonly SigningKey[], now: Date): readonly SigningKey[] {
  return keys.filter(
    ({ retiredAt }) => retiredAt === null || now.getTime() - retiredAt.getTime() < GRACE_MS,
  );
}
`,
        },
      },
      {
        author: "jun",
        hoursAgo: 31,
        message: "fix(tokens): compare signatures in constant time whatever their length",
        files: {
          "src/compare.ts": `import { createHash, timingSafeEqual } from "node:crypto";

/** Hashing first gives both sides the same length, whatever was sent. */
export function isSameSignature(a: string, b: string): boolean {
  return timingSafeEqual(digest(a), digest(b));
}

function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
`,
        },
      },
      {
        author: "mira",
        hoursAgo: 29,
        message: "docs: how to rotate a key",
        files: {
          "docs/rotate-keys.md": `# Rotating the signing key

1. Add the new key to \`AUTH_KEYS\`, first in the list.
2. Deploy. From now on it signs; the old one still verifies.
3. Remove the old key an hour later, when its last token has expired.
`,
        },
      },
    ],
  },
  {
    name: "api-gateway",
    dependsOn: ["auth-service"],
    master: [
      {
        author: "robin",
        hoursAgo: 38 * 24,
        message: "feat: route requests to the services behind",
        files: {
          "README.md": readme(
            "api-gateway",
            "The one door of the shop: routes, limits and errors.",
          ),
          "package.json": packageFile("api-gateway", "4.8.2"),
          "deploy/stack.yml": stackFile("api-gateway"),
          "src/routes.ts": `export const routes = [
  { prefix: "/auth", target: "http://auth-service:3000" },
  { prefix: "/users", target: "http://user-service:3000" },
  { prefix: "/invoices", target: "http://billing-service:3000" },
] as const;
`,
          "src/errors.ts": `export function toErrorBody(error: Error & { status?: number }) {
  return { error: error.message, status: error.status ?? 500 };
}
`,
        },
      },
      {
        author: "tomas",
        hoursAgo: 20 * 24,
        message: "perf: keep connections to the services open\n\np95 falls from 41 ms to 17 ms.",
        files: {
          "src/agent.ts": `import { Agent } from "node:http";

export const agent = new Agent({ keepAlive: true, maxSockets: 64 });
`,
        },
      },
    ],
    uat: [
      {
        author: "tomas",
        hoursAgo: 66,
        message: `feat(api)!: answer errors as problem+json

Every error now has the same shape, which clients can read without guessing.

BREAKING CHANGE: the field \`error\` is gone. Read \`title\` and \`detail\` instead; the content
type of errors is application/problem+json.`,
        files: {
          "package.json": packageFile("api-gateway", "5.0.0"),
          "src/errors.ts": `export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
}

export function toProblem(error: Error & { status?: number; code?: string }): Problem {
  return {
    type: \`https://docs.shop.example/errors/\${error.code ?? "unexpected"}\`,
    title: error.status === undefined ? "Something broke on our side" : error.name,
    status: error.status ?? 500,
    detail: error.message,
  };
}
`,
        },
      },
      {
        author: "robin",
        hoursAgo: 44,
        message: `feat(limits): count requests per token instead of per address

Offices behind one address no longer share one limit.`,
        files: {
          "src/rate-limit.ts": `const WINDOW_MS = 60_000;
const LIMIT = 600;

export function createRateLimit(now: () => number) {
  const windows = new Map<string, { from: number; count: number }>();
  return (token: string): boolean => {
    const current = windows.get(token);
    if (current === undefined || now() - current.from >= WINDOW_MS) {
      windows.set(token, { from: now(), count: 1 });
      return true;
    }
    current.count += 1;
    return current.count <= LIMIT;
  };
}
`,
        },
      },
      {
        author: "robin",
        hoursAgo: 22,
        message: "fix(limits): forget tokens that were not seen for an hour",
        files: {
          "src/rate-limit.ts": `const WINDOW_MS = 60_000;
const FORGET_AFTER_MS = 3_600_000;
const LIMIT = 600;

export function createRateLimit(now: () => number) {
  const windows = new Map<string, { from: number; count: number }>();
  return (token: string): boolean => {
    const current = windows.get(token);
    if (current === undefined || now() - current.from >= WINDOW_MS) {
      forgetOld();
      windows.set(token, { from: now(), count: 1 });
      return true;
    }
    current.count += 1;
    return current.count <= LIMIT;
  };

  function forgetOld(): void {
    for (const [token, { from }] of windows) {
      if (now() - from > FORGET_AFTER_MS) {
        windows.delete(token);
      }
    }
  }
}
`,
        },
      },
      {
        author: "dana",
        hoursAgo: 20,
        message: "chore: say which version answers in /healthz",
        files: {
          "src/health.ts": `import manifest from "../package.json" with { type: "json" };

export function health() {
  return { status: "ok", version: manifest.version };
}
`,
        },
      },
    ],
  },
  {
    name: "user-service",
    dependsOn: ["auth-service"],
    master: [
      {
        author: "mira",
        hoursAgo: 35 * 24,
        message: "feat: accounts and profiles",
        files: {
          "README.md": readme("user-service", "Accounts, profiles and their settings."),
          "package.json": packageFile("user-service", "1.14.1"),
          "deploy/stack.yml": stackFile("user-service"),
          "migrations/0006_create_profiles.sql": `CREATE TABLE profiles (
  user_id uuid PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
  display_name text NOT NULL,
  language text NOT NULL DEFAULT 'en'
);
`,
          "src/accounts.ts": `export interface Account {
  readonly id: string;
  readonly email: string;
  readonly displayName: string;
}

export function normaliseEmail(email: string): string {
  return email.trim().toLowerCase();
}
`,
        },
      },
    ],
    uat: [
      {
        author: "mira",
        hoursAgo: 58,
        message: `feat(accounts): remember when an address was confirmed

The column is added without a default, so the table is not rewritten and old code keeps
working while both versions run.`,
        files: {
          "package.json": packageFile("user-service", "1.15.0"),
          "migrations/0007_add_email_verified_at.sql": `-- Nullable and without a default: no rewrite, and the version before this one can still insert.
ALTER TABLE users ADD COLUMN email_verified_at timestamptz;

CREATE INDEX users_unverified ON users (created_at) WHERE email_verified_at IS NULL;
`,
          "src/accounts.ts": `export interface Account {
  readonly id: string;
  readonly email: string;
  readonly displayName: string;
  /** Null: nobody has followed the link in the mail yet. */
  readonly emailVerifiedAt: Date | null;
}

export function normaliseEmail(email: string): string {
  return email.trim().toLowerCase();
}

export function canReceiveInvoices(account: Account): boolean {
  return account.emailVerifiedAt !== null;
}
`,
        },
      },
      {
        author: "dana",
        hoursAgo: 27,
        message: "test(accounts): addresses with capitals and spaces around",
        files: {
          "src/accounts.test.ts": `import { normaliseEmail } from "./accounts.ts";

test.each([
  ["Ana@Example.com", "ana@example.com"],
  [" ana@example.com ", "ana@example.com"],
])("%s", (written, kept) => {
  expect(normaliseEmail(written)).toBe(kept);
});
`,
        },
      },
    ],
  },
  {
    name: "notification-service",
    dependsOn: ["user-service"],
    master: [
      {
        author: "tomas",
        hoursAgo: 33 * 24,
        message: "feat: send mails from templates",
        files: {
          "README.md": readme("notification-service", "Mails and messages to customers."),
          "package.json": packageFile("notification-service", "0.9.4"),
          "deploy/stack.yml": stackFile("notification-service"),
          "src/queue.ts": `export interface Message {
  readonly id: string;
  readonly to: string;
  readonly template: string;
}

export async function deliver(message: Message, send: (message: Message) => Promise<void>) {
  await send(message);
}
`,
          "templates/welcome.txt": "Welcome, {{name}}!\n\nGood to have you with us.\n",
        },
      },
    ],
    uat: [
      {
        author: "tomas",
        hoursAgo: 47,
        message: "fix(queue): send a message once, also when the worker restarts",
        files: {
          "package.json": packageFile("notification-service", "0.9.5"),
          "src/queue.ts": `export interface Message {
  readonly id: string;
  readonly to: string;
  readonly template: string;
}

export interface Sent {
  has(id: string): Promise<boolean>;
  add(id: string): Promise<void>;
}

export async function deliver(
  message: Message,
  sent: Sent,
  send: (message: Message) => Promise<void>,
) {
  if (await sent.has(message.id)) {
    return;
  }
  await send(message);
  await sent.add(message.id);
}
`,
        },
      },
    ],
  },
  {
    name: "billing-service",
    dependsOn: ["user-service"],
    master: [
      {
        author: "jun",
        hoursAgo: 30 * 24,
        message: "feat: invoices with VAT",
        files: {
          "README.md": readme("billing-service", "Invoices and payments."),
          "package.json": packageFile("billing-service", "3.2.0"),
          "deploy/stack.yml": stackFile("billing-service"),
          "src/invoice.ts": `export interface Line {
  readonly text: string;
  /** In cents. */
  readonly net: number;
  readonly vatPercent: number;
}

/** In cents; each line is rounded by itself, as the tax office wants it. */
export function grossOf(lines: readonly Line[]): number {
  return lines.reduce((sum, line) => sum + line.net + vatOf(line), 0);
}

function vatOf({ net, vatPercent }: Line): number {
  return Math.round((net * vatPercent) / 100);
}
`,
        },
      },
      {
        author: "robin",
        hoursAgo: 12 * 24,
        message: "test: every line is rounded by itself",
        files: {
          "src/invoice.test.ts": `import { grossOf } from "./invoice.ts";

test("rounds every line by itself", () => {
  const line = { text: "pen", net: 33, vatPercent: 19 };
  expect(grossOf([line, line, line])).toBe(117);
});
`,
        },
      },
    ],
    uat: [],
  },
];

/** How the service runs on a Docker Swarm: what `npm run demo:swarm` deploys. */
function stackFile(name: string): string {
  const variable = name.toUpperCase().replaceAll("-", "_");
  return `# How ${name} runs on a Docker Swarm. Slipway sets ${variable}_VERSION to what was signed; the port is set
# in its configuration.
version: "3.8"
services:
  ${name}:
    image: slipway-sample/${name}:\${${variable}_VERSION:?}
    ports:
      - target: 8080
        published: \${${variable}_PORT:?}
        mode: host
    healthcheck:
      test: ["CMD", "/bin/busybox", "wget", "-q", "-O", "/dev/null", "http://127.0.0.1:8080/"]
      interval: 1s
      timeout: 2s
      retries: 5
    stop_grace_period: 1s
    deploy:
      replicas: 1
      restart_policy:
        delay: 1s
      update_config:
        order: stop-first
        monitor: 2s
        failure_action: rollback
`;
}

function readme(name: string, about: string): string {
  return `# ${name}

${about}

\`\`\`sh
npm ci
npm test
npm start
\`\`\`

Work goes to \`uat\`; what is on \`master\` runs in production.
`;
}

function packageFile(name: string, version: string): string {
  const manifest = {
    name,
    version,
    private: true,
    type: "module",
    scripts: { start: "node src/main.ts", test: "vitest run" },
  };
  return `${JSON.stringify(manifest, null, 2)}\n`;
}
