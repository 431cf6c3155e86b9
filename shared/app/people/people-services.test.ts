import { randomBytes } from "node:crypto";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { ClaimsSource, RefreshedClaims } from "../../core/ports/claims-source.ts";
import { systemActor } from "../../core/actor.ts";
import type { Exclusive } from "../../db/held-lease.ts";
import { ApiTokenRow } from "../../db/rows/api-token.ts";
import { EventRow } from "../../db/rows/event.ts";
import { PersonRow } from "../../db/rows/person.ts";
import {
  IdentityUnavailable,
  PermissionDenied,
  PersonInactive,
  PersonNotFound,
  SignInRequired,
  TokenInvalid,
  TokenNotFound,
} from "../../errors/catalog.ts";
import { createSecretBox } from "../../lib/secret-box.ts";
import { createTestDatabase, type TestDatabase } from "../../testing/test-database.ts";
import { can } from "../policies.ts";
import { createEligiblePeople } from "./eligible-people.ts";
import type { GrantRules } from "./grants-of.ts";
import { createPeopleServices, type PeopleModule } from "./people-services.ts";

const via = { platform: "web", ip: "192.0.2.7", userAgent: "test" };
const rules: GrantRules = {
  dev: [{ claim: { kind: "group", value: "/dev-leads" } }],
  qa: [{ claim: { kind: "realm", value: "qa-lead" }, environments: ["prod"] }],
  viewer: [{ claim: { kind: "everyone" } }],
};
const dana: RefreshedClaims = {
  issuer: "https://id.example.com",
  subject: "s-dana",
  username: "dana",
  name: "Dana",
  email: "dana@example.com",
  groups: ["/dev-leads"],
  realmRoles: [],
  clientRoles: [],
};

type Answer = Awaited<ReturnType<ClaimsSource["refresh"]>>;
let database: TestDatabase;
let people: PeopleModule;
let asked: { subject: string; refreshToken: string | null }[];
let answer: () => Promise<Answer>;
let endedSessions: string[];
let exclusive: Exclusive;

beforeEach(async () => {
  database = await createTestDatabase();
  asked = [];
  endedSessions = [];
  exclusive = (_name, work) => work();
  answer = () => Promise.resolve({ claims: dana, refreshToken: "second" });
  people = createPeopleServices({
    uow: database.uow,
    clock: database.clock,
    logger: database.logger,
    rules,
    exclusive: (name, work) => exclusive(name, work),
    claimsSource: {
      refresh: (person) => {
        asked.push(person);
        return answer();
      },
      directory: () => Promise.resolve([dana]),
    },
    secretBox: createSecretBox(randomBytes(32)),
    endSessions: (subject) => Promise.resolve(endedSessions.push(subject)),
  });
});
afterEach(() => database.close());

describe("signing in", () => {
  it("remembers the person, their roles, and the refresh token so that the database alone cannot use it", async () => {
    const actor = await people.services.signedIn(dana, via, "first");

    expect(people.services.roles(actor)).toEqual(["dev", "viewer"]);
    const row = await PersonRow.findByPk("s-dana", { rejectOnEmpty: true });
    expect(row.refreshToken).not.toContain("first");
    const event = await EventRow.findOne({ rejectOnEmpty: true });
    expect(event).toMatchObject({ name: "person.signed_in", ip: "192.0.2.7", actorName: "Dana" });
  });
});

