import { createHash } from "node:crypto";
import { Op } from "sequelize";
import type { AccountView } from "../../contract/accounts.ts";
import { judgeLink, LINK_GOOD_FOR_MS, linkPauseMs, MOST_LINKS } from "../../core/account-link.ts";
import { systemActor, type Actor } from "../../core/actor.ts";
import type { Clock } from "../../core/ports/clock.ts";
import { AccountRow } from "../../db/rows/account.ts";
import { LinkRequestRow } from "../../db/rows/link-request.ts";
import type { Tx, UnitOfWork } from "../../db/unit-of-work.types.ts";
import type { EventSubject } from "../../events/events.ts";
import {
  AccountNotFound,
  AccountTaken,
  IdentityUnavailable,
  LinkExpired,
  LinkNeedsSignIn,
  LinkUnknown,
  LinkUsed,
  RateLimited,
} from "../../errors/catalog.ts";
import { newId, randomToken } from "../../lib/ids.ts";
import { cleanText } from "../../lib/text.ts";
import type { AccountServices, ChatAccount } from "../services.ts";

/** 256 bits. */
const TOKEN_LENGTH = 43;
const LONGEST_NAME = 100;
/** So long it is still known that a link was one, to say that it is too old. */
const REMEMBERED_MS = 24 * 3_600_000;

