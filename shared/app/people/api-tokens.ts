import { createHash } from "node:crypto";
import { Op } from "sequelize";
import type { ApiTokenView, CreateApiToken, CreatedApiToken } from "../../contract/me.ts";
import type { PersonRef } from "../../contract/common.ts";
import type { Actor, Via } from "../../core/actor.ts";
import { ApiTokenRow } from "../../db/rows/api-token.ts";
import { TokenInvalid, TokenNotFound } from "../../errors/catalog.ts";
import { newId, randomToken } from "../../lib/ids.ts";
import { requireToRead } from "../access.ts";
import { can } from "../policies.ts";
import type { PeopleDeps } from "./people-deps.ts";
import { loadPeople } from "./person-refs.ts";
import { createShortCache } from "./short-cache.ts";

/** Makes a leaked token recognisable, for people and for secret scanners. */
const PREFIX = "slp_";
/** 238 bits. */
const SECRET_LENGTH = 40;
const DAY_MS = 86_400_000;
/** When a token was last used is written at most this often. */
const LAST_USED_EVERY_MS = 60_000;

interface Owner {
  readonly subject: string;
  readonly username: string;
}

/** Whose token it is and what it may do. */
export interface TokenIdentity {
  readonly id: string;
  readonly subject: string;
  readonly scopes: readonly ("read" | "write")[];
}

/** API tokens. Only a hash of each secret is kept; a fast one suffices, because the secret is random and long. */
export interface ApiTokens {
  /** Throws TokenInvalid when it is unknown, expired or revoked. */
  identify(secret: string): Promise<TokenIdentity>;
  list(actor: Actor): Promise<readonly ApiTokenView[]>;
  create(actor: Actor, owner: Owner, input: CreateApiToken): Promise<CreatedApiToken>;
  /** Throws TokenNotFound for one that is not theirs, unless they may manage everybody's. */
  revoke(actor: Actor, id: string): Promise<void>;
  /** Everybody's, newest first, those that no longer work included. Throws PermissionDenied without `token.manage_any`. */
  listAll(actor: Actor, of?: { readonly subject: string }): Promise<readonly IssuedToken[]>;
  /** As `create`, with an end of any length. */
  issue(actor: Actor, owner: Owner, input: NewToken): Promise<CreatedApiToken>;
}

/** A token somebody else is to use. */
export interface NewToken {
  readonly name: string;
  readonly scopes: ApiTokenView["scopes"];
  readonly expiresAt: Date;
}

/** A token as whoever runs Slipway sees it; its secret is nowhere. */
export interface IssuedToken extends ApiTokenView {
  readonly owner: PersonRef;
  readonly state: "active" | "expired" | "revoked";
}

