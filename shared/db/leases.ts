import { QueryTypes, type Transaction } from "sequelize";
import { isProcessDead } from "../lib/process-identity.ts";
import type { Database } from "./connect.ts";
import type { Tx, UnitOfWork } from "./unit-of-work.types.ts";

/** A right that is held. */
export interface HeldLease {
  readonly name: string;
  readonly owner: string;
  /** Larger than that of every earlier holder. */
  readonly token: number;
}

/** Who holds a right, or held it last. */
export interface LeaseHolder {
  readonly owner: string;
  readonly until: Date;
  /** False when its time is over, or its process is known to be gone. */
  readonly isHeld: boolean;
  /** Whether its process is known to be gone, although its time is not over. */
  readonly isGone: boolean;
}

/**
 * Rights that one process of the installation has at a time. All time is the clock of the database, so machines whose clocks
 * differ agree on who holds what. For databases that several processes serve.
 */
export interface Leases {
  /** Takes a right that nobody holds; null when somebody does. */
  take(name: string, forMs: number): Promise<HeldLease | null>;
  /** False when it is lost; it must be taken anew then. */
  extend(lease: HeldLease, forMs: number): Promise<boolean>;
  /** Gives it back, so that nobody has to wait for its end. */
  release(lease: HeldLease): Promise<void>;
  holder(name: string): Promise<LeaseHolder | null>;
  /** Throws LeaseGone unless it is held, and lets nobody else take it until the transaction ends. */
  prove(lease: HeldLease, transaction: Transaction): Promise<void>;
}

/** The right was lost; nothing was written. */
export class LeaseGone extends Error {
  override readonly name = "LeaseGone";
  constructor(name: string) {
    super(`the lease "${name}" is lost`);
  }
}

/**
 * A process that is stopped in the middle of a transaction holds its locks, so the database ends such a session: long before
 * a lease is over, so that nobody who may take it has to wait.
 */
const LONGEST_PAUSE_IN_TRANSACTION_MS = 3_000;

export function createLeases(deps: {
  readonly database: Database;
  readonly uow: UnitOfWork;
  /** This process, see `processIdentity`. */
  readonly owner: string;
}): Leases {
  const { uow, owner } = deps;
  const { sequelize } = deps.database;

  return {
    async take(name, forMs) {
      const holder = await find(name);
      if (holder?.isHeld) {
        return null;
      }
      // Whoever was seen as gone may be replaced before its time is over; anybody else may not.
      const gone = holder?.isGone === true ? holder.owner : null;
      return alone(async (tx) => {
        const [row] = await sequelize.query<{ token: number }>(
          `INSERT INTO leases (name, owner, until, token)
          VALUES ($1, $2, clock_timestamp() + $3 * interval '1 millisecond', 1)
          ON CONFLICT (name) DO UPDATE
            SET owner = excluded.owner, until = excluded.until, token = leases.token + 1
            WHERE leases.until <= clock_timestamp() OR leases.owner = $4
          RETURNING token`,
          { bind: [name, owner, forMs, gone], type: QueryTypes.SELECT, transaction: tx.sequelize },
        );
        return row ? { name, owner, token: row.token } : null;
      });
    },

    async extend({ name, token }, forMs) {
      return alone(async (tx) => {
        const rows = await sequelize.query(
          `UPDATE leases SET until = clock_timestamp() + $4 * interval '1 millisecond'
          WHERE name = $1 AND owner = $2 AND token = $3 AND until > clock_timestamp()
          RETURNING token`,
          { bind: [name, owner, token, forMs], type: QueryTypes.SELECT, transaction: tx.sequelize },
        );
        return rows.length > 0;
      });
    },

    async release({ name, token }) {
      await alone(async (tx) => {
        await sequelize.query(
          `UPDATE leases SET until = clock_timestamp()
          WHERE name = $1 AND owner = $2 AND token = $3 AND until > clock_timestamp()`,
          { bind: [name, owner, token], transaction: tx.sequelize },
        );
        tx.signal("leases");
      });
    },

    holder: find,

    async prove({ name, token }, transaction) {
      const rows = await sequelize.query(
        `SELECT set_config('idle_in_transaction_session_timeout', $4, true) FROM leases
        WHERE name = $1 AND owner = $2 AND token = $3 AND until > clock_timestamp()
        FOR SHARE`,
        {
          bind: [name, owner, token, `${LONGEST_PAUSE_IN_TRANSACTION_MS}ms`],
          type: QueryTypes.SELECT,
          transaction,
        },
      );
      if (rows.length === 0) {
        throw new LeaseGone(name);
      }
    },
  };

  /** One statement that compares and sets needs no turn, and must not wait for anybody who has it. */
  function alone<T>(work: (tx: Tx) => Promise<T>): Promise<T> {
    return uow.run(work, { inTurn: false });
  }

  async function find(name: string): Promise<LeaseHolder | null> {
    const [row] = await sequelize.query<{ owner: string; until: Date; isInTime: boolean }>(
      `SELECT owner, until, until > clock_timestamp() AS "isInTime" FROM leases WHERE name = $1`,
      { bind: [name], type: QueryTypes.SELECT },
    );
    if (!row) {
      return null;
    }
    const isGone = row.isInTime && isProcessDead(row.owner, owner);
    return { owner: row.owner, until: row.until, isHeld: row.isInTime && !isGone, isGone };
  }
}
