import { Op } from "sequelize";
import type { PersonRef } from "../../contract/common.ts";
import { systemActor, type Actor } from "../../core/actor.ts";
import { contains } from "../../db/contains.ts";
import { AccountRow } from "../../db/rows/account.ts";
import { PersonRow } from "../../db/rows/person.ts";
import { PersonNotFound } from "../../errors/catalog.ts";
import type { CreatedApiToken } from "../../contract/me.ts";
import type { PeopleServices } from "../services.ts";
import { createApiTokens, throughToken, type IssuedToken, type NewToken } from "./api-tokens.ts";
import { createKnowPeople } from "./know-people.ts";
import type { PeopleDeps } from "./people-deps.ts";

const MOST_FOUND = 20;

/** The services, and what runs without being asked. */
export interface PeopleModule {
  readonly services: PeopleServices;
  /** Learns of everybody the identity provider can list, so that people are known before they first sign in. */
  learnDirectory(): Promise<void>;
  /** Tokens of others, for whoever runs Slipway at its command-line. */
  readonly tokens: {
    /** Somebody known by username. Throws PersonNotFound. */
    ownerOf(username: string): Promise<PersonRef>;
    /** A token with the rights its owner has when it is used, never more. Throws PersonNotFound. */
    issue(actor: Actor, username: string, input: NewToken): Promise<CreatedApiToken>;
    list(actor: Actor, username?: string): Promise<readonly IssuedToken[]>;
    revoke(actor: Actor, id: string): Promise<void>;
  };
}

export function createPeopleServices(deps: PeopleDeps): PeopleModule {
  const people = createKnowPeople(deps);
  const tokens = createApiTokens(deps);

  return {
    services: {
      signedIn: (claims, via, refreshToken) =>
        people.remember(claims, refreshToken, via, (tx, actor) =>
          tx.emit({
            name: "person.signed_in",
            payload: { username: actor.username, roles: rolesOf(actor) },
            actor,
            subject: { kind: "person", id: actor.subject },
          }),
        ),
      async signedOut(actor) {
        await deps.uow.run((tx) =>
          tx.emit({
            name: "person.signed_out",
            payload: { username: actor.username },
            actor,
            subject: { kind: "person", id: actor.subject },
          }),
        );
      },
      actorOf: (subject, via) => people.actorOf(subject, via),
      async subjectOf({ platform, workspace, userId }) {
        const row = await AccountRow.findOne({
          attributes: ["subject"],
          where: { platform, workspace, userId },
        });
        return row?.subject ?? null;
      },
      async actorOfToken(secret, via) {
        const token = await tokens.identify(secret);
        return people.actorOf(token.subject, throughToken(via, token));
      },
      async find(query) {
        const has = (column: string) => contains(PersonRow.sequelize, column, query.trim());
        const rows = await PersonRow.findAll({
          attributes: ["subject", "username", "name"],
          where: {
            active: true,
            [Op.or]: [has("username"), has("name")],
          },
          order: [["username", "ASC"]],
          limit: MOST_FOUND,
        });
        return rows.map(({ subject, username, name }) => ({ subject, username, name }));
      },
      roles: rolesOf,
      listTokens: (actor) => tokens.list(actor),
      createToken: (actor, input) => tokens.create(actor, actor, input),
      revokeToken: (actor, id) => tokens.revoke(actor, id),
    },
    async learnDirectory() {
      for (const claims of (await deps.claimsSource.directory?.()) ?? []) {
        if (!(await PersonRow.findByPk(claims.subject))) {
          await people.remember(claims, null, systemActor.via);
        }
      }
    },
    tokens: {
      ownerOf,
      issue: async (actor, username, input) => tokens.issue(actor, await ownerOf(username), input),
      list: async (actor, username) =>
        tokens.listAll(actor, username === undefined ? undefined : await ownerOf(username)),
      revoke: (actor, id) => tokens.revoke(actor, id),
    },
  };

  async function ownerOf(username: string): Promise<PersonRef> {
    const row = await PersonRow.findOne({ where: { username, active: true } });
    if (!row) {
      const known = await PersonRow.findAll({ where: { active: true }, limit: MOST_FOUND });
      throw new PersonNotFound({
        person: username,
        known: known.map((person) => person.username),
      });
    }
    return { subject: row.subject, username: row.username, name: row.name };
  }
}

function rolesOf(actor: { readonly grants: readonly { readonly role: string }[] }): string[] {
  return [...new Set(actor.grants.map(({ role }) => role))];
}