export function createApiTokens(deps: Pick<PeopleDeps, "uow" | "clock" | "logger">): ApiTokens {
  const { uow, clock, logger } = deps;
  const known = createShortCache<ApiTokenRow>(clock);

  return { identify, list, create, revoke, listAll, issue };

  async function identify(secret: string): Promise<TokenIdentity> {
    const hash = hashOf(secret);
    const row = secret.startsWith(PREFIX)
      ? await known.get(hash, () => ApiTokenRow.findOne({ where: { hash } }))
      : null;
    const now = clock.now();
    if (!row || row.revokedAt || (row.expiresAt && row.expiresAt <= now)) {
      throw new TokenInvalid({});
    }
    noteUse(row, now);
    return { id: row.id, subject: row.subject, scopes: row.scopes };
  }

  /** Beside the request, not before it: nobody waits for a statistic. */
  function noteUse(row: ApiTokenRow, now: Date): void {
    if (row.lastUsedAt && now.getTime() - row.lastUsedAt.getTime() < LAST_USED_EVERY_MS) {
      return;
    }
    row.lastUsedAt = now;
    uow
      .run((tx) =>
        ApiTokenRow.update(
          { lastUsedAt: now },
          { where: { id: row.id }, transaction: tx.sequelize },
        ),
      )
      .catch((error: unknown) => logger.warn({ err: error }, "noting the use of a token failed"));
  }

  async function list(actor: Actor): Promise<readonly ApiTokenView[]> {
    requireToRead(actor, "token.manage_own");
    const rows = await ApiTokenRow.findAll({
      where: {
        subject: actor.subject,
        revokedAt: null,
        expiresAt: { [Op.or]: [null, { [Op.gt]: clock.now() }] },
      },
      order: [["createdAt", "DESC"]],
    });
    return rows.map(presentToken);
  }

  async function create(
    actor: Actor,
    owner: Owner,
    { name, scopes, expiresInDays }: CreateApiToken,
  ): Promise<CreatedApiToken> {
    const expiresAt = new Date(clock.now().getTime() + expiresInDays * DAY_MS);
    return issue(actor, owner, { name, scopes, expiresAt });
  }

  async function issue(
    actor: Actor,
    owner: Owner,
    { name, scopes, expiresAt }: NewToken,
  ): Promise<CreatedApiToken> {
    requireToRead(actor, owner.subject === actor.subject ? "token.manage_own" : "token.manage_any");
    const secret = PREFIX + randomToken(SECRET_LENGTH);
    const now = clock.now();
    const row = await uow.run(async (tx) => {
      const created = await ApiTokenRow.create(
        {
          id: newId(),
          subject: owner.subject,
          name,
          hash: hashOf(secret),
          scopes,
          createdAt: now,
          expiresAt,
        },
        { transaction: tx.sequelize },
      );
      await tx.emit({
        name: "token.created",
        payload: { token: created.id, name, scopes, owner: owner.username },
        actor,
        subject: { kind: "token", id: created.id },
      });
      return created;
    });
    return { ...presentToken(row), token: secret };
  }

  async function listAll(
    actor: Actor,
    of?: { readonly subject: string },
  ): Promise<readonly IssuedToken[]> {
    requireToRead(actor, "token.manage_any");
    const rows = await ApiTokenRow.findAll({
      where: of ? { subject: of.subject } : {},
      order: [["createdAt", "DESC"]],
    });
    const people = await loadPeople(rows.map((row) => row.subject));
    const now = clock.now();
    return rows.map((row) => ({
      ...presentToken(row),
      owner: people.ref(row.subject),
      state: stateOf(row, now),
    }));
  }

  async function revoke(actor: Actor, id: string): Promise<void> {
    requireToRead(actor, "token.manage_own");
    const row = await ApiTokenRow.findByPk(id);
    const isTheirs = row?.subject === actor.subject;
    if (!row || row.revokedAt || !(isTheirs || can(actor, "token.manage_any").ok)) {
      throw new TokenNotFound({ token: id });
    }
    const owner = (await loadPeople([row.subject])).ref(row.subject);
    await uow.run(async (tx) => {
      const [count] = await ApiTokenRow.update(
        { revokedAt: clock.now() },
        { where: { id, revokedAt: null }, transaction: tx.sequelize },
      );
      if (count > 0) {
        await tx.emit({
          name: "token.revoked",
          payload: { token: id, name: row.name, owner: owner.username },
          actor,
          subject: { kind: "token", id },
        });
      }
    });
    known.forget(row.hash);
  }
}

/** Marks who acts as acting through a token. */
export function throughToken(via: Via, token: TokenIdentity): Via {
  return { ...via, token: { id: token.id, scopes: token.scopes } };
}

function stateOf(row: ApiTokenRow, now: Date): IssuedToken["state"] {
  if (row.revokedAt) {
    return "revoked";
  }
  return row.expiresAt && row.expiresAt <= now ? "expired" : "active";
}

function hashOf(secret: string): string {
  return createHash("sha256").update(secret).digest("hex");
}

function presentToken(row: ApiTokenRow): ApiTokenView {
  return {
    id: row.id,
    name: row.name,
    scopes: [...row.scopes],
    createdAt: row.createdAt.toISOString(),
    expiresAt: row.expiresAt?.toISOString() ?? null,
    lastUsedAt: row.lastUsedAt?.toISOString() ?? null,
  };
}
