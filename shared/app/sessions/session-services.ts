import { createHash } from "node:crypto";
import { Op } from "sequelize";
import type { Clock } from "../../core/ports/clock.ts";
import { SessionRow } from "../../db/rows/session.ts";
import type { UnitOfWork } from "../../db/unit-of-work.types.ts";
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

    async set(sid, data, meta) {
      await uow.run(
        (tx) => SessionRow.upsert({ sid: hash(sid), data, ...meta }, { transaction: tx.sequelize }),
        BESIDE_OTHERS,
      );
    },

    async touch(sid, expiresAt) {
      const where = {
        sid: hash(sid),
        expiresAt: { [Op.lt]: new Date(expiresAt.getTime() - TOUCH_STEP_MS) },
      };
      if (await SessionRow.findOne({ attributes: ["sid"], where })) {
        await uow.run(
          (tx) => SessionRow.update({ expiresAt }, { where, transaction: tx.sequelize }),
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
  };
}

function hash(sid: string): string {
  return createHash("sha256").update(sid).digest("hex");
}
