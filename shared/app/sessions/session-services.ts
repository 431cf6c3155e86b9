import { createHash } from "node:crypto";
import { Op, type WhereOptions } from "sequelize";
import type { SessionView } from "../../contract/session.ts";
import type { Actor, Origin } from "../../core/actor.ts";
import type { Clock } from "../../core/ports/clock.ts";
import { SessionRow } from "../../db/rows/session.ts";
import type { UnitOfWork } from "../../db/unit-of-work.types.ts";
import { SessionNotFound } from "../../errors/catalog.ts";
import type { SessionServices } from "../services.ts";

/** A session is prolonged in steps of this, so that reading a page does not write each time. */
const TOUCH_STEP_MS = 60_000;

/** Each is one statement about one row: no turn is needed. */
const BESIDE_OTHERS = { inTurn: false } as const;

/** Sessions of signed-in browsers. Only a hash of each id is stored, so the database opens no session. */
export function createSessionServices(deps: {
  readonly uow: UnitOfWork;
  readonly clock: Clock;
}): SessionServices {
  const { uow, clock } = deps;

  return {
    async get(sid) {
      const row = await SessionRow.findOne({
        where: { sid: hash(sid), expiresAt: { [Op.gt]: clock.now() } },
      });
      return row?.data ?? null;
    },

    async set(sid, data, { origin, ...meta }) {
      const row = { sid: hash(sid), data, ...meta, ...used(origin) };
      await uow.run((tx) => SessionRow.upsert(row, { transaction: tx.sequelize }), BESIDE_OTHERS);
    },

    async touch(sid, expiresAt, origin) {
      const where = {
        sid: hash(sid),
        [Op.or]: [
          { expiresAt: { [Op.lt]: new Date(expiresAt.getTime() - TOUCH_STEP_MS) } },
          { lastUsedAt: { [Op.lte]: new Date(clock.now().getTime() - TOUCH_STEP_MS) } },
        ],
      };
      if (await SessionRow.findOne({ attributes: ["sid"], where })) {
        const change = { expiresAt, ...used(origin) };
        await uow.run(
          (tx) => SessionRow.update(change, { where, transaction: tx.sequelize }),
          BESIDE_OTHERS,
        );
      }
    },

    async destroy(sid) {
      await uow.run(
        (tx) => SessionRow.destroy({ where: { sid: hash(sid) }, transaction: tx.sequelize }),
        BESIDE_OTHERS,
      );
    },

    destroyAll: (of) =>
      uow.run((tx) => SessionRow.destroy({ where: of, transaction: tx.sequelize })),

    removeExpired: () =>
      uow.run((tx) =>
        SessionRow.destroy({
          where: { expiresAt: { [Op.lte]: clock.now() } },
          transaction: tx.sequelize,
        }),
      ),

    async listOwn(actor, sid) {
      const rows = await SessionRow.findAll({
        where: { subject: actor.subject, expiresAt: { [Op.gt]: clock.now() } },
      });
      const current = sid === null ? null : hash(sid);
      return rows
        .map((row) => present(row, current))
        .sort(
          (one, other) =>
            Number(other.current) - Number(one.current) ||
            (other.lastUsedAt ?? "").localeCompare(one.lastUsedAt ?? ""),
        );
    },

    async endOwn(actor, id) {
      if ((await end(actor, { sid: id })) === 0) {
        throw new SessionNotFound({ session: id });
      }
    },

    endOthers: (actor, sid) => end(actor, sid === null ? {} : { sid: { [Op.ne]: hash(sid) } }),
  };

  function used(origin: Origin | undefined) {
    return {
      lastUsedAt: clock.now(),
      ...(origin && { ip: origin.ip ?? null, userAgent: origin.userAgent ?? null }),
    };
  }

  /** Ends those of the actor's sessions, with a row in the audit log when there were any. */
  function end(actor: Actor, which: WhereOptions<SessionRow>): Promise<number> {
    return uow.run(async (tx) => {
      const count = await SessionRow.destroy({
        where: {
          [Op.and]: [which, { subject: actor.subject, expiresAt: { [Op.gt]: clock.now() } }],
        },
        transaction: tx.sequelize,
      });
      if (count > 0) {
        await tx.emit({
          name: "person.sessions_ended",
          payload: { username: actor.username, count },
          actor,
          subject: { kind: "person", id: actor.subject },
        });
      }
      return count;
    });
  }
}

function present(row: SessionRow, current: string | null): SessionView {
  // Written by the session store of the web part, which keeps milliseconds.
  const { signedInAt } = row.data;
  return {
    id: row.sid,
    current: row.sid === current,
    signedInAt: typeof signedInAt === "number" ? new Date(signedInAt).toISOString() : null,
    lastUsedAt: row.lastUsedAt?.toISOString() ?? null,
    expiresAt: row.expiresAt.toISOString(),
    address: row.ip,
    userAgent: row.userAgent,
  };
}

function hash(sid: string): string {
  return createHash("sha256").update(sid).digest("hex");
}
