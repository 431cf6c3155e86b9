import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Actor } from "../core/actor.ts";
import { EventRow } from "../db/rows/event.ts";
import { IdentityUnavailable, PermissionDenied } from "../errors/catalog.ts";
import { createTestDatabase, type TestDatabase } from "../testing/test-database.ts";
import { abilityOf, denial, requireToChange, requireToRead } from "./access.ts";

const vic: Actor = {
  kind: "person",
  subject: "sub-vic",
  username: "vic",
  name: "Vic",
  email: null,
  grants: [{ role: "viewer" }],
  via: { platform: "web", ip: "127.0.0.1" },
};
const unconfirmed: Actor = {
  ...vic,
  grants: [{ role: "admin" }],
  unconfirmed: { issuer: "https://id.example.com" },
};

let database: TestDatabase;

beforeEach(async () => {
  database = await createTestDatabase();
});
afterEach(() => database.close());

describe(requireToChange.name, () => {
  const about = { kind: "release", id: "12" } as const;

  it("records who tried what, on what, from where", async () => {
    await expect(
      requireToChange(database.uow, vic, "release.close", {}, about),
    ).rejects.toBeInstanceOf(PermissionDenied);

    expect(await EventRow.findAll()).toMatchObject([
      {
        name: "access.denied",
        actorSubject: "sub-vic",
        ip: "127.0.0.1",
        subjectKind: "release",
        subjectId: "12",
        payload: { permission: "release.close", reason: "Vic may not close releases." },
      },
    ]);
  });

  it("tells people whose roles cannot be confirmed that it is not their fault", async () => {
    await expect(
      requireToChange(database.uow, unconfirmed, "release.close", {}, about),
    ).rejects.toBeInstanceOf(IdentityUnavailable);
  });
});

describe(requireToRead.name, () => {
  it("refuses without writing anything", async () => {
    expect(() => requireToRead({ ...vic, grants: [] }, "release.read")).toThrow(PermissionDenied);

    requireToRead(unconfirmed, "release.read");
    expect(await EventRow.count()).toBe(0);
  });
});

describe(abilityOf.name, () => {
  it("says exactly what the refusal would say", () => {
    const refused = denial(vic, "release.close");

    expect(abilityOf(refused)).toEqual({
      allowed: false,
      reason: refused?.message,
      remedy: refused?.remedy,
    });
    expect(abilityOf(denial(vic, "release.read")).allowed).toBe(true);
  });
});