/** Binds chat accounts to people. Of a link only a hash is kept; a fast one suffices, because its token is random and long. */
export function createAccountServices(deps: {
  readonly uow: UnitOfWork;
  readonly clock: Clock;
  readonly baseUrl: () => string;
}): AccountServices {
  const { uow, clock, baseUrl } = deps;

  return {
    async requestLink({ displayName, ...rest }, origin = {}) {
      const account = keyOf(rest);
      const token = randomToken(TOKEN_LENGTH);
      const now = clock.now();
      const expiresAt = new Date(now.getTime() + LINK_GOOD_FOR_MS);
      const name = cleanText(displayName, LONGEST_NAME) || account.userId;
      await uow.run(async (tx) => {
        if (await holderOf(account, tx)) {
          throw new AccountTaken({ platform: account.platform });
        }
        await refuseTooMany(account, now, tx);
        await LinkRequestRow.create(
          {
            ...account,
            id: newId(),
            hash: hashOf(token),
            displayName: name,
            requestedAt: now,
            expiresAt,
          },
          { transaction: tx.sequelize },
        );
        await tx.emit({
          name: "account.link_requested",
          payload: { ...account, displayName: name },
          // Nobody knows yet who it is.
          actor: { ...systemActor, via: { ...origin, platform: account.platform } },
          subject: subjectOf(account),
        });
      });
      return { url: `${baseUrl()}/link/${token}`, expiresAt };
    },

    async linkRequest(actor, token) {
      const { request, holder } = await judge(actor, token);
      const { platform, workspace, userId, displayName, expiresAt } = request;
      const { subject, username, name } = actor;
      return {
        platform,
        workspace,
        userId,
        displayName,
        person: { subject, username, name },
        expiresAt: expiresAt.toISOString(),
        isLinked: holder !== null,
      };
    },

    link: (actor, token) =>
      uow.run(async (tx) => {
        const { request, holder } = await judge(actor, token, tx);
        return present(holder ?? (await bind(actor, request, tx)));
      }),

    async list({ subject }) {
      const rows = await AccountRow.findAll({
        where: { subject },
        order: [
          ["linkedAt", "DESC"],
          ["id", "ASC"],
        ],
      });
      return rows.map(present);
    },

    async find(account) {
      const row = await holderOf(keyOf(account));
      return row && present(row);
    },

    unlink: (actor, id) =>
      uow.run(async (tx) => {
        const transaction = tx.sequelize;
        const row = await AccountRow.findOne({
          where: { id, subject: actor.subject },
          transaction,
        });
        if (!row) {
          throw new AccountNotFound({ account: id });
        }
        await row.destroy({ transaction });
        const account = keyOf(row);
        await tx.emit({
          name: "account.unlinked",
          payload: {
            ...account,
            account: id,
            displayName: row.displayName ?? null,
            username: actor.username,
          },
          actor,
          subject: subjectOf(account),
          related: [{ kind: "person", id: actor.subject }],
        });
      }),

    removeExpired: () =>
      uow.run((tx) =>
        LinkRequestRow.destroy({
          where: { expiresAt: { [Op.lt]: new Date(clock.now().getTime() - REMEMBERED_MS) } },
          transaction: tx.sequelize,
        }),
      ),
  };

  async function refuseTooMany(account: ChatAccount, now: Date, tx: Tx): Promise<void> {
    const latest = await LinkRequestRow.findAll({
      attributes: ["requestedAt"],
      where: { ...account },
      order: [["requestedAt", "DESC"]],
      limit: MOST_LINKS,
      transaction: tx.sequelize,
    });
    const retryAfterMs = linkPauseMs(
      latest.map(({ requestedAt }) => requestedAt),
      now,
    );
    if (retryAfterMs > 0) {
      throw new RateLimited({ retryAfterMs });
    }
  }

  /** The request behind a link, and the account as it is linked to the actor already. Throws when it may not be theirs. */
  async function judge(
    actor: Actor,
    token: string,
    tx?: Tx,
  ): Promise<{ readonly request: LinkRequestRow; readonly holder: AccountRow | null }> {
    requireOwnHands(actor);
    const request = await LinkRequestRow.findOne({
      where: { hash: hashOf(token) },
      transaction: tx?.sequelize ?? null,
    });
    if (!request) {
      throw new LinkUnknown({});
    }
    const holder = await holderOf(keyOf(request), tx);
    const verdict = judgeLink({
      request: { expiresAt: request.expiresAt, usedAt: request.usedAt ?? null },
      holder: holder?.subject ?? null,
      claimant: actor.subject,
      now: clock.now(),
    });
    switch (verdict) {
      case "used":
        throw new LinkUsed({});
      case "expired":
        throw new LinkExpired({});
      case "taken":
        throw new AccountTaken({ platform: request.platform });
      case "bind":
      case "bound":
        return { request, holder };
    }
  }

  async function bind(actor: Actor, request: LinkRequestRow, tx: Tx): Promise<AccountRow> {
    const transaction = tx.sequelize;
    const account = keyOf(request);
    const { displayName } = request;
    const now = clock.now();
    // Every other link of the account goes with it: none of them may be lying around for somebody else.
    await LinkRequestRow.update(
      { usedAt: now },
      { where: { ...account, usedAt: null }, transaction },
    );
    const row = await AccountRow.create(
      { ...account, id: newId(), subject: actor.subject, displayName, linkedAt: now },
      { transaction },
    );
    await tx.emit({
      name: "account.linked",
      payload: { ...account, account: row.id, displayName, username: actor.username },
      actor,
      subject: subjectOf(account),
      related: [{ kind: "person", id: actor.subject }],
    });
    return row;
  }
}

/**
 * Only somebody who has signed in, and whose access is certain, may take an account. What an API token linked would outlive it,
 * with more rights than it has.
 */
function requireOwnHands({ via, unconfirmed }: Actor): void {
  if (via.token) {
    throw new LinkNeedsSignIn({});
  }
  if (unconfirmed) {
    throw new IdentityUnavailable(unconfirmed);
  }
}

function holderOf(account: ChatAccount, tx?: Tx): Promise<AccountRow | null> {
  return AccountRow.findOne({ where: { ...account }, transaction: tx?.sequelize ?? null });
}

function keyOf({ platform, workspace, userId }: ChatAccount): ChatAccount {
  return { platform, workspace, userId };
}

/** The account itself, however often it is linked. */
function subjectOf({ platform, workspace, userId }: ChatAccount): EventSubject {
  return { kind: "account", id: [platform, workspace, userId].join("/") };
}

function hashOf(token: string): string {
  return createHash("sha256").update(token).digest("hex");
}

function present(row: AccountRow): AccountView {
  return {
    id: row.id,
    platform: row.platform,
    workspace: row.workspace,
    userId: row.userId,
    displayName: row.displayName ?? null,
    linkedAt: row.linkedAt.toISOString(),
  };
}
