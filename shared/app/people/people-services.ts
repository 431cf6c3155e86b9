import { Op } from "sequelize";
import { systemActor, type Via } from "../../core/actor.ts";
import { AccountRow } from "../../db/rows/account.ts";
import { PersonRow } from "../../db/rows/person.ts";
import { PersonNotFound } from "../../errors/catalog.ts";
import type { CreatedApiToken } from "../../contract/me.ts";
import type { PeopleServices } from "../services.ts";
import { createApiTokens, throughToken } from "./api-tokens.ts";
import { createKnowPeople } from "./know-people.ts";
import type { PeopleDeps } from "./people-deps.ts";

const MOST_FOUND = 20;

/** The services, and what runs without being asked. */
export interface PeopleModule {
  readonly services: PeopleServices;
  /** Learns of everybody the identity provider can list, so that people are known before they first sign in. */
  learnDirectory(): Promise<void>;
  /** A token for somebody else, asked for by whoever runs Slipway at its command-line. Throws PersonNotFound. */
  issueToken(username: string, name: string): Promise<CreatedApiToken>;
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
        const pattern = `%${query.trim().replace(/[\\%_]/g, "\\$&")}%`;
        const rows = await PersonRow.findAll({
          attributes: ["subject", "username", "name"],
          where: {
            active: true,
            [Op.or]: [{ username: { [Op.like]: pattern } }, { name: { [Op.like]: pattern } }],
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
    async issueToken(username, name) {
      const row = await PersonRow.findOne({ where: { username, active: true } });
      if (!row) {
        const known = await PersonRow.findAll({ where: { active: true }, limit: MOST_FOUND });
        throw new PersonNotFound({
          person: username,
          known: known.map((person) => person.username),
        });
      }
      const via: Via = { platform: "cli" };
      return tokens.create({ ...systemActor, via }, row, {
        name,
        scopes: ["read", "write"],
        expiresInDays: 90,
      });
    },
  };
}

function rolesOf(actor: { readonly grants: readonly { readonly role: string }[] }): string[] {
  return [...new Set(actor.grants.map(({ role }) => role))];
}