describe("acting", () => {
  it("asks nobody again within a minute", async () => {
    await people.services.signedIn(dana, via, "first");
    await database.clock.advance(59_000);

    await people.services.actorOf("s-dana", via);

    expect(asked).toEqual([]);
  });

  it("asks the identity provider again after a minute, once for many, with the newest token", async () => {
    await people.services.signedIn(dana, via, "first");
    await database.clock.advance(61_000);
    answer = () => Promise.resolve({ claims: { ...dana, groups: [] }, refreshToken: "second" });

    const actors = await Promise.all(
      Array.from({ length: 20 }, () => people.services.actorOf("s-dana", via)),
    );
    await database.clock.advance(61_000);
    await people.services.actorOf("s-dana", via);

    expect(actors.map((actor) => people.services.roles(actor))).toEqual(
      Array.from({ length: 20 }, () => ["viewer"]),
    );
    expect(asked.map((one) => one.refreshToken)).toEqual(["first", "second"]);
  });

  it("refuses somebody who lost access, ends their sessions and says so in the audit log once", async () => {
    await people.services.signedIn(dana, via, "first");
    await database.clock.advance(61_000);
    answer = () => Promise.resolve("deactivated");

    await expect(people.services.actorOf("s-dana", via)).rejects.toBeInstanceOf(PersonInactive);
    await expect(people.services.actorOf("s-dana", via)).rejects.toBeInstanceOf(PersonInactive);

    expect(endedSessions).toEqual(["s-dana"]);
    expect(await EventRow.count({ where: { name: "person.deactivated" } })).toBe(1);
  });

  it("lets people read but change nothing while the identity provider is away, and not for ever", async () => {
    await people.services.signedIn(dana, via, "first");
    await database.clock.advance(61_000);
    answer = () => Promise.reject(new IdentityUnavailable({ issuer: dana.issuer }));

    const actor = await people.services.actorOf("s-dana", via);

    expect(can(actor, "release.read").ok).toBe(true);
    expect(can(actor, "release.create")).toMatchObject({ ok: false, code: "identity.unavailable" });
    await database.clock.advance(3_600_000);
    await expect(people.services.actorOf("s-dana", via)).rejects.toBeInstanceOf(
      IdentityUnavailable,
    );
  });

  it("does not know somebody who never signed in", async () => {
    await expect(people.services.actorOf("s-nobody", via)).rejects.toBeInstanceOf(SignInRequired);
  });
});

