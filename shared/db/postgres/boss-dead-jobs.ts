import { QueryTypes, type Sequelize, type Transaction } from "sequelize";
import { aboutPayload, type DeadWork, type DeadWorkStore } from "../dead-work.ts";
import type { Job } from "../work-queue.types.ts";
import { SCHEMA, type BossStore, type Stored } from "./boss-work-queue.ts";

interface FailedJob {
  readonly id: string;
  readonly name: Job["name"];
  readonly data: Stored;
  readonly since: Date;
  readonly error: string | null;
}

const FAILED = `SELECT id::text AS id, name, data, start_after AS since, output ->> 'message' AS error
  FROM ${SCHEMA}.job WHERE state = 'failed'`;
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Dead jobs of pg-boss: those it keeps as failed for good. */
export function createBossDeadJobs(deps: {
  readonly sequelize: Sequelize;
  readonly store: BossStore;
}): DeadWorkStore {
  const { sequelize, store } = deps;

  return {
    async count() {
      const rows = await sequelize.query<{ count: number }>(
        `SELECT count(*) AS count FROM ${SCHEMA}.job WHERE state = 'failed'`,
        { type: QueryTypes.SELECT },
      );
      return rows[0]?.count ?? 0;
    },
    async list({ limit, offset }) {
      const rows = await sequelize.query<FailedJob>(
        `${FAILED} ORDER BY created_on DESC, id DESC LIMIT $1 OFFSET $2`,
        { bind: [limit, offset], type: QueryTypes.SELECT },
      );
      return rows.map(present);
    },
    async find(id, transaction) {
      const job = await failed(id, transaction);
      return job && present(job);
    },
    async revive(id, transaction) {
      const job = await failed(id, transaction);
      if (!job) {
        throw new Error(`job ${id} is not dead`);
      }
      await sequelize.query(`DELETE FROM ${SCHEMA}.job WHERE name = $1 AND id = $2`, {
        bind: [job.name, id],
        transaction,
      });
      await store.enqueue(transaction, { name: job.name, payload: job.data.payload });
    },
  };

  async function failed(id: string, transaction: Transaction): Promise<FailedJob | null> {
    if (!UUID.test(id)) {
      return null;
    }
    const rows = await sequelize.query<FailedJob>(`${FAILED} AND id = $1 FOR UPDATE`, {
      bind: [id],
      type: QueryTypes.SELECT,
      transaction,
    });
    return rows[0] ?? null;
  }
}

function present({ id, name, data, since, error }: FailedJob): DeadWork {
  return {
    id,
    name,
    about: aboutPayload(data.payload),
    // What is stored are the failures before the last attempt.
    attempts: data.failures + 1,
    since,
    error: error ?? "",
    isWanted: true,
  };
}