describe("API tokens", () => {
  it("act as their owner, within their scopes, and are stored as a hash", async () => {
    const actor = await people.services.signedIn(dana, via, "first");
    const created = await people.services.createToken(actor, {
      name: "ci",
      scopes: ["read"],
      expiresInDays: 1,
    });

    const acting = await people.services.actorOfToken(created.token, via);

    expect(created.token).toMatch(/^slp_[0-9A-Za-z]{40}$/);
    expect(acting.subject).toBe("s-dana");
    expect(can(acting, "release.read").ok).toBe(true);
    expect(can(acting, "release.create").ok).toBe(false);
    const row = await ApiTokenRow.findOne({ rejectOnEmpty: true });
    expect(JSON.stringify(row)).not.toContain(created.token);
    expect(await people.services.listTokens(actor)).toMatchObject([{ name: "ci" }]);
  });

  it.each([
    ["unknown", (token: string) => Promise.resolve(`${token}x`)],
    [
      "expired",
      async (token: string) => {
        await database.clock.advance(2 * 86_400_000);
        return token;
      },
    ],
    [
      "revoked",
      async (token: string) => {
        const actor = await people.services.actorOf("s-dana", via);
        const [view] = await people.services.listTokens(actor);
        await people.services.revokeToken(actor, view?.id ?? "");
        return token;
      },
    ],
  ])("refuse when they are %s", async (_why, spoil) => {
    const actor = await people.services.signedIn(dana, via, "first");
    const { token } = await people.services.createToken(actor, {
      name: "ci",
      scopes: ["read"],
      expiresInDays: 1,
    });
    await people.services.actorOfToken(token, via);

    const spoilt = await spoil(token);

    await expect(people.services.actorOfToken(spoilt, via)).rejects.toBeInstanceOf(TokenInvalid);
  });

  it("of others cannot be revoked", async () => {
    const actor = await people.services.signedIn(dana, via, "first");
    const { id } = await people.services.createToken(actor, {
      name: "ci",
      scopes: ["read"],
      expiresInDays: 1,
    });
    const quinn = { ...dana, subject: "s-quinn", username: "quinn" };

    const other = await people.services.signedIn(quinn, via, null);

    await expect(people.services.revokeToken(other, id)).rejects.toBeInstanceOf(TokenNotFound);
  });

  describe("of others, for whoever runs Slipway", () => {
    const operator = { ...systemActor, name: "root (command line)", via: { platform: "cli" } };
    const inAWeek = () => new Date(database.clock.now().getTime() + 7 * 86_400_000);
    const issue = (username: string, scopes: ("read" | "write")[] = ["read"]) =>
      people.tokens.issue(operator, username, { name: "try-out", scopes, expiresAt: inAWeek() });

    it("are made in the name of the owner, with scopes and an end, and recorded as made by whoever ran the command", async () => {
      await people.learnDirectory();

      const made = await issue("dana");

      const actor = await people.services.actorOfToken(made.token, via);
      expect([actor.name, can(actor, "release.read").ok, can(actor, "release.create").ok]).toEqual([
        "Dana",
        true,
        false,
      ]);
      expect(made.expiresAt).toBe(inAWeek().toISOString());
      const event = await EventRow.findOne({
        where: { name: "token.created" },
        rejectOnEmpty: true,
      });
      expect(event).toMatchObject({
        actorSubject: "system",
        actorName: "root (command line)",
        platform: "cli",
        payload: { owner: "dana", scopes: ["read"] },
      });
      await expect(issue("nobody")).rejects.toBeInstanceOf(PersonNotFound);
    });

    it("are listed with owner and state, and work no more once revoked", async () => {
      await people.learnDirectory();
      const [first, second] = [await issue("dana"), await issue("dana")];

      await people.tokens.revoke(operator, first.id);

      const listed = await people.tokens.list(operator, "dana");
      expect(new Map(listed.map((one) => [one.id, one.state]))).toEqual(
        new Map([
          [first.id, "revoked"],
          [second.id, "active"],
        ]),
      );
      expect(listed[0]?.owner).toEqual({ subject: "s-dana", username: "dana", name: "Dana" });
      await expect(people.services.actorOfToken(first.token, via)).rejects.toBeInstanceOf(
        TokenInvalid,
      );
      const event = await EventRow.findOne({
        where: { name: "token.revoked" },
        rejectOnEmpty: true,
      });
      expect(event).toMatchObject({ platform: "cli", payload: { owner: "dana" } });
      await database.clock.advance(8 * 86_400_000);
      expect((await people.tokens.list(operator)).map((one) => one.state).sort()).toEqual([
        "expired",
        "revoked",
      ]);
    });

    it("are nobody's business who may not manage them", async () => {
      const actor = await people.services.signedIn(dana, via, "first");

      await expect(people.tokens.list(actor)).rejects.toBeInstanceOf(PermissionDenied);
      await people.services.signedIn({ ...dana, subject: "s-quinn", username: "quinn" }, via, null);
      await expect(
        people.tokens.issue(actor, "quinn", { name: "x", scopes: ["read"], expiresAt: inAWeek() }),
      ).rejects.toBeInstanceOf(PermissionDenied);
    });
  });
});

describe(createEligiblePeople.name, () => {
  it("names who holds a role there, without those who lost access", async () => {
    await people.services.signedIn(dana, via, "first");
    await people.services.signedIn(
      { ...dana, subject: "s-quinn", username: "quinn", groups: [], realmRoles: ["qa-lead"] },
      via,
      "q",
    );
    await PersonRow.create({
      ...dana,
      subject: "s-gone",
      username: "gone",
      claims: { groups: ["/dev-leads"], realmRoles: [], clientRoles: [] },
      claimsCheckedAt: database.clock.now(),
      active: false,
      createdAt: database.clock.now(),
    });
    const eligible = createEligiblePeople(rules, database.clock);

    const names = async (environment: string | null) => {
      const found = await eligible.find(["dev", "qa"], { environment, teams: [] });
      return Object.fromEntries(
        Object.entries(found).map(([role, refs]) => [role, refs.map((ref) => ref.username)]),
      );
    };

    expect(await names("prod")).toEqual({ dev: ["dana"], qa: ["quinn"] });
    expect(await names(null)).toEqual({ dev: ["dana"], qa: [] });
  });
});
